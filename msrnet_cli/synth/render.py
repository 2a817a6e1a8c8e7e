"""Mitsuba 3: which variant runs here, and linear renders of a scene.

The only file that imports mitsuba, and only inside functions: where LLVM is missing
or too old it must not be touched, for Dr.Jit ends the whole process over it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msrnet_cli.errors import UsageError
from msrnet_cli.synth.light import Image, azimuth
from msrnet_cli.synth.scenes import Scene
from msrnet_cli.synth.shapes import Mesh
from msrnet_cli.synth.surfaces import Surface

OLDEST_LLVM = 16
_LIBRARIES = (
    "/usr/lib/*/libLLVM*.so*",
    "/usr/lib64/libLLVM*.so*",
    "/usr/lib/llvm-*/lib/libLLVM*.so*",
    "/usr/local/lib/libLLVM*.so*",
    "/opt/homebrew/opt/llvm*/lib/libLLVM*.dylib",
    "/usr/local/opt/llvm*/lib/libLLVM*.dylib",
)
_PROBE = (
    "import mitsuba as mi; mi.set_variant('llvm_ad_rgb'); import drjit as dr; "
    "assert dr.sum(dr.arange(mi.Float, 4) + 1)[0] == 10"
)


@dataclass(frozen=True)
class Engine:
    """How scenes are rendered here.

    Attributes:
        variant: Mitsuba's name for it.
        library: The LLVM library; "" lets Dr.Jit find it, or none is used.
        notice: What a user should know about the choice; "" when all is well.
    """

    variant: str
    library: str
    notice: str = ""


def _version(path: Path) -> int:
    """Major version in a library's name; 0 where it says none."""
    found = re.search(r"libLLVM(?:-(\d+)|\.so\.(\d+))", path.name)
    return int(found.group(1) or found.group(2)) if found else 0


def _candidates() -> list[str]:
    """LLVM libraries worth trying, the newest first."""
    named = os.environ.get("DRJIT_LIBLLVM_PATH")
    if named:
        return [named]
    paths = {p.resolve() for g in _LIBRARIES for p in Path("/").glob(g.lstrip("/"))}
    fit = [p for p in paths if _version(p) >= OLDEST_LLVM or _version(p) == 0]
    fit.sort(key=lambda p: (_version(p), str(p)), reverse=True)
    return [str(p) for p in fit[:4]] or ([""] if sys.platform == "win32" else [])


def _works(library: str) -> bool:
    """Whether LLVM renders, tried in a process that may die of it."""
    environment = dict(os.environ)
    if library:
        environment["DRJIT_LIBLLVM_PATH"] = library
    try:
        probe = subprocess.run(
            [sys.executable, "-c", _PROBE],
            env=environment,
            capture_output=True,
            timeout=120,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return probe.returncode == 0


@cache
def choose_engine() -> Engine:
    """The fastest variant that works on this machine.

    Raises:
        UsageError: Mitsuba is not installed.
    """
    if find_spec("mitsuba") is None:
        raise UsageError("synth needs Mitsuba", "pip install 'msrnet[synth]'")
    for library in _candidates():
        if _works(library):
            return Engine("llvm_ad_rgb", library)
    return Engine(
        "scalar_rgb",
        "",
        f"no LLVM {OLDEST_LLVM} or newer found, rendering will be about 4 times "
        "slower: apt install libllvm19 (or set DRJIT_LIBLLVM_PATH)",
    )


@cache
def start(engine: Engine) -> Any:  # noqa: ANN401  the mitsuba module
    """Load Mitsuba in this process, on one thread.

    One thread, because sums over several come out in any order, and the same seed
    must give the same bytes; scenes run side by side in processes instead.
    """
    if engine.library:
        os.environ["DRJIT_LIBLLVM_PATH"] = engine.library
    import drjit
    import mitsuba

    mitsuba.set_variant(engine.variant)
    mitsuba.set_log_level(mitsuba.LogLevel.Error)
    drjit.set_thread_count(1)
    return mitsuba


def _bitmap(mi: Any, values: NDArray[np.float32]) -> dict[str, Any]:  # noqa: ANN401
    return {"type": "bitmap", "bitmap": mi.Bitmap(values), "raw": True}


def _material(mi: Any, surface: Surface) -> Any:  # noqa: ANN401
    # Every material has the same make-up and differs in its bitmaps only, so that one
    # compiled kernel serves all scenes: compiling costs ten times what rendering does.
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
                    "specular": 0.5,
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


def light_place(scene: Scene, direction: str) -> tuple[float, float, float]:
    """Where the light hangs for one direction."""
    rig, angle = scene.rig, azimuth(direction)
    lift = np.radians(rig.elevation)
    level = rig.radius * float(np.cos(lift))
    return (
        rig.focus[0] + level * float(np.sin(angle)),
        rig.focus[1] + level * float(np.cos(angle)),
        rig.focus[2] + rig.radius * float(np.sin(lift)),
    )


class Stage:
    """A scene loaded into the renderer.

    Args:
        scene: What to render.
        engine: From ``choose_engine``.
        seed: For the places of samples within pixels.
    """

    def __init__(self, scene: Scene, engine: Engine, seed: int) -> None:
        self.scene = scene
        self.seed = seed % 2**32
        self.mi = start(engine)
        self._world = self.mi.load_dict({"type": "scene", **self._contents()})
        self._fields = self.mi.traverse(self._world)
        self._sensors: dict[int, Any] = {}

    def _contents(self) -> dict[str, Any]:
        mi, scene = self.mi, self.scene
        contents: dict[str, Any] = {"light": self._light()}
        for kind, mesh in scene.meshes.items():
            if kind in scene.surfaces:
                skin = scene.surfaces[kind]
                extra = {"mesh_bsdf": _material(mi, skin)}
                metres = skin.metres
            else:
                dark = {"type": "diffuse", "reflectance": {"type": "rgb", "value": 0.02}}
                shine = {"type": "area", "radiance": {"type": "rgb", "value": 0.0}, "sampling_weight": 0.0}
                extra = {"mesh_bsdf": mi.load_dict(dark), "shine": mi.load_dict(shine)}
                metres = 1.0
            name = "m_" + kind.replace(".", "_")
            contents[name] = _shape(mi, name, mesh, metres, extra)
        return contents

    def _light(self) -> dict[str, Any]:
        cone = self.scene.rig.cone
        power = {"type": "rgb", "value": self.scene.rig.radius**2}
        if cone is None:
            return {"type": "point", "intensity": power, "position": [0.0, 0.0, 0.0]}
        return {
            "type": "spot",
            "intensity": power,
            "cutoff_angle": cone,
            "beam_width": cone * 0.6,
        }

    def _hang(self, direction: str) -> None:
        mi = self.mi
        place = light_place(self.scene, direction)
        if self.scene.rig.cone is None:
            self._fields["light.position"] = mi.Point3f(*place)
        else:
            focus = mi.Point3f(*self.scene.rig.focus)
            up = mi.Vector3f(0.0, 0.0, 1.0)
            turn = mi.Transform4f().look_at(mi.Point3f(*place), focus, up)
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
        made = self.mi.render(
            self._world,
            integrator=self.mi.load_dict(integrator),
            sensor=self._sensor(size),
            spp=samples,
            seed=self.seed,
        )
        return np.nan_to_num(np.asarray(made, np.float32), posinf=0.0)

    def direct(self, direction: str, size: int, samples: int) -> Image:
        """Light straight from the lamp, linear, (size, size, 3).

        The lamp is a point, so there is nothing to sample but the pixel's area:
        no noise, in the dark either.
        """
        self._hang(direction)
        integrator = {"type": "direct", "emitter_samples": 1, "bsdf_samples": 0}
        return self._render(integrator, size, samples)
