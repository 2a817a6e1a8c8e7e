"""Decoded pictures that wait until enough of their kind can run together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from msrnet_cli.folder.stages import Decoded


class Batches:
    """Pictures grouped by size, type and depth.

    Args:
        limit: Gives for a width and height how many pictures make a batch.
        patience: Pictures that may wait in all groups together, beyond one batch.
    """

    def __init__(self, limit: Callable[[int, int], int], patience: int) -> None:
        self._limit = limit
        self._patience = patience
        self._groups: dict[tuple[int, int, torch.dtype, bool], list[Decoded]] = {}

    def __bool__(self) -> bool:
        return bool(self._groups)

    def add(self, decoded: Decoded) -> list[Decoded]:
        """Let a picture wait for others.

        Returns:
            Pictures that need not wait any longer; [] where all wait.
        """
        picture = decoded.picture
        key = (*picture.size, picture.pixels.dtype, decoded.is_deep)
        group = self._groups.setdefault(key, [])
        group.append(decoded)
        limit = self._limit(*picture.size)
        if len(group) >= limit:
            return self._groups.pop(key)
        waiting = sum(map(len, self._groups.values()))
        return self.oldest() if waiting >= max(self._patience, limit) else []

    def oldest(self) -> list[Decoded]:
        """Take out the group that has waited longest."""
        return self._groups.pop(next(iter(self._groups)))
