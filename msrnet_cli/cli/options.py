"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from msrnet_cli.config import SMALLEST_WORK_SIZE, WORK_SIZE, Format
from msrnet_cli.errors import UsageError
from msrnet_cli.pairs.options import PairOptions

if TYPE_CHECKING:
    from msrnet_cli.config import Engine, WorkSize

_data_defaults = PairOptions()

FromLight = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="LIGHT",
        help="Light of the inputs, in VIDIT's names.",
        show_default=_data_defaults.from_light,
    ),
]
ToLight = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="LIGHT",
        help="Light of the targets.",
        show_default=_data_defaults.to_light,
    ),
]


def only_given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that the user gave; the others keep the defaults of `config`."""
    return {name: value for name, value in options.items() if value is not None}


def work_size(text: str | None) -> WorkSize | None:
    """Read ``--work-size``.

    Raises:
        UsageError: It is neither a size nor ``full``.
    """
    if text is None:
        return None
    if text == "full":
        return "full"
    if not text.isdecimal() or int(text) < SMALLEST_WORK_SIZE:
        raise UsageError(
            f"--work-size {text}",
            f"give full, or pixels from {SMALLEST_WORK_SIZE} on, such as {WORK_SIZE}",
        )
    return int(text)


def format_name(text: str) -> Format:
    """Read ``--format``: a format, in any letter case, or a suffix such as ``jpg``.

    Raises:
        typer.BadParameter: It is neither.
    """
    name = text.lower().removeprefix(".")
    name = {"jpg": "jpeg", "jpe": "jpeg", "tif": "tiff"}.get(name, name)
    formats = get_args(Format)
    if name not in formats:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(formats)}")
    return cast("Format", name)


def numbers(option: str, text: str | None) -> tuple[int, ...] | None:
    """Read ``8,4,2``.

    Raises:
        UsageError: It is something else.
    """
    if text is None:
        return None
    parts = text.split(",")
    if not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise UsageError(f"{option} {text}", "give whole numbers, such as 8,4,2")
    return tuple(int(part) for part in parts)


def say_what_is_waited_for(engine: Engine) -> None:
    """Tell of the wait for a compiler before it begins."""
    from msrnet_cli import report

    if engine == "compiled":
        report.warn("compiling the network first: up to some minutes, once for a size")
