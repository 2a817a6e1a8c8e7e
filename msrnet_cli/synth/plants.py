"""Plants: grass, flowers, bushes and trees, as geometry without cut-out textures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from msrnet_cli.synth import shapes
from msrnet_cli.synth.props import Prop, Rng
from msrnet_cli.synth.shapes import Points, blades, blob, disc, lathe, leaves, tube

Ground = Callable[[NDArray[np.floating], NDArray[np.floating]], NDArray[np.float32]]


def meadow(rng: Rng, ground: Ground, centre: Points, spread: float, count: int) -> Prop:
    """Grass in tufts scattered about a point, on uneven ground."""
    tufts = max(count // 14, 1)
    heart = centre[:2] + rng.normal(0, spread, (tufts, 2))
    xy = np.repeat(heart, 14, 0) + rng.normal(0, 0.09, (tufts * 14, 2))
    z = ground(xy[:, 0], xy[:, 1])
    roots = np.concatenate([xy, z[:, None]], 1).astype(np.float32)
    blade = blades(rng, roots, rng.uniform(0.12, 0.5), rng.uniform(0.008, 0.02))
    return [("grass", blade)]


def flower(rng: Rng) -> Prop:
    """Stalks with heads of petals, or mushrooms."""
    parts: Prop = []
    for _ in range(int(rng.integers(1, 6))):
        x, y = rng.normal(0, 0.12, 2)
        h = rng.uniform(0.15, 0.5)
        top = np.array([x + rng.normal(0, 0.06), y + rng.normal(0, 0.06), h])
        parts.append(
            ("grass", tube([(x, y, 0), (x, y, h * 0.6), tuple(top)], 0.008, 5))
        )
        if rng.random() < 0.25:
            cap = lathe([(0.07, -0.02), (0.06, 0.02), (0.02, 0.05), (0, 0.055)], 14)
            parts.append(("petal", shapes.moved(cap, top)))
            continue
        ring = np.arange(7) * 2 * np.pi / 7
        out = np.stack([np.cos(ring), np.sin(ring), 0.3 + 0 * ring], 1) * 0.035
        parts.append(
            (
                f"petal.{rng.integers(2)}",
                leaves(rng, (top + out).astype(np.float32), 0.07),
            )
        )
        parts.append(("petal.2", blob(rng, top, (0.03, 0.03, 0.03), 0, 1)))
    return parts


def bush(rng: Rng) -> Prop:
    """A mound of leaves on twigs."""
    size = rng.uniform(0.4, 1.2)
    count = int(rng.integers(250, 700))
    d = rng.normal(size=(count, 3))
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    radius = (
        size
        * (0.5 + 0.5 * rng.random((count, 1)))
        * (1 + shapes.lumps(rng, d.astype(np.float32), 0.3))[:, None]
    )
    centre = d * radius * [1, 1, 0.8] + [0, 0, size * 0.75]
    parts: Prop = [("leaf", leaves(rng, centre.astype(np.float32), 0.06 + 0.1 * size))]
    for tip in centre[:14]:
        parts.append(("bark", tube([(0, 0, 0), tip * [0.4, 0.4, 0.6], tip], 0.012, 5)))
    return parts


def house_plant(rng: Rng) -> Prop:
    """A pot with long leaves."""
    h = rng.uniform(0.2, 0.4)
    outline = [(0, 0), (h * 0.35, 0), (h * 0.5, h), (h * 0.46, h), (0, h * 0.9)]
    parts: Prop = [("clay", lathe(outline, 24, True))]
    centre = rng.normal(0, 0.16, (90, 3)) + np.array([0, 0, h + 0.3])
    parts.append(
        ("leaf.1", leaves(rng, centre.astype(np.float32), rng.uniform(0.15, 0.3), 0.1))
    )
    return parts


def _branch(
    rng: Rng,
    start: Points,
    direction: Points,
    length: float,
    radius: float,
    depth: int,
    parts: Prop,
    tips: list[Points],
) -> None:
    """Grow one limb and, from its upper half, the next ones."""
    points = [start]
    heading = direction
    for _ in range(4):
        heading = heading + rng.normal(0, 0.16, 3) + [0, 0, 0.05]
        heading = heading / np.linalg.norm(heading)
        points.append(points[-1] + heading * length / 4)
    line = np.array(points, np.float32)
    thin = np.linspace(radius, radius * 0.55, len(line))
    parts.append(("bark", tube(line, thin, 9 if depth > 2 else 5)))
    if depth == 0:
        tips.extend(line[2:])
        return
    for k in range(int(rng.integers(2, 5))):
        spot = line[-1] if k == 0 else line[int(rng.integers(2, 5))]
        outward = heading + rng.normal(0, 0.6, 3)
        outward = (outward / np.linalg.norm(outward)).astype(np.float32)
        _branch(
            rng,
            spot,
            outward,
            length * rng.uniform(0.55, 0.8),
            radius * 0.55,
            depth - 1,
            parts,
            tips,
        )


def tree(rng: Rng, bare: bool = False) -> Prop:
    """A broad-leaved tree, in leaf or bare."""
    parts: Prop = []
    tips: list[Points] = []
    length = rng.uniform(1.6, 2.8)
    up = np.array([rng.normal(0, 0.08), rng.normal(0, 0.08), 1.0], np.float32)
    root = np.array([0, 0, -0.2], np.float32)
    _branch(rng, root, up, length, rng.uniform(0.12, 0.28), 3, parts, tips)
    if not bare:
        near = np.repeat(np.array(tips, np.float32), int(rng.integers(14, 30)), 0)
        at = near + rng.normal(0, 0.22, near.shape)
        parts.append(
            ("leaf", leaves(rng, at.astype(np.float32), rng.uniform(0.12, 0.22)))
        )
    return parts


def conifer(rng: Rng) -> Prop:
    """A fir: drooping whorls about a straight stem."""
    h = rng.uniform(3.5, 7.0)
    parts: Prop = [("bark", tube([(0, 0, -0.2), (0, 0, h)], [0.16, 0.02], 8))]
    centres: list[Points] = []
    for z in np.linspace(0.12, 0.98, 18) * h:
        reach = (h - z) * 0.28 + 0.1
        for a in rng.uniform(0, 6.3, 7):
            t = np.linspace(0.15, 1, 9)[:, None]
            tip = np.array([np.cos(a) * reach, np.sin(a) * reach, -0.35 * reach])
            centres.append(np.array([0, 0, z]) + tip * t)
    at = np.repeat(np.concatenate(centres), 3, 0)
    at = at + rng.normal(0, 0.05, at.shape)
    parts.append(("leaf.1", leaves(rng, at.astype(np.float32), 0.2, 0.8)))
    return parts


def stump(rng: Rng) -> Prop:
    """A sawn stump with roots."""
    r, h = rng.uniform(0.2, 0.4), rng.uniform(0.25, 0.6)
    outline = [(r * 1.5, -0.1), (r * 1.15, 0.12), (r, 0.25 * h + 0.1), (r, h)]
    body = lathe(outline, 20, wobble=0.12, rng=rng)
    return [("bark", body), ("oldwood", disc(r * 0.98, (0, 0, h)))]
