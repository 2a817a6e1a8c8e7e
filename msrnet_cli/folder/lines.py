"""The lines of all journals of an output folder. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from msrnet_cli.errors import UsageError
from msrnet_cli.files import read_regular
from msrnet_cli.folder.about import about_of
from msrnet_cli.folder.known import entry_of
from msrnet_cli.folder.segments import segments
from msrnet_cli.folder.tails import NAME, names_in, run_of
from msrnet_cli.stores.address import Address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from msrnet_cli.folder.about import About
    from msrnet_cli.folder.known import Entry
    from msrnet_cli.folder.tails import Run
    from msrnet_cli.places import Place


@dataclass(frozen=True)
class Lines:
    """The lines of the journals of a folder, those written last at the end.

    Attributes:
        entries: Of each output, the states that it had, by digest; the last one is the
            newest.
        abouts: What people want to know, by output and digest.
        stems: Folder and stem of each output.
        shards: Which shard made a state, by output and digest; "" is left out.
        runs: The last run of each shard; None where its journal tells of none.
    """

    entries: Mapping[str, dict[str, Entry]]
    abouts: Mapping[tuple[str, str], About]
    stems: frozenset[tuple[str, str]]
    shards: Mapping[tuple[str, str], str]
    runs: Mapping[str, Run | None]


def lines_of(folder: Place) -> Lines:
    """The lines of all journals of an output folder.

    Raises:
        UsageError: There is no such folder, or no journal in it that can be read.
    """
    if isinstance(folder, Path) and not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise UsageError(f"{folder} {what}", "name a folder that msrnet relight filled")
    entries: dict[str, dict[str, Entry]] = {}
    abouts: dict[tuple[str, str], About] = {}
    shards: dict[tuple[str, str], str] = {}
    runs: dict[str, Run | None] = {}
    for mark, data in _journals(folder):
        runs.setdefault(mark, None)
        for line in data.splitlines():
            entry = entry_of(line)
            if entry is not None:
                states = entries.setdefault(entry.output, {})
                states.pop(entry.output_sha256, None)  # the newest comes last
                states[entry.output_sha256] = entry
                shards.pop((entry.output, entry.output_sha256), None)
                if mark:
                    shards[entry.output, entry.output_sha256] = mark
            elif found := about_of(line):
                abouts.pop(found[0], None)
                abouts[found[0]] = found[1]
            elif run := run_of(line):
                runs[mark] = run
    stems = frozenset(
        (output.rpartition("/")[0], PurePosixPath(output).stem) for output in entries
    )
    return Lines(entries, abouts, stems, shards, runs)


def _journals(folder: Place) -> Iterator[tuple[str, bytes]]:
    """The journals of a folder: whose each is, and its lines.

    Raises:
        UsageError: There is none, or one cannot be read.
    """
    is_empty = True
    for one in segments(folder) if isinstance(folder, Address) else _files(folder):
        is_empty = False
        yield one
    if is_empty:
        reason = f"{folder} has no journal"
        raise UsageError(reason, "name a folder that msrnet relight filled")


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    try:
        found = [(mark, folder / name) for mark, name in names_in(folder)]
    except OSError:  # it may be entered, but not listed
        found = [("", folder / NAME)] if (folder / NAME).exists() else []
    for mark, path in found:
        yield mark, _data(path)


def _data(path: Path) -> bytes:
    try:
        return read_regular(path)
    except OSError as error:
        reason = f"reading the journal {path} failed: {error.strerror}"
        raise UsageError(reason, "make it readable") from error
