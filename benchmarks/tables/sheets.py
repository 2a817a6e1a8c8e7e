"""Pictures side by side, as in the paper's Figures 2 and 3."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

from benchmarks.tables import protocol as protocols
from benchmarks.tables.data import data_of, render
from benchmarks.tables.runs import done
from benchmarks.tables.systems import INPUTS
from msrnet_cli.config import read_work_size
from msrnet_cli.errors import DataError, UsageError
from msrnet_cli.files import write_whole
from msrnet_cli.images.pixels import quantise, to_image
from msrnet_cli.images.sheet import contact_sheet
from msrnet_cli.pairs.find import find_pairs, spread
from msrnet_cli.pairs.options import PairOptions
from msrnet_cli.relight.relighter import Relighter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from benchmarks.tables.data import Part
    from benchmarks.tables.place import Place
    from benchmarks.tables.protocol import Protocol
    from benchmarks.tables.runs import Run
    from benchmarks.tables.systems import Table
    from msrnet_cli.pairs.find import Pair

_TO_SHOW: tuple[Part, ...] = ("val",)
_NEAREST = Image.Resampling.NEAREST


SHOWN = ("4",)
"""Scenes of which pictures are kept for sheets, evenly spread."""


def sheet(table: Table, place: Place, scenes: Sequence[str], side: int) -> bytes:
    """A row for each scene: its input, what each trained system makes of it, the truth.

    Of several seeds the first is shown.

    Args:
        table: Its systems are shown, in its order.
        place: Of the runs.
        scenes: Names of scenes to score on; a number for so many, evenly spread.
        side: Longer side of each picture on the sheet, in pixels.

    Returns:
        A JPEG.

    Raises:
        UsageError: Nothing is trained, a scene is not there, or neither a picture of it
            was kept nor are the weights here.
    """
    runs = [found[0] for each in table.systems if (found := done(each, place.out))]
    protocol = protocols.read(place.out)
    if protocol is None or not runs:
        raise UsageError(f"{place.out} holds nothing that is trained", "run it first")
    data = data_of(protocol, place.out)
    if data.is_rendered:
        render(data, protocol, _TO_SHOW)
    chosen = _chosen(with_second(data.val), scenes)
    rows = [made(run, chosen, place, protocol.work_size) for run in runs]
    cells = []
    for pair, *relit in zip(chosen, *rows, strict=True):
        pictures = {f"{pair.name}: input": _image(pair.source.decode())}
        titles = (run.system.title for run in runs)
        pictures |= dict(zip(titles, relit, strict=True))
        pictures["truth"] = _image(pair.target.decode())
        cells += [(label, _shown(each, side)) for label, each in pictures.items()]
    return contact_sheet(cells, columns=len(runs) + 2)


def keep(run: Run, place: Place, protocol: Protocol) -> None:
    """Keep what a run makes of `SHOWN`, for sheets after its weights are gone."""
    pairs = _chosen(with_second(data_of(protocol, place.out).val), SHOWN)
    made(run, pairs, place, protocol.work_size)


def made(
    run: Run, pairs: Sequence[Pair], place: Place, work_size: str
) -> list[Image.Image]:
    """What a run makes of the inputs of pairs; it is kept beside its scores.

    Raises:
        UsageError: A picture was not kept, and the weights are not here.
    """
    folder = run.finding.with_suffix("")
    files = {pair.name: folder / f"{pair.name}.png" for pair in pairs}
    left = [pair for pair in pairs if not files[pair.name].is_file()]
    if left and not run.has_weights:
        raise UsageError(
            f"no picture of {left[0].name} by {run.name} was kept, and its weights are"
            " not here",
            "name another scene",
        )
    if left:
        folder.mkdir(parents=True, exist_ok=True)
        size = read_work_size(work_size)
        relighter = Relighter.load(
            run.weights, device=place.device, dtype="fp32", work_size=size
        )
        for pair in left:
            out = io.BytesIO()
            _image(_relit(relighter, pair)).save(out, "PNG")
            write_whole(files[pair.name], out.getvalue())
    return [Image.open(files[pair.name]).convert("RGB") for pair in pairs]


def with_second(folder: str) -> tuple[Pair, ...]:
    """The pairs of a folder, with second inputs where there are any."""
    try:
        return find_pairs(folder, PairOptions(inputs=INPUTS)).pairs
    except DataError:
        return find_pairs(folder).pairs


def _relit(relighter: Relighter, pair: Pair) -> Tensor:
    source = pair.source.decode()
    if not relighter.sees_two or pair.second is None:
        return relighter.relight(source)
    return relighter.relight(source, second=pair.second.decode())


def _image(pixels: Tensor) -> Image.Image:
    return to_image(quantise(pixels, 8))


def _chosen(pairs: Sequence[Pair], scenes: Sequence[str]) -> tuple[Pair, ...]:
    """The pairs that are named, or so many.

    Raises:
        UsageError: One of them is not there.
    """
    if len(scenes) == 1 and scenes[0].isdecimal():
        return tuple(spread(pairs, int(scenes[0])))
    if missing := set(scenes) - {pair.name for pair in pairs}:
        raise UsageError(f"there is no scene {min(missing)}", "name scenes to score on")
    return tuple(pair for pair in pairs if pair.name in scenes)


def _shown(image: Image.Image, side: int) -> Image.Image:
    """A picture for the sheet; small ones are enlarged pixel by pixel."""
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    times = max(1, side // max(image.size))
    return image.resize((times * image.width, times * image.height), _NEAREST)
