"""What is found out about a set of pairs. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DataFault:
    """Something wrong with a set of pairs.

    Attributes:
        name: The file or scene.
        kind: ``partner`` missing, ``second`` picture where one is wanted, ``size``
            differing, or ``broken``.
        reason: For people.
    """

    name: str
    kind: Literal["partner", "second", "size", "broken"]
    reason: str


@dataclass(frozen=True)
class DataReport:
    """What `msrnet data check` found.

    Attributes:
        data: The folder or archive.
        pairs: Complete pairs, whose pictures can be read and have one size.
        mirrored: How many of them have pictures to mirror, too.
        files: All pictures, in pairs or not; each was decoded.
        sizes: Widths and heights that occur.
        faults: All that is wrong.
    """

    data: str
    pairs: int
    mirrored: int
    files: int
    sizes: tuple[tuple[int, int], ...]
    faults: tuple[DataFault, ...] = ()
