"""Carries the change of light from a reduced picture to the full one.

This is guided upsampling. The network relights a picture at its working size; the
photograph has the detail. Each pixel of the working size has an affine map of colour:

    full = gain * photograph + offset

1. The map is fitted at the working size, in a window around each pixel and for each
   colour, so that it turns the small picture into the relit one: He, Sun and Tang,
   "Guided Image Filtering", PAMI 2013, equations 5 to 8. The result follows edges that
   both pictures have, so there are no halos.
2. A flat window leaves the gain open. He's ridge then pulls the gain to 0, which would
   blur. Here the ridge pulls towards the ratio of light, output over input: it scales
   texture as a change of light does. In the dark that ratio tends to 1. So noise is not
   raised, and lit up shadows show the network's own pixels.
3. The map is computed small and enlarged: He and Sun, "Fast Guided Filter", 2015.
4. The remaining difference to the network's output at the working size is enlarged and
   added (back-projection: Irani and Peleg, 1991). So the result, reduced again, is the
   network's output.

Large pictures pass in strips of rows; only the result is as large as the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from msrnet_cli import hardware
from msrnet_cli.errors import PictureError
from msrnet_cli.images.pixels import quantise, unit
from msrnet_cli.relight import device_copy, scaling

if TYPE_CHECKING:
    from collections.abc import Sequence

_RADIUS = 1  # of a window, in pixels of the working size
_RIDGE = 1.3e-3  # variance below which a window counts as flat
_DARK = 0.12  # values well below this count as dark
_MOST = 3.0  # upper limit of the ratio of light
_BYTES = 16  # for each pixel: the result, and strips in progress


Ending = Callable[[Tensor, Tensor, slice], Tensor]
"""What is done last to each strip of rows.

Takes 3 R W of the picture and 3 R W of the result, both float32 in [0, 1] in one place,
and the rows of the strip. Gives 3 R W; that may be the result, changed in place.
"""


def untouched(before: Tensor, after: Tensor, rows: slice) -> Tensor:  # noqa: ARG001
    """The `Ending` that changes nothing."""
    return after


@dataclass(frozen=True)
class Whole:
    """A picture that the network sees as it is.

    Attributes:
        picture: 3 H W, in main memory: float32 in [0, 1], or uint8.
    """

    picture: Tensor

    @property
    def seen(self) -> Tensor:
        """What the network sees: the picture itself."""
        return self.picture

    def carry(self, relit: Tensor, ending: Ending = untouched) -> Tensor:
        """The network's answer, 3 H W in [0, 1], in the type of the picture."""
        is_same = (relit.dtype, ending) == (self.picture.dtype, untouched)
        result = (
            relit if is_same else relit.new_empty(relit.shape, dtype=self.picture.dtype)
        )
        for rows in () if is_same else scaling.strips(relit):
            before = unit(self.picture[:, rows].to(relit.device))
            result[:, rows] = _in_type(ending(before, relit[:, rows], rows), result)
        return result


@dataclass(frozen=True)
class Reduced:
    """A picture and its reduction, which the network sees.

    Attributes:
        picture: 3 H W, in main memory.
        placed: The same picture, on the device where there is room for it.
        seen: 3 h w, the reduction of `placed`, float32 in [0, 1].
    """

    picture: Tensor
    placed: Tensor
    seen: Tensor

    def carry(self, relit: Tensor, ending: Ending = untouched) -> Tensor | PictureError:
        """Carry the change of light from `seen` to `relit` to the full picture.

        Args:
            relit: 3 h w, the network's answer to `seen`, in [0, 1].
            ending: Done last.

        Returns:
            3 H W of the picture's type, where the picture or `placed` is.
        """
        ways = [(self.placed, relit.device), (self.picture, self.picture.device)]
        for full, place in ways[1:] if relit.device == self.picture.device else ways:
            result = 0 if place == full.device else full.nbytes
            if not (
                hardware.has_room(full[0].numel() * _BYTES, place)
                and hardware.has_room(result, full.device)
            ):
                continue
            try:
                return to_full(full, self.seen.to(place), relit.to(place), ending)
            except (RuntimeError, MemoryError) as error:
                if not hardware.is_out_of_memory(error):
                    raise
        return no_room(self.picture)


def reduced(
    batch: Sequence[Tensor], size: tuple[int, int], device: torch.device
) -> list[Reduced]:
    """Reduce pictures: on CUDA, where there is room for both sizes.

    There must also be room to carry the light to each picture, and for all results.

    Args:
        batch: Each 3 H W, in main memory, all of one size.
        size: Width and height to reduce to.
        device: Where the network runs.
    """
    needed = 2 * sum(picture.nbytes for picture in batch)
    needed += batch[0][0].numel() * _BYTES
    if device.type == "cuda" and hardware.has_room(needed, device):
        try:
            return _reduced(batch, device_copy.upload(batch, device), size)
        except torch.OutOfMemoryError:
            pass  # reduce in main memory
    return _reduced(batch, batch, size)


def no_room(picture: Tensor) -> PictureError:
    """The failure of a picture, C H W, whose result finds no memory."""
    height, width = picture.shape[-2:]
    return PictureError(
        f"{width}x{height}: no memory for the result",
        "close other programs, or make the picture smaller",
    )


def to_full(
    picture: Tensor, small: Tensor, relit: Tensor, ending: Ending = untouched
) -> Tensor:
    """Relight a picture as a small copy of the picture was relit.

    Args:
        picture: 3 H W, sRGB, float32 in [0, 1] or uint8, on any device.
        small: 3 h w, the picture after `scaling.reduce`, on the device that computes.
        relit: 3 h w, the network's answer to `small`, in [0, 1], on that device.
        ending: Done last.

    Returns:
        3 H W of the picture's type, on its device. Before the ending, and reduced
        again, it agrees with `relit` except where values had to be clamped to [0, 1].
    """
    width = picture.shape[2]
    full = torch.empty(picture.shape, dtype=torch.float32, device=small.device)
    gain, offset = (
        scaling.row_enlarger(grid, full, "bilinear") for grid in _fit(small, relit)
    )
    widened = scaling.column_enlarger(small.shape[-1], width, "bilinear", full)
    reduced = []
    for rows in scaling.strips(picture):
        strip = torch.addcmul(
            widened(offset(rows)),
            unit(picture[:, rows].to(small.device)),
            widened(gain(rows)),
        ).clamp_(0, 1)
        reduced.append(scaling.narrowed(strip, small.shape[-1]))
        full[:, rows] = strip
    missing = relit - scaling.shortened(torch.cat(reduced, 1), small.shape[-2])
    rest = scaling.row_enlarger(_sharpened(missing), full, "bicubic")
    widened = scaling.column_enlarger(small.shape[-1], width, "bicubic", full)
    is_result = (picture.dtype, picture.device) == (full.dtype, full.device)
    result = full if is_result else torch.empty_like(picture)
    for rows in scaling.strips(picture):
        strip = full[:, rows]
        strip += widened(rest(rows))
        strip.clamp_(0, 1)
        if ending is not untouched:
            strip = ending(unit(picture[:, rows].to(strip.device)), strip, rows)
        if not is_result or ending is not untouched:
            result[:, rows] = _in_type(strip, picture)
    return result


def _in_type(strip: Tensor, picture: Tensor) -> Tensor:
    """Floats in [0, 1] in the type of a picture."""
    return quantise(strip, 8) if picture.dtype == torch.uint8 else strip


def _reduced(
    batch: Sequence[Tensor], placed: Sequence[Tensor], size: tuple[int, int]
) -> list[Reduced]:
    small = [scaling.reduce(one, *size) for one in placed]
    return list(map(Reduced, batch, placed, small))


def _fit(small: Tensor, relit: Tensor) -> tuple[Tensor, Tensor]:
    """Gain and offset for each pixel and colour, 3 h w each."""
    mean, relit_mean = _mean(small), _mean(relit)
    variance = (_mean(small * small) - mean * mean).clamp_min_(0)
    covariance = _mean(small * relit) - mean * relit_mean
    dark = _DARK * _DARK
    ratio = (relit_mean * mean + dark) / (mean * mean + dark)
    ratio = ratio.clamp_max_(_MOST)
    gain = (covariance + _RIDGE * ratio) / (variance + _RIDGE)
    offset = relit_mean - gain * mean
    # Windows with an edge tell most about a pixel. A plain mean would count their flat
    # neighbours as much, and show a rim along edges.
    weight = variance + _RIDGE
    total = _mean(weight)
    return _mean(gain * weight) / total, _mean(offset * weight) / total


def _mean(values: Tensor) -> Tensor:
    """The mean of C h w in the window around each pixel."""
    side = 2 * _RADIUS + 1
    return F.avg_pool2d(
        values[None], side, 1, _RADIUS, count_include_pad=False
    ).squeeze(0)


def _sharpened(values: Tensor) -> Tensor:
    """Pre-sharpen: `reduce(enlarge(result))` is `values` up to a second-order error."""
    _, height, width = values.shape
    tall = scaling.heightened(values, 4 * height, "bicubic")
    large = scaling.widened(tall, 4 * width, "bicubic")
    back = scaling.shortened(scaling.narrowed(large, width), height)
    return 2 * values - back
