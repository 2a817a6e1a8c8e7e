"""The job of one scene: what is rendered, and into which files."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Picture
from PIL.PngImagePlugin import PngInfo
from safetensors import SafetensorError, safe_open

from msrnet_cli.errors import UsageError
from msrnet_cli.files import writing_whole
from msrnet_cli.lights import Light, read_light, read_lights
from msrnet_cli.synth.engine import Engine
from msrnet_cli.synth.options import SynthOptions
from msrnet_cli.synth.photograph import Negative, photograph
from msrnet_cli.synth.records import SceneDone
from msrnet_cli.synth.scenes import scene_number

_PNG_END = b"\0\0\0\0IEND\xaeB\x60\x82"


@dataclass(frozen=True)
class Shot:
    """One scene to render, and how.

    Attributes:
        index: Number of the scene in the set.
        name: Its name in the set.
        number: The number that it is drawn from.
        size: Side in pixels.
        samples: Rays a pixel.
    """

    index: int
    name: str
    number: int
    size: int
    samples: int


@dataclass(frozen=True)
class PictureJob:
    """One scene as finished pictures.

    Attributes:
        shot: The scene.
        pictures: Light and file of every picture.
        depth: File of the depth map; None for none.
    """

    shot: Shot
    pictures: tuple[tuple[Light, Path], ...]
    depth: Path | None

    @property
    def files(self) -> list[Path]:
        """Every file of the scene."""
        depth = [self.depth] if self.depth else []
        return [path for _, path in self.pictures] + depth

    def carry_out(self, engine: Engine) -> SceneDone:
        """Render the scene and write its pictures."""
        began, shot = time.monotonic(), self.shot
        azimuths = tuple(dict.fromkeys(light.azimuth for light, _ in self.pictures))
        negative = photograph(
            shot.number,
            azimuths,
            shot.size,
            shot.samples,
            engine,
            depth=self.depth is not None,
        )
        for light, path in self.pictures:
            write_picture(path, Picture.fromarray(negative.print(light)), 4)
        if self.depth is not None:
            write_picture(self.depth, _depth_map(negative))
        return _done(shot, negative, len(self.pictures), began)


@dataclass(frozen=True)
class LayersJob:
    """One scene as layers of linear light.

    Attributes:
        shot: The scene.
        path: File of the layers.
        azimuths: Lights beside the eight directions, degrees clockwise from N.
    """

    shot: Shot
    path: Path
    azimuths: tuple[float, ...]

    @property
    def files(self) -> list[Path]:
        """Every file of the scene."""
        return [self.path]

    def carry_out(self, engine: Engine) -> SceneDone:
        """Render the scene and write its layers."""
        # Imported here, so that processes that render pictures do not load torch.
        from msrnet_cli.layers import scene
        from msrnet_cli.synth.layering import EIGHT, layered

        began, shot = time.monotonic(), self.shot
        azimuths = tuple(dict.fromkeys(EIGHT + self.azimuths))
        negative = photograph(
            shot.number,
            azimuths,
            shot.size,
            shot.samples,
            engine,
            depth=True,
            guides=True,
        )
        with path_errors(self.path):
            scene.write(self.path, layered(shot.name, negative, self.azimuths))
        return _done(shot, negative, 0, began)


Job = PictureJob | LayersJob


def plan(out: Path, options: SynthOptions) -> list[Job]:
    """The job of every scene of a set, finished or not."""
    return [_job(out, options, index) for index in range(options.scenes)]


def is_whole(path: Path) -> bool:
    """Whether a file of a set is there, and was not cut short since it was written."""
    try:
        if path.suffix == ".png":
            with path.open("rb") as file:
                file.seek(-len(_PNG_END), os.SEEK_END)
                return file.read() == _PNG_END
        with safe_open(path, framework="np"):
            return True
    except (OSError, SafetensorError):
        return False


def _job(out: Path, options: SynthOptions, index: int) -> Job:
    # Five digits: sets of layers are large, and their files are read in order.
    digits = 5 if options.layout == "layers" else 3
    name = f"Image{index:0{digits}d}"
    number = scene_number(options.split, options.seed, index)
    shot = Shot(index, name, number, options.size, options.samples)
    if options.layout == "layers":
        # The suffix is layers.scene.SUFFIX, whose import would load torch.
        return LayersJob(shot, out / f"{name}.safetensors", options.azimuths)
    depth = out / "depth" / f"{name}.png" if options.depth else None
    return PictureJob(shot, _pictures(out, options, name), depth)


def _pictures(
    out: Path, options: SynthOptions, name: str
) -> tuple[tuple[Light, Path], ...]:
    if options.layout == "pairs":
        return (
            (read_light(options.from_light), out / "input" / f"{name}.png"),
            (read_light(options.to_light), out / "target" / f"{name}.png"),
        )
    lights = read_lights(options.lights)
    return tuple((light, out / f"{name}_{light}.png") for light in lights)


@contextmanager
def path_errors(path: Path) -> Iterator[None]:
    """Say in one line that a file or a folder cannot be written.

    Raises:
        UsageError: Something in the block raised OSError.
    """
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror or error}",
            "check space and permissions; the same command goes on",
        ) from error


def write_picture(
    path: Path,
    picture: Picture.Image,
    compression: int = 6,
    about: PngInfo | None = None,
) -> None:
    """Write a PNG whole or not at all.

    Args:
        path: The file.
        picture: What it shows.
        compression: Level, 0 to 9.
        about: Text in it.

    Raises:
        UsageError: It could not be written.
    """
    with path_errors(path), writing_whole(path) as file:
        picture.save(file, format="PNG", compress_level=compression, pnginfo=about)


def _depth_map(negative: Negative) -> Picture.Image:
    assert negative.depth is not None  # asked for in PictureJob
    centimetres = np.clip(np.rint(negative.depth * 100.0), 0, 65535)
    return Picture.fromarray(centimetres.astype(np.uint16))


def _done(shot: Shot, negative: Negative, pictures: int, began: float) -> SceneDone:
    took = time.monotonic() - began
    theme, attempts = negative.theme, negative.attempts
    return SceneDone(shot.index, shot.name, theme, attempts, pictures, took)
