"""The before/after page, for each command that makes one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msrnet_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from msrnet_cli.folder.events import Event, FileDone, JobSummary
    from msrnet_cli.folder.options import RelightOptions
    from msrnet_cli.folder.plan import Plan
    from msrnet_cli.folder.records import Making
    from msrnet_cli.pages.compare import Contents
    from msrnet_cli.pages.place import Page


def noting(
    notify: Callable[[Event], None], done: list[FileDone]
) -> Callable[[Event], None]:
    """A reporter that also keeps what became of each picture.

    Args:
        notify: Called with each event.
        done: Takes what became of each picture.
    """
    from msrnet_cli.folder.events import FileDone

    def note(event: Event) -> None:
        if isinstance(event, FileDone):
            done.append(event)
        notify(event)

    return note


def show_job(
    options: RelightOptions,
    plan: Plan,
    done: Sequence[FileDone],
    summary: JobSummary,
    making: Making,
    *,
    quiet: bool = False,
) -> None:
    """Write the page of a job, as far as the job came.

    Args:
        options: Name the page.
        plan: What went where.
        done: What became of each picture.
        summary: The end of the job.
        making: How results were made.
        quiet: Whether only what went wrong is told.

    Raises:
        UsageError: The page cannot be written, and the job was not stopped.
    """
    from msrnet_cli.pages import contents
    from msrnet_cli.pages.place import Page
    from msrnet_cli.report import terminal

    assert options.report is not None
    page = Page.named("--report", options.report)
    if summary.stopped_by and not quiet:
        terminal.warn(f"writing {page.path}; stop it again to do without")
    try:
        shown = contents.of_job(plan, done, summary, making)
        write_page(page, shown, options.folder.max_megapixels, quiet=quiet)
    except UsageError as error:
        if not summary.stopped_by:
            raise
        terminal.error_line(error)


def write_page(
    page: Page, shown: Contents, max_megapixels: float, *, quiet: bool = False
) -> None:
    """Write a page, and tell on a terminal how far it is.

    Args:
        page: Where it lies.
        shown: What it shows.
        max_megapixels: Larger pictures are not shown.
        quiet: Whether only what went wrong is told.

    Raises:
        UsageError: It cannot be written.
    """
    from msrnet_cli.pages import compare
    from msrnet_cli.report import terminal

    try:
        with terminal.progress() as progress:
            compare.write(
                page, shown, max_megapixels, lambda name: progress(f"showing {name}")
            )
    except OSError as error:
        raise page.unwritten(error) from error
    if not quiet:
        terminal.say(f"page: {page.path}")
