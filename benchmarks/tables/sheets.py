"""Pictures side by side, as in the paper's Figures 2 and 3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from benchmarks.tables import protocol as protocols
from benchmarks.tables.data import data_of
from benchmarks.tables.runs import trained
from msrnet_cli.config import read_work_size
from msrnet_cli.errors import UsageError
from msrnet_cli.images.sheet import contact_sheet, thumbnail
from msrnet_cli.pairs.find import find_pairs, spread
from msrnet_cli.relight.relighter import Relighter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from benchmarks.tables.document import Place
    from benchmarks.tables.systems import Table


_NEAREST = Image.Resampling.NEAREST


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
        UsageError: Nothing is trained, or a scene is not there.
    """
    runs = [found[0] for each in table.systems if (found := trained(each, place.out))]
    protocol = protocols.read(place.out)
    if protocol is None or not runs:
        raise UsageError(f"{place.out} holds nothing that is trained", "run it first")
    size = read_work_size(protocol.work_size)
    relighters = {
        run.system.title: Relighter.load(
            run.weights, device=place.device, dtype="fp32", work_size=size
        )
        for run in runs
    }
    pairs = find_pairs(data_of(protocol, place.out).val).pairs
    if len(scenes) == 1 and scenes[0].isdecimal():
        pairs = spread(pairs, int(scenes[0]))
    elif missing := set(scenes) - {pair.name for pair in pairs}:
        raise UsageError(f"there is no scene {min(missing)}", "name scenes to score on")
    else:
        pairs = tuple(pair for pair in pairs if pair.name in scenes)
    cells = []
    for pair in pairs:
        source = pair.source.decode()
        pictures = {f"{pair.name}: input": source}
        pictures |= {name: each.relight(source) for name, each in relighters.items()}
        pictures["truth"] = pair.target.decode()
        cells += [(label, _shown(each, side)) for label, each in pictures.items()]
    return contact_sheet(cells, columns=len(relighters) + 2)


def _shown(pixels: Tensor, side: int) -> Image.Image:
    """A picture for the sheet; small ones are enlarged pixel by pixel."""
    image = thumbnail(pixels, side)
    times = max(1, side // max(image.size))
    return image.resize((times * image.width, times * image.height), _NEAREST)
