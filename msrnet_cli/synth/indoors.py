"""Places under a roof: rooms, works, tables seen close up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from msrnet_cli.synth import (
    buildings,
    furniture,
    machinery,
    oddments,
    plants,
    shapes,
    stonework,
    yard,
)
from msrnet_cli.synth.layout import Plan, Rig, spots, view
from msrnet_cli.synth.props import Maker, Prop, placed

_LEDGES = "polished planks stone carved ornament concrete cloth clay".split()
_BACKS = "render planks masonry stone drab ornament cloth oldwood".split()


def room(plan: Plan) -> None:
    """Indoors: walls, furniture, clutter."""
    rng = plan.rng
    w, d, h = (float(rng.uniform(*r)) for r in ((2.2, 4.5), (2.2, 4.5), (2.5, 4.0)))
    plan.add(buildings.room(rng, w, d, h), (0, 0, 0))
    for x, y in spots(rng, int(rng.integers(4, 11)), -d * 0.45, d * 0.75, w * 0.9, 1.0):
        maker = furniture.HOME[int(rng.integers(len(furniture.HOME)))]
        plan.add(
            maker(rng),
            (x, y, 0),
            rng.choice([0, 0, 1.57, -1.57, 3.14]) + rng.normal(0, 0.2),
        )
    for _ in range(int(rng.integers(1, 5))):
        back = (furniture.shelf, furniture.cabinet)[int(rng.integers(2))](rng)
        plan.add(back, (float(rng.uniform(-0.8, 0.8) * w), d - 0.3, 0))
    for x, y in spots(rng, int(rng.integers(5, 15)), -d * 0.6, d * 0.7, w * 0.85, 0.35):
        small = (
            *furniture.SMALL,
            plants.house_plant,
            yard.crate,
            oddments.bucket,
            oddments.sacks,
        )
        plan.add(
            small[int(rng.integers(len(small)))](rng), (x, y, 0), rng.uniform(0, 6.3)
        )
    if rng.random() < 0.5:
        _carpet(plan, w, d)
    view(plan, (1.0, 2.0), d * 0.9)
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
    plan.camera = replace(
        plan.camera, eye=(x, -d * float(rng.uniform(0.95, 1.25)), plan.camera.eye[2])
    )


def works(plan: Plan) -> None:
    """A hall of machines, pipes, rails and plating."""
    rng = plan.rng
    w, d, h = (float(rng.uniform(*r)) for r in ((3.5, 7), (3.5, 7), (3.5, 6)))
    plan.add(buildings.room(rng, w, d, h), (0, 0, 0))
    plate = str(rng.choice(["plating", "steel", "rusty", "concrete"]))
    panel = shapes.boxed(
        shapes.box((2 * w, 0.1, h * 0.6), (0, d - 0.06, 0.2), 0.02, rng)
    )
    plan.add([(plate, panel)], (0, 0, 0))
    for x, y in spots(rng, int(rng.integers(6, 14)), -d * 0.45, d * 0.8, w * 0.9, 1.3):
        makers = (*machinery.WORKS, *oddments.TOWN, oddments.frame_tower)
        plan.add(
            makers[int(rng.integers(len(makers)))](rng),
            (x, y, 0),
            float(rng.choice([0, 1.57, 3.14])) + rng.normal(0, 0.1),
        )
    for z in rng.uniform(0, h - 1, int(rng.integers(1, 4))):
        plan.add(machinery.pipes(rng, 2 * w), (0, d - 0.4, float(z)))
    for x in rng.uniform(-w, w, 2):
        plan.add(machinery.ladder(rng, h * 0.8), (float(x), d - 0.5, 0), 0.0)
    if rng.random() < 0.6:
        plan.add(
            yard.fence(rng, w),
            (float(rng.uniform(-1, 1)), -d * 0.2, 0),
            rng.normal(0, 0.5),
        )
    _trusses(plan, w, d, h)
    view(plan, (1.0, 2.6), d * 0.9)
    _indoors(plan, w, d, h)


def _trusses(plan: Plan, w: float, d: float, h: float) -> None:
    """Roof girders of thin steel."""
    rng = plan.rng
    for y in np.arange(-d * 0.3, d, 2.4):
        low, high = h * 0.86, h
        beams: Prop = [
            ("iron", shapes.beam((-w, y, z), (w, y, z), 0.08, 0.08))
            for z in (low, high)
        ]
        for k, x in enumerate(np.arange(-w, w - 0.5, 0.8)):
            ends = (low, high) if k % 2 else (high, low)
            beams.append(
                (
                    "iron",
                    shapes.beam((x, y, ends[0]), (x + 0.8, y, ends[1]), 0.04, 0.04),
                )
            )
        if rng.random() < 0.8:
            plan.add(beams, (0, 0, 0))


def still_life(plan: Plan) -> None:
    """A table or ledge close up, with small things on it."""
    rng = plan.rng
    floor = str(rng.choice(_LEDGES))
    plan.add(
        [(floor, shapes.boxed(shapes.box((3.2, 2.2, 0.2), (0, 0.2, -0.2), 0.02, rng)))],
        (0, 0, 0),
    )
    makers: tuple[Maker, ...] = (
        *furniture.SMALL,
        furniture.pot,
        plants.house_plant,
        lambda r: placed(stonework.statue(r), (0, 0, 0), 0, 0.25),
        lambda r: stonework.rocks(r, 0.25),
        lambda r: placed(yard.crate(r), (0, 0, 0), 0, 0.3),
        lambda r: placed(yard.barrel(r), (0, 0, 0), 0, 0.35),
    )
    for x, y in spots(rng, int(rng.integers(6, 19)), -0.6, 0.95, 1.1, 0.2):
        plan.add(
            makers[int(rng.integers(len(makers)))](rng),
            (x, y, 0),
            rng.uniform(0, 6.3),
            rng.uniform(0.6, 1.0),
        )
    if rng.random() < 0.8:
        kind = str(rng.choice(_BACKS))
        back = shapes.sheet([(-5, 1.4, -1), (5, 1.4, -1), (5, 1.4, 3), (-5, 1.4, 3)])
        plan.add([(kind + ".8", back)], (0, 0, 0), rng.normal(0, 0.1))
    view(plan, (0.5, 1.2), 1.5)
    plan.camera = replace(plan.camera, fov=float(rng.uniform(45, 70)))
    plan.rig = replace(
        plan.rig,
        radius=float(rng.uniform(0.9, 1.25)),
        focus=(0.0, 0.0, 0.2),
        elevation=float(rng.uniform(25, 50)),
    )
