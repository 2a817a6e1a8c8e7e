"""The job behind `msrnet synth`: which files, in which processes, and what is left.

A picture exists whole or not at all, so a run that was killed goes on where it
stopped. Each scene depends on its own number only, so neither the order nor the
number of processes changes a byte.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image as Picture

from msrnet_cli import __version__
from msrnet_cli.config import SynthOptions
from msrnet_cli.errors import MSRNetError, UsageError
from msrnet_cli.lights import Light, read_light, read_lights
from msrnet_cli.synth.engine import Engine, choose_engine
from msrnet_cli.synth.photograph import Negative, photograph
from msrnet_cli.synth.records import SceneDone, SetStarted, SynthSummary
from msrnet_cli.synth.scenes import SETS_PER_SPLIT, scene_number
from msrnet_cli.synth.sheet import contact_sheet

Report = Callable[[SetStarted | SceneDone], None]
NOTE = "synth.json"
_TEMPORARY = ".part"
# These may differ when a set is continued: they change no file that is there.
_FREE = ("scenes", "workers", "sheet")


@dataclass(frozen=True)
class Job:
    """One scene and where its pictures go.

    Attributes:
        index: Number of the scene in the set.
        number: What it is drawn from.
        pictures: Light and file of every picture.
        depth: File of the depth map; None for none.
        size: Side in pixels.
        samples: Rays a pixel.
    """

    index: int
    number: int
    pictures: tuple[tuple[Light, Path], ...]
    depth: Path | None
    size: int
    samples: int

    @property
    def name(self) -> str:
        return f"Image{self.index:03d}"

    def done(self) -> bool:
        """Whether every file is there."""
        files = [path for _, path in self.pictures]
        return all(p.exists() for p in [*files, *([self.depth] if self.depth else [])])


def plan(out: Path, options: SynthOptions) -> list[Job]:
    """Every scene of a set, whether it is there or not."""
    return [_job(out, options, index) for index in range(options.scenes)]


def _job(out: Path, options: SynthOptions, index: int) -> Job:
    name = f"Image{index:03d}"
    pictures: tuple[tuple[Light, Path], ...]
    if options.layout == "pairs":
        pictures = (
            (read_light(options.from_light), out / "input" / f"{name}.png"),
            (read_light(options.to_light), out / "target" / f"{name}.png"),
        )
    else:
        lights = read_lights(options.lights)
        pictures = tuple((light, out / f"{name}_{light}.png") for light in lights)
    return Job(
        index,
        scene_number(options.split, options.seed, index),
        pictures,
        out / "depth" / f"{name}.png" if options.depth else None,
        options.size,
        options.samples,
    )


def check(options: SynthOptions) -> None:
    """Refuse options that cannot be carried out.

    Raises:
        UsageError: Naming the option and its bounds.
    """
    bounds = {
        "scenes": (1, 100_000),
        "size": (16, 4096),
        "samples": (1, 1024),
        "workers": (0, 256),
        "seed": (0, SETS_PER_SPLIT - 1),
    }
    for option, (low, high) in bounds.items():
        value = getattr(options, option)
        if not low <= value <= high:
            raise UsageError(f"{option} is {value}", f"give {low} to {high}")
    read_lights(options.lights)
    if read_light(options.from_light) == read_light(options.to_light):
        raise UsageError(f"--from and --to are both {options.to_light}", "name two")


def render_set(out: Path, options: SynthOptions, report: Report) -> SynthSummary:
    """See ``msrnet_cli.synth.render_set``."""
    check(options)
    engine = choose_engine()
    began = time.monotonic()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{out} cannot be made: {error.strerror}", "choose another folder"
        ) from error
    _claim(out, options, engine)
    jobs = plan(out, options)
    _sweep(out, jobs)
    left = [job for job in jobs if not job.done()]
    workers = max(1, min(options.workers or os.cpu_count() or 1, len(left)))
    present = len(jobs) - len(left)
    report(SetStarted(len(jobs), present, engine.variant, workers, engine.notice))
    pictures = 0
    for done in _carry_out(left, engine, workers):
        pictures += done.pictures
        report(done)
    sheet = Path(options.sheet) if options.sheet else None
    if sheet:
        rows = [[path for _, path in job.pictures] for job in jobs]
        write_whole(sheet, partial(contact_sheet(rows).save, format="PNG"))
    elapsed = time.monotonic() - began
    return SynthSummary(
        out, len(jobs), len(left), pictures, elapsed, engine.variant, sheet
    )


def _claim(out: Path, options: SynthOptions, engine: Engine) -> None:
    """Write the set's note, or make sure that the one there agrees."""
    settings = {k: v for k, v in asdict(options).items() if k not in _FREE}
    first = scene_number(options.split, options.seed, 0)
    note = {
        "format": 1,
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
    text = json.dumps(note, indent=2) + "\n"
    write_whole(path, lambda file: Path(file).write_text(text, "utf-8"))


def _agree(path: Path, note: dict[str, object]) -> None:
    try:
        there = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be read ({error})", "delete it or choose another folder"
        ) from error
    for key in ("format", "msrnet", "mitsuba", "variant", "settings"):
        old = there.get(key) if isinstance(there, dict) else None
        if old != note[key]:
            raise UsageError(
                f"{path.parent} holds another set ({key}: {old} there, {note[key]} "
                "asked for)",
                "choose another folder, or delete this one",
            )


def _sweep(out: Path, jobs: list[Job]) -> None:
    """Make the folders; delete what a killed run left half written."""
    files = [path for _, path in jobs[0].pictures]
    for folder in {out, *(p.parent for p in [*files, jobs[0].depth or files[0]])}:
        folder.mkdir(parents=True, exist_ok=True)
        for stray in folder.glob(f".*{_TEMPORARY}"):
            with suppress(FileNotFoundError):
                stray.unlink()


def write_whole(path: Path, save: Callable[[Path], object]) -> None:
    """Write a file beside its place, then rename it: whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rough = path.with_name(f".{path.name}.{os.getpid()}{_TEMPORARY}")
    save(rough)
    with rough.open("rb") as handle:
        os.fsync(handle.fileno())
    rough.replace(path)


def carry_out(job: Job, engine: Engine) -> SceneDone:
    """Render one scene and write its pictures."""
    began = time.monotonic()
    directions = tuple(dict.fromkeys(light.direction for light, _ in job.pictures))
    shot = photograph(
        job.number, directions, job.size, job.samples, engine, job.depth is not None
    )
    for light, path in job.pictures:
        picture = Picture.fromarray(shot.print(light))
        write_whole(path, partial(picture.save, format="PNG", compress_level=4))
    if job.depth is not None:
        write_whole(job.depth, partial(_depth_map(shot).save, format="PNG"))
    took = time.monotonic() - began
    count = len(job.pictures)
    return SceneDone(job.index, job.name, shot.theme, shot.attempts, count, took)


def _depth_map(shot: Negative) -> Picture.Image:
    assert shot.depth is not None  # asked for in carry_out
    centimetres = np.clip(np.rint(shot.depth * 100.0), 0, 65535)
    return Picture.fromarray(centimetres.astype(np.uint16))


def _carry_out(jobs: list[Job], engine: Engine, workers: int) -> Iterator[SceneDone]:
    """Scenes as they are finished."""
    if workers == 1:
        yield from (carry_out(job, engine) for job in jobs)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _prepare, (os.getpid(),))
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
            running.add(pool.submit(carry_out, job, engine))
            if len(running) > 2 * workers:
                break
        if not running:
            return
        finished, running = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            yield future.result()


def _prepare(parent: int) -> None:
    """Set up a worker: Ctrl-C is the parent's business, and so is its death."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
