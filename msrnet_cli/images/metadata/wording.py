"""Names in notes: no more than a line holds, whatever is in a file."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_NAMES = 8


def listed(names: Iterable[str]) -> str:
    """Some names, each once, and how many more there are; "" for none."""
    once = dict.fromkeys(names)
    text = ", ".join(islice(once, _MOST_NAMES))
    more = len(once) - _MOST_NAMES
    return f"{text} and {more} more" if more > 0 else text
