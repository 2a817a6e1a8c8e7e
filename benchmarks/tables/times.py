"""How long a network takes for a picture, run as its authors' script runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.tables.keeping import kept
from msrnet_cli import hardware
from msrnet_cli.bench import clock, ways
from msrnet_cli.bench.subject import Pictures, seeded
from msrnet_cli.config import ModelConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.tables.place import Place

_EFFORT = clock.Effort(seconds=2)


def timed(model: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Times of a network, measured once on each machine; weights do not matter.

    Args:
        model: The network, as a card tells it.
        place: Where it runs.

    Returns:
        ``seconds`` from an idle device to one that is done, median; ``spread``, the
        quartiles' distance as a part of that; ``launch``, seconds until the call
        returns, None where it returns when its work is done; ``device``, in words;
        ``format``, to which convolutions round; ``size``; ``parameters``.

    Raises:
        DeviceError: The device does not exist.
    """
    chosen = hardware.choose_device(place.device)
    told, size = place.machine, place.time_size
    names = ("arch", "channels")
    of = {**{name: model[name] for name in names}, "size": size, "device": told}

    def measure() -> dict[str, Any]:
        subject = seeded(ModelConfig(**model))
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
            "parameters": sum(each.numel() for each in subject.network.parameters()),
        }

    return kept(place.out / "times", of, measure)
