"""The application that the commands join."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from msrnet_cli import __version__, signals
from msrnet_cli.cli.layout import WIDEST


class ReaderGoneError(Exception):
    """Whoever read our output has gone."""


class Commands(TyperGroup):
    """The commands; Typer has exit codes of its own for what ends them."""

    def get_help_option(self, ctx: Any) -> Any:  # noqa: ANN401 typer's own are private
        """As Typer's, but False where it is not asked for.

        For None, Typer would load pydantic: that takes longer than all of help.
        """
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 typer's own are private
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGoneError from error
        except signals.Stopped as stop:
            raise typer.Exit(signals.EXIT_CODES[stop.signal]) from stop


app = typer.Typer(
    cls=Commands,
    help="Relight pictures: change where the light comes from, and its colour.",
    no_args_is_help=True,
    rich_markup_mode=None,  # loading rich would double the time --help takes
    pretty_exceptions_enable=False,
    add_completion=False,  # Typer's own options load pydantic for every command
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": WIDEST,
    },
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"msrnet {__version__}")
        raise typer.Exit


def _install_completion(context: typer.Context, wanted: bool) -> None:
    if wanted:
        from typer.completion import install_callback

        install_callback(context, None, True)  # type: ignore[arg-type]


def _show_completion(context: typer.Context, wanted: bool) -> None:
    if wanted:
        from typer.completion import show_callback

        show_callback(context, None, True)  # type: ignore[arg-type]


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Show the version.",
        ),
    ] = False,
    install: Annotated[
        bool,
        typer.Option(
            "--install-completion",
            callback=_install_completion,
            is_eager=True,
            help="Have this shell complete the options of msrnet.",
        ),
    ] = False,
    show: Annotated[
        bool,
        typer.Option(
            "--show-completion",
            callback=_show_completion,
            is_eager=True,
            help="Print what this shell needs for that.",
        ),
    ] = False,
) -> None:
    del version, install, show  # each ends the program by itself
