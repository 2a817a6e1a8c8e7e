"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from msrnet_cli.config import DataOptions

_data_defaults = DataOptions()

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
