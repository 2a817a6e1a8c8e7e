"""Light tables that were painted: in memory, for a while."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from msrnet_cli.serve.painting import Painted

MOST_BYTES = 256_000_000
"""Of all tables together: the oldest goes first. A tab that shows it keeps it."""

_NAME_BYTES = 16


@dataclass(frozen=True)
class _Kept:
    table: Painted
    end: asyncio.TimerHandle


class Tables:
    """Tables by names that nobody can guess.

    Args:
        seconds: How long a table is kept.
        most_bytes: Of all tables together.
    """

    def __init__(self, seconds: float, most_bytes: int = MOST_BYTES) -> None:
        self._seconds, self._most_bytes = seconds, most_bytes
        self._kept: dict[str, _Kept] = {}

    def keep(self, table: Painted) -> str:
        """Keep a table; gives its name."""
        name = secrets.token_urlsafe(_NAME_BYTES)
        timer = asyncio.get_running_loop().call_later(self._seconds, self.forget, name)
        self._kept[name] = _Kept(table, timer)
        while sum(len(each.table.page) for each in self._kept.values()) > (
            self._most_bytes
        ):
            self.forget(next(iter(self._kept)))
        return name

    def get(self, name: str) -> Painted | None:
        """A table; None where there is none, or no more."""
        kept = self._kept.get(name)
        return None if kept is None else kept.table

    def forget(self, name: str) -> None:
        """Let go of a table, if it is still there."""
        kept = self._kept.pop(name, None)
        if kept is not None:
            kept.end.cancel()
