"""msrnet relight."""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from msrnet_cli import signals, streams
from msrnet_cli.cli.application import app
from msrnet_cli.cli.derive import Given, command
from msrnet_cli.cli.loading import loading, seconds
from msrnet_cli.cli.options import Output
from msrnet_cli.errors import NothingDoneError, PictureError, UsageError
from msrnet_cli.folder.options import RelightOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from msrnet_cli.folder.events import Event, FileDone, JobSummary
    from msrnet_cli.folder.plan import Plan
    from msrnet_cli.folder.records import Making
    from msrnet_cli.relight.relighter import Relighter

    Notify = Callable[[Event], None]

_STREAM = "-"
Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT... OUTPUT",
        help="Files, folders or patterns, then a folder or, for one input, a file;"
        " each may be in a store: s3://BUCKET/PATH. - is standard input or output.",
    ),
]


@command(
    app,
    examples={
        "msrnet relight photos/ relit/": "a whole folder; again, to finish it",
        "msrnet relight photos/ relit/ --to left --kelvin 3200": "warm light, from W",
        "msrnet relight photos/ relit/ --look golden-hour": "a light by its name",
        "msrnet relight - relit.png < photo.jpg": "one picture, from standard input",
    },
)
def relight(paths: Paths, given: Given[RelightOptions], output: Output) -> None:
    """Relight pictures; whole folders, nothing lost.

    Without an option for the light, light of 6500 K becomes light of 4500 K from E, the
    right: by the built-in weights n6500-e4500 in nights that are lit from N, behind the
    scene, and by lightstage in all others. Any other light is put by lightstage; these
    weights see pictures at a working size of their own.
    """
    from msrnet_cli.lights import asked

    options = given.record
    asked.wish(options.light)  # an unknown look is refused before anything is loaded
    *inputs, target = paths
    if "" in (*paths, options.files_from):
        raise UsageError("a path is empty", "look at the shell variable it came from")
    if not inputs and options.files_from is None:
        raise UsageError("there is no output", "write: msrnet relight INPUT... OUTPUT")
    _check_terminal(inputs, target, options.files_from)
    _check_executor(given, options, [*inputs, target])
    if _STREAM in (*inputs, target):
        _relight_stream(inputs, target, given, options, output)
    else:
        _relight_folder(inputs, target, given, options, output)


def _check_executor(
    given: Given[RelightOptions], options: RelightOptions, paths: list[str]
) -> None:
    """Refuse options that the executor does not have, before anything is loaded."""
    if options.cluster.executor == "local":
        for flag in sorted(given.flags):
            if flag.startswith("--ray-"):
                raise UsageError(f"{flag} without --executor ray", "add it, or drop it")
        return
    asked = "--executor ray"
    if _STREAM in paths:
        raise UsageError(f"{asked} with -", "name files or folders to share out")
    if options.folder.shard is not None:
        raise UsageError(
            f"{asked} with --shard",
            "drop --shard: Ray shares the pictures out among its actors",
        )
    if options.dry_run:
        remedy = f"drop {asked}: the plan is the same without it"
        raise UsageError(f"{asked} with --dry-run", remedy)
    from msrnet_cli.folder.on_ray import cluster

    cluster.require_ray()


def _load(options: RelightOptions, pictures: int = 1) -> Relighter:
    from msrnet_cli import hardware
    from msrnet_cli.relight.relighter import Relighter

    hardware.keep_freed_memory()
    return Relighter.load(
        options.weights, options.session, light=options.light, pictures=pictures
    )


def _weights_name(options: RelightOptions) -> str:
    from msrnet_cli.weights import find

    for_light = find.for_light()
    chosen = [find.default(), for_light] if options.light.is_plain else [for_light]
    names = " or ".join(each.name for each in chosen if each)
    return options.weights or names or "built-in default"


def _check_terminal(inputs: list[str], output: str, files_from: str | None) -> None:
    """Refuse streams that are closed, and pictures from or to a terminal."""
    if _STREAM in (*inputs, files_from):
        streams.require("stdin")
    if output == _STREAM:
        streams.require("stdout")
        if sys.stdout.isatty():
            raise UsageError(
                "a picture cannot be shown on a terminal",
                "redirect standard output: ... - > relit.png",
            )
    if _STREAM in inputs and sys.stdin.isatty():
        raise UsageError(
            "standard input is a terminal, not a picture",
            "write: msrnet relight - OUTPUT < photo.jpg",
        )


def _relight_folder(
    inputs: list[str],
    target: str,
    given: Given[RelightOptions],
    options: RelightOptions,
    output: Output,
) -> None:
    if output.json:
        streams.require("stdout")
    with loading():
        from msrnet_cli.report import relight as report
        from msrnet_cli.report import terminal

        if options.files_from == _STREAM and sys.stdin.isatty():
            terminal.warn("the list of inputs is read from here, up to Ctrl-D")
        elif not output.quiet:
            terminal.loading()
        from msrnet_cli.folder.job import made_by, relight_folder

        plan = _plan(inputs, target, given, options, output)
        name = _weights_name(options)
        if options.cluster.executor == "local":
            relighter = _load(options, len(plan.jobs))
    if options.cluster.executor == "ray":
        _relight_on_ray(plan, options, output, name)
        return
    if options.dry_run:
        from msrnet_cli.folder.foresight import foresee

        told = report.planned(as_json=output.json, quiet=output.quiet)
        forecast = foresee(plan, relighter, options.folder, told, name)
        some = forecast.write or forecast.anew or forecast.skip
        _end_for(failed=forecast.refuse, some=some)
        return

    def run(notify: Notify, start: float) -> JobSummary:
        return relight_folder(plan, relighter, options.folder, notify, name, start)

    summary, done = _carried_out(run, options, output)
    if options.report is not None:
        _show(options, plan, done, summary, made_by(plan, relighter, name), output)
    _finish(summary)


def _relight_on_ray(
    plan: Plan, options: RelightOptions, output: Output, name: str
) -> None:
    with ExitStack() as stack:
        with loading():
            from msrnet_cli.folder.on_ray import cluster
            from msrnet_cli.folder.on_ray.job import RayJob

            found = stack.enter_context(cluster.joined(options.cluster.ray_address))
            job = stack.enter_context(closing(RayJob(plan, options, found, name)))
        summary, done = _carried_out(job.run, options, output)
    if options.report is not None:
        _show(options, plan, done, summary, job.making, output)
    _finish(summary)


def _carried_out(
    run: Callable[[Notify, float], JobSummary], options: RelightOptions, output: Output
) -> tuple[JobSummary, list[FileDone]]:
    """Run a job and report it.

    Args:
        run: Takes a reporter, and the seconds that the start took.
        options: Whether a page is asked for.
        output: How it is reported.

    Returns:
        The end of the job; and what became of each picture, if a page shows it.
    """
    from msrnet_cli.cli.showing import noting
    from msrnet_cli.report import relight as report

    signals.raise_on_signals()
    notify = report.reporter(as_json=output.json, quiet=output.quiet)
    done: list[FileDone] = []
    if options.report is not None:
        notify = noting(notify, done)
    return run(notify, seconds()), done


def _show(
    options: RelightOptions,
    plan: Plan,
    done: list[FileDone],
    summary: JobSummary,
    making: Making,
    output: Output,
) -> None:
    """Write the page that was asked for."""
    from msrnet_cli.cli.showing import show_job

    quiet = output.quiet or output.json
    show_job(options, plan, done, summary, making, quiet=quiet)


def _plan(
    inputs: list[str],
    target: str,
    given: Given[RelightOptions],
    options: RelightOptions,
    output: Output,
) -> Plan:
    """What goes where; the page, too, is refused here."""
    from msrnet_cli.folder import reads
    from msrnet_cli.folder.plan import make_plan
    from msrnet_cli.folder.search import NothingFoundError
    from msrnet_cli.pages.place import Page, require_page
    from msrnet_cli.report import passed, terminal

    named = [*reads.named(options, given.config)]
    try:
        plan = make_plan(
            inputs,
            target,
            options.folder,
            options.files_from,
            is_fan=options.light.is_fan,
            dry=options.dry_run,
            reads=named,
        )
    except NothingFoundError as error:
        for line in () if output.quiet else passed.lines(error.ignored):
            terminal.say(line)
        raise
    if options.report is not None:
        require_page(
            Page.named("--report", options.report),
            plan,
            options.files_from,
            named,
            dry=options.dry_run,
        )
    return plan


def _finish(summary: JobSummary) -> None:
    """End with the exit code of a summary; 0 returns."""
    if summary.stopped_by:
        code = signals.EXIT_CODES[summary.stopped_by]
        with suppress(BrokenPipeError):
            streams.settle()
        signals.end_if_busy(code)
        raise typer.Exit(code)
    if summary.failed or summary.halted:
        _end_for(failed=1, some=summary.relit or summary.skipped)


def _end_for(*, failed: int, some: int) -> None:
    """End with the exit code of failed pictures beside some others; 0 returns."""
    if failed:
        kind = PictureError if some else NothingDoneError
        raise typer.Exit(kind.exit_code)


def _relight_stream(
    inputs: list[str],
    target: str,
    given: Given[RelightOptions],
    options: RelightOptions,
    output: Output,
) -> None:
    """One picture through standard input, standard output, or both."""
    if options.light.is_fan:
        if _STREAM in inputs:
            reason = "standard input cannot make a fan, as --to all asks for"
            raise UsageError(reason, "name the file of the picture")
        reason = "--to all makes a folder of pictures, standard output takes one"
        raise UsageError(reason, "name a folder for the output")
    if options.report is not None:
        raise UsageError("--report with -", "name files or folders to show on a page")
    if options.folder.shard is not None:
        raise UsageError("--shard with -", "name files or folders to split the job")
    if options.dry_run:
        raise UsageError("--dry-run with -", "name files or folders to see the plan")
    if len(inputs) != 1 or options.files_from is not None:
        raise UsageError("- takes one input and one output", "write: relight - -")
    if output.json and target == _STREAM:
        raise UsageError(
            "--json and a picture both want standard output", "drop --json"
        )
    if output.json:
        streams.require("stdout")
    with loading():
        from msrnet_cli.folder import reads, stream
        from msrnet_cli.report import relight as report

    def ready() -> Relighter:
        with loading():
            relighter = _load(options)
        signals.raise_on_signals()  # what is half written must be taken away
        return relighter

    summary = stream.relight_stream(
        inputs[0],
        target,
        ready,
        options.folder,
        report.of_one(as_json=output.json, quiet=output.quiet),
        _weights_name(options),
        reads.named(options, given.config),
    )
    for failure in () if output.json else summary.failures:  # the only picture
        raise NothingDoneError(failure.reason, failure.remedy)
    _finish(summary)
