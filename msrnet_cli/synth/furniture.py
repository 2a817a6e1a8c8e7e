"""Furniture and what lies on it."""

from __future__ import annotations

import numpy as np

from msrnet_cli.synth import shapes
from msrnet_cli.synth.props import Maker, Prop, Rng, placed, wooden
from msrnet_cli.synth.shapes import beam, blob, box, lathe, tube


def pot_outline(rng: Rng, height: float) -> list[tuple[float, float]]:
    """The profile of a vessel with foot, belly, neck and lip; it is hollow."""
    knots = np.array([0, 0.08, 0.35, 0.6, 0.8, 0.92, 1.0])
    foot, belly = rng.uniform(0.2, 0.35), rng.uniform(0.35, 0.6)
    neck = rng.uniform(0.12, 0.4)
    radii = np.array(
        [
            foot,
            foot * rng.uniform(0.8, 1.1),
            belly * rng.uniform(0.7, 1),
            belly * rng.uniform(0.8, 1.05),
            (neck + belly) / 2,
            neck,
            neck * rng.uniform(1, 1.5),
        ]
    )
    z = np.linspace(0, 1, 26)
    r = np.interp(z, knots, radii)
    r = np.convolve(np.pad(r, 2, "edge"), np.ones(5) / 5, "valid") * height * 0.7
    outline = [(0.0, 0.0), *zip(r.tolist(), (z * height).tolist(), strict=True)]
    inner = [(a * 0.88, b) for a, b in outline[:3:-3]]
    return outline + inner + [(0.0, 0.1 * height)]


def pot(rng: Rng) -> Prop:
    """An urn, jug or vase, sometimes with a handle or bands."""
    height = rng.uniform(0.3, 0.9)
    outline = pot_outline(rng, height)
    kind = str(rng.choice(["clay", "clay.1", "glaze", "glaze.1", "brass", "carved"]))
    body = lathe(outline, 36, wobble=0.01, rng=rng)
    parts: Prop = [(kind, shapes.shifted_texture(body, rng))]
    widest = max(r for r, _ in outline)
    if rng.random() < 0.4:
        t = np.linspace(-1.2, 1.4, 12)
        arc = np.stack([widest * 0.75 + 0.2 * height * np.cos(t), 0 * t], 1)
        path = np.concatenate([arc, (0.68 + 0.2 * np.sin(t))[:, None] * height], 1)
        parts.append((kind, tube(path, 0.022 * (0.5 + height), 8)))
    if rng.random() < 0.3:
        z = 0.45 * height
        r = float(
            np.interp(z, [b for _, b in outline[:26]], [a for a, _ in outline[:26]])
        )
        band = [(r, z), (r + 0.006, z + 0.005), (r + 0.006, z + 0.05), (r, z + 0.06)]
        parts.append(("paint", lathe(band, 36)))
    return parts


def bottle(rng: Rng) -> Prop:
    """A bottle, glass or candlestick."""
    h, r = rng.uniform(0.18, 0.34), rng.uniform(0.03, 0.055)
    outline = [(0, 0), (r, 0), (r, h * 0.6), (r * 0.4, h * 0.75), (r * 0.35, h * 0.97)]
    outline += [(r * 0.45, h * 0.97), (r * 0.45, h), (0, h)]
    return [(str(rng.choice(["glass", "glaze", "brass"])), lathe(outline, 18, True))]


def fruit(rng: Rng) -> Prop:
    """A bowl of fruit."""
    r = rng.uniform(0.12, 0.2)
    side = [(0.0, 0.0), (r * 0.5, 0.0), (r * 0.9, r * 0.3), (r, r * 0.55)]
    side += [(r * 0.94, r * 0.55), (r * 0.6, r * 0.2), (0, r * 0.1)]
    parts: Prop = [(str(rng.choice(["clay", "glaze", "polished"])), lathe(side, 28))]
    for _ in range(int(rng.integers(3, 8))):
        x, y = rng.normal(0, r * 0.35, 2)
        s = r * rng.uniform(0.5, 0.75)
        ball = blob(rng, (x, y, r * rng.uniform(0.4, 0.7)), (s, s, s * 0.9), 0.03)
        parts.append((f"petal.{rng.integers(2)}", ball))
    return parts


def books(rng: Rng) -> Prop:
    """A stack of books."""
    parts: Prop = []
    z = 0.0
    for _ in range(int(rng.integers(2, 7))):
        w, d, h = (
            rng.uniform(0.14, 0.2),
            rng.uniform(0.2, 0.28),
            rng.uniform(0.02, 0.05),
        )
        book = box((w, d, h), bevel=0.004, rng=rng)
        kind = f"cloth.{rng.integers(3)}"
        parts += placed([(kind, book)], (0, 0, z), rng.normal(0, 0.25))
        z += h
    return parts


def table(rng: Rng, length: float | None = None) -> Prop:
    """A table: boards on four legs, or a round top on a turned foot."""
    kind = str(rng.choice(["polished", "planks", "oldwood", "drab.2"]))
    h = rng.uniform(0.65, 0.85)
    if length is None and rng.random() < 0.3:
        r = rng.uniform(0.45, 0.8)
        top = [(0, h - 0.05), (r, h - 0.05), (r + 0.01, h - 0.02), (r, h), (0, h)]
        foot = [(r * 0.5, 0), (r * 0.45, 0.05), (0.07, 0.12), (0.05, 0.3), (0.09, 0.5)]
        foot += [(0.06, h - 0.04)]
        return [(kind, lathe(top, 40, True)), (kind, lathe(foot, 20))]
    w, d = length or rng.uniform(0.9, 2.0), rng.uniform(0.6, 1.0)
    parts: Prop = [(kind, box((w, d, 0.045), (0, 0, h), rng=rng))]
    parts.append((kind, box((w * 0.9, d * 0.86, 0.09), (0, 0, h - 0.09), rng=rng)))
    leg = rng.uniform(0.045, 0.09)
    for sx in (-1, 1):
        for sy in (-1, 1):
            x, y = sx * (w / 2 - leg), sy * (d / 2 - leg)
            parts.append((kind, box((leg, leg, h), (x, y, 0), rng=rng)))
    return parts


def chair(rng: Rng) -> Prop:
    """A wooden chair, a stool, or a padded seat on a metal foot."""
    kind = str(rng.choice(["polished", "oldwood", "drab.2", "paint.1"]))
    h, w = rng.uniform(0.42, 0.5), rng.uniform(0.38, 0.48)
    if rng.random() < 0.3:
        return _swivel(rng, h, w)
    parts: Prop = [(kind, box((w, w, 0.04), (0, 0, h), rng=rng))]
    back = rng.uniform(0.35, 0.6) if rng.random() < 0.8 else 0.0
    for sx in (-1, 1):
        x = sx * (w / 2 - 0.025)
        parts.append(
            (kind, beam((x, -w / 2 + 0.02, 0), (x, -w / 2 + 0.03, h), 0.04, 0.04))
        )
        top = (x, w / 2 + 0.12 * back, h + back)
        parts.append((kind, beam((x, w / 2 - 0.03, 0), top, 0.04, 0.04)))
    if back:
        for z in np.linspace(0.3, 0.95, int(rng.integers(2, 5))):
            rail = (w, 0.025, 0.08)
            at = (0, w / 2 + 0.1 * back * z, h + back * z - 0.05)
            parts.append((kind, box(rail, at, rng=rng)))
    return parts


def _swivel(rng: Rng, h: float, w: float) -> Prop:
    pad = f"paint.{rng.integers(3)}" if rng.random() < 0.5 else "cloth.1"
    parts: Prop = [
        (pad, blob(rng, (0, 0, h), (w * 1.15, w * 1.15, 0.14), 0.01, square=4))
    ]
    parts.append(
        (pad, blob(rng, (0, w * 0.5, h + 0.42), (w * 1.1, 0.13, 0.7), 0.01, square=4))
    )
    parts.append(("steel", lathe([(0.03, 0.05), (0.025, h)], 12)))
    for angle in np.arange(5) * 2 * np.pi / 5:
        end = (0.3 * np.cos(angle), 0.3 * np.sin(angle), 0.05)
        parts.append(("steel", beam((0, 0, 0.09), end, 0.04, 0.03)))
    return parts


def shelf(rng: Rng) -> Prop:
    """A bookcase, filled."""
    w, h, d = rng.uniform(0.8, 1.6), rng.uniform(1.2, 2.2), 0.32
    kind = wooden(rng)
    parts: Prop = [(kind, box((w, 0.02, h), (0, d / 2, 0), rng=rng))]
    for s in (-1, 1):
        parts.append((kind, box((0.03, d, h), (s * w / 2, 0, 0), rng=rng)))
    for z in np.linspace(0.02, h - 0.04, int(rng.integers(3, 6))):
        parts.append((kind, box((w, d, 0.03), (0, 0, z), rng=rng)))
        parts += placed(_row_of_things(rng, w * 0.9), (0, 0, z + 0.03))
    return parts


def _row_of_things(rng: Rng, width: float) -> Prop:
    parts: Prop = []
    x = -width / 2
    while x < width / 2 - 0.05:
        if rng.random() < 0.8:
            t, h = rng.uniform(0.02, 0.06), rng.uniform(0.18, 0.3)
            kind = f"cloth.{rng.integers(3)}"
            parts.append((kind, box((t, 0.2, h), (x + t / 2, 0, 0), 0.003, rng)))
            x += t + 0.004
        else:
            x += 0.1
            thing = bottle(rng) if rng.random() < 0.6 else pot(rng)
            parts += placed(thing, (x, 0, 0), scale=0.8 if len(thing) == 1 else 0.4)
            x += 0.12
    return parts


def cabinet(rng: Rng) -> Prop:
    """A chest of drawers or a cupboard, with knobs."""
    w, h, d = rng.uniform(0.7, 1.4), rng.uniform(0.7, 1.9), rng.uniform(0.4, 0.55)
    kind = str(rng.choice(["polished", "planks", "drab.2", "paint.2"]))
    parts: Prop = [(kind, box((w, d, h), rng=rng))]
    rows, columns = int(rng.integers(1, 5)), int(rng.integers(1, 3))
    for i in range(rows):
        for j in range(columns):
            x = (j + 0.5) * w / columns - w / 2
            z = (i + 0.08) * h / rows
            face = (w / columns * 0.88, 0.03, h / rows * 0.85)
            parts.append((kind, box(face, (x, -d / 2, z), rng=rng)))
            knob = blob(rng, (x, -d / 2 - 0.03, z + face[2] / 2), (0.035,) * 3, 0, 1)
            parts.append(("brass", knob))
    return parts


def sofa(rng: Rng) -> Prop:
    """A sofa or a bed: soft bodies on a frame."""
    w, d = rng.uniform(1.4, 2.1), rng.uniform(0.8, 1.0)
    kind = f"cloth.{rng.integers(3)}"
    parts: Prop = [("polished", box((w, d, 0.2), (0, 0, 0.1), rng=rng))]
    seats = int(rng.integers(2, 4))
    for k in range(seats):
        x = (k + 0.5) * w / seats - w / 2
        size = (w / seats * 1.02, d * 0.95, 0.34)
        parts.append((kind, blob(rng, (x, -0.05, 0.38), size, 0.015, square=5)))
        parts.append(
            (kind, blob(rng, (x, d * 0.4, 0.7), (size[0], 0.3, 0.6), 0.015, square=5))
        )
    for s in (-1, 1):
        parts.append(
            (kind, blob(rng, (s * w / 2, 0, 0.4), (0.24, d, 0.6), 0.01, square=6))
        )
    if rng.random() < 0.6:
        cushion = blob(rng, (w * 0.3, 0, 0.62), (0.42, 0.16, 0.42), 0.02, square=4)
        parts.append((f"ornament.{rng.integers(2)}", cushion))
    return parts


SMALL: tuple[Maker, ...] = (pot, bottle, fruit, books)


HOME: tuple[Maker, ...] = (table, chair, shelf, cabinet, sofa, chair)
