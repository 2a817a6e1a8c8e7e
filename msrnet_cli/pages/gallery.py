"""Small copies of pictures that were scored: in a page, or in a folder beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import torch
import torch.nn.functional as F

from msrnet_cli.errors import UsageError
from msrnet_cli.files import write_whole
from msrnet_cli.images.pixels import quantise, to_image, unit
from msrnet_cli.images.sheet import thumbnail
from msrnet_cli.pages.assemble import BESIDE, EMBEDDED
from msrnet_cli.pages.jpegs import embedded, jpeg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PIL import Image
    from torch import Tensor

    from msrnet_cli.evaluate.shown import Shown

SIDE = 512
"""The longer side of a copy, in pixels."""
MOST_ERROR = 0.25
"""The error that is shown brightest; pictures are in [0, 1]."""

_MOST_BYTES = 10 << 20  # as base64 13.3 MiB: pages stay below 15 MB
_QUALITY, _MAP_QUALITY = 84, 88
_OURS = re.compile(r"\d{5}-(input|target|output|error)(-\d+)?\.jpg")
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
    file: str
    size: tuple[int, int]
    data: bytes


class Gallery:
    """Takes pictures as they are scored; keeps small copies.

    These stand in the page as long as the page stays small enough to be sent around.
    Beyond, these go into a folder beside it, which the page reads as it is scrolled.

    Args:
        page: File of the page.
        without: Methods that are not shown, such as the copy of the input.
    """

    def __init__(self, page: Path, without: frozenset[str] = frozenset()) -> None:
        self.folder = folder_of(page)
        self._without = without
        self._scenes: list[tuple[str, str, list[_Kept]]] = []
        self._bytes = 0
        self._is_beside = False
        self._failure: OSError | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """Where the page finds its pictures, for its policy."""
        return BESIDE if self._is_beside else EMBEDDED

    def add(self, shown: Shown) -> None:
        """Keep copies of the pictures of a scene; scoring goes on if that fails."""
        if self._failure:
            return
        number = len(self._scenes) + 1
        kept = list(self._copies(number, shown))
        self._scenes.append((shown.name, shown.row, kept))
        self._bytes += sum(len(one.data) for one in kept)
        try:
            if self._is_beside:
                self._write(kept)
            elif self._bytes > _MOST_BYTES:
                self._is_beside = True
                for *_, earlier in self._scenes:
                    self._write(earlier)
        except OSError as error:
            self._failure = error

    def hung(self) -> tuple[Hung, ...]:
        """All copies with their addresses; files of an earlier page are removed.

        Raises:
            OSError: Copies could not be written beside the page, or not removed.
        """
        if self._failure:
            raise self._failure
        files = {one.file for *_, kept in self._scenes for one in kept}
        _remove(self.folder, files if self._is_beside else set())
        return tuple(
            Hung(name, row, tuple(self._addressed(one) for one in kept))
            for name, row, kept in self._scenes
        )

    def _copies(self, number: int, shown: Shown) -> Iterator[_Kept]:
        plain = {"input": shown.source, "target": shown.target}
        for kind, pixels in plain.items():
            if pixels is not None:
                image = thumbnail(unit(pixels), SIDE)
                yield _kept(number, kind, "", 0, image)
        methods = [each for each in shown.outputs if each not in self._without]
        for place, method in enumerate(methods):
            output = unit(shown.outputs[method]).clamp(0, 1)
            image = thumbnail(output, SIDE)
            yield _kept(number, "output", method, place, image)
            error = error_map(output, unit(shown.target))
            yield _kept(number, "error", method, place, error)

    def _write(self, kept: list[_Kept]) -> None:
        """Write copies beside the page, and forget their bytes."""
        for place, one in enumerate(kept):
            write_whole(self.folder / one.file, one.data)
            kept[place] = _Kept(one.kind, one.method, one.file, one.size, b"")

    def _addressed(self, one: _Kept) -> Copy:
        address = embedded(one.data)
        if self._is_beside:
            address = f"{quote(self.folder.name)}/{one.file}"
        return Copy(one.kind, one.method, address, *one.size)


def folder_of(page: Path) -> Path:
    """The folder beside a page that holds its pictures where these are many."""
    return page.with_name(f"{page.stem}_pictures")


def require_own(flag: str, page: Path) -> None:
    """Refuse a page whose folder of pictures holds anything else.

    Raises:
        UsageError: It does, or something else has its name.
    """
    folder = folder_of(page)
    try:
        strange = next(
            (e for e in folder.iterdir() if not _OURS.fullmatch(e.name)), None
        )
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(
            f"{flag} {page}: its pictures go into {folder}, which cannot be used"
            f" ({error.strerror})",
            "choose another name",
        ) from error
    if strange is not None:
        raise UsageError(
            f"{flag} {page}: its pictures go into {folder}, which holds other files",
            "choose another name",
        )


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


def _kept(number: int, kind: str, method: str, place: int, image: Image.Image) -> _Kept:
    file = f"{number:05}-{kind}{f'-{place + 1}' if method else ''}.jpg"
    is_map = kind == "error"
    data = jpeg(image, _MAP_QUALITY, 0) if is_map else jpeg(image, _QUALITY)
    return _Kept(kind, method, file, image.size, data)


def _heat() -> Tensor:
    """256 colours from black to white, 256 3, uint8."""
    stops = torch.tensor(_HEAT, dtype=torch.float32).T[None]
    return (
        F.interpolate(stops, 256, mode="linear", align_corners=True)[0].T.round().byte()
    )


def _remove(folder: Path, but: set[str]) -> None:
    """Remove pictures of an earlier page, and the folder where it is empty then."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if _OURS.fullmatch(path.name) and path.name not in but:
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
