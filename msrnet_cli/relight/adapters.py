"""PIL images, NumPy arrays, tensors and paths: in, and back as the same kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torch import Tensor

from msrnet_cli import images
from msrnet_cli.errors import PictureError
from msrnet_cli.files import read_regular

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Opened:
    """Pictures as a relighter takes them, and the way back to what they were.

    Attributes:
        pictures: Each 3 H W, sRGB, in main memory: uint8, or float32 in [0, 1]; all of
            one size and type.
        deep: Whether they have more than 8 bits.
        back: Takes relit pictures, as many and of the same type, and gives an object of
            the kind that was opened.
    """

    pictures: Sequence[Tensor]
    deep: bool
    back: Callable[[Sequence[Tensor]], Any]


def opened(image: Any) -> Opened:  # noqa: ANN401 of any kind of picture
    """Open a picture of any kind: see `Relighter.relight`.

    Args:
        image: A path, a PIL image, a NumPy array or a tensor.

    Raises:
        PictureError: A file that cannot be read, a value outside its range, or a shape
            or mode not supported.
        TypeError: Not a picture.
    """
    if isinstance(image, str | Path):
        return _picture(images.read(file_of(image), Path(image).suffix))
    if isinstance(image, Image.Image):
        return _picture(images.from_pil(image))
    if isinstance(image, Tensor):
        return _tensor(image)
    if hasattr(image, "__array_interface__"):
        return _array(image)
    raise TypeError(f"cannot relight a {type(image).__name__}")


def beside(
    images: Sequence[Any], seconds: Sequence[Any] | None
) -> list[tuple[Any, Any]]:
    """Each picture with its second one; with None where there are none.

    Raises:
        PictureError: There are not as many.
    """
    if seconds is None:
        return [(image, None) for image in images]
    if len(seconds) != len(images):
        raise PictureError(
            f"{len(seconds)} second pictures for {len(images)}", "give one for each"
        )
    return list(zip(images, seconds, strict=True))


def file_of(path: str | Path) -> bytes:
    """The bytes of a picture file.

    Raises:
        PictureError: It cannot be read.
    """
    try:
        return read_regular(Path(path))
    except OSError as error:
        raise PictureError(
            f"{path} cannot be read: {error.strerror or error}", "check the path"
        ) from error


def _picture(picture: images.Picture) -> Opened:
    def back(relit: Sequence[Tensor]) -> Image.Image:
        return images.to_pil(picture, relit[0])

    return Opened([picture.pixels], picture.encoding.depth > 8, back)


def _tensor(image: Tensor) -> Opened:
    batch = image[None] if image.ndim == 3 else image
    if batch.ndim != 4 or batch.shape[1] != 3 or 0 in batch.shape:
        shape = list(image.shape)
        raise PictureError(f"a tensor of shape {shape}", "give 3 H W or B 3 H W")

    def back(relit: Sequence[Tensor]) -> Tensor:
        together = torch.stack(list(relit)).to(image.device, image.dtype)
        return together[0] if image.ndim == 3 else together

    deep = batch.dtype in (torch.float32, torch.float64)
    return Opened(list(_checked(batch)), deep, back)


def _array(array: np.ndarray[Any, Any]) -> Opened:
    import numpy as np

    single = array.ndim < 4
    batch = array[None] if single else array
    if batch.ndim == 3:
        batch = np.stack([batch] * 3, -1)
    if batch.ndim != 4 or batch.shape[3] not in (3, 4) or 0 in batch.shape:
        raise PictureError(
            f"an array of shape {array.shape}", "give H W, H W 3 or 4, or B H W 3"
        )
    # A copy in this machine's byte order: torch takes no other, and may write to it.
    native = array.dtype.newbyteorder("=")
    colours = batch[..., :3].transpose(0, 3, 1, 2).astype(native, order="C")
    wide = native == np.uint16
    if wide:
        planes = torch.from_numpy(colours.astype(np.float32)) / 65535
    else:
        planes = torch.from_numpy(colours)
    inner = _tensor(planes)

    def back(relit: Sequence[Tensor]) -> np.ndarray[Any, Any]:
        levels = inner.back(relit)
        levels = (levels * 65535).round() if wide else levels
        out = levels.permute(0, 2, 3, 1).contiguous().numpy()
        both = np.concatenate((out, batch[..., 3:]), 3).astype(array.dtype)
        return both[0] if single else both

    return Opened(inner.pictures, inner.deep, back)


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
