"""The application that the commands join."""

from __future__ import annotations

from typing import Annotated

import typer

from msrnet_cli import __version__

app = typer.Typer(
    help="Relight pictures: change where the light comes from, and its colour.",
    no_args_is_help=True,
    rich_markup_mode=None,  # loading rich would double the time --help takes
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"msrnet {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Show the version.",
        ),
    ] = False,
) -> None:
    pass
