"""What relighting gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.errors import PictureError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Relit:
    """The result of a batch.

    Attributes:
        outputs: For each picture 3 H W, of the type that the picture had: float32 in
            [0, 1], or uint8; or the reason why the picture failed.
        notes: What was done differently from usual, such as a smaller batch.
    """

    outputs: tuple[Tensor | PictureError, ...]
    notes: tuple[str, ...] = ()

    def pictures(self) -> list[Tensor]:
        """The relit pictures.

        Raises:
            PictureError: The first failure, where a picture failed.
        """
        found = []
        for output in self.outputs:
            if isinstance(output, PictureError):
                raise output
            found.append(output)
        return found
