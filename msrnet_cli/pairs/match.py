"""Which pictures of two folders belong together: outputs and their targets."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from msrnet_cli.errors import DataError
from msrnet_cli.lights import read_light
from msrnet_cli.pairs.files import PictureFile, list_pictures
from msrnet_cli.pairs.find import scene_and_light
from msrnet_cli.pairs.options import PairOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_BESIDE = "_compare.jpg"
"""The end of a name that `msrnet relight --compare` gives to its comparisons."""


@dataclass(frozen=True)
class Matched:
    """Outputs and their targets.

    Attributes:
        pictures: Name, output and target, sorted by name.
        notes: Which pictures were ignored, for people.
    """

    pictures: tuple[tuple[str, PictureFile, PictureFile], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, order=True)
class _Named:
    """A picture by its name.

    Attributes:
        name: Inside its folder or archive.
        file: The picture.
    """

    name: PurePosixPath
    file: PictureFile

    @property
    def stem(self) -> PurePosixPath:
        """The name without its suffix."""
        return self.name.with_suffix("")

    @property
    def scene(self) -> PurePosixPath:
        """The scene, with its folder: the name without light and suffix."""
        return self.name.parent / scene_and_light(self.file)[0]

    @property
    def light(self) -> str:
        """The light in a name of VIDIT's form; "" for other names."""
        return scene_and_light(self.file)[1]


def match_folders(outputs: Path, targets: Path, light: str = "") -> Matched:
    """Find the target of each output: by its name without suffix, else by its scene.

    The comparisons of `msrnet relight --compare` are ignored.

    Args:
        outputs: A folder or .zip.
        targets: The same.
        light: Of the targets, as ``4500_E``; "" for the light in the name of an output,
            and for that of the paper where no target has that light.

    Raises:
        DataError: There is no output, or one has no target, or more than one.
        UsageError: The light is unknown.
    """
    light = str(read_light(light)) if light else ""
    ours, theirs = _listed(outputs), _listed(targets)
    if not ours:
        raise DataError(f"{outputs} holds no picture", "check the path")
    kept, beside = _without_side_by_side(ours)
    scenes: defaultdict[PurePosixPath, list[_Named]] = defaultdict(list)
    for target in _without_side_by_side(theirs)[0]:
        scenes[target.scene].append(target)
    found = {output: _targets(output, scenes[output.scene], light) for output in kept}
    alone = [output for output in kept if not found[output]]
    if alone:
        lit = f" lit by {light}" if light else ""
        raise DataError(
            f"{alone[0].file} has no picture of its name or scene{lit} in {targets}",
            f"{len(alone)} of {len(kept)} have none: check the folders",
        )
    stems = Counter(output.stem for output in kept)
    return Matched(
        tuple(
            (
                (output.stem if stems[output.stem] == 1 else output.name).as_posix(),
                output.file,
                _only(output, found[output], targets),
            )
            for output in kept
        ),
        tuple(_notes(found, scenes, beside, light)),
    )


def _listed(data: Path) -> list[_Named]:
    """All pictures, by their names."""
    return sorted(
        _Named(PurePosixPath(file.member or file.path.relative_to(data)), file)
        for file in list_pictures(data)
    )


def _without_side_by_side(pictures: Sequence[_Named]) -> tuple[list[_Named], int]:
    """The pictures without the comparisons beside an output, and their number."""
    stems = {picture.stem for picture in pictures}
    kept = [
        picture
        for picture in pictures
        if not picture.name.name.endswith(_BESIDE)
        or picture.name.with_name(picture.name.name.removesuffix(_BESIDE)) not in stems
    ]
    return kept, len(pictures) - len(kept)


def _targets(output: _Named, there: Sequence[_Named], light: str) -> list[_Named]:
    """The possible targets of an output, among those of its scene; best one."""
    if light and any(target.light for target in there):
        return [target for target in there if target.light == light]
    tests: tuple[Callable[[_Named], bool], ...] = (
        lambda target: target.name == output.name,
        lambda target: target.stem == output.stem,
        lambda target: target.light == PairOptions.to_light,
    )
    sieved = (list(filter(test, there)) for test in tests)
    return next(filter(None, sieved), list(there))


def _only(output: _Named, found: Sequence[_Named], targets: Path) -> PictureFile:
    """The target of an output.

    Raises:
        DataError: There is more than one.
    """
    if len(found) > 1:
        names = ", ".join(target.name.as_posix() for target in found)
        raise DataError(
            f"{output.file} may belong to several pictures of {targets} ({names})",
            "name the light with --to, or keep one of them",
        )
    return found[0].file


def _notes(
    found: Mapping[_Named, Sequence[_Named]],
    scenes: Mapping[PurePosixPath, Sequence[_Named]],
    beside: int,
    light: str,
) -> Iterator[str]:
    if beside:
        yield f"side-by-side pictures of --compare: {beside}, passed over"
    outputs = Counter(output.scene for output in found)
    alone = sum(bool(there) for there in scenes.values()) - len(outputs)
    if alone:
        yield f"targets without an output: {alone}, left out"
    usual = PairOptions.to_light
    doubtful = sum(
        outputs[output.scene] == 1
        and targets[0].light not in ("", usual)
        and any(target.light == usual for target in scenes[output.scene])
        for output, targets in found.items()
    )
    if doubtful and not light:
        yield (
            f"scored against the light of the output's own name: {doubtful};"
            f" give --to {usual} to score against that light of the scene"
        )
