"""How much of a folder may be in memory at once.

Only counts: the scheduler decides what to do while there is no room.
"""

from __future__ import annotations


class Budget:
    """Pixels in flight, from before a picture is decoded until it is written.

    Not thread-safe: only the scheduling thread takes and gives back, so the budget
    cannot cause a deadlock.

    Args:
        limit: Pixels that may be in flight together.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._pixels = 0
        self._pictures = 0

    def admits(self, pixels: int) -> bool:
        """Whether one more picture fits; alone, a picture of any size does."""
        return not self._pictures or self._pixels + pixels <= self.limit

    def take(self, pixels: int) -> None:
        """Count a picture that starts."""
        self._pixels += pixels
        self._pictures += 1

    def give_back(self, pixels: int) -> None:
        """Count out a picture that is written, skipped or failed."""
        self._pixels -= pixels
        self._pictures -= 1
