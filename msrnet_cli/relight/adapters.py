"""PIL images, NumPy arrays and tensors: in, and back as the same kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch
from PIL import Image
from torch import Tensor

from msrnet_cli import images
from msrnet_cli.errors import PictureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


class Relight(Protocol):
    """Relights pictures, each 3 H W, all of one size and type."""

    def __call__(self, pictures: Sequence[Tensor], *, deep: bool) -> list[Tensor]:
        """Relit pictures in main memory, or a PictureError."""
        ...


def adapted(image: Any, relight: Relight) -> Any:  # noqa: ANN401 of the image's type
    """Relight a picture of any kind: see `Relighter.relight`.

    Args:
        image: A PIL image, a NumPy array or a tensor.
        relight: Relights tensors.

    Returns:
        The relit picture, of the same kind.

    Raises:
        PictureError: A value outside its range, or a shape or mode not supported.
        TypeError: Not a picture.
    """
    if isinstance(image, Image.Image):
        return _pil(image, relight)
    if isinstance(image, Tensor):
        return _tensor(image, relight)
    if hasattr(image, "__array_interface__"):
        return _array(image, relight)
    raise TypeError(f"cannot relight a {type(image).__name__}")


def _pil(image: Image.Image, relight: Relight) -> Image.Image:
    picture = images.from_pil(image)
    (relit,) = relight([picture.pixels], deep=picture.encoding.depth > 8)
    return images.to_pil(picture, relit)


def _tensor(image: Tensor, relight: Relight) -> Tensor:
    batch = image[None] if image.ndim == 3 else image
    if batch.ndim != 4 or batch.shape[1] != 3 or 0 in batch.shape:
        shape = list(image.shape)
        raise PictureError(f"a tensor of shape {shape}", "give 3 H W or B 3 H W")
    deep = batch.dtype in (torch.float32, torch.float64)
    relit = torch.stack(relight(list(_checked(batch)), deep=deep))
    relit = relit.to(image.device, image.dtype)
    return relit[0] if image.ndim == 3 else relit


def _array(array: np.ndarray[Any, Any], relight: Relight) -> np.ndarray[Any, Any]:
    import numpy as np

    if array.ndim == 4 and len(array):
        return np.stack([_array(one, relight) for one in array])
    if array.ndim == 2:
        array = np.stack([array] * 3, -1)
    if array.ndim != 3 or array.shape[2] not in (3, 4) or 0 in array.shape:
        raise PictureError(
            f"an array of shape {array.shape}", "give H W, H W 3 or 4, or B H W 3"
        )
    # A copy in this machine's byte order: torch takes no other, and may write to it.
    native = array.dtype.newbyteorder("=")
    colours = array[..., :3].transpose(2, 0, 1).astype(native, order="C")
    if native == np.uint16:
        deep = torch.from_numpy(colours.astype(np.float32)) / 65535
        (relit,) = relight([deep], deep=True)
        levels = (relit * 65535).round()
    else:
        levels = _tensor(torch.from_numpy(colours), relight)
    out = levels.permute(1, 2, 0).contiguous().numpy()
    return np.concatenate((out, array[..., 3:]), 2).astype(array.dtype)


def _checked(values: Tensor) -> Tensor:
    """Uint8, or floats in [0, 1], to uint8 or float32 on the CPU."""
    if values.dtype == torch.uint8:
        return values.cpu()
    if not values.is_floating_point():
        raise PictureError(f"pixels of type {values.dtype}", "give uint8 or floats")
    values = values.detach().cpu().float()
    if not bool(((values >= 0) & (values <= 1)).all()):
        raise PictureError("values outside [0, 1]", "scale and clamp them first")
    return values
