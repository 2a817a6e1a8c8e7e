"""How long a network takes for a picture, run as its authors' script runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.tables.keeping import kept
from msrnet_cli import hardware
from msrnet_cli.bench import clock, ways
from msrnet_cli.bench.subject import Pictures, Subject
from msrnet_cli.weights.file import load_weights

if TYPE_CHECKING:
    from pathlib import Path

_EFFORT = clock.Effort(seconds=2)


def timed(weights: Path, device: str, size: int, folder: Path) -> dict[str, Any]:
    """Times of a network, measured once on each device.

    Args:
        weights: Any of the network.
        device: Where it runs.
        size: Side of the picture, in pixels.
        folder: Where times are kept.

    Returns:
        ``seconds`` from an idle device to one that is done, median; ``spread``, the
        quartiles' distance as a part of that; ``launch``, seconds until the call
        returns, None where it returns when its work is done; ``device``, in words;
        ``format``, to which convolutions round; ``size``; ``parameters``.

    Raises:
        WeightsError: The weights are missing or malformed.
        DeviceError: The device does not exist.
    """
    chosen = hardware.choose_device(device)
    found = load_weights(weights)
    told = hardware.describe(chosen)
    model = found.card.model
    of = {"arch": model.arch, "channels": model.channels, "size": size, "device": told}

    def measure() -> dict[str, Any]:
        subject = Subject(found.network(), found.card, weights.name)
        way = ways.reference(subject, chosen)
        run = way.prepare(Pictures().batch(size, 1)).run
        watch = clock.clock_for(chosen)
        clock.warm_up(run, watch)
        timing = clock.sample(run, watch, _EFFORT)
        return {
            "seconds": timing.median,
            "spread": timing.spread,
            "launch": clock.launch_time(run, chosen),
            "device": told,
            "format": way.ceiling,
            "size": size,
            "parameters": sum(each.numel() for each in found.state.values()),
        }

    return kept(folder, of, measure)
