"""What stands in a scene, where the camera is and how the light is hung.

A scene is drawn from its own number and nothing else. No renderer here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from msrnet_cli.synth import buildings, oddments, plants, props, shapes
from msrnet_cli.synth.noise import Relief, spectral
from msrnet_cli.synth.props import Prop, Rng, placed
from msrnet_cli.synth.shapes import Mesh, joined
from msrnet_cli.synth.surfaces import Surface, surface

Vector = tuple[float, float, float]

SPLITS = {"train": 0, "validation": 1, "test": 2}
SETS_PER_SPLIT = 2**20  # user seeds in a split
_SCENES = 2**20  # scenes in a user's seed



def scene_number(split: str, seed: int, index: int) -> int:
    """The number a scene is drawn from; no two splits, seeds or scenes share one."""
    return (SPLITS[split] * SETS_PER_SPLIT + seed) * _SCENES + index


@dataclass(frozen=True)
class Camera:
    """A pinhole looking from one point to another; fov is horizontal, degrees."""

    eye: Vector
    look: Vector
    fov: float


@dataclass(frozen=True)
class Rig:
    """Eight places for one light, on a circle about the focus.

    Attributes:
        focus: What the light is turned to.
        radius: Distance to the focus in metres.
        elevation: Angle above the horizon in degrees, the same all around.
        cone: Half angle of a spot in degrees; None shines all around.
    """

    focus: Vector
    radius: float
    elevation: float
    cone: float | None


@dataclass(frozen=True)
class Scene:
    """Everything a renderer needs.

    Attributes:
        theme: Which kind of place it is.
        meshes: One mesh for each kind of surface.
        surfaces: What each kind looks like.
        glows: Radiance of kinds that shine by themselves, linear RGB.
        camera: Where it is seen from.
        rig: How the light is hung.
        ambient: Light from everywhere as a share of the exposure's white.
        tint: Colour of the ambient light, linear RGB.
        bounce: Share of once-reflected light that is kept; games keep none.
        key: How brightly it is exposed; 1 is middling.
    """

    theme: str
    meshes: dict[str, Mesh]
    surfaces: dict[str, Surface]
    glows: dict[str, Vector]
    camera: Camera
    rig: Rig
    ambient: float
    tint: Vector
    bounce: float
    key: float


@dataclass
class Plan:
    """A scene while it is being laid out."""

    rng: Rng
    parts: dict[str, list[Mesh]] = field(default_factory=dict)
    lit: bool = False
    camera: Camera = Camera((0.0, -6.0, 1.6), (0.0, 0.0, 1.0), 75.0)
    rig: Rig = Rig((0.0, 0.0, 0.5), 5.0, 35.0, None)

    def add(self, prop: Prop, at: Vector, turn: float = 0.0, scale: float = 1.0) -> None:
        """Put a prop somewhere."""
        for kind, mesh in placed(prop, at, turn, scale):
            self.parts.setdefault(kind, []).append(mesh)


@dataclass(frozen=True)
class Land:
    """Uneven ground: rolling noise that grows with distance from the middle."""

    relief: Relief
    fine: Relief
    amplitude: float
    level: float

    def __call__(
        self, x: NDArray[np.floating], y: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """Heights of points in metres."""
        away = np.minimum(np.hypot(x, y) / 14.0, 1.6)
        rolling = (self.relief.at(x, y) - 0.5) * self.amplitude * (0.15 + away)
        bumps = (self.fine.at(x, y) - 0.5) * 0.14 * self.level
        return np.asarray(rolling + bumps, np.float32)

    def height(self, x: float, y: float) -> float:
        """Height of one point."""
        return float(self(np.array([x]), np.array([y]))[0])


def _land(rng: Rng, amplitude: float, level: float = 1.0) -> Land:
    return Land(
        Relief(spectral(rng, 256, 1.9), rng.uniform(30, 70)),
        Relief(spectral(rng, 256, 1.3), 9.0),
        amplitude,
        level,
    )


def _lattice(half: float, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Points that lie close together near the middle and far apart far away."""
    t = np.linspace(-1, 1, count)
    line = (np.sinh(3.2 * t) / np.sinh(3.2) * half).astype(np.float32)
    y, x = np.meshgrid(line, line, indexing="ij")
    return x, y


def _ground(plan: Plan, kind: str, land: Land | None, half: float = 60.0) -> Land:
    """Cover the plane with a surface; returns the land it follows."""
    level = land or _land(plan.rng, 0.0, 0.0)
    count = 150 if land else 20
    x, y = _lattice(half, count)
    points = np.stack([x, y, level(x, y)], -1).reshape(-1, 3)
    turn = shapes.turned("z", plan.rng.uniform(0, 6.3))[:2, :2]
    uv = points[:, :2] @ turn
    plan.add([(kind, shapes.smooth(points, shapes.grid_faces(count, count), uv))], (0, 0, 0))
    return level


def _cliff(plan: Plan, distance: float, height: float, kind: str) -> None:
    """A rock face across the back."""
    rng, rows, columns = plan.rng, 100, 180
    u, v = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(0, 1, rows))
    relief = Relief(spectral(rng, 512, 1.35), 26.0)
    crest = height * (0.55 + 0.9 * Relief(spectral(rng, 256, 1.6), 50.0).at(u * 25, 0 * u))
    x, z = u * 30, v * crest - 1.0
    depth = (relief.at(x + 0.3 * z, z * 1.4) - 0.5) * height * 0.7 + v**2 * height * 0.5
    y = distance + depth + 0.01 * x**2
    points = np.stack([x, y, z], -1).reshape(-1, 3)
    faces = shapes.grid_faces(rows, columns)
    face = shapes.smooth(points, faces, np.stack([x, z], -1).reshape(-1, 2))
    plan.add([(kind, face)], (0, 0, 0), plan.rng.normal(0, 0.25))


def _spots(
    rng: Rng, count: int, near: float, far: float, half: float, gap: float
) -> list[tuple[float, float]]:
    """Places on the ground, apart from one another, between two distances in y."""
    found: list[tuple[float, float]] = []
    for _ in range(count * 12):
        y = float(rng.uniform(near, far))
        x = float(rng.uniform(-1, 1) * half * (0.35 + 0.65 * (y - near + 2) / (far - near + 2)))
        if all(np.hypot(x - a, y - b) > gap for a, b in found):
            found.append((x, y))
        if len(found) == count:
            break
    return found


def _view(plan: Plan, height: tuple[float, float], reach: float, ground: float = 0.0) -> None:
    """A camera south of the origin and a light rig about what it looks at."""
    rng = plan.rng
    back = float(reach * rng.uniform(0.8, 1.2))
    eye_z = ground + float(rng.uniform(*height))
    look = (float(rng.normal(0, 0.12) * reach), 0.0, ground + float(rng.uniform(0.1, 0.45) * min(eye_z - ground, 2.0)))
    plan.camera = Camera((float(rng.normal(0, 0.15) * reach), -back, eye_z), look, float(rng.uniform(62, 92)))
    focus = (look[0] + float(rng.normal(0, 0.12) * reach), float(rng.uniform(-0.25, 0.35) * reach), ground + 0.4)
    plan.rig = Rig(
        focus,
        float(reach * rng.uniform(0.6, 1.3)),
        float(rng.uniform(22, 48)),
        float(rng.uniform(48, 75)) if rng.random() < 0.4 else None,
    )


def _litter(plan: Plan, land: Land, makers: tuple[Callable[[Rng], Prop], ...], count: int, reach: float, gap: float = 1.2) -> None:
    """Scatter props that lie about on the land."""
    rng = plan.rng
    if rng.random() < 0.75:
        _scree(plan, land, int(rng.integers(40, 200)), reach)
    for x, y in _spots(rng, count, -reach * 0.55, reach * 1.3, reach * 1.3, gap):
        maker = makers[int(rng.integers(len(makers)))]
        plan.add(maker(rng), (x, y, land.height(x, y) - 0.02), rng.uniform(0, 6.3), rng.uniform(0.85, 1.2))


def _greenery(plan: Plan, land: Land, amount: float, reach: float) -> None:
    """Grass tufts, flowers, bushes."""
    rng = plan.rng
    for x, y in _spots(rng, int(5 * amount) + 1, -reach * 0.6, reach, reach, 0.6):
        centre = np.array([x, y, 0], np.float32)
        grass = plants.meadow(rng, land, centre, rng.uniform(0.4, 1.6), int(1100 * amount))
        plan.add(grass, (0, 0, 0))
    for x, y in _spots(rng, int(5 * amount), -reach * 0.6, reach * 0.8, reach, 0.5):
        plan.add(plants.flower(rng), (x, y, land.height(x, y)))
    for x, y in _spots(rng, int(rng.integers(0, 4)), -reach * 0.2, reach * 1.6, reach * 1.4, 1.5):
        plan.add(plants.bush(rng), (x, y, land.height(x, y)))


def _scree(plan: Plan, land: Land, count: int, reach: float) -> None:
    """Stones and twigs underfoot: nothing lies on clean ground."""
    rng = plan.rng
    kind = str(rng.choice(["boulder", "crag", "boulder", "timber"]))
    if kind == "timber":
        chips = [shapes.box((rng.uniform(0.2, 0.7), 0.03, 0.03), rng=rng, warp=0.3) for _ in range(6)]
    else:
        chips = [shapes.rock(rng, rng.uniform(0.6, 1.4, 3), 1, 9) for _ in range(6)]
    x = rng.normal(0, reach * 0.6, count)
    y = rng.normal(-reach * 0.2, reach * 0.6, count)
    z = land(x, y)
    size = np.minimum(0.03 * np.exp(rng.exponential(0.7, count)), 0.3)
    for k in range(count):
        scale = 1.0 if kind == "timber" else float(size[k])
        chip = [(kind, chips[k % 6])]
        plan.add(chip, (float(x[k]), float(y[k]), float(z[k]) - 0.01), rng.uniform(0, 6.3), scale)


def _wilderness(plan: Plan) -> None:
    """Rocks on sand, earth, grass or snow, perhaps under a cliff."""
    rng = plan.rng
    reach = float(rng.uniform(3, 9))
    land = _ground(plan, str(rng.choice(["beach", "desert", "earth", "meadow", "shingle", "snow"])), _land(rng, rng.uniform(0.5, 3.5)))
    for x, y in _spots(rng, int(rng.integers(2, 12)), -reach * 0.4, reach * 1.4, reach, 0.9):
        size = float(rng.uniform(0.5, 2.4)) * reach / 5
        plan.add(props.rocks(rng, size), (x, y, land.height(x, y) - 0.05), rng.uniform(0, 6.3))
    _scree(plan, land, int(rng.integers(60, 260)), reach)
    if rng.random() < 0.55:
        _cliff(plan, rng.uniform(5, 14) + reach * 0.6, rng.uniform(4, 12), str(rng.choice(["crag", "redrock", "boulder"])))
    if rng.random() < 0.6:
        _greenery(plan, land, rng.uniform(0.3, 1.6), reach)
    if rng.random() < 0.4:
        _litter(plan, land, (*oddments.LAND, plants.stump, props.logs), int(rng.integers(1, 4)), reach * 0.7, 2.0)
    for x, y in _spots(rng, int(rng.integers(0, 4)), reach * 0.3, reach * 2, reach * 1.6, 2):
        grown = plants.tree(rng, bare=bool(rng.random() < 0.4)) if rng.random() < 0.7 else plants.conifer(rng)
        plan.add(grown, (x, y, land.height(x, y)), rng.uniform(0, 6.3))
    _view(plan, (0.7, 3.0), reach, land.height(0, -reach))


def _village(plan: Plan) -> None:
    """A cottage yard: houses, fences, barrels, stones, grass."""
    rng = plan.rng
    reach = float(rng.uniform(3.2, 6.5))
    land = _ground(plan, str(rng.choice(["meadow", "meadow", "earth", "paving", "beach"])), _land(rng, rng.uniform(0.2, 1.2)))
    plan.lit = bool(rng.random() < 0.45)
    for x, y in _spots(rng, int(rng.integers(2, 6)), reach * 0.5 + 2.5, reach * 1.6 + 5, reach * 1.6, 5.5):
        home = buildings.cottage(rng, plan.lit) if rng.random() < 0.75 else buildings.shed(rng)
        plan.add(home, (x, y, land.height(x, y) - 0.1), rng.normal(0, 0.6))
    for x, y in _spots(rng, int(rng.integers(2, 6)), -reach * 0.5, reach * 1.0, reach * 1.1, 1.5):
        run = props.fence(rng, rng.uniform(2.5, 6)) if rng.random() < 0.7 else props.wall(rng, rng.uniform(2, 5))
        plan.add(run, (x, y, land.height(x, y)), rng.uniform(0, 3.2))
    _litter(plan, land, (*props.YARD, *oddments.YARD), int(rng.integers(9, 20)), reach * 0.85, 0.9)
    _greenery(plan, land, rng.uniform(0.6, 2.4), reach)
    if plan.lit:
        for x, y in _spots(rng, int(rng.integers(0, 4)), 0, reach * 1.2, reach, 2.5):
            plan.add(props.torch(rng), (x, y, land.height(x, y)))
    for x, y in _spots(rng, int(rng.integers(0, 5)), reach, reach * 2.6, reach * 2.2, 2):
        plan.add(plants.tree(rng), (x, y, land.height(x, y)))
    _view(plan, (1.0, 2.8), reach, land.height(0, -reach))


def _street(plan: Plan) -> None:
    """A road between facades, from the pavement or from above."""
    rng = plan.rng
    reach = float(rng.uniform(5, 11))
    _ground(plan, "asphalt", None)
    half = float(rng.uniform(3.5, 6))
    turn = float(rng.choice([0.0, np.pi / 2]) + rng.normal(0, 0.25))
    _road(plan, half, turn)
    plan.lit = bool(rng.random() < 0.4)
    for side in (-1, 1):
        along = -26.0
        while along < 26:
            house = buildings.tower(rng, plan.lit)
            width = float(np.ptp(np.concatenate([m.points[:, 0] for _, m in house])))
            depth = float(np.ptp(house[0][1].points[:, 1]))
            middle = np.array([along + width / 2, side * (half + 3 + depth / 2), 0.12])
            at = shapes.turned("z", turn) @ middle
            if at[1] > -reach * 0.5 and np.hypot(at[0], at[1] + reach) > depth * 0.8 + width * 0.6:
                plan.add(house, tuple(at), turn + (np.pi if side < 0 else 0))
            along += width + rng.uniform(0, 1.5)
    for x, y in _spots(rng, int(rng.integers(8, 20)), -reach * 0.6, reach * 1.2, reach * 0.9, 1.5):
        makers = (props.barrel, props.crate, props.rubbish, props.car, props.car, props.machine, plants.bush, *oddments.TOWN)
        plan.add(makers[int(rng.integers(len(makers)))](rng), (x, y, 0.1), turn + float(rng.choice([0, 1.57])))
    for x, y in _spots(rng, int(rng.integers(1, 5)), -reach * 0.3, reach * 1.5, reach, 4):
        plan.add(props.lamp_post(rng, plan.lit), (x, y, 0.1))
    _view(plan, (1.4, 9.0), reach)


def _road(plan: Plan, half: float, turn: float) -> None:
    """Kerbs, pavements, lane marks and a crossing."""
    rng = plan.rng
    for side in (-1, 1):
        walk = shapes.boxed(shapes.box((90, 7, 0.12), (0, side * (half + 3.5), 0), 0.03, rng))
        kerb = shapes.box((90, 0.3, 0.15), (0, side * half, 0), 0.03, rng)
        plan.add([("paving", walk), ("concrete", kerb)], (0, 0, 0), turn)
    marks: Prop = []
    for x in np.arange(-30, 30, 4.0):
        marks.append(("render", shapes.box((1.8, 0.14, 0.012), (x, 0, 0), 0.002)))
    if rng.random() < 0.7:
        where = float(rng.uniform(-6, 6))
        for y in np.arange(-half + 0.5, half, 1.0):
            marks.append(("render", shapes.box((2.6, 0.5, 0.013), (where, y, 0), 0.002)))
    plan.add(marks, (0, 0, 0), turn)


def _rooftop(plan: Plan) -> None:
    """A flat roof with a parapet and gear, the town about it."""
    rng = plan.rng
    reach, drop = float(rng.uniform(5, 9)), float(rng.uniform(8, 16))
    w, d = float(rng.uniform(5, 10)), float(rng.uniform(4, 8))
    roof: Prop = [("shingle", shapes.sheet([(-w, -d, 0), (w, -d, 0), (w, d, 0), (-w, d, 0)]))]
    rim = float(rng.uniform(0.25, 0.9))
    for s in (-1, 1):
        roof.append(("carved", shapes.box((2 * w + 0.5, 0.4, rim), (0, s * d, -0.1), 0.03, rng)))
        roof.append(("carved", shapes.box((0.4, 2 * d + 0.5, rim), (s * w, 0, -0.1), 0.03, rng)))
    roof.append(("masonry", shapes.boxed(shapes.box((2 * w, 2 * d, drop), (0, 0, -drop - 0.05)))))
    shift = (float(rng.normal(0, 0.4) * w), float(rng.uniform(-0.1, 0.5) * d), 0.0)
    plan.add(roof, shift, rng.normal(0, 0.35))
    for x, y in _spots(rng, int(rng.integers(6, 16)), -d * 0.6, d * 0.85, w * 0.9, 1.1):
        gear = (props.vent, props.vent, props.rubbish, props.crate, props.machine, oddments.frame_tower, oddments.washing, oddments.bench, oddments.tyres)
        plan.add(gear[int(rng.integers(len(gear)))](rng), (x + shift[0], y + shift[1], 0), rng.uniform(0, 6.3))
    plan.lit = bool(rng.random() < 0.3)
    for x, y in _spots(rng, int(rng.integers(3, 7)), d + 8, d + 32, 30, 9):
        plan.add(buildings.tower(rng, plan.lit), (x, y, -drop), rng.normal(0, 0.4))
    street = shapes.box((140, 140, 0.1), (0, 0, -drop - 0.1))
    plan.add([("paving", shapes.boxed(street))], (0, 0, 0))
    _view(plan, (1.3, 5.0), reach)


def _room(plan: Plan) -> None:
    """Indoors: walls, furniture, clutter."""
    rng = plan.rng
    w, d, h = (float(rng.uniform(*r)) for r in ((2.2, 4.5), (2.2, 4.5), (2.5, 4.0)))
    plan.add(buildings.room(rng, w, d, h), (0, 0, 0))
    for x, y in _spots(rng, int(rng.integers(4, 11)), -d * 0.45, d * 0.75, w * 0.9, 1.0):
        maker = props.HOME[int(rng.integers(len(props.HOME)))]
        plan.add(maker(rng), (x, y, 0), rng.choice([0, 0, 1.57, -1.57, 3.14]) + rng.normal(0, 0.2))
    for _ in range(int(rng.integers(1, 5))):
        back = (props.shelf, props.cabinet)[int(rng.integers(2))](rng)
        plan.add(back, (float(rng.uniform(-0.8, 0.8) * w), d - 0.3, 0))
    for x, y in _spots(rng, int(rng.integers(5, 15)), -d * 0.6, d * 0.7, w * 0.85, 0.35):
        small = (*props.SMALL, plants.house_plant, props.crate, oddments.bucket, oddments.sacks)
        plan.add(small[int(rng.integers(len(small)))](rng), (x, y, 0), rng.uniform(0, 6.3))
    if rng.random() < 0.5:
        _carpet(plan, w, d)
    _view(plan, (1.0, 2.0), d * 0.9)
    _indoors(plan, w, d, h)


def _carpet(plan: Plan, w: float, d: float) -> None:
    rw, rd = w * plan.rng.uniform(0.4, 0.7), d * plan.rng.uniform(0.3, 0.6)
    mat = shapes.sheet([(-rw, -rd, 0), (rw, -rd, 0), (rw, rd, 0), (-rw, rd, 0)])
    mat = replace(mat, uv=(mat.uv / [2 * rw, 2 * rd]).astype(np.float32))
    plan.add([("ornament.1", mat)], (0, 0, 0.012), plan.rng.normal(0, 0.15))


def _indoors(plan: Plan, w: float, d: float, h: float) -> None:
    """Hang the light inside the walls and keep the camera in the room."""
    rng = plan.rng
    radius = 0.82 * min(w, d)
    lift = h * rng.uniform(0.55, 0.85)
    elevation = float(np.degrees(np.arctan2(lift, radius)))
    plan.rig = Rig((0.0, 0.0, 0.1), float(np.hypot(radius, lift)), elevation, None)
    x = float(np.clip(plan.camera.eye[0], -w * 0.6, w * 0.6))
    plan.camera = replace(plan.camera, eye=(x, -d * float(rng.uniform(0.95, 1.25)), plan.camera.eye[2]))


def _works(plan: Plan) -> None:
    """A hall of machines, pipes, rails and plating."""
    rng = plan.rng
    w, d, h = (float(rng.uniform(*r)) for r in ((3.5, 7), (3.5, 7), (3.5, 6)))
    plan.add(buildings.room(rng, w, d, h), (0, 0, 0))
    plate = str(rng.choice(["plating", "steel", "rusty", "concrete"]))
    panel = shapes.boxed(shapes.box((2 * w, 0.1, h * 0.6), (0, d - 0.06, 0.2), 0.02, rng))
    plan.add([(plate, panel)], (0, 0, 0))
    for x, y in _spots(rng, int(rng.integers(6, 14)), -d * 0.45, d * 0.8, w * 0.9, 1.3):
        makers = (*props.WORKS, *oddments.TOWN, oddments.frame_tower)
        plan.add(makers[int(rng.integers(len(makers)))](rng), (x, y, 0), float(rng.choice([0, 1.57, 3.14])) + rng.normal(0, 0.1))
    for z in rng.uniform(0, h - 1, int(rng.integers(1, 4))):
        plan.add(props.pipes(rng, 2 * w), (0, d - 0.4, float(z)))
    for x in rng.uniform(-w, w, 2):
        plan.add(props.ladder(rng, h * 0.8), (float(x), d - 0.5, 0), 0.0)
    if rng.random() < 0.6:
        plan.add(props.fence(rng, w), (float(rng.uniform(-1, 1)), -d * 0.2, 0), rng.normal(0, 0.5))
    _trusses(plan, w, d, h)
    _view(plan, (1.0, 2.6), d * 0.9)
    _indoors(plan, w, d, h)


def _trusses(plan: Plan, w: float, d: float, h: float) -> None:
    """Roof girders of thin steel."""
    rng = plan.rng
    for y in np.arange(-d * 0.3, d, 2.4):
        low, high = h * 0.86, h
        beams: Prop = [("iron", shapes.beam((-w, y, z), (w, y, z), 0.08, 0.08)) for z in (low, high)]
        for k, x in enumerate(np.arange(-w, w - 0.5, 0.8)):
            ends = (low, high) if k % 2 else (high, low)
            beams.append(("iron", shapes.beam((x, y, ends[0]), (x + 0.8, y, ends[1]), 0.04, 0.04)))
        if rng.random() < 0.8:
            plan.add(beams, (0, 0, 0))


def _ruins(plan: Plan) -> None:
    """A paved court with columns, statues, walls and steps."""
    rng = plan.rng
    reach = float(rng.uniform(3.5, 6.5))
    land = _ground(plan, str(rng.choice(["flags", "paving", "flags", "earth", "desert"])), _land(rng, 0.3, 0.4))
    centre = (props.fountain, props.statue, props.column, props.statue, props.well)[int(rng.integers(5))]
    plan.add(centre(rng), (float(rng.normal(0, 0.6)), float(rng.normal(0, 0.6)), -0.05), rng.normal(0, 0.5), rng.uniform(0.9, 1.4))
    for x, y in _spots(rng, int(rng.integers(3, 10)), -reach * 0.4, reach * 1.2, reach * 1.1, 1.7):
        maker = (props.column, props.column, props.statue, props.steps, oddments.arch, oddments.idol, props.rocks_medium)[int(rng.integers(7))]
        plan.add(maker(rng), (x, y, land.height(x, y) - 0.05), rng.choice([0, 0, 1.57]) + rng.normal(0, 0.2))
    for x, y in _spots(rng, int(rng.integers(2, 6)), -reach * 0.3, reach * 1.6, reach * 1.4, 2.5):
        plan.add(props.wall(rng, rng.uniform(2, 7)), (x, y, land.height(x, y) - 0.1), rng.choice([0, 1.57]) + rng.normal(0, 0.2))
    _litter(plan, land, (props.rubbish, lambda r: props.rocks(r, 0.5), props.pot, oddments.bench, props.rubbish), int(rng.integers(6, 15)), reach)
    if rng.random() < 0.6:
        _cliff(plan, reach * 1.6 + 3, rng.uniform(4, 10), str(rng.choice(["crag", "boulder", "stone"])))
    if rng.random() < 0.6:
        _greenery(plan, land, rng.uniform(0.2, 0.9), reach)
    _view(plan, (1.2, 3.8), reach)


def _shore(plan: Plan) -> None:
    """Water with rocks, a boat, posts; land behind."""
    rng = plan.rng
    reach = float(rng.uniform(4, 9))
    _ground(plan, "water", None)
    for x, y in _spots(rng, int(rng.integers(3, 13)), -reach * 0.4, reach * 1.3, reach, 1.1):
        plan.add(props.rocks(rng, float(rng.uniform(0.5, 2.6))), (x, y, -0.25), rng.uniform(0, 6.3))
    if rng.random() < 0.5:
        x, y = _spots(rng, 1, 0, reach, reach * 0.8, 0)[0]
        plan.add(props.boat(rng), (x, y, -0.15), rng.uniform(0, 6.3))
    if rng.random() < 0.5:
        _pier(plan, reach)
    if rng.random() < 0.5:
        for x0, y0 in _spots(rng, int(rng.integers(2, 7)), -reach * 0.5, reach * 0.6, reach, 1.0):
            reeds = plants.meadow(rng, _land(rng, 0.0, 0.0), np.array([x0, y0, 0], np.float32), 0.5, 300)
            plan.add([(k, shapes.moved(m, scale=(1, 1, 2))) for k, m in reeds], (0, 0, -0.05))
    land = _land(rng, 4.0)
    x, y = _lattice(40, 90)
    bank = land(x, y + 30) - 1.2 + np.clip((y - reach * 0.2) * 0.12, -1, 2.5)
    points = np.stack([x, y + reach * 0.8, bank], -1).reshape(-1, 3)
    kind = str(rng.choice(["earth", "beach", "crag", "meadow", "shingle"]))
    plan.add([(kind, shapes.smooth(points, shapes.grid_faces(90, 90)))], (0, 0, 0))
    if rng.random() < 0.5:
        _cliff(plan, reach * 1.8 + 4, rng.uniform(3, 9), "crag")
    _view(plan, (0.8, 3.0), reach)


def _pier(plan: Plan, reach: float) -> None:
    """A jetty of planks on posts."""
    rng = plan.rng
    length, parts = float(rng.uniform(4, 9)), []
    for k in np.arange(0, length, 0.22):
        if rng.random() < 0.95:
            plank = shapes.box((1.6, 0.2, 0.05), (0, k, 0.55), rng=rng, warp=0.05)
            parts.append(("oldwood", plank))
    for k in np.arange(0, length, 1.6):
        for s in (-1, 1):
            post = shapes.tube([(s * 0.8, k, -1), (s * 0.8, k, rng.uniform(0.7, 1.4))], 0.09, 9)
            parts.append(("timber", post))
    plan.add(parts, (float(rng.uniform(-0.5, 0.5) * reach), float(rng.uniform(-0.4, 0.3) * reach), 0), rng.uniform(-1, 1))


def _forest(plan: Plan) -> None:
    """Trees, stumps, fallen logs, undergrowth."""
    rng = plan.rng
    reach = float(rng.uniform(4, 8))
    land = _ground(plan, str(rng.choice(["earth", "meadow", "snow", "meadow"])), _land(rng, rng.uniform(0.6, 2.0)))
    for x, y in _spots(rng, int(rng.integers(5, 12)), -reach * 0.2, reach * 2, reach * 1.4, 1.7):
        grown = plants.conifer(rng) if rng.random() < 0.35 else plants.tree(rng, bool(rng.random() < 0.25))
        plan.add(grown, (x, y, land.height(x, y)), rng.uniform(0, 6.3), rng.uniform(0.8, 1.3))
    makers = (plants.stump, props.logs, lambda r: props.rocks(r, 0.8), plants.bush, plants.flower)
    _litter(plan, land, (*makers, *oddments.LAND[:2]), int(rng.integers(7, 16)), reach, 0.9)
    _greenery(plan, land, rng.uniform(1.0, 3.0), reach)
    if rng.random() < 0.3:
        plan.add(buildings.shed(rng), (float(rng.normal(0, 2)), reach * 1.2, land.height(0, reach * 1.2)), rng.normal(0, 0.5))
    _view(plan, (0.9, 2.4), reach, land.height(0, -reach))


def _still_life(plan: Plan) -> None:
    """A table or ledge close up, with small things on it."""
    rng = plan.rng
    floor = str(rng.choice(["polished", "planks", "stone", "carved", "ornament", "concrete", "cloth", "clay"]))
    plan.add([(floor, shapes.boxed(shapes.box((3.2, 2.2, 0.2), (0, 0.2, -0.2), 0.02, rng)))], (0, 0, 0))
    makers = (*props.SMALL, props.pot, plants.house_plant, lambda r: placed(props.statue(r), (0, 0, 0), 0, 0.25), lambda r: props.rocks(r, 0.25), lambda r: placed(props.crate(r), (0, 0, 0), 0, 0.3), lambda r: placed(props.barrel(r), (0, 0, 0), 0, 0.35))
    for x, y in _spots(rng, int(rng.integers(6, 19)), -0.6, 0.95, 1.1, 0.2):
        plan.add(makers[int(rng.integers(len(makers)))](rng), (x, y, 0), rng.uniform(0, 6.3), rng.uniform(0.6, 1.0))
    if rng.random() < 0.8:
        kind = str(rng.choice(["render", "planks", "masonry", "stone", "drab", "ornament", "cloth", "oldwood"]))
        back = shapes.sheet([(-5, 1.4, -1), (5, 1.4, -1), (5, 1.4, 3), (-5, 1.4, 3)])
        plan.add([(kind + ".8", back)], (0, 0, 0), rng.normal(0, 0.1))
    _view(plan, (0.5, 1.2), 1.5)
    plan.camera = replace(plan.camera, fov=float(rng.uniform(45, 70)))
    plan.rig = replace(plan.rig, radius=float(rng.uniform(0.9, 1.25)), focus=(0.0, 0.0, 0.2), elevation=float(rng.uniform(25, 50)))


def _clutter(plan: Plan) -> None:
    """Anything with anything: no place, only light, shapes and surfaces."""
    rng = plan.rng
    reach = float(rng.uniform(3, 6))
    land = _ground(plan, str(rng.choice(["concrete", "flags", "earth", "planks", "meadow", "plating", "rusty", "drab"])), _land(rng, rng.uniform(0, 0.8), 0.5))
    everything = (*oddments.YARD, *oddments.TOWN, oddments.idol, oddments.frame_tower, *props.YARD, *props.HOME, *props.WORKS, *props.SMALL, props.statue, props.column, props.vent, props.steps, plants.bush, plants.house_plant, props.pot, lambda r: props.fence(r, 3.0), lambda r: props.wall(r, 2.5), lambda r: props.rocks(r, 1.0))
    _litter(plan, land, everything, int(rng.integers(12, 28)), reach * 0.8, 0.8)
    if rng.random() < 0.6:
        kind = str(rng.choice(["masonry", "planks", "stone", "render", "plating"]))
        back = shapes.boxed(shapes.box((18, 0.4, rng.uniform(2.5, 5)), (0, reach * 1.5, 0)))
        plan.add([(kind, back)], (0, 0, 0), rng.normal(0, 0.2))
    _view(plan, (0.9, 3.2), reach)


THEMES: dict[str, tuple[float, Callable[[Plan], None]]] = {
    "wilderness": (1.3, _wilderness),
    "village": (1.5, _village),
    "street": (1.2, _street),
    "rooftop": (0.8, _rooftop),
    "room": (1.4, _room),
    "works": (1.0, _works),
    "ruins": (1.3, _ruins),
    "shore": (0.8, _shore),
    "forest": (0.8, _forest),
    "still life": (0.8, _still_life),
    "clutter": (1.1, _clutter),
}

_GLOW: dict[str, Vector] = {
    "window": (1.6, 1.1, 0.25),
    "lamp": (2.2, 1.8, 1.1),
    "flame0": (3.0, 1.4, 0.15),
    "flame1": (2.0, 0.35, 0.03),
    "red": (1.8, 0.08, 0.05),
    "cyan": (0.2, 1.2, 1.5),
}


def draw(number: int, attempt: int = 0, texture: int = 512, theme: str = "") -> Scene:
    """The scene of a number.

    Args:
        number: From ``scene_number``.
        attempt: Counts redraws of scenes that turned out too dark.
        texture: Side of the texture maps in pixels.
        theme: A key of THEMES; "" draws one.
    """
    rng = np.random.default_rng([number, attempt])
    weights = np.array([w for w, _ in THEMES.values()])
    drawn = str(rng.choice(list(THEMES), p=weights / weights.sum()))
    plan = Plan(rng)
    THEMES[theme or drawn][1](plan)
    return _finished(plan, theme or drawn, texture)


def _finished(plan: Plan, theme: str, texture: int) -> Scene:
    rng = plan.rng
    meshes = {kind: joined(group) for kind, group in sorted(plan.parts.items())}
    surfaces = {
        kind: surface(kind.split(".")[0], rng, texture)
        for kind in meshes
        if not kind.startswith("glow")
    }
    glows = {kind: _GLOW[kind.split(".")[1]] for kind in meshes if kind.startswith("glow")}
    indoor = theme in ("room", "works", "still life")
    return Scene(
        theme,
        meshes,
        surfaces,
        glows,
        plan.camera,
        plan.rig,
        float(rng.uniform(0.004, 0.05)) if rng.random() < 0.5 else 0.0,
        tuple(np.clip(rng.normal((0.85, 1.0, 1.2), 0.1), 0.5, 1.5).tolist()),
        float(rng.uniform(0.3, 1.0)) if rng.random() < (0.5 if indoor else 0.15) else 0.0,
        float(np.exp(rng.normal(0.0, 0.45))),
    )


def in_mirror(scene: Scene) -> Scene:
    """The scene with left and right exchanged."""

    def flip(v: Vector) -> Vector:
        return (-v[0], v[1], v[2])

    camera, rig = scene.camera, scene.rig
    return replace(
        scene,
        meshes={kind: shapes.mirrored(m) for kind, m in scene.meshes.items()},
        camera=replace(camera, eye=flip(camera.eye), look=flip(camera.look)),
        rig=replace(rig, focus=flip(rig.focus)),
    )
