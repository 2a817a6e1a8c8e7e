"""The time of each stage of the folder job on real files: what a user waits for.

The job runs as in `msrnet relight`: large pictures at the weights' working size.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli import images
from msrnet_cli.bench.results import JobTiming
from msrnet_cli.bench.subject import make_picture
from msrnet_cli.folder.job import relight_folder
from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.plan import make_plan
from msrnet_cli.images.pixels import quantise, to_image
from msrnet_cli.relight.relighter import Relighter

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from msrnet_cli.bench.subject import Pictures, Subject
    from msrnet_cli.config import Dtype, Engine

_COUNT = {"cuda": 64, "cpu": 4, "mps": 16}
_MADE_SIDE = {"cuda": 1024, "cpu": 512, "mps": 512}
_MADE = 4  # different pictures, used in turn
_QUALITY = 95


def measure(
    subject: Subject,
    pictures: Pictures,
    device: torch.device,
    dtype: Dtype,
    engine: Engine,
    *,
    count: int | None = None,
    side: int | None = None,
) -> JobTiming:
    """Relight a folder.

    Args:
        subject: The network. If it sees two pictures, each is its own second one.
        pictures: The files to use, copied until there are enough; pictures that the
            bench makes become JPEG files.
        device: Where the network runs.
        dtype: Its number format.
        engine: How it runs.
        count: Pictures in the folder; None chooses by device.
        side: Of pictures that the bench makes; None chooses by device.
    """
    count = count or _COUNT[device.type]
    with tempfile.TemporaryDirectory(prefix="msrnet-bench-") as name:
        source = Path(name) / "in"
        files = pictures.files or _made(Path(name), side or _MADE_SIDE[device.type])
        _fill(source, files, count)
        began = time.perf_counter()
        relighter = Relighter(
            subject.network,
            subject.card,
            device=str(device),
            dtype=dtype,
            engine=engine,
        )
        _first_pass(relighter, files[0])
        load = time.perf_counter() - began
        options = FolderOptions()
        if relighter.sees_two:
            second = Path(name) / "second"
            _fill(second, files, count)
            options = FolderOptions(second=str(second))
        return _timed(relighter, source, options, pictures.source, dtype, load)


def _timed(
    relighter: Relighter,
    source: Path,
    options: FolderOptions,
    whose: str,
    dtype: Dtype,
    load: float,
) -> JobTiming:
    plan = make_plan([str(source)], str(source.with_name("out")), options)
    summary = relight_folder(plan, relighter, options, lambda _: None)
    return JobTiming(
        pictures=summary.relit,
        megapixels=sum(job.pixels for job in plan.jobs) / 1e6,
        source=whose,
        dtype=dtype,
        load=load,
        seconds=summary.seconds,
        stages=summary.stages,
        slowest=summary.slowest_stage or "decode",
        failed=summary.failed,
    )


def _first_pass(relighter: Relighter, file: Path) -> None:
    """Warm up memory and kernels, as a user's job does once."""
    pixels = images.read(file.read_bytes(), file.suffix).pixels
    relighter.run([pixels], [pixels] if relighter.sees_two else [])


def _made(folder: Path, side: int) -> list[Path]:
    files = []
    for seed in range(_MADE):
        file = folder / f"{seed}.jpg"
        picture = to_image(quantise(make_picture(side, side, seed), 8))
        picture.save(file, quality=_QUALITY)
        files.append(file)
    return files


def _fill(folder: Path, files: Sequence[Path], count: int) -> None:
    """Copy files under new names into a new folder, until there are enough."""
    folder.mkdir()
    for index in range(count):
        file = files[index % len(files)]
        (folder / f"{index:04}{file.suffix}").write_bytes(file.read_bytes())
