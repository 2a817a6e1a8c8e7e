"""What is wrong with a set of pairs, and whether pictures of a pair have one size."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from msrnet_cli.allowance import usable_cores
from msrnet_cli.errors import DataError, PictureError
from msrnet_cli.pairs.find import no_pairs, sort_out
from msrnet_cli.pairs.records import DataFault, DataReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from msrnet_cli.pairs.files import PictureFile
    from msrnet_cli.pairs.options import PairOptions

Size = tuple[int, int]
"""Width and height, in pixels."""


def check_pairs(data: str | Path, options: PairOptions | None = None) -> DataReport:
    """Decode every picture, and report all that is wrong with a set of pairs.

    Args:
        data: A folder or .zip.
        options: Which lights make a pair.

    Raises:
        DataError: The folder does not exist or holds no picture.
        UsageError: A light is unknown, or both are the same.
    """
    found = sort_out(data, options)
    if not found.pairs and not found.faults:
        raise no_pairs(found)
    # Also pictures in no pair: a damaged picture is always reported.
    seen = _decoded(found.files)
    sizes = {file: one for file, one in seen.items() if not isinstance(one, DataFault)}
    broken = (one for one in seen.values() if isinstance(one, DataFault))
    uneven = (
        size_fault(pair.name, (sizes[file] for file in pair.files if file in sizes))
        for pair in found.pairs
    )
    sound = [pair for pair in found.pairs if _fit(pair.pictures, sizes)]
    return DataReport(
        data=str(data),
        pairs=len(sound),
        mirrored=sum(
            pair.mirrored is not None and _fit(pair.files, sizes) for pair in sound
        ),
        files=len(found.files),
        sizes=tuple(sorted(set(sizes.values()))),
        faults=(*found.faults, *broken, *filter(None, uneven)),
    )


def size_of(picture: Tensor) -> Size:
    """Width and height of ... H W."""
    height, width = picture.shape[-2:]
    return width, height


def size_fault(scene: str, sizes: Iterable[Size]) -> DataFault | None:
    """The fault of a scene whose pictures have different sizes; None for one size."""
    different = sorted(set(sizes))
    if len(different) < 2:
        return None
    text = " and ".join(f"{width}x{height}" for width, height in different)
    return DataFault(scene, "size", f"its pictures differ in size ({text})")


def require_one_size(scene: str, sizes: Iterable[Size]) -> None:
    """Refuse a scene whose pictures differ in size.

    Raises:
        DataError: They do.
    """
    fault = size_fault(scene, sizes)
    if fault is not None:
        raise DataError(
            f"{scene}: {fault.reason}", "`msrnet data check` lists all such scenes"
        )


def _fit(files: Iterable[PictureFile], sizes: Mapping[PictureFile, Size]) -> bool:
    """Whether pictures can be read, and have one size."""
    found = {sizes.get(file) for file in files}
    return len(found) == 1 and None not in found


def _decoded(files: Sequence[PictureFile]) -> dict[PictureFile, Size | DataFault]:
    with ThreadPoolExecutor(usable_cores()) as pool:
        return dict(zip(files, pool.map(_try_decode, files), strict=True))


def _try_decode(file: PictureFile) -> Size | DataFault:
    try:
        return size_of(file.decode())
    except PictureError as error:
        reason = error.reason.removeprefix(f"{file}: ")
        return DataFault(str(file), "broken", reason)
