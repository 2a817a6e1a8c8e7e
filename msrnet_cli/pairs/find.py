"""Which pictures make pairs, by their names.

- VIDIT's names: ``Image000_6500_N.png``, at any depth;
- ``input/`` and ``target/`` with equal file names, at any depth, as in the archives of
  AIM 2020 and NTIRE 2021.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from msrnet_cli.config import DataOptions
from msrnet_cli.errors import DataError, UsageError
from msrnet_cli.lights import DIRECTIONS, read_light
from msrnet_cli.pairs.files import PictureFile, list_pictures
from msrnet_cli.results import DataFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_T = TypeVar("_T")

_VIDIT_NAME = re.compile(rf"(.+)_(\d{{4}}_(?:{'|'.join(DIRECTIONS)}))")
_INPUT, _TARGET = "input", "target"


@dataclass(frozen=True)
class Pair:
    """One scene under two lights.

    Attributes:
        name: The scene.
        source: Lit as the network's input.
        target: Lit as its output should be.
        mirrored: Source and target of the same scene that, seen in a mirror, are lit
            as above; None where these pictures do not exist, or are not wanted.
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
    """What a folder or .zip holds.

    Attributes:
        data: The folder or .zip.
        options: Which lights were looked for.
        files: All pictures, by their names.
        pairs: The complete pairs, sorted by scene.
        faults: Pictures whose partner is missing, or is one too many.
    """

    data: Path
    options: DataOptions
    files: tuple[PictureFile, ...]
    pairs: tuple[Pair, ...]
    faults: tuple[DataFault, ...]

    @property
    def left_out(self) -> tuple[str, ...]:
        """A note on the pictures that are in no pair though they should be."""
        if not self.faults:
            return ()
        text = "pictures without partner: {}, left out; `msrnet data check` lists them"
        return (text.format(len(self.faults)),)


def find_pairs(data: str | Path, options: DataOptions | None = None) -> Found:
    """Find pairs to use; what belongs to none is left out.

    Args:
        data: A folder or .zip.
        options: Which lights make a pair. Pictures to mirror are kept only where
            mirrored pairs are wanted: they would be decoded, and have to be sound.

    Raises:
        DataError: There is no pair, or no mirrored one where these are wanted.
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


def sort_out(data: str | Path, options: DataOptions | None = None) -> Found:
    """All pictures of a folder or .zip: in pairs, at fault, or neither.

    Raises:
        DataError: The folder or archive cannot be read.
        UsageError: A light is unknown, or both are the same.
    """
    options = options or DataOptions()
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
        # By files, too: scenes in several folders may have one name.
        pairs=tuple(sorted(pairs + more_pairs, key=lambda p: (p.name, p.source))),
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
    """A scene's pictures under both lights, in folders of their own, if there are."""
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
    files: Iterable[PictureFile], options: DataOptions
) -> tuple[list[Pair], list[DataFault]]:
    scenes: dict[PurePosixPath, dict[str, PictureFile]] = {}
    for file in files:
        folder = file.name.parent
        scene, light = scene_and_light(file)
        if light and folder.name not in (_INPUT, _TARGET):
            scenes.setdefault(folder / scene, {})[light] = file
    pairs, faults = [], []
    wanted = (options.from_light, options.to_light)
    for scene_path, lights in scenes.items():
        missing = [light for light in wanted if light not in lights]
        if len(missing) == 1:
            present = next(light for light in wanted if light in lights)
            faults.append(_partner_missing(lights[present], missing[0]))
        if not missing:
            source, target = (lights[light] for light in wanted)
            across = tuple(lights.get(light) for light in _in_mirror(options))
            other = (across[0], across[1]) if across[0] and across[1] else None
            pairs.append(Pair(scene_path.name, source, target, other))
    return pairs, faults


def _in_two_folders(
    files: Sequence[PictureFile], options: DataOptions
) -> tuple[list[Pair], list[DataFault]]:
    sources, second_sources = _one_side(files, _INPUT, options.from_light)
    targets, second_targets = _one_side(files, _TARGET, options.to_light)
    both = sources.keys() & targets.keys()
    pairs = [Pair(key.name, sources[key], targets[key]) for key in both]
    alone = [(sources[k], _TARGET) for k in sorted(sources.keys() - both)]
    alone += [(targets[k], _INPUT) for k in sorted(targets.keys() - both)]
    missing = [_partner_missing(file, f"{side}/") for file, side in alone]
    return pairs, second_sources + second_targets + missing


def _one_side(
    files: Iterable[PictureFile], folder: str, light: str
) -> tuple[dict[PurePosixPath, PictureFile], list[DataFault]]:
    """One picture of each scene in folders of a name, and the pictures beside it."""
    scenes: dict[PurePosixPath, list[PictureFile]] = {}
    for file in files:
        if file.name.parent.name == folder:
            # Some releases keep the light in the name on either side.
            scene, _ = scene_and_light(file)
            scenes.setdefault(file.name.parent.parent / scene, []).append(file)
    chosen, faults = {}, []
    for key, found in scenes.items():
        # Of several lights the one asked for counts; all else is ambiguous.
        asked_for = [file for file in found if scene_and_light(file)[1] == light]
        chosen[key] = asked_for[-1] if asked_for else found[0]
        text = f"a second picture of the scene beside {chosen[key]}"
        others = (file for file in found if file != chosen[key])
        faults += [DataFault(str(file), "partner", text) for file in others]
    return chosen, faults


def scene_and_light(file: PictureFile) -> tuple[str, str]:
    """Scene and light by a file's name; no light, "", where VIDIT did not name it."""
    match = _VIDIT_NAME.fullmatch(file.name.stem)
    return (match[1], match[2]) if match else (file.name.stem, "")


def _in_mirror(options: DataOptions) -> list[str]:
    """The two lights that a mirror turns into those of inputs and targets."""
    wanted = (options.from_light, options.to_light)
    return [str(read_light(light).mirrored()) for light in wanted]


def _partner_missing(file: PictureFile, partner: str) -> DataFault:
    return DataFault(str(file), "partner", f"its partner {partner} is missing")
