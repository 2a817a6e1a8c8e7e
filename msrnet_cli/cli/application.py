"""The application that the commands join."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from msrnet_cli import __version__, signals
from msrnet_cli.cli.layout import WIDEST


class ReaderGoneError(Exception):
    """Whoever read our output has gone."""


class _Commands(TyperGroup):
    """The commands; Typer has exit codes of its own for what ends them."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 typer's own are private
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGoneError from error
        except signals.Stopped as stop:
            raise typer.Exit(signals.EXIT_CODES[stop.signal]) from stop


app = typer.Typer(
    cls=_Commands,
    help="Relight pictures: change where the light comes from, and its colour.",
    no_args_is_help=True,
    rich_markup_mode=None,  # loading rich would double the time --help takes
    pretty_exceptions_enable=False,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": WIDEST,
    },
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
