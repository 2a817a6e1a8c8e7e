"""Laying out a scene: ground, places on it, camera, light, scattered things.

No theme of its own; indoors and outdoors build their places from these.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from msrnet_cli.synth import plants, shapes
from msrnet_cli.synth.noise import Relief, spectral
from msrnet_cli.synth.props import Maker, Prop, Rng, placed
from msrnet_cli.synth.shapes import Mesh

Vector = tuple[float, float, float]


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
        focus: The point that the light is turned to.
        radius: Distance to the focus in metres.
        elevation: Angle above the horizon in degrees, the same all around.
        cone: Half angle of a spot in degrees; None shines all around.
    """

    focus: Vector
    radius: float
    elevation: float
    cone: float | None


@dataclass
class Plan:
    """A scene while it is being laid out."""

    rng: Rng
    parts: dict[str, list[Mesh]] = field(default_factory=dict)
    lit: bool = False
    camera: Camera = Camera((0.0, -6.0, 1.6), (0.0, 0.0, 1.0), 75.0)
    rig: Rig = Rig((0.0, 0.0, 0.5), 5.0, 35.0, None)

    def add(
        self, prop: Prop, at: Vector, turn: float = 0.0, scale: float = 1.0
    ) -> None:
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


def rolling(rng: Rng, amplitude: float, level: float = 1.0) -> Land:
    """Land of a given height range in metres, with ``level`` of small bumps."""
    return Land(
        Relief(spectral(rng, 256, 1.9), rng.uniform(30, 70)),
        Relief(spectral(rng, 256, 1.3), 9.0),
        amplitude,
        level,
    )


def lattice(half: float, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Points that lie close together near the middle and far apart far away."""
    t = np.linspace(-1, 1, count)
    line = (np.sinh(3.2 * t) / np.sinh(3.2) * half).astype(np.float32)
    y, x = np.meshgrid(line, line, indexing="ij")
    return x, y


def ground(plan: Plan, kind: str, land: Land | None, half: float = 60.0) -> Land:
    """Cover the plane with a surface; returns the land it follows."""
    level = land or rolling(plan.rng, 0.0, 0.0)
    count = 150 if land else 20
    x, y = lattice(half, count)
    points = np.stack([x, y, level(x, y)], -1).reshape(-1, 3)
    turn = shapes.turned("z", plan.rng.uniform(0, 6.3))[:2, :2]
    uv = points[:, :2] @ turn
    plan.add(
        [(kind, shapes.smooth(points, shapes.grid_faces(count, count), uv))], (0, 0, 0)
    )
    return level


def cliff(plan: Plan, distance: float, height: float, kind: str) -> None:
    """A rock face across the back."""
    rng, rows, columns = plan.rng, 100, 180
    u, v = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(0, 1, rows))
    relief = Relief(spectral(rng, 512, 1.35), 26.0)
    crest = height * (
        0.55 + 0.9 * Relief(spectral(rng, 256, 1.6), 50.0).at(u * 25, 0 * u)
    )
    x, z = u * 30, v * crest - 1.0
    depth = (relief.at(x + 0.3 * z, z * 1.4) - 0.5) * height * 0.7 + v**2 * height * 0.5
    y = distance + depth + 0.01 * x**2
    points = np.stack([x, y, z], -1).reshape(-1, 3)
    faces = shapes.grid_faces(rows, columns)
    face = shapes.smooth(points, faces, np.stack([x, z], -1).reshape(-1, 2))
    plan.add([(kind, face)], (0, 0, 0), plan.rng.normal(0, 0.25))


def spots(
    rng: Rng, count: int, near: float, far: float, half: float, gap: float
) -> list[tuple[float, float]]:
    """Places on the ground, apart from one another, between two distances in y."""
    found: list[tuple[float, float]] = []
    for _ in range(count * 12):
        y = float(rng.uniform(near, far))
        x = float(
            rng.uniform(-1, 1)
            * half
            * (0.35 + 0.65 * (y - near + 2) / (far - near + 2))
        )
        if all(np.hypot(x - a, y - b) > gap for a, b in found):
            found.append((x, y))
        if len(found) == count:
            break
    return found


def view(
    plan: Plan, height: tuple[float, float], reach: float, ground: float = 0.0
) -> None:
    """A camera south of the origin, and a light rig about the point it looks at."""
    rng = plan.rng
    back = float(reach * rng.uniform(0.8, 1.2))
    eye_z = ground + float(rng.uniform(*height))
    look = (
        float(rng.normal(0, 0.12) * reach),
        0.0,
        ground + float(rng.uniform(0.1, 0.45) * min(eye_z - ground, 2.0)),
    )
    plan.camera = Camera(
        (float(rng.normal(0, 0.15) * reach), -back, eye_z),
        look,
        float(rng.uniform(62, 92)),
    )
    focus = (
        look[0] + float(rng.normal(0, 0.12) * reach),
        float(rng.uniform(-0.25, 0.35) * reach),
        ground + 0.4,
    )
    plan.rig = Rig(
        focus,
        float(reach * rng.uniform(0.6, 1.3)),
        float(rng.uniform(22, 48)),
        float(rng.uniform(48, 75)) if rng.random() < 0.4 else None,
    )


def litter(
    plan: Plan,
    land: Land,
    makers: tuple[Maker, ...],
    count: int,
    reach: float,
    gap: float = 1.2,
) -> None:
    """Scatter props that lie about on the land."""
    rng = plan.rng
    if rng.random() < 0.75:
        scree(plan, land, int(rng.integers(40, 200)), reach)
    for x, y in spots(rng, count, -reach * 0.55, reach * 1.3, reach * 1.3, gap):
        maker = makers[int(rng.integers(len(makers)))]
        plan.add(
            maker(rng),
            (x, y, land.height(x, y) - 0.02),
            rng.uniform(0, 6.3),
            rng.uniform(0.85, 1.2),
        )


def greenery(plan: Plan, land: Land, amount: float, reach: float) -> None:
    """Grass tufts, flowers, bushes."""
    rng = plan.rng
    for x, y in spots(rng, int(5 * amount) + 1, -reach * 0.6, reach, reach, 0.6):
        centre = np.array([x, y, 0], np.float32)
        grass = plants.meadow(
            rng, land, centre, rng.uniform(0.4, 1.6), int(1100 * amount)
        )
        plan.add(grass, (0, 0, 0))
    for x, y in spots(rng, int(5 * amount), -reach * 0.6, reach * 0.8, reach, 0.5):
        plan.add(plants.flower(rng), (x, y, land.height(x, y)))
    for x, y in spots(
        rng, int(rng.integers(0, 4)), -reach * 0.2, reach * 1.6, reach * 1.4, 1.5
    ):
        plan.add(plants.bush(rng), (x, y, land.height(x, y)))


def scree(plan: Plan, land: Land, count: int, reach: float) -> None:
    """Stones and twigs on the ground, so that no ground is clean."""
    rng = plan.rng
    kind = str(rng.choice(["boulder", "crag", "boulder", "timber"]))
    if kind == "timber":
        chips = [
            shapes.box((rng.uniform(0.2, 0.7), 0.03, 0.03), rng=rng, warp=0.3)
            for _ in range(6)
        ]
    else:
        chips = [shapes.rock(rng, rng.uniform(0.6, 1.4, 3), 1, 9) for _ in range(6)]
    x = rng.normal(0, reach * 0.6, count)
    y = rng.normal(-reach * 0.2, reach * 0.6, count)
    z = land(x, y)
    size = np.minimum(0.03 * np.exp(rng.exponential(0.7, count)), 0.3)
    for k in range(count):
        scale = 1.0 if kind == "timber" else float(size[k])
        chip = [(kind, chips[k % 6])]
        plan.add(
            chip,
            (float(x[k]), float(y[k]), float(z[k]) - 0.01),
            rng.uniform(0, 6.3),
            scale,
        )
