"""What the bench measures. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass

from msrnet_cli.config import Arch, Dtype, Engine


@dataclass(frozen=True)
class BenchOptions:
    """What `msrnet bench` measures.

    Attributes:
        device: As for `msrnet relight`.
        arch: The network; None takes that of the weights, else ``stacked``.
        weights: As for `msrnet relight`; "" takes the built-in default where it has
            this architecture, else a network drawn from a fixed seed.
        sizes: Sides of the pictures in pixels; empty chooses by device.
        batches: Pictures in a pass, at each size. Empty: one, and at one size twice as
            many again and again while that pays.
        dtypes: Number formats of msrnet's own rows.
        engines: How msrnet runs the network: a row of its own for each.
        rivals: Also measure other programs that are installed.
        train: Also measure a step of training.
        pictures: Folder of pictures to measure on; "" makes some.
        seconds: Time to spend on a row, with at least three runs; one, where it takes
            more than half a minute.
        runs: Exactly so many runs a row instead.
        offline: Never use the network.
    """

    device: str = "auto"
    arch: Arch | None = None
    weights: str = ""
    sizes: tuple[int, ...] = ()
    batches: tuple[int, ...] = ()
    dtypes: tuple[Dtype, ...] = ("auto",)
    engines: tuple[Engine, ...] = ("auto",)
    rivals: bool = False
    train: bool = False
    pictures: str = ""
    seconds: float = 2.0
    runs: int | None = None
    offline: bool = False
