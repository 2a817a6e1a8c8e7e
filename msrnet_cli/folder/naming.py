"""What results are called, and which pictures would become one file.

A name follows from that of the input; only its suffix follows from the input's first
bytes. So two pictures can meet only where their names agree but for the suffix, and
only of those are headers read here.
"""

from __future__ import annotations

import unicodedata
from array import array
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

from msrnet_cli import images
from msrnet_cli.errors import UsageError
from msrnet_cli.folder import fan
from msrnet_cli.folder.names import parted
from msrnet_cli.folder.search import head
from msrnet_cli.images.formats import HEAD_BYTES
from msrnet_cli.lights import DIRECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from msrnet_cli.config import Format
    from msrnet_cli.folder.findings import Found
    from msrnet_cli.places import Place

_FIELDS = "use the fields {stem} and {ext}, as they are"
_EXT = "{ext}"


class Naming:
    """The names of the results of a job.

    Args:
        template: With the fields ``{stem}`` and ``{ext}``.
        format: Of all results; None for that of each input.
        compare: Whether input and output are also put side by side.
        is_fan: Whether each picture becomes a fan.

    Attributes:
        is_fan: As above.

    Raises:
        UsageError: The template gives no name of a file.
    """

    def __init__(
        self, template: str, format: Format | None, *, compare: bool, is_fan: bool
    ) -> None:
        _check_template(template)
        self._template = template
        self._format = format
        self._compare = compare
        self.is_fan = is_fan
        self._shows_stem = template.endswith(_EXT) and template.count(_EXT) == 1

    def target(self, relative: Path, start: bytes) -> Path:
        """The result of a picture below the output folder; of a fan the first one.

        Args:
            relative: The picture below its own folder.
            start: Its first bytes.
        """
        named = relative.with_name(self._name(relative.name, start))
        if self.is_fan:
            return named.with_suffix("") / f"{DIRECTIONS[0]}{named.suffix}"
        return named

    def extras(self, target: Place) -> list[Place]:
        """The files that are written beside a result."""
        if self.is_fan:
            return fan.neighbours(target, compare=self._compare)
        return [target.with_name(fan.compared(target.stem))] if self._compare else []

    def trunks(self, relative: str) -> Iterable[str]:
        """Texts of which two pictures share one if they share an output.

        Of outputs these are the paths without their suffix, of a fan its folder.

        Args:
            relative: The picture below its own folder, with forward slashes.
        """
        folder, slash, name = relative.rpartition("/")
        stem, suffix = parted(name)
        trunk = f"{folder}{slash}{self._template.format(stem=stem, ext='')}"
        if suffix and not self._compare:
            return (trunk,)
        # Without a suffix, what looks like one may be part of the stem.
        found = {trunk, trunk if suffix else _without_suffix(trunk)}
        if self._compare and not self.is_fan:
            found |= {_without_suffix(fan.compared(each)) for each in found}
        return found

    def require_apart(
        self, found: Sequence[Found], place: Place, spelling: tuple[bool, bool]
    ) -> None:
        """Refuse pictures of which two would become one file.

        Args:
            found: All pictures, of all shards.
            place: The output folder.
            spelling: Which spellings of a name are two files, as `files.probe` tells.

        Raises:
            UsageError: There are two such pictures; names them.
        """
        taken: dict[str, Found] = {}
        for one in self._suspects(found, spelling):
            relative = Path(one.relative)
            if ".." in relative.parts or relative.is_absolute():
                continue  # refused for that
            start = head(one.path, HEAD_BYTES) or b""
            target = self.target(relative, start)
            for path in (target, *self.extras(target)):
                first = taken.setdefault(_as_stored(path.as_posix(), *spelling), one)
                if first is not one:
                    both = place / path.as_posix()
                    raise UsageError(
                        f"{first.path} and {one.path} would both become {both}",
                        "relight them into different folders, or rename one",
                    )

    def _suspects(
        self, found: Sequence[Found], spelling: tuple[bool, bool]
    ) -> Iterator[Found]:
        """Pictures that share a trunk with another one, in their order."""
        if not self._shows_stem:
            yield from found
            return
        marks = array("q")  # 8 bytes a picture, where the texts would take 200
        for one in found:
            marks.extend(self._marks(one, spelling))
        twice: set[int] = set()
        before = None
        for mark in sorted(marks):
            if mark == before:
                twice.add(mark)
            before = mark
        if twice:
            for one in found:
                if not twice.isdisjoint(self._marks(one, spelling)):
                    yield one

    def _marks(self, one: Found, spelling: tuple[bool, bool]) -> Iterator[int]:
        for trunk in self.trunks(one.relative):
            yield hash(_as_stored(trunk, *spelling))

    def _name(self, name: str, start: bytes) -> str:
        """The name of a result; its suffix always agrees with its format."""
        format = self._format or images.sniff(start[:HEAD_BYTES])
        stem, suffix = parted(name)
        if format is not None and images.format_of(suffix) != format:
            suffix = images.SUFFIXES[format]
        return self._template.format(stem=stem, ext=suffix)


def _without_suffix(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{parted(name)[0]}"


def _as_stored(path: str, case_counts: bool, form_counts: bool) -> str:
    """The same text for all spellings that name the same file."""
    if not form_counts:
        path = unicodedata.normalize("NFC", path)
    return path if case_counts else path.casefold()


def _check_template(template: str) -> None:
    try:
        parts = [
            part[1:] for part in Formatter().parse(template) if part[1] is not None
        ]
    except ValueError as error:
        raise UsageError(f"--name {template}: {error}", _FIELDS) from error
    if not all(part in (("stem", "", None), ("ext", "", None)) for part in parts):
        raise UsageError(f"--name {template} has other fields", _FIELDS)
    name = template.format(stem="stem", ext=".ext")
    if "stem" not in name or not name.endswith(".ext") or Path(name).name != name:
        raise UsageError(
            f"--name {template} does not give a file name",
            "use {stem} and end with {ext}, without folders",
        )
