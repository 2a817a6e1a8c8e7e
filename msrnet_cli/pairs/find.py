"""Which pictures make pairs, by their names.

- VIDIT's names: ``Image000_6500_N.png``, at any depth;
- ``input/`` and ``target/`` with equal file names, at any depth, as in the archives of
  AIM 2020 and NTIRE 2021.

Letter case and Unicode form count only where nothing else distinguishes two pictures.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from msrnet_cli.errors import DataError, UsageError
from msrnet_cli.lights import DIRECTIONS, read_light
from msrnet_cli.pairs.files import PictureFile, list_pictures
from msrnet_cli.pairs.options import PairOptions
from msrnet_cli.pairs.records import DataFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_T = TypeVar("_T")

_VIDIT_NAME = re.compile(rf"(.+)_(\d{{4}}_(?:{'|'.join(DIRECTIONS)}))", re.IGNORECASE)
_INPUT, _TARGET = "input", "target"


@dataclass(frozen=True)
class Pair:
    """One scene under two lights.

    Attributes:
        name: The scene.
        source: Lit as the network's input.
        target: Lit as its output should be.
        mirrored: Source and target of the same scene whose mirror images are lit as
            above; None where these pictures do not exist, or are not wanted.
    """

    name: str
    source: PictureFile
    target: PictureFile
    mirrored: tuple[PictureFile, PictureFile] | None = None

    @property
    def files(self) -> tuple[PictureFile, ...]:
        """All its pictures."""
        return (self.source, self.target, *(self.mirrored or ()))


@dataclass(frozen=True)
class Found:
    """The pairs in a folder or .zip.

    Attributes:
        data: The folder or .zip.
        options: Which lights make a pair.
        files: All pictures, by their names.
        pairs: The complete pairs, sorted by scene.
        faults: Pictures without a partner, or with more than one.
    """

    data: Path
    options: PairOptions
    files: tuple[PictureFile, ...]
    pairs: tuple[Pair, ...]
    faults: tuple[DataFault, ...]

    @property
    def left_out(self) -> tuple[str, ...]:
        """A note on the pictures that are in no pair though they should be."""
        alone = sum(fault.kind == "partner" for fault in self.faults)
        second = len(self.faults) - alone
        parts = [f"pictures without partner: {alone}"] if alone else []
        parts += [f"second pictures of a scene: {second}"] if second else []
        text = f"{', '.join(parts)}, left out; `msrnet data check` lists them"
        return (text,) if parts else ()


def find_pairs(data: str | Path, options: PairOptions | None = None) -> Found:
    """Find pairs to use; pictures in no pair are left out.

    Args:
        data: A folder or .zip.
        options: Which lights make a pair. Pictures to mirror are kept only where
            mirrored pairs are wanted: otherwise they need not be sound.

    Raises:
        DataError: There is no pair, or no mirrored pair where these are wanted.
        UsageError: A light is unknown, or both are the same.
    """
    found = sort_out(data, options)
    if not found.pairs:
        raise no_pairs(found)
    if not found.options.mirror:
        plain = tuple(replace(pair, mirrored=None) for pair in found.pairs)
        return replace(found, pairs=plain)
    if all(pair.mirrored is None for pair in found.pairs):
        lights = " and ".join(_in_mirror(found.options))
        raise DataError(
            f"{data} has no pictures to mirror", f"they need {lights}; or drop --mirror"
        )
    return found


def sort_out(data: str | Path, options: PairOptions | None = None) -> Found:
    """All pictures of a folder or .zip: in pairs, at fault, or neither.

    Raises:
        DataError: The folder or archive cannot be read.
        UsageError: A light is unknown, or both are the same.
    """
    options = options or PairOptions()
    if read_light(options.from_light) == read_light(options.to_light):
        raise UsageError(
            f"--from and --to are both {options.to_light}", "name two lights"
        )
    files = list_pictures(Path(data))
    pairs, faults = _named_as_vidit(files, options)
    more_pairs, more_faults = _in_two_folders(files, options)
    return Found(
        data=Path(data),
        options=options,
        files=tuple(files),
        # Sorted by files, too: scenes in several folders may share a name.
        pairs=tuple(sorted(pairs + more_pairs, key=lambda p: (p.name, p.source.name))),
        faults=(*faults, *more_faults),
    )


def no_pairs(found: Found) -> DataError:
    """The refusal of a folder without pairs; says how pictures must be named."""
    count = len(found.files)
    there = f"pictures ({count}) but no pairs" if count else "no picture"
    if not count and any(found.data.glob("*.safetensors")):
        return DataError(
            f"{found.data} holds no picture",
            "scenes are for train --recipe lightstage and eval --layers",
        )
    lights = (found.options.from_light, found.options.to_light)
    if apart := _apart(found):
        source, target = (file.name.parent for file in apart)
        scene, _ = scene_and_light(apart[0])
        return DataError(
            f"{found.data} holds {there}: {scene} lies in {source} under {lights[0]},"
            f" in {target} under {lights[1]}",
            "put both lights of a scene into one folder; relit pictures are scored by"
            f" msrnet eval OUTPUTS {target}",
        )
    wanted = " and ".join(f"Image000_{light}.png" for light in lights)
    return DataError(
        f"{found.data} holds {there}",
        f"name them as {wanted}, or put them into input/ and target/ by equal names",
    )


def _apart(found: Found) -> tuple[PictureFile, PictureFile] | None:
    """The pictures of a scene under both lights, if these have folders of their own."""
    lit: dict[tuple[str, str], PictureFile] = {}
    for file in found.files:
        lit.setdefault(scene_and_light(file), file)
    lights = (found.options.from_light, found.options.to_light)
    for scene, light in lit:
        if light == lights[0] and (scene, lights[1]) in lit:
            return lit[scene, light], lit[scene, lights[1]]
    return None


def spread(items: Sequence[_T], most: int) -> tuple[_T, ...]:
    """At most so many of some items, evenly spread over all of them."""
    count = min(len(items), most)
    return tuple(items[i * len(items) // count] for i in range(count))


def _named_as_vidit(
    files: Iterable[PictureFile], options: PairOptions
) -> tuple[list[Pair], list[DataFault]]:
    lit: dict[str, list[PictureFile]] = {}
    for file in files:
        _, light = scene_and_light(file)
        if light and _side(file) not in (_INPUT, _TARGET):
            lit.setdefault(light, []).append(file)
    names = _Names(lit.values())
    scenes: dict[PurePosixPath, dict[str, list[PictureFile]]] = {}
    for light, found in lit.items():
        for file in found:
            scenes.setdefault(names.key(file), {}).setdefault(light, []).append(file)
    pairs, faults = [], []
    for one in scenes.values():
        # Of several pictures the last one is used, so that old runs can be resumed.
        lights = {light: found[-1] for light, found in one.items()}
        for found in one.values():
            faults += _seconds(found, found[-1], "scene and light")
        missing = [light for light in _wanted(options) if light not in lights]
        if len(missing) == 1:
            present = next(light for light in _wanted(options) if light in lights)
            faults.append(_partner_missing(lights[present], missing[0]))
        if not missing:
            pairs.append(_pair(lights, options))
    return pairs, faults


def _pair(lights: Mapping[str, PictureFile], options: PairOptions) -> Pair:
    source, target = (lights[light] for light in _wanted(options))
    across = tuple(lights.get(light) for light in _in_mirror(options))
    other = (across[0], across[1]) if across[0] and across[1] else None
    return Pair(scene_and_light(source)[0], source, target, other)


def _in_two_folders(
    files: Sequence[PictureFile], options: PairOptions
) -> tuple[list[Pair], list[DataFault]]:
    sides = [
        [file for file in files if _side(file) == side] for side in (_INPUT, _TARGET)
    ]
    names = _Names(sides)
    (sources, faults), (targets, more) = (
        _one_side(side, names, light)
        for side, light in zip(sides, _wanted(options), strict=True)
    )
    both = sources.keys() & targets.keys()
    pairs = [
        Pair(scene_and_light(sources[key])[0], sources[key], targets[key])
        for key in both
    ]
    alone = [(sources[k], _TARGET) for k in sorted(sources.keys() - both)]
    alone += [(targets[k], _INPUT) for k in sorted(targets.keys() - both)]
    missing = [_partner_missing(file, f"{side}/") for file, side in alone]
    return pairs, faults + more + missing


def _one_side(
    files: Iterable[PictureFile], names: _Names, light: str
) -> tuple[dict[PurePosixPath, PictureFile], list[DataFault]]:
    """One picture of each scene, and the pictures beside it."""
    scenes: dict[PurePosixPath, list[PictureFile]] = {}
    for file in files:
        scenes.setdefault(names.key(file), []).append(file)
    chosen, faults = {}, []
    for key, found in scenes.items():
        # Of several lights, the one in the options counts; otherwise it is ambiguous.
        asked_for = [file for file in found if scene_and_light(file)[1] == light]
        chosen[key] = asked_for[-1] if asked_for else found[0]
        faults += _seconds(found, chosen[key], "scene")
    return chosen, faults


class _Names:
    """Tells which pictures show one scene.

    Letter case and Unicode form are ignored, because some systems change them. They
    count only where nothing else distinguishes two pictures of one group.

    Args:
        groups: Pictures of one light, or of one side (input or target): a group holds
            no two pictures of one scene.
    """

    def __init__(self, groups: Iterable[Iterable[PictureFile]]) -> None:
        self._ambiguous: set[PurePosixPath] = set()
        for group in groups:
            exact: dict[PurePosixPath, set[PurePosixPath]] = {}
            for file in group:
                place = _place(file)
                exact.setdefault(_folded(place), set()).add(place)
            self._ambiguous |= {key for key, names in exact.items() if len(names) > 1}

    def key(self, file: PictureFile) -> PurePosixPath:
        """The scene of a picture."""
        place = _place(file)
        folded = _folded(place)
        return place if folded in self._ambiguous else folded


def _place(file: PictureFile) -> PurePosixPath:
    """Folder and scene of a picture; ``input`` and ``target`` lie in one folder."""
    folder = file.name.parent
    folder = folder.parent if _side(file) in (_INPUT, _TARGET) else folder
    # Some releases keep the light in the name also in input/ and target/.
    return folder / scene_and_light(file)[0]


def _folded(place: PurePosixPath) -> PurePosixPath:
    return PurePosixPath(unicodedata.normalize("NFC", str(place)).casefold())


def _side(file: PictureFile) -> str:
    return file.name.parent.name.casefold()


def scene_and_light(file: PictureFile) -> tuple[str, str]:
    """Scene and light by the name of a file; light "" for a name of another form."""
    match = _VIDIT_NAME.fullmatch(file.name.stem)
    return (match[1], match[2].upper()) if match else (file.name.stem, "")


def _wanted(options: PairOptions) -> tuple[str, str]:
    return str(read_light(options.from_light)), str(read_light(options.to_light))


def _seconds(
    found: Iterable[PictureFile], chosen: PictureFile, what: str
) -> list[DataFault]:
    text = f"a second picture of its {what} beside {chosen}"
    others = (file for file in found if file != chosen)
    return [DataFault(str(file), "second", text) for file in others]


def _in_mirror(options: PairOptions) -> list[str]:
    """The two lights whose mirror images are those of inputs and targets."""
    return [str(read_light(light).mirrored()) for light in _wanted(options)]


def _partner_missing(file: PictureFile, partner: str) -> DataFault:
    return DataFault(str(file), "partner", f"its partner {partner} is missing")
