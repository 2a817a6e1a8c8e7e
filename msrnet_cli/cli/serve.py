"""msrnet serve."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, NoReturn

from msrnet_cli import signals, streams
from msrnet_cli.cli.application import app
from msrnet_cli.cli.derive import Given, command
from msrnet_cli.cli.loading import loading
from msrnet_cli.errors import UsageError
from msrnet_cli.serve.options import ServeOptions

if TYPE_CHECKING:
    from msrnet_cli.serve.painting import Painter
    from msrnet_cli.serve.server import Server


@command(
    app,
    examples={
        "msrnet serve --open": "drop pictures into the browser",
        "msrnet serve --port 8000": "for a tunnel: ssh -L 8000:127.0.0.1:8000 HOST",
    },
)
def serve(given: Given[ServeOptions]) -> None:
    """Make light tables of pictures that are dropped into a browser on this machine.

    Nobody else is served: the address is this machine's own, and holds a secret.
    """
    options = given.record
    _require_libraries()
    streams.require("stdout")
    with ExitStack() as open_until_the_end:
        with loading():
            from msrnet_cli.report import serve as report
            from msrnet_cli.serve import server

            listener = open_until_the_end.enter_context(server.bound(options.port))
            painter = _painter(options)
        _run(server.Server(listener, painter, options.limits, report.bug), options)


def _painter(options: ServeOptions) -> Painter:
    """What paints, after notes on it are told."""
    from msrnet_cli import hardware
    from msrnet_cli.report import terminal

    terminal.loading()
    from msrnet_cli.folder.finding import require_layers
    from msrnet_cli.relight.relighter import Relighter
    from msrnet_cli.serve.painting import Painter

    hardware.keep_freed_memory()
    relighter = Relighter.load(options.weights, options.session)
    require_layers(relighter, options.weights)
    for note in relighter.notes:
        terminal.warn(note)
    named = "" if options.weights == ServeOptions.weights else options.weights
    most = options.limits.max_megapixels
    return Painter(relighter, most, named, options.session)


def _run(service: Server, options: ServeOptions) -> NoReturn:
    """Serve until a signal comes."""
    from msrnet_cli.report import serve as report

    signals.raise_on_signals()
    try:
        service.start()
        report.start(service.address, options.limits.keep_minutes)
        if options.open:
            threading.Thread(target=_open, args=(service.address,), daemon=True).start()
        service.wait()
    except signals.Stopped as stop:
        service.stop()
        with suppress(BrokenPipeError):
            streams.settle()
        signals.end_if_busy(signals.EXIT_CODES[stop.signal])
        raise
    raise RuntimeError("the server has ended by itself")


def _require_libraries() -> None:
    """Refuse to begin without the libraries that serve.

    Raises:
        UsageError: With how to get them.
    """
    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        raise UsageError(
            "serve needs libraries that are not installed",
            "pip install 'msrnet[serve]', or where pipx is used: pipx inject msrnet"
            " starlette uvicorn",
        )


def _open(address: str) -> None:
    """Open the browser, where there is one with windows."""
    import webbrowser

    from msrnet_cli.report import terminal

    screens = ("DISPLAY", "WAYLAND_DISPLAY")
    has_screen = sys.platform in ("win32", "darwin") or any(map(os.getenv, screens))
    try:
        opened = has_screen and webbrowser.open(address)
    except Exception:  # whatever a browser's starter throws
        opened = False
    if not opened:
        terminal.warn("no browser could be opened; open the address in one")
