"""Things that stand about: barrels, fences, furniture, statues, machines.

A prop is a list of (surface kind, mesh) about the origin, standing on z = 0.
Kinds are keys of surfaces.RECIPES; ".1", ".2" after a kind asks for another draw of
it, and kinds that begin with "glow" shine by themselves.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from msrnet_cli.synth import shapes
from msrnet_cli.synth.shapes import Mesh, Triple

Prop = list[tuple[str, Mesh]]
Rng = np.random.Generator
Maker = Callable[[Rng], Prop]


def placed(prop: Prop, at: Triple, turn: float = 0.0, scale: float = 1.0) -> Prop:
    """The prop turned about z, scaled and moved."""
    return [(kind, shapes.moved(mesh, at, turn, scale)) for kind, mesh in prop]


def wooden(rng: Rng) -> str:
    """One of the kinds of wood."""
    return str(rng.choice(["planks", "oldwood", "timber"]))


def painted(rng: Rng) -> str:
    """Paint, drab seven times out of ten."""
    strong = rng.random() < 0.3
    return f"{'paint' if strong else 'drab'}.{rng.integers(3)}"
