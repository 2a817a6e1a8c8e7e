"""What stands about in a yard: casks, crates, fences, wheels, logs, boats."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from msrnet_cli.synth import shapes
from msrnet_cli.synth.furniture import pot
from msrnet_cli.synth.props import Maker, Prop, Rng, wooden
from msrnet_cli.synth.shapes import beam, blob, box, disc, lathe, tube
from msrnet_cli.synth.stonework import stepping_stone, well


def barrel(rng: Rng) -> Prop:
    """A cask with hoops and a sunken lid, or a steel drum."""
    height, radius = rng.uniform(0.8, 1.15), rng.uniform(0.28, 0.42)
    if rng.random() < 0.35:
        return drum(rng, height, radius)
    belly = radius * rng.uniform(1.12, 1.28)
    z = np.linspace(0, 1, 9)
    r = radius + (belly - radius) * np.sin(np.pi * z)
    outline = [(float(a), float(b * height)) for a, b in zip(r, z, strict=True)]
    outline += [(radius * 0.9, height), (radius * 0.9, height * 0.92)]
    parts: Prop = [("timber", lathe(outline, 24))]
    parts.append(("planks", disc(radius * 0.92, (0, 0, height * 0.93))))
    for share in (0.06, 0.25, 0.75, 0.92):
        hoop = float(np.interp(share, z, r)) + 0.008
        low, high = share * height - 0.025, share * height + 0.025
        ring = [(hoop - 0.01, low), (hoop, low), (hoop, high), (hoop - 0.01, high)]
        parts.append(("iron", lathe(ring, 24, sharp=True)))
    return parts


def drum(rng: Rng, height: float, radius: float) -> Prop:
    """A ribbed steel drum."""
    outline = [(0.0, 0.0)]
    for z in np.linspace(0, height, 25):
        rib = 0.02 if abs((z / height * 3) % 1.0) < 0.1 else 0.0
        outline.append((radius + rib, float(z)))
    outline += [(radius - 0.02, height), (radius - 0.02, height - 0.03)]
    outline += [(0.0, height - 0.03)]
    return [(str(rng.choice(["rusty", "paint", "drab.1"])), lathe(outline, 26))]


def crate(rng: Rng) -> Prop:
    """A box of boards with a frame on every side."""
    w, d, h = rng.uniform(0.5, 1.1, 3)
    kind = wooden(rng)
    parts: Prop = [(kind, box((w, d, h), rng=rng))]
    t = 0.05
    for sx in (-1, 1):
        for sy in (-1, 1):
            post = (sx * w / 2, sy * d / 2, 0)
            parts.append(("oldwood", box((t * 1.6, t * 1.6, h), post, rng=rng)))
    for z in (0.0, h - t * 1.5):
        for s in (-1, 1):
            bar = (w, t, t * 1.6)
            parts.append(("oldwood", box(bar, (0, s * d / 2, z), rng=rng)))
            bar = (t, d, t * 1.6)
            parts.append(("oldwood", box(bar, (s * w / 2, 0, z), rng=rng)))
    return parts


def fence(rng: Rng, length: float) -> Prop:
    """A run along x: rails nailed to posts, pickets, or iron bars."""
    style = str(rng.choice(["rails", "pickets", "bars", "boards"]))
    h, kind = rng.uniform(0.8, 1.6), wooden(rng)
    parts: Prop = []
    step = rng.uniform(1.4, 2.4)
    posts = np.arange(-length / 2, length / 2 + 0.1, step)
    metal = style == "bars"
    for x in posts:
        size = (
            (0.06, 0.06, h)
            if metal
            else (*rng.uniform(0.09, 0.17, 2), h * rng.uniform(0.9, 1.15))
        )
        post = box(size, rng=rng, warp=0.0 if metal else 0.12)
        lean = ("y", rng.normal(0, 0.0 if metal else 0.05))
        post = shapes.moved(post, (x, 0, -0.1), tilt=lean)
        parts.append(("iron" if metal else kind, post))
    for a, b in pairwise(posts):
        parts += _fence_field(rng, style, kind, float(a), float(b), h)
    return parts


def _fence_field(rng: Rng, style: str, kind: str, a: float, b: float, h: float) -> Prop:
    parts: Prop = []
    metal = style == "bars"
    sag = 0.0 if metal else 0.06
    for z in (
        (0.3, 0.8)
        if style != "rails"
        else np.linspace(0.3, 0.9, int(rng.integers(2, 4)))
    ):
        ends = z * h + rng.normal(0, sag, 2)
        thick = (0.035, 0.035) if metal else (0.05, rng.uniform(0.09, 0.16))
        rail = beam(
            (a, -0.07, ends[0]), (b, -0.07, ends[1]), *thick, None if metal else rng
        )
        parts.append(("iron" if metal else kind, rail))
    if style == "rails":
        return parts
    gap = {"pickets": 0.16, "bars": 0.12, "boards": 0.2}[style]
    for x in np.arange(a + gap / 2, b, gap):
        if not metal and rng.random() < 0.08:
            continue
        if metal:
            bar = tube([(x, -0.07, 0), (x, -0.07, h * 1.05)], 0.012, 5)
            parts.append(("iron", bar))
        else:
            width = gap * (0.6 if style == "pickets" else 0.93)
            slat = box((width, 0.025, h * rng.uniform(0.9, 1.05)), rng=rng, warp=0.03)
            lean = ("y", rng.normal(0, 0.03))
            parts.append((kind, shapes.moved(slat, (x, -0.1, 0.03), tilt=lean)))
    return parts


def wheel(rng: Rng) -> Prop:
    """A cart wheel that leans."""
    r = rng.uniform(0.4, 0.7)
    t = np.linspace(0, 2 * np.pi, 33)
    ring = np.stack([r * np.cos(t), 0 * t, r + r * np.sin(t)], 1)
    parts: Prop = [("oldwood", tube(ring, 0.05, 6))]
    for a in np.arange(8) * np.pi / 4:
        end = (0.95 * r * np.cos(a), 0, r + 0.95 * r * np.sin(a))
        parts.append(("oldwood", beam((0, 0, r), end, 0.05, 0.04, rng)))
    parts.append(("iron", blob(rng, (0, 0, r), (0.18, 0.16, 0.18), 0.0, 2)))
    lean = ("x", float(rng.uniform(0.05, 0.4)))
    return [(k, shapes.moved(m, tilt=lean)) for k, m in parts]


def logs(rng: Rng) -> Prop:
    """A stack of logs or a single fallen one."""
    parts: Prop = []
    length, r = rng.uniform(1.2, 2.6), rng.uniform(0.1, 0.2)
    rows = int(rng.integers(1, 5))
    for row in range(rows):
        for k in range(rows - row):
            x = (k - (rows - row - 1) / 2) * 2 * r
            z = r + row * r * 1.75
            ends = rng.normal(0, 0.06, 2)
            line = [
                (x, -length / 2 + ends[0], z),
                (x, 0, z),
                (x, length / 2 + ends[1], z),
            ]
            parts.append(("bark", tube(line, r * rng.uniform(0.85, 1.0), 10)))
            cut = shapes.moved(
                disc(r * 0.9, (0, 0, 0)), (x, line[0][1], z), tilt=("x", np.pi / 2)
            )
            parts.append(("oldwood", cut))
    return parts


def torch(rng: Rng) -> Prop:
    """A pole with a flame."""
    h = rng.uniform(1.2, 2.2)
    parts: Prop = [("timber", tube([(0, 0, 0), (0, 0, h)], 0.035, 8))]
    cup = [(0.04, h - 0.1), (0.09, h), (0.1, h + 0.08), (0.08, h + 0.08)]
    parts.append(("iron", lathe(cup, 10, True)))
    for k in range(5):
        x, y = rng.normal(0, 0.025, 2)
        s = rng.uniform(0.08, 0.16)
        body = blob(
            rng, (x, y, h + 0.08 + 0.09 * k), (s, s, s * rng.uniform(1.5, 2.6)), 0.15
        )
        parts.append((f"glow.flame{min(k // 2, 1)}", body))
    return parts


def boat(rng: Rng) -> Prop:
    """A rowing boat: a hull of planks with benches."""
    length, w, h = rng.uniform(2.5, 4.0), rng.uniform(0.9, 1.3), 0.5
    t = np.linspace(-1, 1, 21)[:, None]
    s = np.linspace(-1, 1, 13)[None]
    half = w / 2 * np.sqrt(np.maximum(1 - np.abs(t) ** 2.5, 0.0))
    x = t * length / 2 + 0 * s
    y = half * np.sin(s * np.pi / 2)
    z = h * (1 - np.cos(s * np.pi / 2)) + 0.35 * h * t**2
    points = np.stack([x, y, z], -1).reshape(-1, 3)
    uv = np.stack([x, s * 0.8 + 0 * t], -1).reshape(-1, 2)
    parts: Prop = [("planks", shapes.smooth(points, shapes.grid_faces(21, 13), uv))]
    for k in (-0.4, 0.2):
        parts.append(
            (
                "oldwood",
                box((0.22, w * 0.9, 0.04), (k * length / 2, 0, h * 0.75), rng=rng),
            )
        )
    for side in (0, 12):
        parts.append(("timber", tube(points.reshape(21, 13, 3)[:, side], 0.03, 6)))
    return parts


def rubbish(rng: Rng) -> Prop:
    """Litter: boards, bricks, papers lying about."""
    parts: Prop = []
    for _ in range(int(rng.integers(3, 12))):
        at = (*rng.normal(0, 0.7, 2), 0.0)
        pick = rng.random()
        if pick < 0.4:
            piece = box((rng.uniform(0.4, 1.6), 0.14, 0.025), rng=rng, warp=0.1)
            kind = "oldwood"
        elif pick < 0.75:
            piece, kind = (
                box((0.21, 0.1, 0.065), bevel=0.006, rng=rng, warp=0.1),
                "masonry",
            )
        else:
            piece, kind = box((0.21, 0.29, 0.004), bevel=0.001, rng=rng), "canvas"
        tilt = (str(rng.choice(["x", "y"])), rng.normal(0, 0.12))
        parts.append((kind, shapes.moved(piece, at, rng.uniform(0, 6.3), tilt=tilt)))
    return parts


YARD: tuple[Maker, ...] = (
    barrel, crate, pot, logs, wheel, rubbish, barrel, stepping_stone, well,
)  # fmt: skip
