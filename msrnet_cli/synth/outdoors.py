"""Places under the sky: wilds, villages, streets, roofs, ruins, shores, woods."""

from __future__ import annotations

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
from msrnet_cli.synth.layout import (
    Land,
    Plan,
    cliff,
    greenery,
    ground,
    lattice,
    litter,
    rolling,
    scree,
    spots,
    view,
)
from msrnet_cli.synth.props import Maker, Prop


def wilderness(plan: Plan) -> None:
    """Rocks on sand, earth, grass or snow, perhaps under a cliff."""
    rng = plan.rng
    reach = float(rng.uniform(3, 9))
    land = ground(
        plan,
        str(rng.choice(["beach", "desert", "earth", "meadow", "shingle", "snow"])),
        rolling(rng, rng.uniform(0.5, 3.5)),
    )
    for x, y in spots(
        rng, int(rng.integers(2, 12)), -reach * 0.4, reach * 1.4, reach, 0.9
    ):
        size = float(rng.uniform(0.5, 2.4)) * reach / 5
        plan.add(
            stonework.rocks(rng, size),
            (x, y, land.height(x, y) - 0.05),
            rng.uniform(0, 6.3),
        )
    scree(plan, land, int(rng.integers(60, 260)), reach)
    if rng.random() < 0.55:
        cliff(
            plan,
            rng.uniform(5, 14) + reach * 0.6,
            rng.uniform(4, 12),
            str(rng.choice(["crag", "redrock", "boulder"])),
        )
    if rng.random() < 0.6:
        greenery(plan, land, rng.uniform(0.3, 1.6), reach)
    if rng.random() < 0.4:
        litter(
            plan,
            land,
            (*oddments.LAND, plants.stump, yard.logs),
            int(rng.integers(1, 4)),
            reach * 0.7,
            2.0,
        )
    for x, y in spots(
        rng, int(rng.integers(0, 4)), reach * 0.3, reach * 2, reach * 1.6, 2
    ):
        grown = (
            plants.tree(rng, bare=bool(rng.random() < 0.4))
            if rng.random() < 0.7
            else plants.conifer(rng)
        )
        plan.add(grown, (x, y, land.height(x, y)), rng.uniform(0, 6.3))
    view(plan, (0.7, 3.0), reach, land.height(0, -reach))


def village(plan: Plan) -> None:
    """A cottage yard: houses, fences, barrels, stones, grass."""
    rng = plan.rng
    reach = float(rng.uniform(3.2, 6.5))
    land = ground(
        plan,
        str(rng.choice(["meadow", "meadow", "earth", "paving", "beach"])),
        rolling(rng, rng.uniform(0.2, 1.2)),
    )
    plan.lit = bool(rng.random() < 0.45)
    for x, y in spots(
        rng,
        int(rng.integers(2, 6)),
        reach * 0.5 + 2.5,
        reach * 1.6 + 5,
        reach * 1.6,
        5.5,
    ):
        home = (
            buildings.cottage(rng, plan.lit)
            if rng.random() < 0.75
            else buildings.shed(rng)
        )
        plan.add(home, (x, y, land.height(x, y) - 0.1), rng.normal(0, 0.6))
    for x, y in spots(
        rng, int(rng.integers(2, 6)), -reach * 0.5, reach * 1.0, reach * 1.1, 1.5
    ):
        run = (
            yard.fence(rng, rng.uniform(2.5, 6))
            if rng.random() < 0.7
            else stonework.wall(rng, rng.uniform(2, 5))
        )
        plan.add(run, (x, y, land.height(x, y)), rng.uniform(0, 3.2))
    litter(
        plan,
        land,
        (*yard.YARD, *oddments.YARD),
        int(rng.integers(9, 20)),
        reach * 0.85,
        0.9,
    )
    greenery(plan, land, rng.uniform(0.6, 2.4), reach)
    if plan.lit:
        for x, y in spots(rng, int(rng.integers(0, 4)), 0, reach * 1.2, reach, 2.5):
            plan.add(yard.torch(rng), (x, y, land.height(x, y)))
    for x, y in spots(rng, int(rng.integers(0, 5)), reach, reach * 2.6, reach * 2.2, 2):
        plan.add(plants.tree(rng), (x, y, land.height(x, y)))
    view(plan, (1.0, 2.8), reach, land.height(0, -reach))


def street(plan: Plan) -> None:
    """A road between facades, from the pavement or from above."""
    rng = plan.rng
    reach = float(rng.uniform(5, 11))
    ground(plan, "asphalt", None)
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
            if (
                at[1] > -reach * 0.5
                and np.hypot(at[0], at[1] + reach) > depth * 0.8 + width * 0.6
            ):
                plan.add(house, tuple(at), turn + (np.pi if side < 0 else 0))
            along += width + rng.uniform(0, 1.5)
    for x, y in spots(
        rng, int(rng.integers(8, 20)), -reach * 0.6, reach * 1.2, reach * 0.9, 1.5
    ):
        makers: tuple[Maker, ...] = (
            yard.barrel,
            yard.crate,
            yard.rubbish,
            machinery.car,
            machinery.car,
            machinery.machine,
            plants.bush,
            *oddments.TOWN,
        )
        plan.add(
            makers[int(rng.integers(len(makers)))](rng),
            (x, y, 0.1),
            turn + float(rng.choice([0, 1.57])),
        )
    for x, y in spots(
        rng, int(rng.integers(1, 5)), -reach * 0.3, reach * 1.5, reach, 4
    ):
        plan.add(machinery.lamp_post(rng, plan.lit), (x, y, 0.1))
    view(plan, (1.4, 9.0), reach)


def _road(plan: Plan, half: float, turn: float) -> None:
    """Kerbs, pavements, lane marks and a crossing."""
    rng = plan.rng
    for side in (-1, 1):
        walk = shapes.boxed(
            shapes.box((90, 7, 0.12), (0, side * (half + 3.5), 0), 0.03, rng)
        )
        kerb = shapes.box((90, 0.3, 0.15), (0, side * half, 0), 0.03, rng)
        plan.add([("paving", walk), ("concrete", kerb)], (0, 0, 0), turn)
    marks: Prop = []
    for x in np.arange(-30, 30, 4.0):
        marks.append(("render", shapes.box((1.8, 0.14, 0.012), (x, 0, 0), 0.002)))
    if rng.random() < 0.7:
        where = float(rng.uniform(-6, 6))
        for y in np.arange(-half + 0.5, half, 1.0):
            marks.append(
                ("render", shapes.box((2.6, 0.5, 0.013), (where, y, 0), 0.002))
            )
    plan.add(marks, (0, 0, 0), turn)


def rooftop(plan: Plan) -> None:
    """A flat roof with a parapet and gear, the town about it."""
    rng = plan.rng
    reach, drop = float(rng.uniform(5, 9)), float(rng.uniform(8, 16))
    w, d = float(rng.uniform(5, 10)), float(rng.uniform(4, 8))
    roof: Prop = [
        ("shingle", shapes.sheet([(-w, -d, 0), (w, -d, 0), (w, d, 0), (-w, d, 0)]))
    ]
    rim = float(rng.uniform(0.25, 0.9))
    for s in (-1, 1):
        roof.append(
            ("carved", shapes.box((2 * w + 0.5, 0.4, rim), (0, s * d, -0.1), 0.03, rng))
        )
        roof.append(
            ("carved", shapes.box((0.4, 2 * d + 0.5, rim), (s * w, 0, -0.1), 0.03, rng))
        )
    roof.append(
        (
            "masonry",
            shapes.boxed(shapes.box((2 * w, 2 * d, drop), (0, 0, -drop - 0.05))),
        )
    )
    shift = (float(rng.normal(0, 0.4) * w), float(rng.uniform(-0.1, 0.5) * d), 0.0)
    plan.add(roof, shift, rng.normal(0, 0.35))
    for x, y in spots(rng, int(rng.integers(6, 16)), -d * 0.6, d * 0.85, w * 0.9, 1.1):
        gear = (
            machinery.vent,
            machinery.vent,
            yard.rubbish,
            yard.crate,
            machinery.machine,
            oddments.frame_tower,
            oddments.washing,
            oddments.bench,
            oddments.tyres,
        )
        plan.add(
            gear[int(rng.integers(len(gear)))](rng),
            (x + shift[0], y + shift[1], 0),
            rng.uniform(0, 6.3),
        )
    plan.lit = bool(rng.random() < 0.3)
    for x, y in spots(rng, int(rng.integers(3, 7)), d + 8, d + 32, 30, 9):
        plan.add(buildings.tower(rng, plan.lit), (x, y, -drop), rng.normal(0, 0.4))
    street = shapes.box((140, 140, 0.1), (0, 0, -drop - 0.1))
    plan.add([("paving", shapes.boxed(street))], (0, 0, 0))
    view(plan, (1.3, 5.0), reach)


def ruins(plan: Plan) -> None:
    """A paved court with columns, statues, walls and steps."""
    rng = plan.rng
    reach = float(rng.uniform(3.5, 6.5))
    land = ground(
        plan,
        str(rng.choice(["flags", "paving", "flags", "earth", "desert"])),
        rolling(rng, 0.3, 0.4),
    )
    _remains(plan, land, reach)
    litter(
        plan,
        land,
        (
            yard.rubbish,
            lambda r: stonework.rocks(r, 0.5),
            furniture.pot,
            oddments.bench,
            yard.rubbish,
        ),
        int(rng.integers(6, 15)),
        reach,
    )
    if rng.random() < 0.6:
        cliff(
            plan,
            reach * 1.6 + 3,
            rng.uniform(4, 10),
            str(rng.choice(["crag", "boulder", "stone"])),
        )
    if rng.random() < 0.6:
        greenery(plan, land, rng.uniform(0.2, 0.9), reach)
    view(plan, (1.2, 3.8), reach)


def _remains(plan: Plan, land: Land, reach: float) -> None:
    """One great piece in the middle; columns, statues and walls around it."""
    rng = plan.rng
    centre = (
        stonework.fountain,
        stonework.statue,
        stonework.column,
        stonework.statue,
        stonework.well,
    )[int(rng.integers(5))]
    plan.add(
        centre(rng),
        (float(rng.normal(0, 0.6)), float(rng.normal(0, 0.6)), -0.05),
        rng.normal(0, 0.5),
        rng.uniform(0.9, 1.4),
    )
    for x, y in spots(
        rng, int(rng.integers(3, 10)), -reach * 0.4, reach * 1.2, reach * 1.1, 1.7
    ):
        maker = (
            stonework.column,
            stonework.column,
            stonework.statue,
            stonework.steps,
            oddments.arch,
            oddments.idol,
            stonework.rocks_medium,
        )[int(rng.integers(7))]
        plan.add(
            maker(rng),
            (x, y, land.height(x, y) - 0.05),
            rng.choice([0, 0, 1.57]) + rng.normal(0, 0.2),
        )
    for x, y in spots(
        rng, int(rng.integers(2, 6)), -reach * 0.3, reach * 1.6, reach * 1.4, 2.5
    ):
        plan.add(
            stonework.wall(rng, rng.uniform(2, 7)),
            (x, y, land.height(x, y) - 0.1),
            rng.choice([0, 1.57]) + rng.normal(0, 0.2),
        )


def shore(plan: Plan) -> None:
    """Water with rocks, a boat, posts; land behind."""
    rng = plan.rng
    reach = float(rng.uniform(4, 9))
    ground(plan, "water", None)
    for x, y in spots(
        rng, int(rng.integers(3, 13)), -reach * 0.4, reach * 1.3, reach, 1.1
    ):
        plan.add(
            stonework.rocks(rng, float(rng.uniform(0.5, 2.6))),
            (x, y, -0.25),
            rng.uniform(0, 6.3),
        )
    if rng.random() < 0.5:
        x, y = spots(rng, 1, 0, reach, reach * 0.8, 0)[0]
        plan.add(yard.boat(rng), (x, y, -0.15), rng.uniform(0, 6.3))
    if rng.random() < 0.5:
        _pier(plan, reach)
    if rng.random() < 0.5:
        for x0, y0 in spots(
            rng, int(rng.integers(2, 7)), -reach * 0.5, reach * 0.6, reach, 1.0
        ):
            reeds = plants.meadow(
                rng, rolling(rng, 0.0, 0.0), np.array([x0, y0, 0], np.float32), 0.5, 300
            )
            plan.add(
                [(k, shapes.moved(m, scale=(1, 1, 2))) for k, m in reeds], (0, 0, -0.05)
            )
    land = rolling(rng, 4.0)
    east, north = lattice(40, 90)
    rise = np.clip((north - reach * 0.2) * 0.12, -1, 2.5)
    bank = land(east, north + 30) - 1.2 + rise
    points = np.stack([east, north + reach * 0.8, bank], -1).reshape(-1, 3)
    kind = str(rng.choice(["earth", "beach", "crag", "meadow", "shingle"]))
    plan.add([(kind, shapes.smooth(points, shapes.grid_faces(90, 90)))], (0, 0, 0))
    if rng.random() < 0.5:
        cliff(plan, reach * 1.8 + 4, rng.uniform(3, 9), "crag")
    view(plan, (0.8, 3.0), reach)


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
            post = shapes.tube(
                [(s * 0.8, k, -1), (s * 0.8, k, rng.uniform(0.7, 1.4))], 0.09, 9
            )
            parts.append(("timber", post))
    plan.add(
        parts,
        (
            float(rng.uniform(-0.5, 0.5) * reach),
            float(rng.uniform(-0.4, 0.3) * reach),
            0,
        ),
        rng.uniform(-1, 1),
    )


def forest(plan: Plan) -> None:
    """Trees, stumps, fallen logs, undergrowth."""
    rng = plan.rng
    reach = float(rng.uniform(4, 8))
    land = ground(
        plan,
        str(rng.choice(["earth", "meadow", "snow", "meadow"])),
        rolling(rng, rng.uniform(0.6, 2.0)),
    )
    for x, y in spots(
        rng, int(rng.integers(5, 12)), -reach * 0.2, reach * 2, reach * 1.4, 1.7
    ):
        grown = (
            plants.conifer(rng)
            if rng.random() < 0.35
            else plants.tree(rng, bool(rng.random() < 0.25))
        )
        plan.add(
            grown, (x, y, land.height(x, y)), rng.uniform(0, 6.3), rng.uniform(0.8, 1.3)
        )
    makers: tuple[Maker, ...] = (
        plants.stump,
        yard.logs,
        lambda r: stonework.rocks(r, 0.8),
        plants.bush,
        plants.flower,
    )
    litter(
        plan, land, (*makers, *oddments.LAND[:2]), int(rng.integers(7, 16)), reach, 0.9
    )
    greenery(plan, land, rng.uniform(1.0, 3.0), reach)
    if rng.random() < 0.3:
        plan.add(
            buildings.shed(rng),
            (float(rng.normal(0, 2)), reach * 1.2, land.height(0, reach * 1.2)),
            rng.normal(0, 0.5),
        )
    view(plan, (0.9, 2.4), reach, land.height(0, -reach))


def clutter(plan: Plan) -> None:
    """Anything with anything: no place, only light, shapes and surfaces."""
    rng = plan.rng
    reach = float(rng.uniform(3, 6))
    land = ground(
        plan,
        str(
            rng.choice(
                [
                    "concrete",
                    "flags",
                    "earth",
                    "planks",
                    "meadow",
                    "plating",
                    "rusty",
                    "drab",
                ]
            )
        ),
        rolling(rng, rng.uniform(0, 0.8), 0.5),
    )
    everything = (
        *oddments.YARD,
        *oddments.TOWN,
        oddments.idol,
        oddments.frame_tower,
        *yard.YARD,
        *furniture.HOME,
        *machinery.WORKS,
        *furniture.SMALL,
        stonework.statue,
        stonework.column,
        machinery.vent,
        stonework.steps,
        plants.bush,
        plants.house_plant,
        furniture.pot,
        lambda r: yard.fence(r, 3.0),
        lambda r: stonework.wall(r, 2.5),
        lambda r: stonework.rocks(r, 1.0),
    )
    litter(plan, land, everything, int(rng.integers(12, 28)), reach * 0.8, 0.8)
    if rng.random() < 0.6:
        kind = str(rng.choice(["masonry", "planks", "stone", "render", "plating"]))
        back = shapes.boxed(
            shapes.box((18, 0.4, rng.uniform(2.5, 5)), (0, reach * 1.5, 0))
        )
        plan.add([(kind, back)], (0, 0, 0), rng.normal(0, 0.2))
    view(plan, (0.9, 3.2), reach)
