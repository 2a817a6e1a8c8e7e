"""Small and thin things that make a place look used: carts, lines, signs, sacks."""

from __future__ import annotations

import numpy as np

from msrnet_cli.synth import furniture, props, shapes, yard
from msrnet_cli.synth.props import Prop, Rng, placed, wooden
from msrnet_cli.synth.shapes import beam, blob, box, disc, lathe, sheet, tube


def bench(rng: Rng) -> Prop:
    """A plank bench, with or without a back."""
    w, kind = rng.uniform(1.1, 2.0), wooden(rng)
    parts: Prop = []
    for y in (-0.14, 0.0, 0.14):
        parts.append((kind, box((w, 0.12, 0.04), (0, y, 0.44), rng=rng, warp=0.03)))
    legs = str(rng.choice(["iron", "stone", kind]))
    for s in (-1, 1):
        parts.append((legs, box((0.1, 0.4, 0.44), (s * w * 0.4, 0, 0), rng=rng)))
        if rng.random() < 0.7:
            back = beam((s * w * 0.4, 0.2, 0.4), (s * w * 0.4, 0.32, 0.9), 0.05, 0.05)
            parts.append((legs, back))
    for z in (0.62, 0.8):
        parts.append((kind, box((w, 0.03, 0.11), (0, 0.27, z), rng=rng)))
    return parts


def cart(rng: Rng) -> Prop:
    """A two-wheeled cart with a load."""
    kind, w, d = wooden(rng), rng.uniform(0.9, 1.2), rng.uniform(1.5, 2.1)
    parts: Prop = [(kind, box((w, d, 0.06), (0, 0, 0.6), rng=rng))]
    for s in (-1, 1):
        parts.append(
            (kind, box((0.05, d, 0.35), (s * w / 2, 0, 0.62), rng=rng, warp=0.04))
        )
        shaft = beam(
            (s * w * 0.4, d / 2, 0.6), (s * w * 0.35, d, 0.25), 0.06, 0.06, rng
        )
        parts.append((kind, shaft))
        rim = placed(yard.wheel(rng), (0, 0, 0), np.pi / 2)
        parts += placed(rim, (s * (w / 2 + 0.12), 0, 0))
    load = (sacks, yard.crate, furniture.pot, hay)[int(rng.integers(4))](rng)
    return parts + placed(load, (0, 0, 0.65), rng.uniform(0, 6.3), 0.7)


def sacks(rng: Rng) -> Prop:
    """Sacks that lean on one another."""
    parts: Prop = []
    for k in range(int(rng.integers(2, 6))):
        s = rng.uniform(0.35, 0.55)
        at = (*rng.normal(0, 0.28, 2), s * 0.4 + 0.3 * (k > 2))
        body = blob(rng, at, (s, s * 0.8, s * rng.uniform(0.9, 1.4)), 0.06, square=3)
        parts.append((f"canvas.{k % 2}", body))
    return parts


def bucket(rng: Rng) -> Prop:
    """A pail with its handle up or down."""
    r, h = rng.uniform(0.13, 0.2), rng.uniform(0.22, 0.34)
    kind = str(rng.choice(["timber", "steel", "paint", "rusty"]))
    side = [(r * 0.8, 0), (r, h), (r * 0.94, h), (r * 0.76, 0.03), (0, 0.03)]
    t = np.linspace(0, np.pi, 14)
    bow = np.stack([r * np.cos(t), 0.3 * r * np.sin(t), h + r * np.sin(t)], 1)
    return [(kind, lathe(side, 24)), ("iron", tube(bow, 0.008, 5))]


def arch(rng: Rng) -> Prop:
    """A gate of dressed stones."""
    w, h = rng.uniform(1.6, 3.0), rng.uniform(1.6, 2.6)
    kind, parts = str(rng.choice(["stone", "carved", "boulder"])), []
    for s in (-1, 1):
        z = 0.0
        while z < h:
            tall = rng.uniform(0.3, 0.5)
            size = (0.5, 0.55, tall * 0.97)
            parts.append((kind, box(size, (s * w / 2, 0, z), 0.03, rng, 0.04)))
            z += tall
    for a in np.linspace(0, np.pi, 11):
        stone = box((0.5, 0.55, w / 2 * 0.31), (0, 0, -w * 0.075), 0.03, rng, 0.04)
        stone = shapes.moved(stone, tilt=("y", -a))
        at = (w / 2 * np.cos(a), 0, h + 0.2 + w / 2 * np.sin(a))
        parts.append((kind, shapes.moved(stone, at)))
    return parts


def signpost(rng: Rng) -> Prop:
    """A post with one or two boards."""
    h = rng.uniform(1.4, 2.4)
    kind = wooden(rng)
    post = box((0.1, 0.1, h), rng=rng, warp=0.1)
    parts: Prop = [(kind, post)]
    for k in range(int(rng.integers(1, 3))):
        w = rng.uniform(0.5, 0.9)
        z = h - 0.35 - 0.32 * k
        tip = [
            (-w / 2, 0),
            (w / 2, 0),
            (w / 2 + 0.14, 0.12),
            (w / 2, 0.24),
            (-w / 2, 0.24),
        ]
        board = shapes.moved(
            shapes.prism(tip, 0.03), (0.1, -0.07, z), rng.normal(0, 0.3)
        )
        face = str(rng.choice([kind, "paint", "drab"]))
        parts.append((face, board))
    return parts


def tent(rng: Rng) -> Prop:
    """A ridge tent or an awning on poles."""
    w, d, h = rng.uniform(1.6, 2.6), rng.uniform(1.8, 3.0), rng.uniform(1.3, 2.2)
    lift = float(rng.choice([0.0, 0.9]))
    kind, parts = str(rng.choice(["canvas", "cloth"])), []
    ridge = h + lift
    t = np.linspace(0, 1, 9)
    sag = -0.12 * np.sin(np.pi * t)[:, None, None] * np.array([0.0, 0, 1.0])
    for s in (-1, 1):
        corners = [(s * w / 2, -d / 2, lift), (s * w / 2, d / 2, lift)]
        corners += [(0, d / 2, ridge), (0, -d / 2, ridge)]
        parts.append((kind, sheet(corners, 9, 9, np.broadcast_to(sag, (9, 9, 3)))))
    for y in (-d / 2, d / 2):
        parts.append(("timber", tube([(0, y, 0), (0, y, ridge + 0.1)], 0.03, 6)))
        for s in (-1, 1):
            pole = [(s * w / 2, y, 0), (s * w / 2, y, lift + 0.02)]
            rope = [(s * w / 2, y, lift), (s * w * 0.85, y * 1.2, 0)]
            parts.append(("timber", tube(pole, 0.025, 6)))
            parts.append(("canvas", tube(rope, 0.008, 4)))
    return parts


def hay(rng: Rng) -> Prop:
    """A heap of hay or a bale."""
    s = rng.uniform(0.6, 1.2)
    d = rng.normal(0, 0.33, (900, 3)) * s
    d[:, 2] = np.abs(d[:, 2]) * np.maximum(1 - np.hypot(d[:, 0], d[:, 1]) / s, 0.05)
    roots = (d - [0, 0, 0.05]).astype(np.float32)
    heap = blob(rng, (0, 0, 0.02), (s * 1.3, s * 1.3, s * 0.7), 0.1)
    return [("beach", heap), ("grass.1", shapes.blades(rng, roots, 0.22, 0.012))]


def bicycle(rng: Rng) -> Prop:
    """A bicycle leaning a little: thin tubes and rims."""
    kind, parts = str(rng.choice(["paint", "iron", "steel"])), []
    t = np.linspace(0, 2 * np.pi, 33)
    for x in (-0.52, 0.52):
        rim = np.stack([x + 0.33 * np.cos(t), 0 * t, 0.33 + 0.33 * np.sin(t)], 1)
        parts.append(("iron", tube(rim, 0.017, 6)))
        for a in np.arange(0, np.pi, np.pi / 8):
            way = 0.33 * np.array([np.cos(a), 0, np.sin(a)])
            hub = np.array([x, 0, 0.33])
            parts.append(("steel", tube([hub - way, hub + way], 0.0025, 3)))
    joints = {
        "rear": (-0.52, 0, 0.33), "front": (0.52, 0, 0.33), "seat": (-0.2, 0, 0.85),
        "crank": (-0.08, 0, 0.3), "head": (0.4, 0, 0.82),
    }  # fmt: skip
    for pair in (
        "rear seat",
        "rear crank",
        "seat crank",
        "seat head",
        "crank head",
        "head front",
    ):
        a, b = pair.split()
        parts.append((kind, tube([joints[a], joints[b]], 0.016, 7)))
    parts.append(
        (
            kind,
            tube([(0.36, -0.25, 0.98), (0.4, 0, 0.92), (0.36, 0.25, 0.98)], 0.013, 6),
        )
    )
    parts.append(("cloth", blob(rng, (-0.23, 0, 0.9), (0.27, 0.14, 0.08), 0.0, 2)))
    return [(k, shapes.moved(m, tilt=("x", 0.12))) for k, m in parts]


def washing(rng: Rng) -> Prop:
    """A line between posts with cloths on it."""
    w, h = rng.uniform(2.5, 4.5), rng.uniform(1.7, 2.1)
    t = np.linspace(-1, 1, 13)
    line = np.stack([t * w / 2, 0 * t, h - 0.12 * (1 - t**2)], 1)
    parts: Prop = [("canvas", tube(line, 0.006, 4))]
    for s in (-1, 1):
        parts.append(("timber", box((0.08, 0.08, h + 0.1), (s * w / 2, 0, 0), rng=rng)))
    x = -w / 2 + 0.3
    while x < w / 2 - 0.6:
        cw, ch = rng.uniform(0.35, 0.8), rng.uniform(0.4, 1.1)
        top = h - 0.1
        wave = np.zeros((6, 8, 3))
        wave[..., 1] = 0.06 * np.sin(
            np.linspace(0, rng.uniform(4, 9), 8) + rng.uniform(0, 6)
        )
        corners = [
            (x, 0, top - ch),
            (x + cw, 0, top - ch),
            (x + cw, 0, top),
            (x, 0, top),
        ]
        parts.append((f"cloth.{rng.integers(3)}", sheet(corners, 6, 8, wave)))
        x += cw + rng.uniform(0.1, 0.5)
    return parts


def tyres(rng: Rng) -> Prop:
    """A stack of tyres."""
    parts: Prop = []
    ring = [
        (0.2, 0.02),
        (0.3, 0.0),
        (0.34, 0.05),
        (0.34, 0.14),
        (0.3, 0.19),
        (0.2, 0.17),
        (0.18, 0.1),
        (0.2, 0.02),
    ]
    for k in range(int(rng.integers(1, 5))):
        at = (*rng.normal(0, 0.03, 2), 0.19 * k)
        parts.append(("asphalt", shapes.moved(lathe(ring, 26), at)))
    return parts


def cone(rng: Rng) -> Prop:
    """A traffic cone or a bin."""
    if rng.random() < 0.5:
        return [
            ("paint", lathe([(0.16, 0.03), (0.03, 0.6), (0, 0.6)], 20, True)),
            ("paint", box((0.4, 0.4, 0.03))),
            ("render", lathe([(0.117, 0.23), (0.08, 0.4)], 20)),
        ]
    h = rng.uniform(0.6, 1.0)
    side = [(0.24, 0), (0.28, h), (0.25, h), (0.22, 0.05), (0, 0.05)]
    return [
        (props.painted(rng), lathe(side, 22)),
        ("iron", lathe([(0.29, h - 0.04), (0.29, h)], 22)),
    ]


def frame_tower(rng: Rng) -> Prop:
    """Scaffolding, a mast or a trestle: thin struts and nothing else."""
    w, h, kind = (
        rng.uniform(0.8, 2.0),
        rng.uniform(2.0, 4.5),
        str(rng.choice(["iron", "timber", "steel"])),
    )
    t = 0.04 if kind != "timber" else 0.08
    parts: Prop = []
    corners = [(x, y) for x in (-w / 2, w / 2) for y in (-w / 2, w / 2)]
    for x, y in corners:
        parts.append((kind, beam((x, y, 0), (x, y, h), t, t)))
    for k, z in enumerate(np.arange(0.0, h, 1.0)):
        for a, b in ((0, 1), (1, 3), (3, 2), (2, 0)):
            low, high = (*corners[a], z), (*corners[b], min(z + 1.0, h))
            if (k + a) % 2:
                parts.append((kind, beam(low, high, t * 0.7, t * 0.7)))
            level = (*corners[a], z + 0.02), (*corners[b], z + 0.02)
            parts.append((kind, beam(*level, t, t)))
    if rng.random() < 0.6:
        parts.append(
            (
                "planks",
                box((w, w, 0.04), (0, 0, float(rng.uniform(0.4, 0.9)) * h), rng=rng),
            )
        )
    return parts


def idol(rng: Rng) -> Prop:
    """A lump of sculpture: spheres and rings run together, or a bust."""
    kind = str(rng.choice(["carved", "brass", "glaze", "boulder", "clay"]))
    parts: Prop = [("stone", box((0.5, 0.5, 0.6), bevel=0.03, rng=rng))]
    z = 0.75
    for _ in range(int(rng.integers(2, 6))):
        s = rng.uniform(0.15, 0.5, 3)
        parts.append((kind, blob(rng, (*rng.normal(0, 0.1, 2), z), s * 1.3, 0.12, 4)))
        z += float(s[2]) * 0.6
    t = np.linspace(0, 2 * np.pi, 40)
    knot = np.stack(
        [np.sin(t) + 2 * np.sin(2 * t), np.cos(t) - 2 * np.cos(2 * t), -np.sin(3 * t)],
        1,
    )
    if rng.random() < 0.35:
        parts = [parts[0], (kind, tube(knot * 0.14 + [0, 0, 1.1], 0.07, 12))]
    return parts


def hatch(rng: Rng) -> Prop:
    """A manhole, a drain or a trapdoor in the ground."""
    if rng.random() < 0.5:
        return [
            ("iron", disc(0.34, (0, 0, 0.015))),
            ("iron", lathe([(0.36, 0), (0.36, 0.02), (0.33, 0.02)], 28)),
        ]
    return [
        ("iron", box((0.6, 0.03, 0.03), (0, k, 0), 0.004))
        for k in np.arange(-0.3, 0.31, 0.06)
    ]


YARD = (bench, cart, sacks, bucket, signpost, hay, washing, bicycle, bucket)
TOWN = (bench, bicycle, cone, tyres, hatch, sacks, cone, signpost)
LAND = (tent, cart, signpost, frame_tower, hay)
