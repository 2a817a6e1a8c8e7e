"""Small copies of pictures that were scored: in a page, or in a folder beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from msrnet_cli.images.pixels import quantise, to_image, unit
from msrnet_cli.images.sheet import thumbnail
from msrnet_cli.pages.jpegs import jpeg
from msrnet_cli.pages.sinks import Beside, Within

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image
    from torch import Tensor

    from msrnet_cli.evaluate.shown import Shown
    from msrnet_cli.pages.place import Page
    from msrnet_cli.pages.sinks import Sink

SIDE = 512
"""The longer side of a copy, in pixels."""
MOST_ERROR = 0.25
"""The error that is shown brightest; pictures are in [0, 1]."""

_MOST_BYTES = 10 << 20  # as base64 13.3 MiB: pages stay below 15 MB
_QUALITY, _MAP_QUALITY = 84, 88
_HEAT = ((0, 0, 0), (62, 18, 112), (190, 48, 92), (250, 142, 42), (255, 246, 205))


@dataclass(frozen=True)
class Copy:
    """A small copy of a picture.

    Attributes:
        kind: ``input``, ``target``, ``output`` or ``error``.
        method: Whose output or error it is; "" for input and target.
        address: Where a page finds it.
        width: In pixels.
        height: In pixels.
    """

    kind: str
    method: str
    address: str
    width: int
    height: int

    @property
    def is_beside(self) -> bool:
        """Whether it lies beside the page, and need not be loaded at once."""
        return not self.address.startswith("data:")


@dataclass(frozen=True)
class Hung:
    """The copies of one scene.

    Attributes:
        name: The scene.
        row: The kind of change; "" on pairs.
        copies: Input if known, target, then output and error of each method.
    """

    name: str
    row: str
    copies: tuple[Copy, ...]


@dataclass(frozen=True)
class _Kept:
    """A copy that has no address yet."""

    kind: str
    method: str
    size: tuple[int, int]
    data: bytes

    def put(self, sink: Sink) -> Copy:
        """The copy, whose bytes a page has taken."""
        return Copy(self.kind, self.method, sink.put(self.data), *self.size)


class Gallery:
    """Takes pictures as they are scored; keeps small copies.

    These stand in the page as long as the page stays small enough to be sent around.
    Beyond, these go into the folder beside it.

    Args:
        page: They are for this one.
        without: Methods that are not shown, such as the copy of the input.
    """

    def __init__(self, page: Page, without: frozenset[str] = frozenset()) -> None:
        self.page = page
        self.sink: Sink = Within()
        self._without = without
        self._waiting: list[tuple[str, str, list[_Kept]]] = []
        self._hung: list[Hung] = []
        self._bytes = 0
        self._failure: OSError | None = None

    def add(self, shown: Shown) -> None:
        """Keep copies of the pictures of a scene; scoring goes on if that fails."""
        if self._failure:
            return
        kept = list(self._copies(shown))
        self._waiting.append((shown.name, shown.row, kept))
        self._bytes += sum(len(one.data) for one in kept)
        if self._bytes > _MOST_BYTES:
            if isinstance(self.sink, Within):
                self.sink = Beside(self.page)
            self._hang()

    def hung(self) -> tuple[Hung, ...]:
        """All copies with their addresses.

        Raises:
            OSError: Copies could not be written beside the page.
        """
        self._hang()
        if self._failure:
            raise self._failure
        return tuple(self._hung)

    def _hang(self) -> None:
        """Give the copies that wait to the page; their bytes are forgotten."""
        try:
            for name, row, kept in self._waiting:
                copies = tuple(one.put(self.sink) for one in kept)
                self._hung.append(Hung(name, row, copies))
        except OSError as error:
            self._failure = error
        self._waiting.clear()

    def _copies(self, shown: Shown) -> Iterator[_Kept]:
        plain = {"input": shown.source, "target": shown.target}
        for kind, pixels in plain.items():
            if pixels is not None:
                image = thumbnail(unit(pixels), SIDE)
                yield _kept(kind, "", image)
        for method in (each for each in shown.outputs if each not in self._without):
            output = unit(shown.outputs[method]).clamp(0, 1)
            image = thumbnail(output, SIDE)
            yield _kept("output", method, image)
            error = error_map(output, unit(shown.target))
            yield _kept("error", method, error)


def error_map(output: Tensor, target: Tensor) -> Image.Image:
    """How far a picture is from its target: black where equal, white from 25 % on.

    The error of a pixel is the mean over its colours of what they are off by; it is
    averaged where the map is smaller than the picture.

    Args:
        output: 3 H W in [0, 1]; scored as 8 bits, so compared as 8 bits.
        target: The same.
    """
    eight = [quantise(pixels, 8).float() / 255 for pixels in (output, target)]
    off = (eight[0] - eight[1]).abs().mean(0)
    height, width = off.shape
    scale = min(1.0, SIDE / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    small = F.interpolate(off[None, None], size, mode="area")[0, 0]
    return to_image(
        _heat()[(small / MOST_ERROR).clamp(0, 1).mul(255).round().long()]
        .permute(2, 0, 1)
        .contiguous()
    )


def heat_stops() -> tuple[tuple[str, str], ...]:
    """The colours of `error_map` as places and colours, as SVG writes them."""
    last = len(_HEAT) - 1
    return tuple(
        (f"{place / last:.0%}", f"rgb{colour}") for place, colour in enumerate(_HEAT)
    )


def _kept(kind: str, method: str, image: Image.Image) -> _Kept:
    is_map = kind == "error"
    data = jpeg(image, _MAP_QUALITY, 0) if is_map else jpeg(image, _QUALITY)
    return _Kept(kind, method, image.size, data)


def _heat() -> Tensor:
    """256 colours from black to white, 256 3, uint8."""
    stops = torch.tensor(_HEAT, dtype=torch.float32).T[None]
    return (
        F.interpolate(stops, 256, mode="linear", align_corners=True)[0].T.round().byte()
    )
