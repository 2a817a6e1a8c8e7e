"""Where a page may lie, with its pictures: refused before any work, or written.

A page is one file. Pictures that are too many to be in it lie in a folder beside it,
`page_files` for `page.html`; that folder holds nothing else.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli.errors import UsageError
from msrnet_cli.files import opened_regular, write_whole
from msrnet_cli.folder.destination import check_no_url, try_out
from msrnet_cli.folder.fan import LIGHTS, SHEET, compared
from msrnet_cli.folder.tails import NAME
from msrnet_cli.folder.targets import LONGEST_NAME, STDIN, Read, Reads
from msrnet_cli.images.previews import is_preview
from msrnet_cli.places import here

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from msrnet_cli.folder.jobs import Job
    from msrnet_cli.folder.plan import Plan

MOST_WHOLE = 50
"""Results that a page holds itself; of more, all pictures lie in a folder beside it."""

_SUFFIXES = (".html", ".htm")
_MARK = b'<meta name="generator" content="msrnet'
_HEAD_BYTES = 1 << 16  # of pages of older versions: there styles stand before the mark


@dataclass(frozen=True)
class Page:
    """A page that a command makes.

    Attributes:
        flag: The option or argument that names it.
        path: The HTML file.
    """

    flag: str
    path: Path

    @classmethod
    def named(cls, flag: str, text: str) -> Page:
        """A page as a user names it.

        Raises:
            UsageError: The text is a URL, or empty.
        """
        check_no_url(text)
        if not text:
            raise UsageError(f"{flag} is empty", "look at the shell variable")
        return cls(flag, Path(text))

    @property
    def folder(self) -> Path:
        """Where its pictures lie if they are too many to be in it."""
        return self.path.with_name(f"{self.path.stem}_files")

    def write(self, html: str, beside: Collection[str] = ()) -> None:
        """Write the page, whole or not at all; pictures of an older one go then.

        Args:
            html: Of odd names it keeps what UTF-8 holds.
            beside: Names of the pictures in `folder` that it shows.

        Raises:
            OSError: It cannot be written.
        """
        write_whole(self.path, html.encode("utf-8", "replace"))
        if not self.folder.is_dir() or self.folder.is_symlink():
            return
        with suppress(OSError):  # what is left does no harm
            for path in self.folder.iterdir():
                if is_preview(path.name) and path.name not in beside:
                    path.unlink()
            if not beside:
                self.folder.rmdir()

    def unwritten(self, error: OSError, folder: Path | None = None) -> UsageError:
        """What it means that the page, or its folder of pictures, cannot be written.

        Args:
            error: Why.
            folder: That folder, if the page itself is not at fault.
        """
        where = f"{folder}: " if folder else ""
        return UsageError(
            f"{self.flag} {self.path}: {where}{error.strerror or error}",
            "choose another place",
        )

    def _refuse(self, what: str, remedy: str) -> UsageError:
        return UsageError(f"{self.flag} {self.path} {what}", remedy)

    def require_place(self, reads: Reads, *, dry: bool = False) -> None:
        """Refuse a page that could not be written, or would take another file's place.

        Args:
            reads: Files that must stay.
            dry: Write nothing, not even to test the folder.

        Raises:
            UsageError: It is refused; says why.
        """
        if self.path.suffix.lower() not in _SUFFIXES:
            raise self._refuse("must end in .html", "rename it")
        if len(os.fsencode(self.folder.name)) > LONGEST_NAME:
            raise self._refuse("is too long for a name", "choose a shorter one")
        reads.require_apart(self.path)
        if self.path.is_symlink():
            raise self._refuse("is a symbolic link", "remove it")
        if self.path.exists() and not self.path.is_file():
            raise self._refuse("exists and is not a regular file", "remove it")
        if self.path.exists() and not _is_ours(self.path):
            what = "exists and is not a page that msrnet made"
            raise self._refuse(what, "remove it, or choose another name")
        try_out(self.path.parent, dry=dry)

    def require_folder(self, taken: Iterable[Path]) -> None:
        """Refuse pictures beside the page where others would be mixed with them.

        Args:
            taken: Folders of inputs and of results.

        Raises:
            UsageError: The folder is one of them, holds others, or is not a folder.
        """
        is_there = os.path.lexists(self.folder)
        if is_there and (self.folder.is_symlink() or not self.folder.is_dir()):
            what = f"needs the folder {self.folder}, which is something else"
            raise self._refuse(what, "remove it, or choose another name")
        try:
            others = is_there and not all(
                is_preview(each.name) for each in self.folder.iterdir()
            )
        except OSError as error:
            what = f"needs the folder {self.folder}: {error.strerror}"
            raise self._refuse(what, "choose another name") from error
        own = os.path.realpath(self.folder)
        if others or any(os.path.realpath(folder) == own for folder in taken):
            what = f"would put its pictures into {self.folder}, among others"
            raise self._refuse(what, "choose another name")


def require_page(
    page: Page, plan: Plan, lists: str | None,
    reads: Iterable[Read], *, dry: bool = False,
) -> None:  # fmt: skip
    """Refuse the page of a job that could not be written, or lies where it must not.

    Args:
        page: The page.
        plan: What the job reads and writes.
        lists: The list of inputs, if there is one.
        reads: Further files that the job reads.
        dry: Write nothing, not even to test the folder.

    Raises:
        UsageError: It would overwrite a file that the job reads or writes, cannot be
            written, or its pictures would lie among others; the job is split, and each
            part would write the same page; or a picture lies in a store.
    """
    if plan.shard is not None:
        raise UsageError(
            f"{page.flag} {page.path}: each shard would write the same page",
            f"when all have ended: msrnet report {plan.output} --html {page.path}",
        )
    kept = [*_reads(plan, lists), *reads, *_results(plan)]
    page.require_place(Reads(kept), dry=dry)
    results = sum(_pictures(job) for job in plan.jobs)
    if results <= MOST_WHOLE:
        return
    sources = {here(job.source).parent for job in plan.jobs}
    page.require_folder({*sources, *(here(job.target).parent for job in plan.jobs)})


def _reads(plan: Plan, lists: str | None) -> Iterator[Read]:
    for job in plan.jobs:
        yield Read("input", here(job.source))
        for what, path in (("mask", job.mask), ("second picture", job.second)):
            if path is not None:
                yield Read(what, path)
    for fault in plan.faults:
        yield Read("input", Path(fault.path))
    if lists is not None:
        yield Read("list", STDIN if lists == "-" else Path(lists))


def _results(plan: Plan) -> Iterator[Read]:
    for job in plan.jobs:
        for _, path in job.outputs():
            yield Read("result", here(path))
    yield Read("journal", here(plan.place) / NAME)


def _pictures(job: Job) -> int:
    """How many results of a job its page shows."""
    return len(list(results_of(job)))


def results_of(job: Job) -> Iterator[tuple[str, Path]]:
    """The results of a job: its picture, or those of a fan; nothing that stands beside.

    Gives for each the path below the output folder, and in full.
    """
    for relative, path in job.outputs():
        beside = path.name in (SHEET, LIGHTS) or path.name.endswith(compared(""))
        if path == job.target or (job.is_fan and not beside):
            yield relative, here(path)


def _is_ours(path: Path) -> bool:
    """Whether a file is a page that msrnet made, which a new one may replace."""
    try:
        with opened_regular(path) as file:
            return _MARK in file.read(_HEAD_BYTES)
    except OSError:
        return False
