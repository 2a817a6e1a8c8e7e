"""How long a shard of a large job plans, and how much memory it takes.

    python -m benchmarks.planning 1000000 FOLDER --shard 3/8

Makes so many inputs in a folder, as links to a few tiny pictures, and a list of them.
Then a job runs in a process of its own up to its first picture, once on the folder and
once on the list. The network is a stand-in: its start has its own time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

_LINKS = 50_000  # to one file; ext4 allows 65,000
_PER_FOLDER = 1_000


@dataclass(frozen=True)
class Cost:
    """What a job took up to its first picture.

    Attributes:
        pictures: How many are the shard's.
        plan: Wall time of the plan, in seconds.
        wall: Wall time up to the first picture, in seconds.
        cpu: Time on a core up to the first picture, in seconds.
        most: Memory at its largest, in bytes.
        before: The same before the plan: what Python and torch take.
    """

    pictures: int
    plan: float
    wall: float
    cpu: float
    most: int
    before: int


def make_inputs(folder: Path, count: int) -> tuple[Path, Path]:
    """Make inputs and a list of them.

    Args:
        folder: Where; it need not exist.
        count: How many.

    Returns:
        Their folder, and the list for --files-from.
    """
    from PIL import Image

    inputs = folder / "in"
    listing = folder / "list.txt"
    one = folder / "one.jpg"
    folder.mkdir(parents=True, exist_ok=True)
    with listing.open("w") as lines:
        for index in range(count):
            if index % _LINKS == 0:
                one = folder / f"one-{index}.jpg"
                Image.new("RGB", (8, 6)).save(one)
            inner = f"shoot-{index // _PER_FOLDER:04}"
            if index % _PER_FOLDER == 0:
                (inputs / inner).mkdir(parents=True)
            name = f"{inner}/IMG_{index:07}.jpg"
            os.link(one, inputs / name)
            lines.write(f"{inputs.absolute()}/./{name}\n")
    return inputs, listing


def cost(
    inputs: Path | None, listing: Path | None, output: Path, shard: str | None
) -> Cost:
    """Measure a job in a process of its own.

    Args:
        inputs: The folder of inputs; None for a list.
        listing: The list; None for a folder.
        output: The output folder.
        shard: As --shard takes it; None for the whole job.
    """
    asked = json.dumps([inputs and str(inputs), listing and str(listing), shard])
    command = [sys.executable, "-m", "benchmarks.planning", "--measure", asked]
    done = subprocess.run(
        [*command, str(output)], check=True, capture_output=True, text=True
    )
    return Cost(**json.loads(done.stdout))


def _measure(asked: str, output: str) -> Cost:
    from msrnet_cli.folder.events import FileDone
    from msrnet_cli.folder.job import relight_folder
    from msrnet_cli.folder.options import FolderOptions
    from msrnet_cli.folder.plan import make_plan
    from msrnet_cli.folder.relights import FakeRelighter

    folder, listing, shard = json.loads(asked)
    before, wall, cpu = _memory(), time.perf_counter(), time.process_time()
    options = FolderOptions(recursive=True, shard=shard, batch_size=1)
    plan = make_plan([folder] if folder else [], output, options, listing)
    planned = time.perf_counter() - wall
    found: list[Cost] = []

    def note(event: object) -> None:
        if isinstance(event, FileDone) and not found:
            took = time.perf_counter() - wall, time.process_time() - cpu
            found.append(Cost(len(plan.jobs), planned, *took, _memory(), before))
            raise KeyboardInterrupt  # as Ctrl-C: the rest is not measured

    relight_folder(plan, FakeRelighter(), options, note)
    return found[0]


def _memory() -> int:
    """Memory of this process at its largest so far, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=100_000)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shard")
    parser.add_argument("--measure")
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(asdict(_measure(given.measure, str(given.folder)))))
        return
    inputs, listing = given.folder / "in", given.folder / "list.txt"
    if not listing.exists():
        make_inputs(given.folder, given.count)
    for name, tree, lines in (("folder", inputs, None), ("list", None, listing)):
        found = cost(tree, lines, given.folder / f"out-{name}", given.shard)
        print(
            f"{name}: {found.pictures} pictures, plan {found.plan:.1f} s, first picture"
            f" after {found.wall:.1f} s ({found.cpu:.1f} s on a core),"
            f" {found.most / 1e6:.0f} MB (before {found.before / 1e6:.0f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
