"""Mitsuba 3: a scene loaded, and linear renders of it.

Knows no exposure, colour temperature or file.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msrnet_cli.synth.engine import Engine, start
from msrnet_cli.synth.light import Image
from msrnet_cli.synth.scenes import Scene
from msrnet_cli.synth.shapes import Mesh, flat, joined
from msrnet_cli.synth.surfaces import Surface

_GLOWS = 8  # columns in the palette of things that shine
_MATERIALS = 8  # materials come in multiples of this, so that kernels are shared


def _bitmap(mi: Any, values: NDArray[np.float32]) -> dict[str, Any]:  # noqa: ANN401
    return {"type": "bitmap", "bitmap": mi.Bitmap(values), "raw": True}


def _material(mi: Any, surface: Surface) -> Any:  # noqa: ANN401
    # All materials are built alike and differ only in their bitmaps, so that one
    # compiled kernel serves all scenes: compiling takes ten times as long as rendering.
    metallic = np.full((2, 2, 1), surface.metallic, np.float32)
    return mi.load_dict(
        {
            "type": "twosided",
            "inside": {
                "type": "bumpmap",
                "relief": _bitmap(mi, surface.height * np.float32(surface.relief)),
                "inner": {
                    "type": "principled",
                    "base_color": _bitmap(mi, surface.albedo),
                    "roughness": _bitmap(mi, surface.rough),
                    "metallic": _bitmap(mi, metallic),
                    "specular": 0.3,
                },
            },
        }
    )


def _shape(mi: Any, name: str, mesh: Mesh, metres: float, extra: dict[str, Any]) -> Any:  # noqa: ANN401
    properties = mi.Properties()
    for key, value in extra.items():
        properties[key] = value
    made = mi.Mesh(
        name,
        len(mesh.points),
        len(mesh.faces),
        props=properties,
        has_vertex_normals=True,
        has_vertex_texcoords=True,
    )
    fields = mi.traverse(made)
    for key, values in (
        ("vertex_positions", mesh.points),
        ("vertex_normals", mesh.normals),
        ("vertex_texcoords", mesh.uv / np.float32(metres)),
        ("faces", mesh.faces),
    ):
        fields[key] = np.ascontiguousarray(values).ravel()
    fields.update()
    return made


def _speck() -> Mesh:
    """A triangle too small and too deep to be seen."""
    corner = np.array([[0, 0, -900], [0.01, 0, -900], [0, 0.01, -900]], np.float32)
    return flat(corner, [[0, 1, 2]])


def _blank() -> Surface:
    grey = np.full((2, 2, 1), 0.5, np.float32)
    return Surface(np.repeat(grey, 3, 2), grey, grey, 0.0, 1.0, 0.0)


def _inside_texel(mesh: Mesh, column: int) -> NDArray[np.float32]:
    """Texture coordinates that all point into one column of the palette."""
    spot = np.array([(column + 0.5) / _GLOWS, 0.5], np.float32)
    return np.tile(spot, (len(mesh.points), 1))


def light_place(scene: Scene, azimuth: float) -> tuple[float, float, float]:
    """The place of the lamp for an azimuth, degrees clockwise from N."""
    rig, angle = scene.rig, np.radians(azimuth)
    lift = np.radians(rig.elevation)
    level = rig.radius * float(np.cos(lift))
    return (
        rig.focus[0] + level * float(np.sin(angle)),
        rig.focus[1] + level * float(np.cos(angle)),
        rig.focus[2] + rig.radius * float(np.sin(lift)),
    )


class _Render:
    """Renders a world again and again, its light hung elsewhere each time.

    Small pictures take longer to plan than to compute, so the plan is recorded from the
    second render on, and replayed. Planned or replayed, every bit is the same.
    """

    def __init__(self, mi: Any, integrator: dict[str, Any], samples: int) -> None:  # noqa: ANN401
        self._mi, self._samples = mi, samples
        self._integrator = mi.load_dict(integrator)
        self._replay: Callable[..., Any] | None = None

    def __call__(self, world: Any, sensor: Any, seed: int) -> Any:  # noqa: ANN401
        """Render once."""
        if self._replay is None:
            # The first is not recorded: worlds finish loading while they are rendered.
            self._replay = self._recorder()
            return self._render(world, sensor, self._integrator, seed)
        import drjit

        opaque = self._mi.UInt32(seed)
        drjit.make_opaque(opaque)  # otherwise each seed would need a plan of its own
        return self._replay(world, sensor, self._integrator, opaque)

    def _recorder(self) -> Callable[..., Any]:
        import drjit

        # Scalar variants plan nothing.
        planned = drjit.is_jit_v(self._mi.Float)
        return drjit.freeze(self._render) if planned else self._render

    def _render(self, world: Any, sensor: Any, integrator: Any, seed: Any) -> Any:  # noqa: ANN401
        return self._mi.render(
            world, integrator=integrator, sensor=sensor, spp=self._samples, seed=seed
        )


@dataclass(frozen=True)
class Guides:
    """What the camera sees without regard to light.

    Attributes:
        albedo: Linear colour, (size, size, 3).
        depth: Metres from the camera, (size, size); 0 is empty sky.
        normal: Normals of the surface in the world, (size, size, 3): x to the right,
            y into the picture, z up. Of length 1, but for the mean over a pixel that
            shows several surfaces; 0 is empty sky.
    """

    albedo: Image
    depth: Image
    normal: Image


def smoothed(images: list[Image], guide: Guides) -> list[Image]:
    """Average each image along surfaces, not across edges (a-trous wavelets)."""
    stack = np.concatenate(images, 2)
    ceiling = np.quantile(stack, 0.995, axis=(0, 1))
    stack = np.minimum(stack, ceiling)
    scale = 0.05 * guide.depth + 0.02
    for reach in (1, 2, 4, 8):
        total, weights = stack.copy(), np.ones_like(guide.depth)
        for dy, dx in product((-reach, 0, reach), repeat=2):
            if not dy and not dx:
                continue
            there = (dy, dx)
            near = np.roll(guide.depth, there, (0, 1)) - guide.depth
            facing = (np.roll(guide.normal, there, (0, 1)) * guide.normal).sum(2)
            weight = np.exp(-((near / scale) ** 2)) * np.maximum(facing, 0.0) ** 4
            total += np.roll(stack, there, (0, 1)) * weight[..., None]
            weights += weight
        stack = total / weights[..., None]
    return [stack[..., k : k + 3] for k in range(0, stack.shape[2], 3)]


class Stage:
    """A scene loaded into the renderer.

    Args:
        scene: What to render.
        engine: From ``engine.choose_engine``.
        seed: For the places of samples within pixels.
    """

    def __init__(self, scene: Scene, engine: Engine, seed: int) -> None:
        self.scene = scene
        self.seed = seed % 2**32
        self.mi = start(engine)
        self._world = self.mi.load_dict({"type": "scene", **self._contents()})
        self._fields = self.mi.traverse(self._world)
        self._sensors: dict[int, Any] = {}
        self._renders: dict[tuple[str, int, int], _Render] = {}

    def _contents(self) -> dict[str, Any]:
        scene = self.scene
        contents: dict[str, Any] = {"light": self._light(), "shine": self._shine()}
        for kind, skin in scene.surfaces.items():
            name = "m_" + kind.replace(".", "_")
            contents[name] = self._shape(name, scene.meshes[kind], skin)
        for k in range(-len(scene.surfaces) % _MATERIALS):
            contents[f"spare_{k}"] = self._shape(f"spare_{k}", _speck(), _blank())
        return contents

    def _shape(self, name: str, mesh: Mesh, skin: Surface) -> Any:  # noqa: ANN401
        extra = {"mesh_bsdf": _material(self.mi, skin)}
        return _shape(self.mi, name, mesh, skin.metres, extra)

    def _shine(self) -> Any:  # noqa: ANN401
        """Everything that shines by itself, as one shape; dark until it is needed."""
        mi, scene = self.mi, self.scene
        colours = np.zeros((2, _GLOWS, 3), np.float32)
        colours[:, : len(scene.glows)] = [*scene.glows.values()] or 0.0
        glowing = [
            replace(scene.meshes[kind], uv=_inside_texel(scene.meshes[kind], k))
            for k, kind in enumerate(scene.glows)
        ]
        self._palette = colours
        extra = {
            "mesh_bsdf": mi.load_dict({"type": "diffuse", "reflectance": 0.02}),
            "lamp": mi.load_dict(
                {
                    "type": "area",
                    "radiance": {
                        **_bitmap(mi, np.zeros_like(colours)),
                        "filter_type": "nearest",
                    },
                    "sampling_weight": 0.0,
                }
            ),
        }
        return _shape(mi, "shine", joined(glowing or [_speck()]), 1.0, extra)

    def _light(self) -> dict[str, Any]:
        cone = self.scene.rig.cone or 179.5
        return {
            "type": "spot",
            "intensity": {"type": "rgb", "value": self.scene.rig.radius**2},
            "cutoff_angle": cone,
            "beam_width": cone * (0.6 if self.scene.rig.cone else 0.99),
        }

    def _hang(self, azimuth: float) -> None:
        mi, focus = self.mi, self.scene.rig.focus
        place = mi.Point3f(*light_place(self.scene, azimuth))
        up = mi.Vector3f(0.0, 0.0, 1.0)
        turn = mi.Transform4f().look_at(place, mi.Point3f(*focus), up)
        self._fields["light.to_world"] = turn
        self._fields.update()

    def _sensor(self, size: int) -> Any:  # noqa: ANN401
        if size not in self._sensors:
            mi, camera = self.mi, self.scene.camera
            view = mi.ScalarTransform4f().look_at(
                list(camera.eye), list(camera.look), [0.0, 0.0, 1.0]
            )
            film = {
                "type": "hdrfilm",
                "width": size,
                "height": size,
                "rfilter": {"type": "box"},
                "pixel_format": "rgb",
                "component_format": "float32",
            }
            self._sensors[size] = mi.load_dict(
                {
                    "type": "perspective",
                    "fov": camera.fov,
                    "near_clip": 0.01,
                    "to_world": view,
                    "film": film,
                    "sampler": {"type": "independent"},
                }
            )
        return self._sensors[size]

    def _render(self, integrator: dict[str, Any], size: int, samples: int) -> Image:
        key = (repr(integrator), size, samples)
        if key not in self._renders:
            self._renders[key] = _Render(self.mi, integrator, samples)
        made = self._renders[key](self._world, self._sensor(size), self.seed)
        return np.nan_to_num(np.asarray(made, np.float32), posinf=0.0)

    def direct(self, azimuth: float, size: int, samples: int) -> Image:
        """Light straight from the lamp, linear, (size, size, 3).

        The lamp is a point, so only the area of a pixel is sampled: there is no noise,
        not even in the dark.

        Args:
            azimuth: Where the lamp hangs, degrees clockwise from N.
            size: Side in pixels.
            samples: Rays a pixel.
        """
        self._hang(azimuth)
        integrator = {"type": "direct", "emitter_samples": 1, "bsdf_samples": 0}
        return self._render(integrator, size, samples)

    def bounced(
        self, azimuths: tuple[float, ...], size: int, samples: int
    ) -> list[Image]:
        """Light reflected once by another surface, at half size and smoothed.

        Such light is soft, so half the resolution is enough; the noise of random paths
        is filtered along surfaces. The result lacks the albedo of the surface that is
        lit: multiply by the albedo at full size.
        """
        small, samples = max(size // 2, 8), max(samples // 2, 4)
        guide = self.guides(small, samples)
        path = {"type": "path", "max_depth": 3}
        found: list[Image] = []
        for azimuth in azimuths:
            straight = self.direct(azimuth, small, samples)
            # The same seed places the same rays, so the direct parts cancel exactly.
            rest = self._render(path, small, samples) - straight
            found.append(np.maximum(rest, 0.0) / np.maximum(guide.albedo, 0.02))
        return smoothed(found, guide)

    def guides(self, size: int, samples: int) -> Guides:
        """What the camera sees under any light."""
        aovs = "colour:albedo,depth:depth,normal:sh_normal"
        made = self._render({"type": "aov", "aovs": aovs}, size, samples)
        return Guides(made[..., 0:3], made[..., 3], made[..., 4:7])

    def depth(self, size: int) -> Image:
        """Metres from the camera through each pixel, 0 where there is nothing."""
        return self.guides(size, 1).depth

    def glow(self, size: int, samples: int) -> Image:
        """Things that shine by themselves, the same under every light."""
        power = self._fields["light.intensity.value"]
        self._set_glow(0.0 * power, self._palette)
        made = self._render({"type": "direct", "bsdf_samples": 0}, size, samples)
        self._set_glow(power, np.zeros_like(self._palette))
        return made

    def _set_glow(self, power: Any, palette: NDArray[np.float32]) -> None:  # noqa: ANN401
        self._fields["light.intensity.value"] = power
        self._fields["shine.emitter.radiance.data"] = palette
        self._fields.update()

    def close(self) -> None:
        """Free the memory."""
        import drjit

        self._world = self._fields = None
        self._sensors.clear()
        self._renders.clear()
        gc.collect()
        drjit.flush_malloc_cache()
