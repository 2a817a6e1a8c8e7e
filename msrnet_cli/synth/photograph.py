"""One scene to finished pictures: draws until bright enough, exposure, each light."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from msrnet_cli.lights import Light, azimuth
from msrnet_cli.synth import scenes
from msrnet_cli.synth.engine import Engine
from msrnet_cli.synth.layout import Vector
from msrnet_cli.synth.light import (
    Image,
    ambient,
    exposure,
    gains,
    luminance,
    to_bytes,
    tone,
)
from msrnet_cli.synth.render import Guides, Stage

ATTEMPTS = 12
BLACK = 0.02  # encoded luminance under which a pixel counts as black
_PREVIEW = 64
_SIDES = ("N", "E", "S", "W")  # a mirror keeps this set, and so the exposure


@dataclass(frozen=True)
class Negative:
    """A scene in linear light, exposed, before any colour temperature.

    Attributes:
        theme: Which kind of place it shows.
        attempts: Draws it took.
        light: White light from each azimuth in degrees, (size, size, 3).
        glow: What shines by itself, (size, size, 3).
        guide: Albedo, depth and normals; None where neither the scene nor the caller
            needs them.
        ambient: Strength of the ambient light.
        tint: Colour of the ambient light, linear RGB.
        depth: Metres from the camera, (size, size); None unless asked for.
    """

    theme: str
    attempts: int
    light: dict[float, Image]
    glow: Image
    guide: Guides | None
    ambient: float
    tint: Vector
    depth: Image | None = None

    @cached_property
    def still(self) -> Image:
        """The part under every light: ambient light, and things that shine."""
        if self.guide is None:
            return self.glow
        albedo, normal = self.guide.albedo, self.guide.normal
        return ambient(albedo, normal, self.ambient, self.tint) + self.glow

    def linear(self, light: Light) -> Image:
        """The scene under one light, linear, as a camera set to 6500 K takes it."""
        return self.light[light.azimuth] * gains(light.kelvin) + self.still

    def print(self, light: Light) -> NDArray[np.uint8]:
        """The finished picture, (size, size, 3)."""
        return to_bytes(tone(self.linear(light)))


def too_dark(previews: dict[str, Image]) -> bool:
    """Whether a scene is too dark: mostly black under N, or all black under E or W."""
    shown = {d: luminance(tone(previews[d])) for d in ("N", "E", "W")}
    if min(float(s.mean()) for s in shown.values()) < 0.025:
        return True
    north = shown["N"]
    return float(north.mean()) < 0.045 or float((north < BLACK).mean()) > 0.86


def _previews(stage: Stage) -> tuple[float, dict[str, Image]]:
    raw = {d: stage.direct(azimuth(d), _PREVIEW, 8) for d in _SIDES}
    gain = exposure(list(raw.values()), stage.scene.key)
    return gain, {d: image * gain for d, image in raw.items()}


def photograph(
    number: int,
    azimuths: tuple[float, ...],
    size: int,
    samples: int,
    engine: Engine,
    depth: bool = False,
    guides: bool = False,
) -> Negative:
    """Draw and render a scene; draw again while the result is almost black.

    Args:
        number: From ``scenes.scene_number``.
        azimuths: Where to light it from, degrees clockwise from N.
        size: Side in pixels.
        samples: Rays a pixel.
        engine: From ``engine.choose_engine``.
        depth: Also measure depth.
        guides: Also keep the guides, whether the scene needs them or not.
    """
    # Finer textures would be invisible: no surface fills a picture.
    texture = 1024 if size > 640 else 512 if size > 128 else 128
    for attempt in range(ATTEMPTS):
        stage = Stage(scenes.draw(number, attempt, texture), engine, number)
        gain, previews = _previews(stage)
        if not too_dark(previews) or attempt == ATTEMPTS - 1:
            break
        stage.close()
    scene = stage.scene
    needed = guides or scene.ambient or scene.bounce
    guide = stage.guides(size, samples) if needed else None
    return Negative(
        scene.theme,
        attempt + 1,
        exposed(stage, gain, azimuths, size, samples, guide),
        _glow(stage, size, samples),
        guide,
        scene.ambient,
        scene.tint,
        stage.depth(size) if depth else None,
    )


def exposed(
    stage: Stage,
    gain: float,
    azimuths: tuple[float, ...],
    size: int,
    samples: int,
    guide: Guides | None = None,
) -> dict[float, Image]:
    """White light from each azimuth, with the scene's share of bounced light.

    Args:
        stage: The scene.
        gain: Its exposure.
        azimuths: Degrees clockwise from N.
        size: Side in pixels.
        samples: Rays a pixel.
        guide: The stage's guides at this size; None renders them where needed.
    """
    light = {a: stage.direct(a, size, samples) * gain for a in azimuths}
    share = stage.scene.bounce * gain
    if not share:
        return light
    albedo = (guide or stage.guides(size, samples)).albedo
    for a, soft in zip(azimuths, stage.bounced(azimuths, size, samples), strict=True):
        light[a] = light[a] + enlarged(soft, size) * albedo * share
    return light


def _glow(stage: Stage, size: int, samples: int) -> Image:
    if stage.scene.glows:
        return stage.glow(size, samples)
    return np.zeros((size, size, 3), np.float32)


def enlarged(image: Image, size: int) -> Image:
    """Bilinear enlargement to (size, size, 3)."""
    small = image.shape[0]
    at = np.clip((np.arange(size) + 0.5) * small / size - 0.5, 0, small - 1)
    low = np.floor(at).astype(int)
    high, part = np.minimum(low + 1, small - 1), (at - low).astype(np.float32)
    rows = image[low] + (image[high] - image[low]) * part[:, None, None]
    across = rows[:, low] + (rows[:, high] - rows[:, low]) * part[None, :, None]
    return np.asarray(across, np.float32)
