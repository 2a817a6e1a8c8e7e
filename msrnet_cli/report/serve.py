"""What `msrnet serve` tells."""

from __future__ import annotations

import sys

from msrnet_cli.report.terminal import say, show


def start(address: str, minutes: float) -> None:
    """Where to go, on standard output at once; the rest on standard error."""
    say(
        f"pictures stay in memory, for {minutes:g} min at most; Ctrl-C ends the service"
    )
    show(address)
    sys.stdout.flush()


def bug(error: BaseException) -> None:
    """What no code expected; the service goes on."""
    say(f"msrnet: a bug: {type(error).__name__}: {error}: please report it")
