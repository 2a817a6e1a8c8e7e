"""Whether the options can be carried out. Loads neither numpy nor the renderer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from msrnet_cli.config import Turn
from msrnet_cli.errors import UsageError
from msrnet_cli.lights import read_light, read_lights
from msrnet_cli.options import Option, outside

Split = Literal["train", "validation", "test"]
Layout = Literal["vidit", "pairs", "layers"]

SETS_PER_SPLIT = 2**20
"""User seeds in a split."""


def read_azimuth(text: str) -> float:
    """Degrees as people write them, from 0 up to 360.

    Raises:
        ValueError: It is not a number; says what is expected.
    """
    try:
        degrees = float(text)
    except ValueError:
        degrees = math.nan
    if not math.isfinite(degrees):
        raise ValueError("degrees clockwise from N")
    return degrees % 360


@dataclass(frozen=True, kw_only=True)
class SynthOptions(Turn):
    """What `msrnet synth` renders.

    Files are named ``Image000_6500_N.png`` in the layout ``vidit``; they lie in
    ``input/Image000.png`` and ``target/Image000.png`` in ``pairs``. In ``layers`` the
    linear light of a scene lies in ``Image00000.safetensors``, each direction on its
    own, see `layers.scene.Scene`.
    """

    scenes: Annotated[
        int,
        Option("Scenes; an existing set is continued.", least=1, most=100_000),
    ] = 300
    size: Annotated[int, Option("Side in pixels.", least=16, most=4096)] = 512
    lights: Annotated[
        tuple[str, ...],
        Option(
            "Such as 6500_N,4500_E, or all for the forty of VIDIT.", metavar="LIGHT,..."
        ),
    ] = (Turn.from_light, Turn.to_light)
    seed: Annotated[
        int,
        Option("Another seed gives other scenes.", least=0, most=SETS_PER_SPLIT - 1),
    ] = 0
    split: Annotated[Split, Option("Splits never share a scene.")] = "train"
    layout: Annotated[
        Layout,
        Option(
            "VIDIT's file names; or input/ and target/ folders, for --from and --to; or"
            " layers: a file of linear light a scene, each direction on its own."
        ),
    ] = "vidit"
    azimuths: Annotated[
        tuple[float, ...],
        Option(
            "Also light from there, clockwise from N, with --layers; may be repeated.",
            flags=("--azimuth",),
            metavar="DEGREES",
            repeated=True,
            read=read_azimuth,
        ),
    ] = ()
    from_light: Annotated[
        str,
        Option(
            "Light of input/, with --layout pairs.", flags=("--from",), metavar="LIGHT"
        ),
    ] = Turn.from_light
    to_light: Annotated[
        str,
        Option(
            "Light of target/, with --layout pairs.", flags=("--to",), metavar="LIGHT"
        ),
    ] = Turn.to_light
    depth: Annotated[
        bool,
        Option("Also 16-bit depth maps, in centimetres; 0 where there is nothing."),
    ] = False
    sheet: Annotated[
        str | None, Option("Also a contact sheet.", metavar="FILE.png")
    ] = None
    workers: Annotated[
        int,
        Option("Scenes rendered at a time; 0: one for each core.", least=0, most=256),
    ] = 0
    samples: Annotated[int, Option("Rays per pixel.", least=1, most=1024)] = 16


# Fields that matter only for pictures, and only for layers.
_OF_PICTURES = {
    "lights": "--lights",
    "from_light": "--from",
    "to_light": "--to",
    "depth": "--depth",
    "sheet": "--sheet",
}
_OF_LAYERS = {"azimuths": "--azimuth"}


def idle_fields(layout: Layout) -> dict[str, str]:
    """Fields of `SynthOptions` that change no file of a layout, with their options."""
    return _OF_PICTURES if layout == "layers" else _OF_LAYERS


def refuse_idle(layout: Layout, given: Iterable[str]) -> None:
    """Refuse fields that a user gave although they change no file of the layout.

    Raises:
        UsageError: Naming the option.
    """
    idle = idle_fields(layout)
    for option in (idle[name] for name in given if name in idle):
        if layout == "layers":
            raise UsageError(f"{option} says nothing about layers", "leave it out")
        raise UsageError(
            f"{option} is only for layers", "add --layers, or leave it out"
        )


def as_options(settings: Mapping[str, Any], names: Iterable[str]) -> str:
    """Settings in the words of the command line, as ``--lights all --size 512``.

    Args:
        settings: By field, as `asdict` and JSON make them.
        names: The fields to name.
    """
    return " ".join(_as_option(name, settings.get(name)) for name in names)


def _as_option(name: str, value: object) -> str:
    option = (_OF_PICTURES | _OF_LAYERS).get(name, f"--{name}")
    if value is None or value is False or value == []:
        return f"no {option}"
    if value is True:
        return option
    if not isinstance(value, list):
        return f"{option} {value}"
    if name in _OF_LAYERS:  # the option is repeated for each value
        return " ".join(f"{option} {_short(one)}" for one in value)
    return f"{option} {','.join(map(str, value))}"


def _short(number: object) -> str:
    return f"{number:g}" if isinstance(number, float) else str(number)


def check(options: SynthOptions) -> None:
    """Refuse options that cannot be carried out.

    Raises:
        UsageError: Naming the option and its bounds.
    """
    for field in outside(options):
        reason = f"{field.path[-1]} is {field.default}"
        raise UsageError(reason, f"give {field.option}")
    usual = asdict(SynthOptions())
    changed = [k for k, value in asdict(options).items() if value != usual[k]]
    refuse_idle(options.layout, changed)
    for degrees in options.azimuths:
        if not 0 <= degrees < 360:
            remedy = "give degrees clockwise from N, from 0 up to 360"
            raise UsageError(f"azimuth is {degrees:g}", remedy)
    read_lights(options.lights)
    if read_light(options.from_light) == read_light(options.to_light):
        raise UsageError(f"--from and --to are both {options.to_light}", "name two")
