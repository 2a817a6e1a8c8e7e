"""A scene: what stands in it, how it looks, where camera and light are.

A scene is drawn from its own number and nothing else. No renderer here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from msrnet_cli.synth import indoors, outdoors, shapes
from msrnet_cli.synth.layout import Camera, Plan, Rig, Vector
from msrnet_cli.synth.options import SETS_PER_SPLIT
from msrnet_cli.synth.shapes import Mesh, joined
from msrnet_cli.synth.surfaces import Surface, surface

SPLITS = {"train": 0, "validation": 1, "test": 2}


_SCENES = 2**20  # scenes in a user's seed


def scene_number(split: str, seed: int, index: int) -> int:
    """The number a scene is drawn from; no two splits, seeds or scenes share one."""
    return (SPLITS[split] * SETS_PER_SPLIT + seed) * _SCENES + index


@dataclass(frozen=True)
class Scene:
    """Everything a renderer needs.

    Attributes:
        theme: Which kind of place it is.
        meshes: One mesh for each kind of surface.
        surfaces: The look of each kind.
        glows: Radiance of kinds that shine by themselves, linear RGB.
        camera: Where it is seen from.
        rig: How the light is hung.
        ambient: Strength of ambient light; 1 is white at the exposure.
        tint: Colour of the ambient light, linear RGB.
        bounce: Share of once-reflected light that is kept; games keep 0.
        key: Brightness of the exposure; 1 is medium.
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


THEMES: dict[str, tuple[float, Callable[[Plan], None]]] = {
    "wilderness": (1.3, outdoors.wilderness),
    "village": (1.5, outdoors.village),
    "street": (1.2, outdoors.street),
    "rooftop": (0.8, outdoors.rooftop),
    "room": (1.4, indoors.room),
    "works": (1.0, indoors.works),
    "ruins": (1.3, outdoors.ruins),
    "shore": (0.8, outdoors.shore),
    "forest": (0.8, outdoors.forest),
    "still life": (0.8, indoors.still_life),
    "clutter": (1.1, outdoors.clutter),
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
    glows = {
        kind: _GLOW[kind.split(".")[1]] for kind in meshes if kind.startswith("glow")
    }
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
        float(rng.uniform(0.3, 1.0))
        if rng.random() < (0.5 if indoor else 0.15)
        else 0.0,
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
