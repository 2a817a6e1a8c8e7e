"""The job behind `msrnet synth`: the processes, and what is left to render.

A file exists whole or not at all, so a run that was killed goes on where it stopped.
Each scene depends on its own number only, so neither the order nor the number of
processes changes a byte.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from msrnet_cli import __version__, signals
from msrnet_cli.allowance import usable_cores
from msrnet_cli.errors import MSRNetError, UsageError
from msrnet_cli.files import write_whole
from msrnet_cli.lock import Lock
from msrnet_cli.synth.engine import Engine, choose_engine
from msrnet_cli.synth.jobs import Job, PictureJob, is_whole, path_errors, plan
from msrnet_cli.synth.options import SynthOptions, as_options, idle_fields
from msrnet_cli.synth.records import SceneDone, SetStarted, SynthSummary
from msrnet_cli.synth.scenes import scene_number
from msrnet_cli.synth.sheet import require_sheet, write_sheet

Report = Callable[[SetStarted | SceneDone], None]
NOTE = "synth.json"
_FORMAT = 1
_MAKERS = {"msrnet": "msrnet", "mitsuba": "Mitsuba", "variant": "Mitsuba's variant"}
# Options that may differ when a set is continued: they change no existing file.
_FREE = ("scenes", "workers", "sheet")


def render_set(out: Path, options: SynthOptions, report: Report) -> SynthSummary:
    """See ``msrnet_cli.synth.render_set``."""
    engine = choose_engine()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{out} cannot be made: {error.strerror}", "choose another folder"
        ) from error
    with Lock(out, "rendered") as lock:
        with path_errors(out):
            lock.take()
        return _render(out, options, engine, report)


def _render(
    out: Path, options: SynthOptions, engine: Engine, report: Report
) -> SynthSummary:
    """Render the missing scenes of a set, in an existing folder that is locked."""
    began = time.monotonic()
    sheet = Path(options.sheet) if options.sheet else None
    if sheet:
        require_sheet(sheet)
    jobs = plan(out, options)
    _claim(out, options, engine, jobs)
    _sweep(out, jobs)
    left = [job for job in jobs if not all(map(is_whole, job.files))]
    workers = max(1, min(options.workers or usable_cores(), len(left)))
    present = len(jobs) - len(left)
    report(SetStarted(len(jobs), present, engine.variant, workers, engine.notice))
    pictures = 0
    for done in _carry_out(left, engine, workers):
        pictures += done.pictures
        report(done)
    if sheet:
        rows = [
            [path for _, path in job.pictures]
            for job in jobs
            if isinstance(job, PictureJob)
        ]
        write_sheet(sheet, rows)
    elapsed = time.monotonic() - began
    return SynthSummary(
        out,
        options.layout,
        len(jobs),
        len(left),
        pictures,
        elapsed,
        engine.variant,
        sheet,
    )


def _claim(out: Path, options: SynthOptions, engine: Engine, jobs: list[Job]) -> None:
    """Write the note of the set; an older note must agree, and scenes must have one."""
    left_out = {*_FREE, *idle_fields(options.layout)}
    settings = {k: v for k, v in asdict(options).items() if k not in left_out}
    first = scene_number(options.split, options.seed, 0)
    note = {
        "format": _FORMAT,
        "msrnet": __version__,
        "mitsuba": version("mitsuba"),
        "variant": engine.variant,
        "seed": options.seed,
        "scenes": options.scenes,
        "scene_numbers": [first, first + options.scenes - 1],
        "settings": settings,
    }
    note = json.loads(json.dumps(note))
    path = out / NOTE
    if path.exists():
        _agree(path, note)
    elif any(each.exists() for job in jobs for each in job.files):
        raise UsageError(
            f"{out} holds scenes, and {NOTE} is gone, which tells how they were made",
            f"put {NOTE} back, or choose another folder",
        )
    text = json.dumps(note, indent=2) + "\n"
    with path_errors(path):
        write_whole(path, text.encode())


def _agree(path: Path, note: dict[str, Any]) -> None:
    """Refuse to go on with a set of other options or of another renderer."""
    there = _read_note(path)
    for key, name in _MAKERS.items():
        if there[key] != note[key]:
            raise UsageError(
                f"{path.parent} was made by {name} {there[key]}, this is {note[key]}:"
                " new scenes would look different",
                "choose another folder, or delete this set",
            )
    made, asked = there["settings"], note["settings"]
    names = [name for name in asked if made.get(name) != asked[name]]
    if "layout" in names:
        names = ["layout"]  # each has options of its own
    if names:
        raise UsageError(
            f"{path.parent} was made with {as_options(made, names)}; you asked for"
            f" {as_options(asked, names)}",
            "choose another folder, or give the options it was made with",
        )


def _read_note(path: Path) -> dict[str, Any]:
    remedy = "put a sound one back, or choose another folder"
    try:
        found = json.loads(path.read_text("utf-8"))
        if not isinstance(found, dict) or not isinstance(found["settings"], dict):
            raise ValueError("it does not describe a set")
        if found["format"] != _FORMAT:
            raise ValueError(f"format {found['format']}, this program knows {_FORMAT}")
        return {key: found[key] for key in ("msrnet", "mitsuba", "variant", "settings")}
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", remedy) from error
    except KeyError as error:
        raise UsageError(f"{path} is damaged: {error} is missing", remedy) from error
    except ValueError as error:
        raise UsageError(f"{path} is damaged: {error}", remedy) from error


def _sweep(out: Path, jobs: list[Job]) -> None:
    """Make the folders; delete what a killed run left half written.

    No other run writes there: the folder is locked.
    """
    for folder in {out, *(path.parent for path in jobs[0].files)}:
        with path_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        for stray in folder.glob(".*.part"):
            with suppress(FileNotFoundError):
                stray.unlink()


def _carry_out(jobs: list[Job], engine: Engine, workers: int) -> Iterator[SceneDone]:
    """Render scenes; give each as soon as it is finished."""
    if workers == 1:
        yield from (job.carry_out(engine) for job in jobs)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, signals.serve, (os.getpid(),))
    try:
        yield from _as_finished(pool, jobs, engine, workers)
    except BrokenProcessPool as error:
        raise MSRNetError(
            "a rendering process died, perhaps for want of memory",
            "run it again with fewer --workers; it goes on where it stopped",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _as_finished(
    pool: ProcessPoolExecutor, jobs: list[Job], engine: Engine, workers: int
) -> Iterator[SceneDone]:
    waiting = iter(jobs)
    running: set[Future[SceneDone]] = set()
    while True:
        for job in waiting:
            running.add(pool.submit(job.carry_out, engine))
            if len(running) > 2 * workers:
                break
        if not running:
            return
        finished, running = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            yield future.result()
