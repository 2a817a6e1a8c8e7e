"""What relighting gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.errors import PictureError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class WeightsName:
    """Which weights made a picture.

    Attributes:
        name: As a person names them; "" if unknown.
        sha256: Of their file, in hex; "" if unknown.
    """

    name: str = ""
    sha256: str = ""


UNNAMED = WeightsName()


@dataclass(frozen=True)
class Painted:
    """What a network painted of a batch.

    Attributes:
        outputs: For each picture C h w, float32 in [0, 1], as the architecture orders
            its outputs; or the reason why the picture failed.
        notes: What was done differently from usual, such as a smaller batch.
    """

    outputs: tuple[Tensor | PictureError, ...]
    notes: tuple[str, ...] = ()

    def noted(self, notes: tuple[str, ...]) -> Painted:
        """The same, with further notes before its own, each once."""
        return Painted(self.outputs, tuple(dict.fromkeys(notes + self.notes)))

    def pictures(self) -> list[Tensor]:
        """What was painted of each picture.

        Raises:
            PictureError: The first failure, where a picture failed.
        """
        return _sound(self.outputs)


@dataclass(frozen=True)
class Relit:
    """The result of a batch.

    Attributes:
        outputs: For each picture 3 H W, of the type that the picture had: float32 in
            [0, 1], or uint8; or the reason why the picture failed.
        notes: What was done differently from usual, such as a smaller batch.
        weights: For each picture which weights relit it; empty if nobody knows.
    """

    outputs: tuple[Tensor | PictureError, ...]
    notes: tuple[str, ...] = ()
    weights: tuple[WeightsName, ...] = ()

    def pictures(self) -> list[Tensor]:
        """The relit pictures.

        Raises:
            PictureError: The first failure, where a picture failed.
        """
        return _sound(self.outputs)


def _sound(outputs: tuple[Tensor | PictureError, ...]) -> list[Tensor]:
    found = []
    for output in outputs:
        if isinstance(output, PictureError):
            raise output
        found.append(output)
    return found
