"""Batches relit from end to end: painted, turned, carried to full size, finished."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from msrnet_cli import hardware
from msrnet_cli.errors import PictureError
from msrnet_cli.images.pixels import unit
from msrnet_cli.layers import mix, reading
from msrnet_cli.lights import asked
from msrnet_cli.relight import adapters, carry, device_copy
from msrnet_cli.relight.adapters import Opened
from msrnet_cli.relight.finish import Finish, ending
from msrnet_cli.relight.layers import Layers
from msrnet_cli.relight.records import Relit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from msrnet_cli.layers.found import FoundLight
    from msrnet_cli.lights.wish import Wish
    from msrnet_cli.relight.carry import Reduced, Whole
    from msrnet_cli.relight.finish import Gains
    from msrnet_cli.relight.painter import Painter
    from msrnet_cli.relight.turns import Turn


@dataclass(frozen=True)
class Pipeline:
    """A network, and what becomes of all that it paints.

    Attributes:
        painter: Paints at the working size.
        turn: Makes the relit picture of what was painted.
        finish: What is done last.
        gains: Of red, green and blue of the relit picture, see `finish.ending`.
    """

    painter: Painter
    turn: Turn
    finish: Finish
    gains: Gains | None = None

    def run(
        self,
        batch: Sequence[Tensor],
        guides: Sequence[Tensor],
        masks: Sequence[Tensor | None],
        *,
        deep: bool,
    ) -> Relit:
        """As `Relighter.run`."""
        relit, _ = self.run_unless(_never, batch, guides, masks, deep=deep)
        return relit

    def run_unless(
        self,
        left: Callable[[Tensor, Tensor], bool],
        batch: Sequence[Tensor],
        guides: Sequence[Tensor],
        masks: Sequence[Tensor | None],
        *,
        deep: bool,
    ) -> tuple[Relit, tuple[int, ...]]:
        """As `run`, but some pictures are left as they are.

        Args:
            left: Whether to leave a picture, 3 h w in [0, 1], of which this was
                painted, C h w in [0, 1].
            batch: As for `Relighter.run`.
            guides: Likewise.
            masks: Likewise.
            deep: Likewise.

        Returns:
            The result, and the places of the pictures that were left.
        """
        try:
            with device_copy.lane(self.painter.session.device):
                return self._run(left, batch, guides, masks, deep=deep)
        except (RuntimeError, MemoryError) as error:
            if not hardware.is_out_of_memory(error):
                raise
        return Relit(tuple(carry.no_room(one) for one in batch)), ()

    def layers(self, opened: Opened) -> Layers:
        """The layers of one picture, of a network that paints layers.

        Raises:
            PictureError: More than one picture, or the first failure.
        """
        if len(opened.pictures) != 1:
            raise PictureError(
                f"a batch of {len(opened.pictures)} pictures", "give one at a time"
            )
        with device_copy.lane(self.painter.session.device):
            (place,), painted = self.painter.paint(opened.pictures, deep=opened.deep)
            (outputs,) = painted.pictures()
            seen = unit(place.seen.to(outputs.device))
            device_copy.settle(outputs.device)  # other threads may mix
        read = reading.of_outputs(outputs)
        painted_layers = mix.of_outputs(outputs, seen)
        return Layers(seen, painted_layers, read, place, opened.back, self._source)

    def fan(
        self, picture: Tensor, wish: Wish, mask: Tensor | None, *, deep: bool
    ) -> Callable[[str], Tensor]:
        """As `Relighter.fan`, with all of the light but its direction."""
        layers = self.layers(Opened([picture], deep, lambda relit: relit[0]))
        wishes, last = asked.fan(wish), ending(self.finish, mask)
        return lambda direction: layers.under(wishes[direction], last)

    def _source(self, path: str) -> FoundLight:
        """The light of a picture file."""
        return self.layers(adapters.opened(path)).source()

    def _run(
        self,
        left: Callable[[Tensor, Tensor], bool],
        batch: Sequence[Tensor],
        guides: Sequence[Tensor],
        masks: Sequence[Tensor | None],
        *,
        deep: bool,
    ) -> tuple[Relit, tuple[int, ...]]:
        """As `run_unless`, but may raise where memory runs out."""
        places, painted = self.painter.paint(batch, guides, deep=deep)
        outputs: list[Tensor | PictureError] = []
        those_left = []
        for number, (place, one, mask) in enumerate(
            zip(places, painted.outputs, masks or [None] * len(batch), strict=True)
        ):
            if isinstance(one, PictureError):
                outputs.append(one)
            elif left(unit(place.seen.to(one.device)), one):
                outputs.append(batch[number])
                those_left.append(number)
            else:
                outputs.append(self._relit(place, one, mask))
        return Relit(_in_main_memory(outputs), painted.notes), tuple(those_left)

    def _relit(
        self, place: Whole | Reduced, painted: Tensor, mask: Tensor | None
    ) -> Tensor | PictureError:
        """One picture at full size."""
        last = ending(self.finish, mask, self.gains)
        return place.carry(self._turned(place.seen, painted), last)

    def _turned(self, seen: Tensor, painted: Tensor) -> Tensor:
        """The relit picture at the working size, in main memory if need be."""
        try:
            return self.turn(unit(seen.to(painted.device)), painted)
        except (RuntimeError, MemoryError) as error:
            if painted.device.type == "cpu" or not hardware.is_out_of_memory(error):
                raise
        return self.turn(unit(seen.cpu()), painted.cpu())


def in_batches(
    run: Callable[[Sequence[Tensor], Sequence[Tensor]], Relit],
    pictures: Sequence[Tensor],
    guides: Sequence[Tensor],
    batch_size: Callable[[int, int], int],
) -> list[Tensor]:
    """Relight any number of pictures of one size, some at a time.

    Args:
        run: Relights a batch, with its guides.
        pictures: Each 3 H W.
        guides: For each of them, or none.
        batch_size: How many pictures of a width and height to run together.

    Raises:
        PictureError: The first failure.
    """
    outputs: list[Tensor] = []
    height, width = pictures[0].shape[-2:]
    count = batch_size(width, height)
    for start in range(0, len(pictures), count):
        some = slice(start, start + count)
        outputs += run(pictures[some], guides[some]).pictures()
    return outputs


def _never(_seen: Tensor, _painted: Tensor) -> bool:
    return False


def _in_main_memory(
    outputs: Sequence[Tensor | PictureError],
) -> tuple[Tensor | PictureError, ...]:
    relit = iter(device_copy.download([o for o in outputs if isinstance(o, Tensor)]))
    return tuple(next(relit) if isinstance(o, Tensor) else o for o in outputs)
