"""Buildings: cottages, sheds, town facades and rooms, with windows and roofs.

Each is a prop (see props) whose front faces -y, toward the camera.
"""

from __future__ import annotations

import numpy as np

from msrnet_cli.synth import shapes
from msrnet_cli.synth.props import Prop, Rng, placed, wooden
from msrnet_cli.synth.shapes import beam, box, boxed, prism, sheet


def window(rng: Rng, w: float, h: float, lit: bool, frame: str = "oldwood") -> Prop:
    """A window about x = 0 in the plane y = 0, its sill at z = 0."""
    depth, bar = 0.06, 0.05
    pane = "glow.window" if lit else "glass"
    parts: Prop = [(pane, box((w, 0.02, h), (0, -0.012, 0), 0.002))]
    for s in (-1, 1):
        parts.append((frame, box((bar, depth, h), (s * w / 2, -0.03, 0), rng=rng)))
    for z in (0.0, h - bar):
        parts.append((frame, box((w + bar, depth, bar), (0, -0.03, z), rng=rng)))
    for k in range(1, int(rng.integers(2, 4))):
        x = k * w / 2 - w / 2 if k < 2 else 0.0
        parts.append((frame, box((0.03, 0.05, h), (x, -0.03, 0), rng=rng)))
    parts.append((frame, box((w, 0.05, 0.03), (0, -0.03, h * rng.uniform(0.4, 0.65)))))
    sill = box((w + 0.2, 0.18, 0.06), (0, -0.09, -0.06), rng=rng)
    parts.append(("carved", sill))
    if rng.random() < 0.35:
        for s in (-1, 1):
            leaf = box((w / 2, 0.03, h), (s * (w * 0.78), -0.03, 0), rng=rng)
            parts.append(("drab.1", leaf))
    return parts


def door(rng: Rng) -> Prop:
    """A boarded door in a frame, with a step."""
    w, h = rng.uniform(0.85, 1.1), rng.uniform(1.9, 2.2)
    parts: Prop = [(wooden(rng), box((w, 0.06, h), (0, -0.02, 0), rng=rng))]
    for s in (-1, 1):
        parts.append(("timber", box((0.12, 0.12, h), (s * w / 2, -0.04, 0), rng=rng)))
    parts.append(("timber", box((w + 0.3, 0.13, 0.14), (0, -0.04, h), rng=rng)))
    parts.append(("stone", box((w + 0.3, 0.5, 0.16), (0, -0.25, 0), 0.03, rng)))
    parts.append(("brass", shapes.blob(rng, (w * 0.35, -0.09, 1.0), (0.06,) * 3, 0, 1)))
    return parts


def _gable_roof(rng: Rng, w: float, d: float, h: float, rise: float) -> Prop:
    """Two thick slopes that overhang, barge boards and a ridge along x."""
    kind = str(rng.choice(["shingles", "rooftiles", "slates", "planks"]))
    over, thick = rng.uniform(0.25, 0.5), 0.1
    slope = np.arctan2(rise, d / 2)
    run = np.hypot(rise, d / 2) + over
    parts: Prop = []
    for s in (-1, 1):
        slab = box((w + 2 * over, run, thick), (0, 0, 0), 0.02, rng)
        slab = shapes.moved(slab, tilt=("x", -s * slope))
        middle = (run / 2) * np.cos(slope), (run / 2) * np.sin(slope)
        at = (0, s * middle[0], h + rise - middle[1])
        parts.append((kind, shapes.moved(slab, at)))
        for e in (-1, 1):
            x = e * (w / 2 + over)
            low = (x, s * run * np.cos(slope), h + rise - run * np.sin(slope))
            parts.append(("timber", beam(low, (x, 0, h + rise), 0.05, 0.2, rng)))
    ridge = box((w + 2 * over, 0.24, 0.1), (0, 0, h + rise + 0.03), 0.04, rng)
    parts.append((kind, ridge))
    return parts


def _half_timber(rng: Rng, w: float, h: float, y: float) -> Prop:
    parts: Prop = []
    for x in np.linspace(-w / 2, w / 2, int(rng.integers(3, 6))):
        parts.append(("timber", box((0.16, 0.08, h), (x, y, 0), rng=rng, warp=0.05)))
    for z in (0.0, h * 0.5, h - 0.16):
        parts.append(("timber", box((w, 0.08, 0.16), (0, y, z), rng=rng)))
    for s in (-1, 1):
        ends = (s * w / 2, y, h * 0.05), (s * w * 0.2, y, h * 0.95)
        parts.append(("timber", beam(*ends, 0.07, 0.14, rng)))
    return parts


def cottage(rng: Rng, lit: bool = False) -> Prop:
    """A house with a gable roof, windows, a door, a chimney."""
    w, d, h = rng.uniform(3.5, 7), rng.uniform(3, 5), rng.uniform(2.3, 4.2)
    rise = d * rng.uniform(0.35, 0.7)
    kind = str(rng.choice(["stone", "masonry", "render", "planks", "facade"]))
    parts: Prop = [(kind, boxed(box((w, d, h), bevel=0.03, rng=rng)))]
    gable = [(-d / 2, h - 0.02), (d / 2, h - 0.02), (0, h + rise)]
    parts.append((kind, shapes.moved(prism(gable, w), turn=np.pi / 2)))
    parts += _gable_roof(rng, w, d, h, rise)
    if kind == "render" and rng.random() < 0.7:
        parts += _half_timber(rng, w, h, -d / 2)
    parts += placed(door(rng), (rng.uniform(-0.3, 0.3) * w, -d / 2, 0))
    for turn, half, width in (
        (0, d / 2, w),
        (np.pi / 2, w / 2, d),
        (-np.pi / 2, w / 2, d),
    ):
        for x in np.arange(-width / 2 + 0.9, width / 2 - 0.6, rng.uniform(1.4, 2.4)):
            pane = window(
                rng,
                rng.uniform(0.5, 0.9),
                rng.uniform(0.7, 1.2),
                lit and rng.random() < 0.5,
            )
            for z in np.arange(0.95, h - 0.9, 2.2):
                pane_at = placed(pane, (x, -half, z))
                parts += placed(pane_at, (0, 0, 0), turn)
    if rng.random() < 0.6:
        at = (rng.uniform(-0.35, 0.35) * w, d * 0.15, h)
        parts.append(("masonry", boxed(box((0.6, 0.6, rise + 0.7), at, 0.02, rng))))
    return placed(parts, (0, 0, 0), scale=rng.uniform(0.9, 1.1))


def shed(rng: Rng) -> Prop:
    """A plank hut on legs or an open shelter."""
    w, d, h = rng.uniform(2, 3.5), rng.uniform(1.8, 2.6), rng.uniform(1.9, 2.4)
    lift = float(rng.choice([0.0, 0.6, 1.4]))
    parts: Prop = []
    for x in (-w / 2, w / 2):
        for y in (-d / 2, d / 2):
            parts.append(("timber", beam((x, y, 0), (x, y, h + lift), 0.13, 0.13, rng)))
    if rng.random() < 0.7:
        wall_kind = wooden(rng)
        parts += _boarded(rng, wall_kind, w, h, -d / 2, lift, gap=rng.random() < 0.5)
        for s in (-1, 1):
            side = _boarded(rng, wall_kind, d, h, -w / 2, lift, gap=False)
            parts += placed(side, (0, 0, 0), s * np.pi / 2)
        parts += placed(
            _boarded(rng, wall_kind, w, h, -d / 2, lift, False), (0, 0, 0), np.pi
        )
    parts.append(("planks", box((w, d, 0.1), (0, 0, lift), rng=rng)))
    corners = [
        (-w / 2 - 0.3, -d / 2 - 0.4, h + lift),
        (w / 2 + 0.3, -d / 2 - 0.4, h + lift),
    ]
    corners += [
        (w / 2 + 0.3, d / 2 + 0.3, h + lift + 0.6),
        (-w / 2 - 0.3, d / 2 + 0.3, h + lift + 0.6),
    ]
    for lower in (0.0, 0.07):
        face = np.array(corners) - [0, 0, lower]
        parts.append((str(rng.choice(["slates", "shingles", "planks"])), sheet(face)))
    return parts


def _boarded(
    rng: Rng, kind: str, w: float, h: float, y: float, lift: float, gap: bool
) -> Prop:
    parts: Prop = []
    for x in np.arange(-w / 2, w / 2, 0.2):
        if gap and rng.random() < 0.15:
            continue
        board = box(
            (0.19, 0.03, h * rng.uniform(0.97, 1.03)),
            (x + 0.1, y, lift),
            rng=rng,
            warp=0.02,
        )
        parts.append((kind, board))
    return parts


def tower(rng: Rng, lit: bool = False) -> Prop:
    """A town house: rows of recessed windows, cornices, pilasters, a shop front."""
    bays, floors = int(rng.integers(3, 8)), int(rng.integers(2, 8))
    bay, storey = rng.uniform(1.9, 2.8), rng.uniform(2.9, 3.6)
    w, h = bays * bay, floors * storey + 1.0
    d = rng.uniform(6, 12)
    kind = str(rng.choice(["facade", "masonry", "render", "facade.1"]))
    parts: Prop = [(kind, boxed(box((w, d, h), bevel=0.05, rng=rng)))]
    front = _front(rng, bays, floors, bay, storey, lit)
    parts += placed(front, (0, -d / 2, 0))
    side = _front(rng, max(2, int(d / bay)), floors, bay, storey, False)
    for s in (-1, 1):
        parts += placed(placed(side, (0, -w / 2, 0)), (0, 0, 0), s * np.pi / 2)
    for z, out in ((storey, 0.25), (h - 0.5, 0.3), (h - 0.15, 0.5)):
        parts.append(("carved", box((w + out, d + out, 0.22), (0, 0, z), 0.05, rng)))
    for s in (-1, 1):
        corner = box((0.5, 0.5, h), (s * w / 2, -d / 2, 0), 0.03, rng)
        parts.append((kind, boxed(corner)))
    if rng.random() < 0.4:
        parts += placed(
            _escape(floors, storey), (rng.uniform(-0.3, 0.3) * w, -d / 2, 0)
        )
    return parts


def _front(
    rng: Rng, bays: int, floors: int, bay: float, storey: float, lit: bool
) -> Prop:
    """Window fields of one side, in the plane y = 0."""
    parts: Prop = []
    w, h = bay * rng.uniform(0.4, 0.6), storey * rng.uniform(0.5, 0.65)
    style, brow = int(rng.integers(4)), rng.random() < 0.5
    for floor in range(floors):
        for k in range(bays):
            x, z = (k + 0.5 - bays / 2) * bay, floor * storey + 0.9 + 0.3 * (floor > 0)
            if floor == 0 and style == 0:
                parts += placed(_shop(rng, bay, storey), (x, 0, 0))
                continue
            glow = lit and rng.random() < 0.15
            parts += placed(_pane(rng, w, h, glow), (x, 0, z))
            if brow:
                parts.append(
                    ("carved", box((w + 0.3, 0.14, 0.16), (x, -0.05, z + h), 0.03))
                )
            if rng.random() < 0.06:
                parts.append(("steel", box((0.6, 0.45, 0.4), (x, -0.25, z), 0.03)))
        if style == 1:
            parts.append(
                (
                    "carved",
                    box((bays * bay, 0.12, 0.15), (0, -0.05, floor * storey), 0.03),
                )
            )
    if style == 2:
        for k in range(bays + 1):
            x = (k - bays / 2) * bay
            parts.append(
                (
                    "masonry",
                    boxed(box((0.35, 0.16, floors * storey), (x, -0.05, 0), 0.03)),
                )
            )
    return parts


def _pane(rng: Rng, w: float, h: float, lit: bool) -> Prop:
    """A cheap window for a facade: dark glass, a frame, a sill."""
    glass = "glow.window" if lit else "glass"
    parts: Prop = [(glass, box((w, 0.02, h), (0, -0.01, 0), 0.002))]
    frame = str(rng.choice(["drab.1", "iron"])) if rng.random() < 0.1 else "drab.1"
    for s in (-1, 0, 1):
        parts.append((frame, box((0.05, 0.08, h), (s * w / 2, -0.03, 0), 0.01)))
    for z in (0, h * 0.5, h):
        parts.append((frame, box((w, 0.08, 0.05), (0, -0.03, z), 0.01)))
    parts.append(("carved", box((w + 0.25, 0.2, 0.09), (0, -0.08, -0.1), 0.02)))
    return parts


def _shop(rng: Rng, bay: float, storey: float) -> Prop:
    """Shop glass, a sign, now and then an awning."""
    h = storey * 0.72
    parts: Prop = [("glass", box((bay * 0.84, 0.03, h), (0, -0.01, 0.3), 0.004))]
    for s in (-1, 1):
        parts.append(
            ("drab.2", box((0.12, 0.14, h + 0.3), (s * bay * 0.44, -0.04, 0), 0.02))
        )
    parts.append(
        (f"paint.{rng.integers(3)}", box((bay, 0.2, 0.5), (0, -0.08, h + 0.25), 0.02))
    )
    if rng.random() < 0.3:
        z = h + 0.2
        corners = [
            (-bay / 2, -1.2, z - 0.5),
            (bay / 2, -1.2, z - 0.5),
            (bay / 2, 0, z),
            (-bay / 2, 0, z),
        ]
        parts.append(("cloth", sheet(corners)))
    return parts


def _escape(floors: int, storey: float) -> Prop:
    """A fire escape of thin iron."""
    parts: Prop = []
    for floor in range(1, floors):
        z = floor * storey
        parts.append(("iron", box((2.2, 0.9, 0.05), (0, -0.5, z), 0.01)))
        for x in np.linspace(-1.1, 1.1, 9):
            parts.append(("iron", box((0.03, 0.03, 1.0), (x, -0.93, z), 0.005)))
        parts.append(("iron", box((2.2, 0.04, 0.04), (0, -0.93, z + 1.0), 0.005)))
        foot = (0.9, -0.7, z), (-0.9, -0.7, z + storey)
        if floor + 1 < floors:
            parts.append(("iron", beam(*foot, 0.06, 0.4)))
    return parts


def room(rng: Rng, w: float, d: float, h: float) -> Prop:
    """Floor, back and side walls, sometimes a ceiling with beams; open toward -y."""
    floor = str(rng.choice(["planks", "polished", "paving", "concrete", "flags"]))
    sides = str(
        rng.choice(
            [
                "planks",
                "render",
                "masonry",
                "concrete",
                "stone",
                "plating",
                "drab",
                "oldwood",
            ]
        )
    )
    parts: Prop = [
        (floor + ".9", sheet([(-w, -d, 0), (w, -d, 0), (w, d, 0), (-w, d, 0)])),
    ]
    upright = [
        [(-w, d, 0), (w, d, 0), (w, d, h), (-w, d, h)],
        [(-w, -d, 0), (-w, d, 0), (-w, d, h), (-w, -d, h)],
        [(w, d, 0), (w, -d, 0), (w, -d, h), (w, d, h)],
    ]
    parts += [(sides + ".8", sheet(c)) for c in upright]
    skirting = str(rng.choice(["polished", "drab.1", "timber"]))
    parts.append((skirting, box((2 * w, 0.04, 0.14), (0, d - 0.02, 0), rng=rng)))
    for s in (-1, 1):
        parts.append(
            (skirting, box((0.04, 2 * d, 0.14), (s * (w - 0.02), 0, 0), rng=rng))
        )
    if rng.random() < 0.5:
        for y in np.arange(-d, d, rng.uniform(1.0, 2.0)):
            parts.append(("timber", box((2 * w, 0.16, 0.2), (0, y, h - 0.2), rng=rng)))
    if rng.random() < 0.6:
        parts += _pillars(rng, w, d, h)
    return parts + _wall_things(rng, w, d)


def _pillars(rng: Rng, w: float, d: float, h: float) -> Prop:
    kind = str(rng.choice(["timber", "masonry", "steel", "carved", "concrete"]))
    parts: Prop = []
    for x in np.linspace(-w, w, int(rng.integers(2, 6))):
        post = box((0.28, 0.28, h), (x, d - 0.12, 0), rng=rng)
        parts.append((kind, boxed(post)))
    return parts


def _wall_things(rng: Rng, w: float, d: float) -> Prop:
    """Pictures, windows, doors and shelves on the back and side walls."""
    parts: Prop = []
    x = -w + rng.uniform(0.6, 1.2)
    while x < w - 0.6:
        pick = rng.random()
        if pick < 0.25:
            parts += placed(window(rng, 0.9, 1.2, False), (x, d, 1.0))
        elif pick < 0.4:
            parts += placed(door(rng), (x, d, 0))
        elif pick < 0.7:
            parts += placed(picture(rng), (x, d - 0.01, rng.uniform(1.2, 1.6)))
        x += rng.uniform(1.2, 2.2)
    for s in (-1, 1):
        if rng.random() < 0.6:
            thing = placed(picture(rng), (0, -w + 0.01, rng.uniform(1.0, 1.6)))
            shift = float(rng.uniform(-0.3, 0.7)) * d
            parts += placed(placed(thing, (0, 0, 0), s * np.pi / 2), (0, shift, 0))
    return parts


def picture(rng: Rng) -> Prop:
    """A framed picture or a poster."""
    w, h = rng.uniform(0.4, 1.1), rng.uniform(0.4, 0.9)
    art = sheet([(-w / 2, 0, 0), (w / 2, 0, 0), (w / 2, 0, h), (-w / 2, 0, h)])
    unit = shapes.Mesh(art.points, art.normals, art.uv / np.array([w, h]), art.faces)
    art = shapes.moved(unit, (0, -0.02, 0))
    kind = str(rng.choice(["polished", "brass", "iron"]))
    parts: Prop = [(f"ornament.{rng.integers(3)}", art)]
    for s in (-1, 1):
        parts.append((kind, box((0.05, 0.05, h), (s * w / 2, -0.02, 0), rng=rng)))
    for z in (-0.03, h):
        parts.append((kind, box((w + 0.05, 0.05, 0.05), (0, -0.02, z), rng=rng)))
    return parts
