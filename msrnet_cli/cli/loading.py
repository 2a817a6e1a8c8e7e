"""What comes before a command's work: importing, reading, laying out."""

from __future__ import annotations

import gc
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msrnet_cli import signals

if TYPE_CHECKING:
    from collections.abc import Iterator

_began = [time.perf_counter()]


def begin() -> None:
    """The program has begun: from here on loading is counted."""
    _began[:] = [time.perf_counter()]


def seconds() -> float:
    """Seconds since the program has begun."""
    return time.perf_counter() - _began[0]


@contextmanager
def loading() -> Iterator[None]:
    """Load what stays: Ctrl-C ends the program at once, and no garbage is looked for.

    torch alone brings some hundred thousand objects. Python would look through them
    again and again, for a tenth of the time to the first picture, and find nothing.
    """
    gc.disable()
    try:
        with signals.quitting_at_once():
            yield
    finally:
        if not gc.get_freeze_count():  # a second time, garbage would be kept, too
            gc.freeze()
        gc.enable()
