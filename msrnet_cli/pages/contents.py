"""What the before/after page shows: of a job that has ended, or of a folder later."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli.folder import history
from msrnet_cli.folder.about import About
from msrnet_cli.lights import told
from msrnet_cli.pages.compare import Contents, Problem, Shown
from msrnet_cli.pages.place import results_of
from msrnet_cli.places import here
from msrnet_cli.relight.records import WeightsName

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from msrnet_cli.folder.events import FileDone, JobSummary
    from msrnet_cli.folder.history import FolderHistory, Result
    from msrnet_cli.folder.jobs import Job
    from msrnet_cli.folder.plan import Plan
    from msrnet_cli.folder.records import Making

_TITLE = "Before and after"
_SKIPPED = "the result was there already, made in the same way"
_CHANGED = "the result has been changed since msrnet made it"


def of_job(
    plan: Plan, done: Sequence[FileDone], summary: JobSummary, making: Making
) -> Contents:
    """What a page shows of a job, as far as the job came.

    Args:
        plan: What went where.
        done: What became of each picture.
        summary: The end of the job.
        making: How results were made.
    """
    jobs = {str(job.source): job for job in plan.jobs}
    names = {job: one.name for job, one in jobs.items()}
    names |= {fault.path: fault.relative for fault in plan.faults}
    abouts = {} if plan.folder is None else history.told(here(plan.folder))
    shown: list[Shown] = []
    problems: list[Problem] = []
    for one in done:
        if one.status == "failed":
            problems.append(Problem(names[one.input], one.reason, one.remedy))
        else:
            shown += _results(jobs[one.input], one, making, abouts)
    title = f"{_TITLE}: {plan.output}"
    return Contents(title, tuple(shown), tuple(problems), _remarks(summary, making))


def _results(
    job: Job, done: FileDone, making: Making, abouts: Mapping[str, About]
) -> Iterator[Shown]:
    """The results of one picture: one, or those of a fan."""
    skipped = (_SKIPPED,) if done.status == "skipped" else ()
    for relative, path in results_of(job):
        about = abouts.get(relative, About())
        seconds, notes, light = about.seconds, about.notes + skipped, making.light
        by = WeightsName(about.weights, about.weights_sha256)
        if job.is_fan:
            light = told.one_of_fan(light, path.stem)
        elif done.status == "relit":
            seconds, notes = sum(done.seconds.values()), done.notes
            by = WeightsName(done.weights, done.weights_sha256)
        made = making.by(by)
        yield Shown(
            name=relative,
            output=path,
            input=here(job.source),
            light=light,
            weights=made.weights,
            weights_sha256=made.weights_sha256,
            seconds=seconds,
            notes=notes,
        )


def _remarks(summary: JobSummary, making: Making) -> tuple[str, ...]:
    remarks = [f"Light: {making.light}."] if making.light else []
    if summary.unfinished:
        why = f" by {summary.stopped_by}" if summary.stopped_by else ""
        remarks.append(f"The job was stopped{why}: {summary.unfinished} not reached.")
    if summary.halted:
        remarks.append(f"{summary.halted}.")
    return tuple(remarks)


def of_folder(found: FolderHistory, originals: Mapping[str, Path]) -> Contents:
    """What a page shows of an output folder afterwards.

    Args:
        found: What its journal tells.
        originals: Where originals lie now, by digest, if not where they were.
    """
    problems = [Problem(one.name, *_parted(one.reason)) for one in found.failures]
    problems += [
        Problem(one.output, "its result is missing", "relight it again")
        for one in found.results
        if one.state == "missing"
    ]
    shown = tuple(
        _of_result(Path(found.folder), one, originals)
        for one in found.results
        if one.state != "missing"
    )
    lights = {one.light for one in shown}
    remarks = tuple(
        f"Light: {light}." for light in lights if light and len(lights) == 1
    )
    return Contents(f"{_TITLE}: {found.folder}", shown, tuple(problems), remarks)


def _parted(text: str) -> tuple[str, str]:
    """Reason and remedy of a line such as lists of failures have."""
    reason, mark, remedy = text.rpartition("; ")
    return (reason, remedy) if mark else (text, "")


def _of_result(folder: Path, one: Result, originals: Mapping[str, Path]) -> Shown:
    at = originals.get(one.source_sha256)
    if at is None and one.input:
        at = Path(one.input)
    return Shown(
        name=one.output,
        output=folder / one.output,
        input=at,
        light=one.light,
        weights=one.weights,
        weights_sha256=one.weights_sha256,
        seconds=one.seconds,
        notes=(*one.notes, *((_CHANGED,) if one.state == "changed" else ())),
        input_sha256=one.source_sha256,
    )
