"""Finds what a run learns from: pairs or scenes, known by their files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from msrnet_cli.errors import DataError, UsageError
from msrnet_cli.layers.store import open_store
from msrnet_cli.lights import every_light
from msrnet_cli.pairs.files import bytes_of
from msrnet_cli.pairs.find import find_pairs, spread
from msrnet_cli.train import inventory
from msrnet_cli.train.inventory import Inventory
from msrnet_cli.train.lighting import Scenes
from msrnet_cli.train.material import About
from msrnet_cli.train.pairing import Pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from msrnet_cli.pairs.files import PictureFile
    from msrnet_cli.pairs.find import Pair
    from msrnet_cli.train.options import DataOptions

_SEEN = "they do not tell how it generalises"


def find_material(
    options: DataOptions, *, layers: bool, largest: int
) -> Pairs | Scenes:
    """What a run learns from, not yet read.

    Args:
        options: Where it lies.
        layers: Whether the network paints layers: it then learns from scenes.
        largest: Side at which the run trains; smaller scenes are left out.

    Raises:
        UsageError: No data is named.
        DataError: There is none, or the same in training and validation.
    """
    if not options.data:
        raise UsageError("no training data is named", "give --data DIR")
    return _find_scenes(options, largest) if layers else _find_pairs(options)


def lights(pairs: Sequence[Pair]) -> tuple[str, ...]:
    """Light of inputs, of targets and, where there are any, of second inputs.

    By the names of files; "" where it is unknown, or where there are several.
    """
    kinds = zip(*(pair.pictures for pair in pairs), strict=True)
    return tuple(_only({_light(file) for file in kind}) for kind in kinds)


def _find_pairs(options: DataOptions) -> Pairs:
    found = find_pairs(options.data, options.pairs)
    held_out: dict[str, int] = {}
    tried, kind = found.pairs, f"training pairs: {_SEEN}"
    if options.val:
        tried = find_pairs(options.val, replace(options.pairs, mirror=False)).pairs
        held_out = _listed_pairs(tried)
        kind = f"pairs of {Path(options.val).name}"
        shared = {pair.source for pair in tried} & {pair.source for pair in found.pairs}
        if shared:
            raise _in_both(str(min(shared)))
    some = spread(tried, max(1, options.val_pairs))
    validation = tuple(replace(pair, mirrored=None) for pair in some)
    source, target, *second = lights(found.pairs)
    about = About(
        count=len(found.pairs),
        kind="pair",
        mirrored=sum(pair.mirrored is not None for pair in found.pairs),
        validation=f"{len(validation)} {kind}",
        lights=(source, target),
        notes=found.left_out,
        second_light="".join(second),
    )
    files = Inventory(_listed_pairs(found.pairs), held_out)
    return Pairs(found.pairs, validation, options.pairs, about, files)


def _find_scenes(options: DataOptions, largest: int) -> Scenes:
    every = open_store(Path(options.data))
    training = every.at_least(largest)
    small = len(every) - len(training)
    files = Inventory(_listed_scenes(every.paths), {})
    tried, kind = training, f"training scenes: {_SEEN}"
    if options.val:
        held_out = open_store(Path(options.val))
        files = replace(files, validation=_listed_scenes(held_out.paths))
        tried = held_out.at_least(largest)
        kind = f"scenes of {Path(options.val).name}"
        shared = set(tried.paths) & set(training.paths)
        if shared:
            raise _in_both(str(min(shared)))
    some = spread(tried.paths, max(1, options.val_pairs))
    about = About(
        count=len(training),
        kind="scene",
        mirrored=len(training),
        validation=f"{len(some)} {kind}",
        lights=("", ""),
        notes=(f"scenes under {largest} px: {small}, left out",) if small else (),
    )
    return Scenes(training, replace(tried, paths=some), about, files)


def _listed_pairs(pairs: Sequence[Pair]) -> dict[str, int]:
    files = list(dict.fromkeys(file for pair in pairs for file in pair.files))
    names = [file.name for file in files]
    return inventory.listed(zip(names, bytes_of(files), strict=True))


def _listed_scenes(paths: Sequence[Path]) -> dict[str, int]:
    return inventory.listed(
        (PurePosixPath(path.as_posix()), path.stat().st_size) for path in paths
    )


def _in_both(name: str) -> DataError:
    return DataError(f"{name} is in training and validation", "separate the folders")


def _light(file: PictureFile) -> str:
    light = "_".join(file.name.stem.split("_")[-2:])
    return light if light in map(str, every_light()) else ""


def _only(values: set[str]) -> str:
    return next(iter(values)) if len(values) == 1 else ""
