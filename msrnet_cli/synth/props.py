"""Things that stand about: barrels, fences, furniture, statues, machines.

A prop is a list of (surface kind, mesh) about the origin, standing on z = 0.
Kinds are keys of surfaces.RECIPES; ".1", ".2" after a kind asks for another draw of
it, and kinds that begin with "glow" shine by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from msrnet_cli.synth import shapes
from msrnet_cli.synth.shapes import Mesh, beam, blob, box, disc, lathe, rock, tube

Prop = list[tuple[str, Mesh]]
Rng = np.random.Generator


def placed(
    prop: Prop, at: Sequence[float], turn: float = 0.0, scale: float = 1.0
) -> Prop:
    """The prop turned about z, scaled and moved."""
    return [(kind, shapes.moved(mesh, at, turn, scale)) for kind, mesh in prop]


def toppled(prop: Prop, height: float) -> Prop:
    """The prop lying on its side; height is what was its half width."""
    quarter = ("x", np.pi / 2)
    return [(k, shapes.moved(m, (0, 0, height), tilt=quarter)) for k, m in prop]


def wooden(rng: Rng) -> str:
    """One of the kinds of wood."""
    return str(rng.choice(["planks", "oldwood", "timber"]))


def painted(rng: Rng) -> str:
    """Paint, drab four times out of five."""
    strong = rng.random() < 0.3
    return f"{'paint' if strong else 'drab'}.{rng.integers(3)}"


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
    outline = [(0.0, 0.0)] + list(zip(r.tolist(), (z * height).tolist(), strict=True))
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
        r = float(np.interp(z, [b for _, b in outline[:26]], [a for a, _ in outline[:26]]))
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
        w, d, h = rng.uniform(0.14, 0.2), rng.uniform(0.2, 0.28), rng.uniform(0.02, 0.05)
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
        parts.append((kind, beam((x, -w / 2 + 0.02, 0), (x, -w / 2 + 0.03, h), 0.04, 0.04)))
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
    parts: Prop = [(pad, blob(rng, (0, 0, h), (w * 1.15, w * 1.15, 0.14), 0.01, square=4))]
    parts.append((pad, blob(rng, (0, w * 0.5, h + 0.42), (w * 1.1, 0.13, 0.7), 0.01, square=4)))
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
        parts.append((kind, blob(rng, (x, d * 0.4, 0.7), (size[0], 0.3, 0.6), 0.015, square=5)))
    for s in (-1, 1):
        parts.append((kind, blob(rng, (s * w / 2, 0, 0.4), (0.24, d, 0.6), 0.01, square=6)))
    if rng.random() < 0.6:
        cushion = blob(rng, (w * 0.3, 0, 0.62), (0.42, 0.16, 0.42), 0.02, square=4)
        parts.append((f"ornament.{rng.integers(2)}", cushion))
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
        size = (0.06, 0.06, h) if metal else (*rng.uniform(0.09, 0.17, 2), h * rng.uniform(0.9, 1.15))
        post = box(size, rng=rng, warp=0.0 if metal else 0.12)
        lean = ("y", rng.normal(0, 0.0 if metal else 0.05))
        post = shapes.moved(post, (x, 0, -0.1), tilt=lean)
        parts.append(("iron" if metal else kind, post))
    for a, b in zip(posts[:-1], posts[1:], strict=True):
        parts += _fence_field(rng, style, kind, float(a), float(b), h)
    return parts


def _fence_field(
    rng: Rng, style: str, kind: str, a: float, b: float, h: float
) -> Prop:
    parts: Prop = []
    metal = style == "bars"
    sag = 0.0 if metal else 0.06
    for z in (0.3, 0.8) if style != "rails" else np.linspace(0.3, 0.9, int(rng.integers(2, 4))):
        ends = z * h + rng.normal(0, sag, 2)
        thick = (0.035, 0.035) if metal else (0.05, rng.uniform(0.09, 0.16))
        rail = beam((a, -0.07, ends[0]), (b, -0.07, ends[1]), *thick, None if metal else rng)
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
                stone = box((w * 0.97, t * rng.uniform(0.85, 1.1), row * 0.97), bevel=0.03, rng=rng, warp=0.07)
                parts.append(("boulder", shapes.moved(stone, (x + w / 2, rng.normal(0, 0.02), z))))
            x += w
        z += row
    return parts


def steps(rng: Rng) -> Prop:
    """A short flight of stairs that rises toward +y."""
    w, count = rng.uniform(1.2, 3.0), int(rng.integers(3, 8))
    rise, tread = rng.uniform(0.15, 0.2), rng.uniform(0.26, 0.36)
    kind = str(rng.choice(["stone", "carved", "planks", "concrete"]))
    return [
        (kind, box((w, tread * (count - k), rise), (0, k * tread / 2, k * rise), 0.02, rng))
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
        parts.append((kind, lathe([*shaft[:4], (r * 0.97, h * 0.5), (0, h * 0.55)], 24)))
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
    body.append((kind, blob(rng, (nod[0], nod[1] - 0.02, 1.5), (0.2, 0.24, 0.29), 0.02)))
    body.append((kind, tube([(0, 0, 1.2), (nod[0], nod[1], 1.45)], 0.065)))
    for s in (-1, 1):
        body.append((kind, tube(_arm(rng, s), [0.085, 0.075, 0.065, 0.05, 0.05])))
    if rng.random() < 0.35:
        body += [(kind, m) for s in (-1, 1) for m in _wing(rng, s)]
    scale = rng.uniform(0.9, 1.6)
    return parts + placed(body, (0, 0, base_h + 0.1), rng.normal(0, 0.6), scale)


def _arm(rng: Rng, side: int) -> np.ndarray:
    elbow = np.array([side * 0.34, rng.uniform(-0.15, 0.1), rng.uniform(0.8, 1.25)])
    hand = elbow + np.array([side * rng.uniform(-0.25, 0.15), -0.2, rng.uniform(-0.2, 0.35)])
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
    stem = [(0.3, 0.1), (0.22, 0.3), (0.13, 0.6), (0.18, 0.85), (0.5, 1.05), (0.56, 1.12)]
    stem += [(0.5, 1.12), (0.1, 1.02), (0, 1.02)]
    parts: Prop = [("carved", lathe(rim, 48)), ("carved", lathe(stem, 32))]
    parts.append(("water", disc(r * 0.9, (0, 0, 0.42))))
    top = statue(rng)[2:] if rng.random() < 0.5 else pot(rng)
    return parts + placed(top, (0, 0, 0.1 if len(top) > 2 else 1.05), 0, 0.8)


def well(rng: Rng) -> Prop:
    """A stone ring under a small roof, with a windlass."""
    r = rng.uniform(0.6, 0.8)
    ring = [(r, 0), (r, 0.8), (r + 0.06, 0.82), (r + 0.06, 0.92), (r - 0.18, 0.92), (r - 0.18, 0.2)]
    parts: Prop = [("stone", lathe(ring, 32, sharp=True))]
    for s in (-1, 1):
        parts.append(("timber", beam((s * r, 0, 0.6), (s * r, 0, 2.1), 0.13, 0.13, rng)))
        parts.append(("timber", beam((s * r, 0, 1.6), (s * r, 0.6, 2.15), 0.09, 0.09, rng)))
    parts.append(("timber", beam((-r - 0.2, 0, 1.45), (r + 0.3, 0, 1.45), 0.11, 0.11, rng)))
    kind = str(rng.choice(["shingles", "planks", "rooftiles"]))
    for s in (-1, 1):
        corners = [(-s * (r + 0.4), s * 0.95, 1.95), (s * (r + 0.4), s * 0.95, 1.95)]
        corners += [(s * (r + 0.4), 0, 2.75), (-s * (r + 0.4), 0, 2.75)]
        if s > 0:
            corners = [corners[1], corners[0], corners[3], corners[2]]
        parts.append((kind, shapes.sheet(corners)))
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
            line = [(x, -length / 2 + ends[0], z), (x, 0, z), (x, length / 2 + ends[1], z)]
            parts.append(("bark", tube(line, r * rng.uniform(0.85, 1.0), 10)))
            cut = shapes.moved(disc(r * 0.9, (0, 0, 0)), (x, line[0][1], z), tilt=("x", np.pi / 2))
            parts.append(("oldwood", cut))
    return parts


def lamp_post(rng: Rng, lit: bool) -> Prop:
    """A street lamp; when lit it glows, and lights nothing."""
    h = rng.uniform(2.6, 4.5)
    pole = [(0.14, 0), (0.14, 0.1), (0.07, 0.3), (0.05, 1.0), (0.04, h)]
    parts: Prop = [("iron", lathe(pole, 12))]
    cap = [(0.02, h), (0.16, h + 0.02), (0.2, h + 0.38), (0.24, h + 0.4), (0.02, h + 0.6)]
    glow = [(0.1, h + 0.03), (0.15, h + 0.36)]
    if lit:
        parts.append(("glow.lamp", lathe(glow, 10)))
        parts.append(("iron", lathe(cap[3:], 10, True)))
    else:
        parts.append(("iron", lathe(cap, 10, True)))
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
        body = blob(rng, (x, y, h + 0.08 + 0.09 * k), (s, s, s * rng.uniform(1.5, 2.6)), 0.15)
        parts.append((f"glow.flame{min(k // 2, 1)}", body))
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
        size = (rng.uniform(0.1, 0.4) * w, rng.uniform(0.04, 0.12), rng.uniform(0.08, 0.3) * h)
        side = float(rng.choice([-1, 1]))
        other = str(rng.choice(["plating", "steel", "iron", "paint.1"]))
        parts.append((other, box(size, (x, side * d / 2, z), 0.01, rng)))
    if rng.random() < 0.4:
        spot = (rng.uniform(-0.4, 0.4) * w, -d / 2 - 0.02, 0.85 * h)
        parts.append((f"glow.{rng.choice(['red', 'lamp', 'cyan'])}", blob(rng, spot, (0.05,) * 3, 0, 1)))
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
        return [("rusty", lathe([(0.12, 0), (0.12, h)], 14)), ("rusty", lathe(cap, 14, True))]
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
        (kind, beam((s * w / 2, 0, 0), (s * w / 2, 0, height), 0.04, 0.05)) for s in (-1, 1)
    ]
    for z in np.arange(0.2, height, 0.28):
        parts.append((kind, beam((-w / 2, 0, z), (w / 2, 0, z), 0.03, 0.03)))
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
    a = np.sort(rng.uniform(0, 2 * np.pi, corners) * 0.3 + np.arange(corners) * 2 * np.pi / corners)
    r = rng.uniform(0.3, 0.6) * rng.uniform(0.8, 1.1, corners)
    ring = np.stack([r * np.cos(a), r * np.sin(a)], 1)
    slab = shapes.prism(ring, rng.uniform(0.08, 0.16))
    return [("boulder", shapes.moved(slab, (0, 0, 0.03), tilt=("x", np.pi / 2)))]


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
        parts.append(("oldwood", box((0.22, w * 0.9, 0.04), (k * length / 2, 0, h * 0.75), rng=rng)))
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
            piece, kind = box((0.21, 0.1, 0.065), bevel=0.006, rng=rng, warp=0.1), "masonry"
        else:
            piece, kind = box((0.21, 0.29, 0.004), bevel=0.001, rng=rng), "canvas"
        tilt = (str(rng.choice(["x", "y"])), rng.normal(0, 0.12))
        parts.append((kind, shapes.moved(piece, at, rng.uniform(0, 6.3), tilt=tilt)))
    return parts


def car(rng: Rng) -> Prop:
    """A parked car: a profile with glass, wheels and bumpers."""
    w, z = 1.7, 0.3
    side = [(-2.1, z), (2.1, z), (2.15, 0.7), (1.3, 0.85), (0.7, 1.35), (-0.9, 1.4), (-1.6, 0.95), (-2.15, 0.85)]
    hull = [(-2.1, z), (2.1, z), (2.15, 0.7), (1.3, 0.87), (-1.6, 0.95), (-2.15, 0.85)]
    kind = painted(rng)
    parts: Prop = [(kind, shapes.prism(hull, w))]
    cabin = [(-1.6, 0.9), (1.3, 0.82), *side[4:6]]
    parts.append(("glass", shapes.prism(cabin, w * 0.9)))
    roof = [(-0.95, 1.38), (0.72, 1.33), (0.68, 1.4), (-0.9, 1.46)]
    parts.append((kind, shapes.prism(roof, w * 0.88)))
    tyre = [(0.0, 0), (0.2, 0.0), (0.3, 0.02), (0.33, 0.06), (0.33, 0.16), (0.3, 0.2), (0, 0.2)]
    for x in (-1.35, 1.3):
        for s in (-1, 1):
            turned = shapes.moved(lathe(tyre, 20), (x, s * w / 2 + 0.1 * 1, 0.33), tilt=("x", np.pi / 2))
            parts.append(("iron", turned))
    for s in (-1, 1):
        parts.append(("steel", box((0.12, w, 0.14), (s * 2.12, 0, 0.38), 0.03)))
    return parts


SMALL: tuple[Callable[[Rng], Prop], ...] = (pot, bottle, fruit, books)
YARD: tuple[Callable[[Rng], Prop], ...] = (
    barrel, crate, pot, logs, wheel, rubbish, barrel, stepping_stone, well,
)  # fmt: skip
HOME: tuple[Callable[[Rng], Prop], ...] = (table, chair, shelf, cabinet, sofa, chair)
WORKS: tuple[Callable[[Rng], Prop], ...] = (machine, barrel, crate, machine, rubbish)
