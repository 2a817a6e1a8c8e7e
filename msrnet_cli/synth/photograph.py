"""One scene to finished pictures: exposure, choice of redraws, light by light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from msrnet_cli.lights import Light
from msrnet_cli.synth import scenes
from msrnet_cli.synth.engine import Engine
from msrnet_cli.synth.light import (
    Image,
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
_SIDES = ("N", "E", "S", "W")  # the same set in a mirror, so exposure is too


@dataclass(frozen=True)
class Negative:
    """A scene in linear light, exposed, before any colour temperature.

    Attributes:
        theme: Which kind of place it shows.
        attempts: Draws it took.
        light: White light from each direction, (size, size, 3).
        still: What every light shares: ambient light and things that shine.
        depth: Metres from the camera, (size, size); None unless asked for.
    """

    theme: str
    attempts: int
    light: dict[str, Image]
    still: Image
    depth: Image | None = None

    def linear(self, light: Light) -> Image:
        """The scene under one light, linear, as a camera set to 6500 K takes it."""
        return self.light[light.direction] * gains(light.kelvin) + self.still

    def print(self, light: Light) -> NDArray[np.uint8]:
        """The finished picture, (size, size, 3)."""
        return to_bytes(tone(self.linear(light)))


def too_dark(previews: dict[str, Image]) -> bool:
    """Whether a scene teaches nothing: black from N, or from E or W altogether."""
    shown = {d: luminance(tone(previews[d])) for d in ("N", "E", "W")}
    if min(float(s.mean()) for s in shown.values()) < 0.025:
        return True
    north = shown["N"]
    return float(north.mean()) < 0.045 or float((north < BLACK).mean()) > 0.86


def _previews(stage: Stage) -> tuple[float, dict[str, Image]]:
    raw = {d: stage.direct(d, _PREVIEW, 8) for d in _SIDES}
    gain = exposure(list(raw.values()), stage.scene.key)
    return gain, {d: image * gain for d, image in raw.items()}


def photograph(
    number: int,
    directions: tuple[str, ...],
    size: int,
    samples: int,
    engine: Engine,
    depth: bool = False,
) -> Negative:
    """Draw and render a scene, drawing again while it comes out almost black.

    Args:
        number: From ``scenes.scene_number``.
        directions: Directions to light it from.
        size: Side in pixels.
        samples: Rays a pixel.
        engine: From ``engine.choose_engine``.
        depth: Also measure depth.
    """
    # Finer textures than this would not show: no surface fills a picture.
    texture = 1024 if size > 640 else 512 if size > 128 else 128
    for attempt in range(ATTEMPTS):
        stage = Stage(scenes.draw(number, attempt, texture), engine, number)
        gain, previews = _previews(stage)
        if not too_dark(previews) or attempt == ATTEMPTS - 1:
            break
        stage.close()
    light = exposed(stage, gain, directions, size, samples)
    guide = stage.guides(size, samples) if stage.scene.ambient else None
    return Negative(
        stage.scene.theme,
        attempt + 1,
        light,
        _still(stage, guide, size, samples),
        stage.depth(size) if depth else None,
    )


def exposed(
    stage: Stage, gain: float, directions: tuple[str, ...], size: int, samples: int
) -> dict[str, Image]:
    """White light from each direction with the scene's share of bounced light."""
    light = {d: stage.direct(d, size, samples) * gain for d in directions}
    share = stage.scene.bounce * gain
    if not share:
        return light
    albedo = stage.guides(size, samples).albedo
    for d, soft in zip(
        directions, stage.bounced(directions, size, samples), strict=True
    ):
        light[d] = light[d] + enlarged(soft, size) * albedo * share
    return light


def _still(stage: Stage, guide: Guides | None, size: int, samples: int) -> Image:
    still = np.zeros((size, size, 3), np.float32)
    if guide is not None:
        upward = (0.65 + 0.35 * guide.normal[..., 2:3]) * stage.scene.ambient
        still += guide.albedo * upward * np.array(stage.scene.tint, np.float32)
    if stage.scene.glows:
        still += stage.glow(size, samples)
    return still


def enlarged(image: Image, size: int) -> Image:
    """Bilinear enlargement to (size, size, 3)."""
    small = image.shape[0]
    at = np.clip((np.arange(size) + 0.5) * small / size - 0.5, 0, small - 1)
    low = np.floor(at).astype(int)
    high, part = np.minimum(low + 1, small - 1), (at - low).astype(np.float32)
    rows = image[low] + (image[high] - image[low]) * part[:, None, None]
    across = rows[:, low] + (rows[:, high] - rows[:, low]) * part[None, :, None]
    return np.asarray(across, np.float32)
