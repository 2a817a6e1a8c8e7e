"""How much of a folder may be in memory at once.

Counts only; whoever asks decides what to do instead of waiting.
"""

from __future__ import annotations


class Budget:
    """Pixels in flight, from before a picture is decoded until it is encoded.

    Not for use from several threads: who takes is who gives back, so nobody ever
    waits here and no order of work can lock up.

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
        """Count a picture that sets out."""
        self._pixels += pixels
        self._pictures += 1

    def give_back(self, pixels: int) -> None:
        """Count a picture that has arrived or failed."""
        self._pixels -= pixels
        self._pictures -= 1
