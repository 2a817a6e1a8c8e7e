"""A scene in linear light, as a file: the light from each direction on its own.

One safetensors file per scene, in half floats; reading needs no NumPy.
"""

from __future__ import annotations

import json
import math
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from msrnet_cli import tensorfile
from msrnet_cli.errors import DataError
from msrnet_cli.lights import DIRECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUFFIX = ".safetensors"
FORMAT_VERSION = 1
_KEY = "msrnet-scene"
_BRIGHTEST = 60000.0  # half floats end at 65504
_CHANNELS = {"glow": 3, "albedo": 3, "normal": 3, "depth": 1}
_UNREADABLE = (SafetensorError, OSError, RuntimeError, ValueError, KeyError, TypeError)


@dataclass(frozen=True)
class Scene:
    """A scene as a camera sees it, in linear sRGB, exposed, before any tone curve.

    Attributes:
        name: Of the scene in its set.
        light: 8 3 H W: white light from each of `lights.DIRECTIONS` alone.
        glow: 3 H W: things that shine by themselves.
        albedo: 3 H W: share of light that the surface reflects.
        normal: 3 H W: normals in the axes of the scene: x to E (the right of the
            picture), y to N (into it), z up. The mean over a pixel, so normals at edges
            are shorter than 1, and sky is 0. Surfaces seen from behind face away.
        depth: 1 H W: metres from the camera; 0 is sky.
        ambient: Strength of the scene's ambient light, see `lights.AMBIENT_ALL_AROUND`.
        tint: Colour of the ambient light, linear RGB.
        azimuths: Degrees of the further lights.
        further: K 3 H W: white light from each of `azimuths` alone.
    """

    name: str
    light: Tensor
    glow: Tensor
    albedo: Tensor
    normal: Tensor
    depth: Tensor
    ambient: float
    tint: tuple[float, float, float]
    azimuths: tuple[float, ...]
    further: Tensor

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.depth.shape[-2:]
        return height, width


def write(path: Path, scene: Scene) -> None:
    """Write a scene; the old file stays until the new one is complete.

    Raises:
        OSError: It could not be written.
    """
    tensors = {
        name: getattr(scene, name).clamp(-_BRIGHTEST, _BRIGHTEST).half()
        for name in ("light", *_CHANNELS, "further")
    }
    if not scene.glow.any():
        del tensors["glow"]
    about = {
        "format": FORMAT_VERSION,
        "ambient": scene.ambient,
        "tint": scene.tint,
        "azimuths": scene.azimuths,
    }
    tensorfile.write(path, tensors, {_KEY: json.dumps(about)})


def read(path: Path) -> Scene:
    """Read a scene, as half floats.

    Raises:
        DataError: The file is damaged, or not a scene.
    """
    with _reading(path) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return _scene(path.stem, tensors, json.loads(file.metadata()[_KEY]))


def read_size(path: Path) -> tuple[int, int]:
    """Height and width of a scene, from its header alone.

    Raises:
        DataError: The file is damaged, or not a scene.
    """
    with _reading(path) as file:
        _, height, width = file.get_slice("depth").get_shape()
        return height, width


@contextmanager
def _reading(path: Path) -> Iterator[safe_open]:
    """A scene's file, of a format that this program knows."""
    try:
        with safe_open(path, framework="pt") as file:
            about = (file.metadata() or {}).get(_KEY)
            if about is None:
                raise DataError(
                    f"{path} is not a scene", "scenes are made by msrnet synth --layers"
                )
            found = json.loads(about)["format"]
            if found != FORMAT_VERSION:
                known = f"this program reads {FORMAT_VERSION}"
                raise ValueError(f"format {found}, {known}")
            yield file
    except _UNREADABLE as error:
        raise DataError(
            f"{path} is not a readable scene ({error})",
            "render it again: msrnet synth --layers",
        ) from error


def _scene(name: str, tensors: dict[str, Tensor], about: dict[str, object]) -> Scene:
    """A scene out of the parts of a file, whose shapes are checked."""
    sides = tensors["depth"].shape[-2:]
    tensors.setdefault("glow", torch.zeros(3, *sides, dtype=torch.float16))
    azimuths = _numbers("azimuths", about["azimuths"])
    red, green, blue = _numbers("tint", about["tint"], least=0.0)
    (ambient,) = _numbers("ambient", [about["ambient"]], least=0.0)
    lead: dict[str, tuple[int, ...]] = {
        "light": (len(DIRECTIONS), 3),
        "further": (len(azimuths), 3),
    }
    lead |= {key: (channels,) for key, channels in _CHANNELS.items()}
    if lead.keys() != tensors.keys():
        raise ValueError(f"it holds {', '.join(sorted(tensors))}")
    for key, shape in lead.items():
        if tensors[key].dtype != torch.float16:
            raise ValueError(f"{key} is {tensors[key].dtype}")
        if tensors[key].shape != (*shape, *sides):
            raise ValueError(f"{key} is {list(tensors[key].shape)}")
    return Scene(
        name, ambient=ambient, tint=(red, green, blue), azimuths=azimuths, **tensors
    )


def _numbers(name: str, found: object, least: float = -math.inf) -> tuple[float, ...]:
    """Numbers that a float can hold.

    Raises:
        ValueError: A value is not such a number, or is too small.
        TypeError: This is not a list.
    """
    if not isinstance(found, list):
        raise TypeError(f"{name} is not a list")
    for value in found:
        is_number = type(value) in (int, float) and abs(value) <= sys.float_info.max
        if not is_number or value < least:
            raise ValueError(f"{name} {str(value)[:20]}")
    return tuple(map(float, found))
