"""Notes for people: common notes, and lists of names that fit into a line."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

THUMBNAIL = "thumbnail left out: it shows the old light"
SIGNATURE = "content credentials (C2PA) left out: they sign the old picture"
GAIN_MAP = "gain map left out: it is for the old light"
VIDEO = "motion video left out"
DEPTH = "depth map left out: it is not written"
_MOST_NAMES = 8


def listed(names: Iterable[str]) -> str:
    """The first names, each once, and how many more there are; "" for none."""
    once = dict.fromkeys(names)
    text = ", ".join(islice(once, _MOST_NAMES))
    more = len(once) - _MOST_NAMES
    return f"{text} and {more} more" if more > 0 else text


def once(notes: list[str]) -> tuple[str, ...]:
    """The notes in their order, each once."""
    return tuple(dict.fromkeys(notes))
