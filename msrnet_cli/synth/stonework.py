"""Stone: rocks, walls, columns, figures, basins."""

from __future__ import annotations

import numpy as np

from msrnet_cli.synth import shapes
from msrnet_cli.synth.furniture import pot
from msrnet_cli.synth.props import Prop, Rng, placed
from msrnet_cli.synth.shapes import Mesh, beam, blob, box, disc, lathe, rock, tube


def wall(rng: Rng, length: float, height: float | None = None) -> Prop:
    """A garden wall with a coping, or a tumbledown one of separate stones."""
    h, t = height or rng.uniform(0.6, 2.2), rng.uniform(0.25, 0.45)
    if rng.random() < 0.45:
        kind = str(rng.choice(["masonry", "stone", "facade", "render"]))
        body = shapes.boxed(box((length, t, h), rng=rng))
        cap = box((length + 0.06, t + 0.12, 0.09), (0, 0, h), 0.02, rng)
        return [(kind, body), ("carved", cap)]
    parts: Prop = []
    z = 0.0
    while z < h:
        row = rng.uniform(0.16, 0.32)
        x = -length / 2
        while x < length / 2:
            w = rng.uniform(0.25, 0.6)
            if z < h * 0.6 or rng.random() < 0.8:
                stone = box(
                    (w * 0.97, t * rng.uniform(0.85, 1.1), row * 0.97),
                    bevel=0.03,
                    rng=rng,
                    warp=0.07,
                )
                parts.append(
                    (
                        "boulder",
                        shapes.moved(stone, (x + w / 2, rng.normal(0, 0.02), z)),
                    )
                )
            x += w
        z += row
    return parts


def steps(rng: Rng) -> Prop:
    """A short flight of stairs that rises toward +y."""
    w, count = rng.uniform(1.2, 3.0), int(rng.integers(3, 8))
    rise, tread = rng.uniform(0.15, 0.2), rng.uniform(0.26, 0.36)
    kind = str(rng.choice(["stone", "carved", "planks", "concrete"]))
    return [
        (
            kind,
            box(
                (w, tread * (count - k), rise), (0, k * tread / 2, k * rise), 0.02, rng
            ),
        )
        for k in range(count)
    ]


def column(rng: Rng, height: float | None = None) -> Prop:
    """A column with base and capital, whole or broken."""
    h, r = height or rng.uniform(2.0, 4.5), rng.uniform(0.2, 0.4)
    kind = str(rng.choice(["carved", "stone", "carved.1"]))
    parts: Prop = [(kind, box((r * 3, r * 3, 0.2), bevel=0.03, rng=rng))]
    shaft = [(r * 1.35, 0.2), (r * 1.35, 0.28), (r * 1.1, 0.36), (r, 0.45)]
    shaft += [(r * 0.98, h * 0.5), (r * 0.88, h)]
    if height is None and rng.random() < 0.4:
        parts.append(
            (kind, lathe([*shaft[:4], (r * 0.97, h * 0.5), (0, h * 0.55)], 24))
        )
        return parts
    shaft += [(r, h + 0.03), (r * 1.2, h + 0.1), (r * 1.3, h + 0.2)]
    parts.append((kind, lathe(shaft, 24)))
    parts.append((kind, box((r * 2.9, r * 2.9, 0.16), (0, 0, h + 0.2), 0.02, rng)))
    return parts


def statue(rng: Rng) -> Prop:
    """A figure on a pedestal: robe, chest, arms, head, sometimes wings."""
    kind = str(rng.choice(["carved", "carved.1", "boulder", "brass", "concrete"]))
    base_h, w = rng.uniform(0.3, 1.1), rng.uniform(0.5, 0.8)
    parts: Prop = [("stone", box((w, w, base_h), bevel=0.03, rng=rng))]
    parts.append(("carved", box((w * 1.2, w * 1.2, 0.1), (0, 0, base_h), 0.03, rng)))
    robe = [(0.30, 0), (0.27, 0.2), (0.2, 0.55), (0.17, 0.8), (0.2, 1.0), (0.12, 1.25)]
    body: Prop = [(kind, lathe(robe, 40, wobble=0.06, rng=rng))]
    body.append((kind, blob(rng, (0, 0, 1.1), (0.48, 0.28, 0.5), 0.03)))
    nod = rng.normal(0, 0.03, 2)
    body.append(
        (kind, blob(rng, (nod[0], nod[1] - 0.02, 1.5), (0.2, 0.24, 0.29), 0.02))
    )
    body.append((kind, tube([(0, 0, 1.2), (nod[0], nod[1], 1.45)], 0.065)))
    for s in (-1, 1):
        body.append((kind, tube(_arm(rng, s), [0.085, 0.075, 0.065, 0.05, 0.05])))
    if rng.random() < 0.35:
        body += [(kind, m) for s in (-1, 1) for m in _wing(rng, s)]
    scale = rng.uniform(0.9, 1.6)
    return parts + placed(body, (0, 0, base_h + 0.1), rng.normal(0, 0.6), scale)


def _arm(rng: Rng, side: int) -> np.ndarray:
    elbow = np.array([side * 0.34, rng.uniform(-0.15, 0.1), rng.uniform(0.8, 1.25)])
    hand = elbow + np.array(
        [side * rng.uniform(-0.25, 0.15), -0.2, rng.uniform(-0.2, 0.35)]
    )
    shoulder = np.array([side * 0.2, 0, 1.26])
    return np.stack([shoulder, (shoulder + elbow) / 2, elbow, (elbow + hand) / 2, hand])


def _wing(rng: Rng, side: int) -> list[Mesh]:
    spread = rng.uniform(0.3, 0.8)
    feathers = []
    for k in range(7):
        t = k / 6
        root = (side * 0.08, 0.12, 1.2)
        tip = (side * (spread + 0.25 * t), 0.25, 1.75 - 1.2 * t)
        feathers.append(beam(root, tip, 0.11, 0.03, rng))
    return feathers


def fountain(rng: Rng) -> Prop:
    """A basin, a stem, a bowl."""
    r = rng.uniform(0.9, 1.6)
    rim = [(r, 0), (r * 1.05, 0.1), (r, 0.2), (r * 1.02, 0.45), (r * 1.08, 0.5)]
    rim += [(r * 1.08, 0.58), (r * 0.94, 0.58), (r * 0.9, 0.5), (r * 0.88, 0.15)]
    stem = [
        (0.3, 0.1),
        (0.22, 0.3),
        (0.13, 0.6),
        (0.18, 0.85),
        (0.5, 1.05),
        (0.56, 1.12),
    ]
    stem += [(0.5, 1.12), (0.1, 1.02), (0, 1.02)]
    parts: Prop = [("carved", lathe(rim, 48)), ("carved", lathe(stem, 32))]
    parts.append(("water", disc(r * 0.9, (0, 0, 0.42))))
    top = statue(rng)[2:] if rng.random() < 0.5 else pot(rng)
    return parts + placed(top, (0, 0, 0.1 if len(top) > 2 else 1.05), 0, 0.8)


def well(rng: Rng) -> Prop:
    """A stone ring under a small roof, with a windlass."""
    r = rng.uniform(0.6, 0.8)
    ring = [
        (r, 0),
        (r, 0.8),
        (r + 0.06, 0.82),
        (r + 0.06, 0.92),
        (r - 0.18, 0.92),
        (r - 0.18, 0.2),
    ]
    parts: Prop = [("stone", lathe(ring, 32, sharp=True))]
    for s in (-1, 1):
        parts.append(
            ("timber", beam((s * r, 0, 0.6), (s * r, 0, 2.1), 0.13, 0.13, rng))
        )
        parts.append(
            ("timber", beam((s * r, 0, 1.6), (s * r, 0.6, 2.15), 0.09, 0.09, rng))
        )
    parts.append(
        ("timber", beam((-r - 0.2, 0, 1.45), (r + 0.3, 0, 1.45), 0.11, 0.11, rng))
    )
    kind = str(rng.choice(["shingles", "planks", "rooftiles"]))
    for s in (-1, 1):
        corners = [(-s * (r + 0.4), s * 0.95, 1.95), (s * (r + 0.4), s * 0.95, 1.95)]
        corners += [(s * (r + 0.4), 0, 2.75), (-s * (r + 0.4), 0, 2.75)]
        if s > 0:
            corners = [corners[1], corners[0], corners[3], corners[2]]
        parts.append((kind, shapes.sheet(corners)))
    return parts


def rocks(rng: Rng, size: float) -> Prop:
    """A rock with a few small ones about its foot."""
    kind = str(rng.choice(["boulder", "crag", "redrock"]))
    shape = size * rng.uniform(0.6, 1.2, 3)
    parts: Prop = [(kind, rock(rng, shape, 4, int(rng.integers(6, 24))))]
    for _ in range(int(rng.integers(0, 5))):
        s = size * rng.uniform(0.08, 0.3)
        a, d = rng.uniform(0, 6.3), size * rng.uniform(0.45, 0.9)
        chip = rock(rng, s * rng.uniform(0.6, 1.2, 3), 2, 10)
        parts += placed([(kind, chip)], (d * np.cos(a), d * np.sin(a), -0.02))
    return parts


def rocks_medium(rng: Rng) -> Prop:
    """Fallen rock about a metre across."""
    return rocks(rng, rng.uniform(0.5, 1.4))


def stepping_stone(rng: Rng) -> Prop:
    """A flat, many-cornered slab."""
    corners = int(rng.integers(5, 9))
    a = np.sort(
        rng.uniform(0, 2 * np.pi, corners) * 0.3
        + np.arange(corners) * 2 * np.pi / corners
    )
    r = rng.uniform(0.3, 0.6) * rng.uniform(0.8, 1.1, corners)
    ring = np.stack([r * np.cos(a), r * np.sin(a)], 1)
    slab = shapes.prism(ring, rng.uniform(0.08, 0.16))
    return [("boulder", shapes.moved(slab, (0, 0, 0.03), tilt=("x", np.pi / 2)))]
