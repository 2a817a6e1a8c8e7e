"""Whether the options can be carried out. Loads neither numpy nor the renderer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from msrnet_cli.config import Layout, SynthOptions
from msrnet_cli.errors import UsageError
from msrnet_cli.lights import read_light, read_lights

SETS_PER_SPLIT = 2**20
"""User seeds in a split."""

_BOUNDS = {
    "scenes": (1, 100_000),
    "size": (16, 4096),
    "samples": (1, 1024),
    "workers": (0, 256),
    "seed": (0, SETS_PER_SPLIT - 1),
}
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
    for option, (low, high) in _BOUNDS.items():
        value = getattr(options, option)
        if not low <= value <= high:
            raise UsageError(f"{option} is {value}", f"give {low} to {high}")
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
