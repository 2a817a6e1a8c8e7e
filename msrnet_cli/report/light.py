"""What `msrnet light` tells of the light of pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msrnet_cli.folder.events import LightFailed, LightFound
from msrnet_cli.lights import UNSURE, turned
from msrnet_cli.report import machine, passed
from msrnet_cli.report.terminal import say, show, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from msrnet_cli.folder.events import Ignored

    LightEvent = LightFound | LightFailed

EVENTS = {LightFound: "light", LightFailed: "failed"}
"""The names of events in JSON."""

# The four sides: azimuth, where the light comes from, and what is near that side.
_SIDES = (
    (0.0, "behind", "behind"),
    (90.0, "the right", "to the right"),
    (180.0, "the front", "in front"),
    (270.0, "the left", "to the left"),
)
_STRAIGHT, _A_LITTLE = 11.25, 33.75  # degrees from a side: sixteenths of the circle
_HEADS = ("azimuth", "spread", "kelvin", "key", "ambient", "sure", "light")
_WIDTHS = (7, 6, 6, 5, 7, 4)


def start(ignored: Iterable[Ignored], notes: Iterable[str]) -> None:
    """What was passed over, and what the user must know, on standard error."""
    for note in notes:
        warn(note)
    for line in passed.lines(ignored):
        say(line)


def reporter(*, as_json: bool = False) -> Callable[[LightEvent], None]:
    """The reporter that fits the options."""
    return machine.events(EVENTS) if as_json else Lines()


class Lines:
    """A line for each picture on standard output, below a line of heads."""

    def __init__(self) -> None:
        self._has_heads = False

    def __call__(self, event: LightEvent) -> None:
        """Print one event."""
        if isinstance(event, LightFailed):
            remedy = f"; {event.remedy}" if event.remedy else ""
            say(f"msrnet: failed: {event.input}: {event.reason}{remedy}")
            return
        if not self._has_heads:
            self._has_heads = True
            show(_line(_HEADS))
        show(_line(_cells(event)))


def in_words(azimuth: float | None) -> str:
    """Where light comes from, such as ``from the left, a little behind``.

    Args:
        azimuth: Degrees clockwise from N; None for no direction.
    """
    if azimuth is None:
        return "from no direction"
    by_nearness = sorted(_SIDES, key=lambda side: abs(turned(side[0], azimuth)))
    (degrees, whence, _), (_, _, beside) = by_nearness[:2]
    away = abs(turned(degrees, azimuth))
    if away <= _STRAIGHT:
        return f"from {whence}"
    if away <= _A_LITTLE:
        return f"from {whence}, a little {beside}"
    depth, side = sorted(by_nearness[:2], key=lambda side: side[0] % 180)
    return f"from {depth[1]} on {side[1]}"


def _cells(found: LightFound) -> tuple[str, ...]:
    words = in_words(found.azimuth)
    if found.azimuth is not None and found.sure < UNSURE:
        words += " (unsure)"
    return (
        "none" if found.azimuth is None else f"{found.azimuth:.0f}°",
        "-" if found.spread is None else f"{found.spread:.0f}°",
        "-" if found.kelvin is None else f"{found.kelvin:.0f}",
        f"{found.key:.2f}",
        f"{found.ambient:.2f}",
        f"{found.sure:.2f}",
        f"{words}: {found.input}",
    )


def _line(cells: tuple[str, ...]) -> str:
    """A line whose columns have fixed widths, since it is printed at once."""
    *numbers, last = cells
    parts = [cell.rjust(width) for cell, width in zip(numbers, _WIDTHS, strict=True)]
    return "  ".join([*parts, last])
