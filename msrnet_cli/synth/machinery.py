"""Iron and paint: machines, pipes, roof gear, lamps, cars."""

from __future__ import annotations

import numpy as np

from msrnet_cli.synth import shapes
from msrnet_cli.synth.props import Maker, Prop, Rng, painted, placed
from msrnet_cli.synth.shapes import beam, blob, box, lathe, tube
from msrnet_cli.synth.yard import barrel, crate, rubbish


def lamp_post(rng: Rng, lit: bool) -> Prop:
    """A street lamp; when lit it glows, and lights nothing."""
    h = rng.uniform(2.6, 4.5)
    pole = [(0.14, 0), (0.14, 0.1), (0.07, 0.3), (0.05, 1.0), (0.04, h)]
    parts: Prop = [("iron", lathe(pole, 12))]
    cap = [
        (0.02, h),
        (0.16, h + 0.02),
        (0.2, h + 0.38),
        (0.24, h + 0.4),
        (0.02, h + 0.6),
    ]
    glow = [(0.1, h + 0.03), (0.15, h + 0.36)]
    if lit:
        parts.append(("glow.lamp", lathe(glow, 10)))
        parts.append(("iron", lathe(cap[3:], 10, True)))
    else:
        parts.append(("iron", lathe(cap, 10, True)))
    return parts


def pipes(rng: Rng, length: float) -> Prop:
    """Parallel pipes along x with flanges and bends."""
    parts: Prop = []
    kind = str(rng.choice(["rusty", "steel", "paint", "drab"]))
    z = rng.uniform(0.2, 0.5)
    for _ in range(int(rng.integers(1, 5))):
        r = rng.uniform(0.04, 0.16)
        bend = rng.uniform(-0.5, 0.5) * length
        line = [(-length / 2, 0, z), (bend - 0.1, 0, z), (bend, 0, z + 0.05)]
        line += [(bend + 0.05, 0, z + 0.3), (bend + 0.05, 0, z + rng.uniform(0.8, 3))]
        if rng.random() < 0.6:
            line = [(-length / 2, 0, z), (length / 2, 0, z)]
        parts.append((kind, tube(line, r, 12)))
        for x in np.arange(-length / 2, bend if len(line) > 2 else length / 2, 1.3):
            parts.append((kind, tube([(x, 0, z), (x + 0.06, 0, z)], r * 1.3, 12)))
        z += 2.4 * r + 0.15
    return parts


def machine(rng: Rng) -> Prop:
    """A cabinet of plates, vents, knobs and a lamp or two."""
    w, d, h = rng.uniform(0.6, 2.2), rng.uniform(0.5, 1.2), rng.uniform(0.7, 2.4)
    kind = str(rng.choice(["plating", "steel", "drab", "paint", "rusty"]))
    parts: Prop = [(kind, box((w, d, h), bevel=0.03, rng=rng))]
    for _ in range(int(rng.integers(3, 10))):
        x, z = rng.uniform(-0.4, 0.4) * w, rng.uniform(0.1, 0.8) * h
        size = (
            rng.uniform(0.1, 0.4) * w,
            rng.uniform(0.04, 0.12),
            rng.uniform(0.08, 0.3) * h,
        )
        side = float(rng.choice([-1, 1]))
        other = str(rng.choice(["plating", "steel", "iron", "paint.1"]))
        parts.append((other, box(size, (x, side * d / 2, z), 0.01, rng)))
    if rng.random() < 0.4:
        spot = (rng.uniform(-0.4, 0.4) * w, -d / 2 - 0.02, 0.85 * h)
        parts.append(
            (
                f"glow.{rng.choice(['red', 'lamp', 'cyan'])}",
                blob(rng, spot, (0.05,) * 3, 0, 1),
            )
        )
    if rng.random() < 0.5:
        parts += placed(pipes(rng, 1.5), (0, d / 2 + 0.2, h * 0.3), rng.normal(0, 0.1))
    return parts


def vent(rng: Rng) -> Prop:
    """Rooftop gear: a duct box with slats, a chimney pipe, or a tank."""
    pick = rng.random()
    if pick < 0.4:
        w, h = rng.uniform(0.7, 1.6), rng.uniform(0.5, 1.1)
        parts: Prop = [("steel", box((w, w * 0.8, h), bevel=0.02, rng=rng))]
        for z in np.linspace(0.15, 0.85, 6) * h:
            parts.append(("iron", box((w * 0.8, 0.06, 0.03), (0, -w * 0.4, z), 0.004)))
        return parts
    if pick < 0.7:
        h = rng.uniform(0.8, 2.0)
        cap = [(0.22, h), (0.22, h + 0.03), (0.02, h + 0.2)]
        return [
            ("rusty", lathe([(0.12, 0), (0.12, h)], 14)),
            ("rusty", lathe(cap, 14, True)),
        ]
    r, h = rng.uniform(0.6, 1.2), rng.uniform(1.2, 2.2)
    tank = [(r, 0.6), (r * 1.02, 0.6 + h), (0.02, 0.6 + h * 1.35)]
    parts = [("planks", lathe(tank, 24, True))]
    for a in np.arange(4) * np.pi / 2:
        x, y = 0.8 * r * np.cos(a), 0.8 * r * np.sin(a)
        parts.append(("iron", beam((x, y, 0), (x * 0.9, y * 0.9, 0.7), 0.08, 0.08)))
    return parts


def ladder(rng: Rng, height: float) -> Prop:
    """Two rails and rungs, upright."""
    w = rng.uniform(0.35, 0.5)
    kind = str(rng.choice(["iron", "timber", "steel"]))
    parts: Prop = [
        (kind, beam((s * w / 2, 0, 0), (s * w / 2, 0, height), 0.04, 0.05))
        for s in (-1, 1)
    ]
    for z in np.arange(0.2, height, 0.28):
        parts.append((kind, beam((-w / 2, 0, z), (w / 2, 0, z), 0.03, 0.03)))
    return parts


def car(rng: Rng) -> Prop:
    """A parked car: a profile with glass, wheels and bumpers."""
    w, z = 1.7, 0.3
    side = [
        (-2.1, z),
        (2.1, z),
        (2.15, 0.7),
        (1.3, 0.85),
        (0.7, 1.35),
        (-0.9, 1.4),
        (-1.6, 0.95),
        (-2.15, 0.85),
    ]
    hull = [(-2.1, z), (2.1, z), (2.15, 0.7), (1.3, 0.87), (-1.6, 0.95), (-2.15, 0.85)]
    kind = painted(rng)
    parts: Prop = [(kind, shapes.prism(hull, w))]
    cabin = [(-1.6, 0.9), (1.3, 0.82), *side[4:6]]
    parts.append(("glass", shapes.prism(cabin, w * 0.9)))
    roof = [(-0.95, 1.38), (0.72, 1.33), (0.68, 1.4), (-0.9, 1.46)]
    parts.append((kind, shapes.prism(roof, w * 0.88)))
    tyre = [
        (0.0, 0),
        (0.2, 0.0),
        (0.3, 0.02),
        (0.33, 0.06),
        (0.33, 0.16),
        (0.3, 0.2),
        (0, 0.2),
    ]
    for x in (-1.35, 1.3):
        for s in (-1, 1):
            turned = shapes.moved(
                lathe(tyre, 20), (x, s * w / 2 + 0.1, 0.33), tilt=("x", np.pi / 2)
            )
            parts.append(("iron", turned))
    for s in (-1, 1):
        parts.append(("steel", box((0.12, w, 0.14), (s * 2.12, 0, 0.38), 0.03)))
    return parts


WORKS: tuple[Maker, ...] = (machine, barrel, crate, machine, rubbish)
