"""Which pictures make pairs, by their names.

- VIDIT's names: ``Image000_6500_N.png``, at any depth;
- ``input/`` and ``target/`` with equal file names, at any depth, as in the archives of
  AIM 2020 and NTIRE 2021; where two inputs are wanted, the other one in ``second/``.

Letter case and Unicode form count only where nothing else distinguishes two pictures.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from msrnet_cli.errors import DataError
from msrnet_cli.lights import DIRECTIONS
from msrnet_cli.pairs.files import PictureFile, list_pictures
from msrnet_cli.pairs.options import PairOptions
from msrnet_cli.pairs.records import DataFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_T = TypeVar("_T")

_VIDIT_NAME = re.compile(rf"(.+)_(\d{{4}}_(?:{'|'.join(DIRECTIONS)}))", re.IGNORECASE)
_SIDES = ("input", "target", "second")


@dataclass(frozen=True)
class Pair:
    """One scene under two lights; under three, for a network that sees two pictures.

    Attributes:
        name: The scene.
        source: Lit as the network's input.
        target: Lit as its output should be.
        mirrored: As many pictures of the same scene whose mirror images are lit as
            those in `pictures`; None where they do not exist, or are not wanted.
        second: Lit as the network's other input; None where it has one.
    """

    name: str
    source: PictureFile
    target: PictureFile
    mirrored: tuple[PictureFile, ...] | None = None
    second: PictureFile | None = None

    @property
    def pictures(self) -> tuple[PictureFile, ...]:
        """Source, target, and the second input where there is one."""
        both = (self.source, self.target)
        return both if self.second is None else (*both, self.second)

    @property
    def files(self) -> tuple[PictureFile, ...]:
        """All its pictures."""
        return (*self.pictures, *(self.mirrored or ()))


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
        lights = _listed(_in_mirror(found.options))
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
    _wanted(options)  # refuses lights that make no pair
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
    lights = _wanted(found.options)
    if apart := _apart(found):
        source, target = (file.name.parent for file in apart)
        scene, _ = scene_and_light(apart[0])
        return DataError(
            f"{found.data} holds {there}: {scene} lies in {source} under {lights[0]},"
            f" in {target} under {lights[1]}",
            "put both lights of a scene into one folder; relit pictures are scored by"
            f" msrnet eval OUTPUTS {target}",
        )
    wanted = _listed([f"Image000_{light}.png" for light in lights])
    folders = _listed([f"{side}/" for side in _SIDES[: len(lights)]])
    return DataError(
        f"{found.data} holds {there}",
        f"name them as {wanted}, or put them into {folders} by equal names",
    )


def _apart(found: Found) -> tuple[PictureFile, PictureFile] | None:
    """The pictures of a scene under both lights, if these have folders of their own."""
    lit: dict[tuple[str, str], PictureFile] = {}
    for file in found.files:
        lit.setdefault(scene_and_light(file), file)
    source, target, *_ = _wanted(found.options)
    for scene, light in lit:
        if light == source and (scene, target) in lit:
            return lit[scene, light], lit[scene, target]
    return None


def spread(items: Sequence[_T], most: int) -> tuple[_T, ...]:
    """At most so many of some items, evenly spread over all of them."""
    count = min(len(items), most)
    return tuple(items[i * len(items) // count] for i in range(count))


def _named_as_vidit(
    files: Iterable[PictureFile], options: PairOptions
) -> tuple[list[Pair], list[DataFault]]:
    wanted = _wanted(options)
    lit: dict[str, list[PictureFile]] = {}
    for file in files:
        _, light = scene_and_light(file)
        if light and _side(file) not in _SIDES[: len(wanted)]:
            lit.setdefault(light, []).append(file)
    names = _Names(lit.values(), len(wanted))
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
        present = [lights[light] for light in wanted if light in lights]
        missing = [light for light in wanted if light not in lights]
        if not missing:
            across = [lights.get(light) for light in _in_mirror(options)]
            pairs.append(_pair(present, tuple(filter(None, across))))
        elif present:
            faults.append(_partners_missing(present[0], missing))
    return pairs, faults


def _pair(
    pictures: Sequence[PictureFile], across: tuple[PictureFile, ...] = ()
) -> Pair:
    """The pair of source, target and second input, with as many from across."""
    source, target, *second = pictures
    mirrored = across if len(across) == len(pictures) else None
    return Pair(scene_and_light(source)[0], source, target, mirrored, *second)


def _in_two_folders(
    files: Sequence[PictureFile], options: PairOptions
) -> tuple[list[Pair], list[DataFault]]:
    wanted = _wanted(options)
    sides = {
        side: [file for file in files if _side(file) == side]
        for side in _SIDES[: len(wanted)]
    }
    names = _Names(sides.values(), len(wanted))
    scenes: dict[PurePosixPath, dict[str, PictureFile]] = {}
    faults = []
    for (side, found), light in zip(sides.items(), wanted, strict=True):
        chosen, more = _one_side(found, names, light)
        faults += more
        for key, file in sorted(chosen.items()):
            scenes.setdefault(key, {})[side] = file
    pairs = []
    for pictures in scenes.values():
        missing = [f"{side}/" for side in sides if side not in pictures]
        if missing:
            faults.append(_partners_missing(next(iter(pictures.values())), missing))
        else:
            pairs.append(_pair(list(pictures.values())))
    return pairs, faults


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
        groups: Pictures of one light, or of one side (such as input or target): a group
            holds no two pictures of one scene.
        sides: How many sides a pair has.
    """

    def __init__(self, groups: Iterable[Iterable[PictureFile]], sides: int) -> None:
        self._sides = _SIDES[:sides]
        self._ambiguous: set[PurePosixPath] = set()
        for group in groups:
            exact: dict[PurePosixPath, set[PurePosixPath]] = {}
            for file in group:
                place = self._place(file)
                exact.setdefault(_folded(place), set()).add(place)
            self._ambiguous |= {key for key, names in exact.items() if len(names) > 1}

    def key(self, file: PictureFile) -> PurePosixPath:
        """The scene of a picture."""
        place = self._place(file)
        folded = _folded(place)
        return place if folded in self._ambiguous else folded

    def _place(self, file: PictureFile) -> PurePosixPath:
        """Folder and scene of a picture; sides such as ``input`` lie in one folder."""
        folder = file.name.parent
        folder = folder.parent if _side(file) in self._sides else folder
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


def _wanted(options: PairOptions) -> tuple[str, ...]:
    """The lights of source, target, and of the second input where two are wanted."""
    return tuple(map(str, options.lights))


def _seconds(
    found: Iterable[PictureFile], chosen: PictureFile, what: str
) -> list[DataFault]:
    text = f"a second picture of its {what} beside {chosen}"
    others = (file for file in found if file != chosen)
    return [DataFault(str(file), "second", text) for file in others]


def _in_mirror(options: PairOptions) -> list[str]:
    """The lights whose mirror images are those in `_wanted`."""
    return [str(light.mirrored()) for light in options.lights]


def _partners_missing(file: PictureFile, partners: Sequence[str]) -> DataFault:
    reason = f"its partner {partners[0]} is missing"
    if len(partners) > 1:
        reason = f"its partners {_listed(partners)} are missing"
    return DataFault(str(file), "partner", reason)


def _listed(names: Sequence[str]) -> str:
    """Two names or more, for people: ``A, B and C``."""
    return f"{', '.join(names[:-1])} and {names[-1]}"
