"""Which commands there are. The one that is asked for is loaded, and no other."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from msrnet_cli.cli.application import app

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer import Typer

# In the order in which --help lists them.
_MODULES = {
    "relight": "relight",
    "report": "report",
    "light": "light",
    "looks": "looks",
    "table": "table",
    "serve": "serve",
    "doctor": "doctor",
    "weights": "weights",
    "eval": "evaluate",
    "train": "train",
    "data": "data",
    "synth": "synth",
    "bench": "bench",
}


def load(arguments: Sequence[str] = ()) -> Typer:
    """The application with the command that the arguments begin with, or with all."""
    asked = arguments[0] if arguments else ""
    for name in [asked] if asked in _MODULES else _MODULES:
        import_module(f"{__package__}.{_MODULES[name]}")
    return app
