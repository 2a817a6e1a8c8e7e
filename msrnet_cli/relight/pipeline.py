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
        others: Relights the pictures that the turn leaves; None where it leaves none.
    """

    painter: Painter
    turn: Turn
    finish: Finish
    gains: Gains | None = None
    others: Pipeline | None = None

    def run(
        self,
        batch: Sequence[Tensor],
        guides: Sequence[Tensor],
        masks: Sequence[Tensor | None],
        *,
        deep: bool,
    ) -> Relit:
        """As `Relighter.run`."""
        try:
            with device_copy.lane(self.painter.session.device):
                outputs, notes = self._run(batch, guides, masks, deep=deep)
        except (RuntimeError, MemoryError) as error:
            if not hardware.is_out_of_memory(error):
                raise
            failures = tuple(carry.no_room(one) for one in batch)
            return Relit(failures, (), (self.painter.weights,) * len(batch))
        weights = [self.painter.weights] * len(batch)
        left = [place for place, output in enumerate(outputs) if output is None]
        if left:
            assert self.others is not None
            few = [masks[place] for place in left] if masks else []
            more = self.others.run([batch[place] for place in left], (), few, deep=deep)
            for place, output, by in zip(left, more.outputs, more.weights, strict=True):
                outputs[place], weights[place] = output, by
            notes = tuple(dict.fromkeys(notes + more.notes))
        relit = tuple(one for one in outputs if one is not None)
        return Relit(relit, notes, tuple(weights))

    def relight(self, opened: Opened, guides: Sequence[Tensor]) -> list[Tensor]:
        """Relight any number of pictures of one size; guides as in `Relighter.run`.

        Raises:
            PictureError: The first failure.
            UsageError: As `Painter.paint` raises.
        """
        outputs: list[Tensor] = []
        height, width = opened.pictures[0].shape[-2:]
        count = (self.others or self).painter.batch_size(width, height)
        for start in range(0, len(opened.pictures), count):
            some = slice(start, start + count)
            batch, seen = opened.pictures[some], guides[some]
            outputs += self.run(batch, seen, (), deep=opened.deep).pictures()
        return outputs

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
        batch: Sequence[Tensor],
        guides: Sequence[Tensor],
        masks: Sequence[Tensor | None],
        *,
        deep: bool,
    ) -> tuple[list[Tensor | PictureError | None], tuple[str, ...]]:
        """Outputs, None for a picture that is left, and notes.

        May raise where memory runs out.
        """
        places, painted = self.painter.paint(batch, guides, deep=deep)
        outputs = [
            one if isinstance(one, PictureError) else self._relit(place, one, mask)
            for place, one, mask in zip(
                places, painted.outputs, masks or [None] * len(batch), strict=True
            )
        ]
        return _in_main_memory(outputs), painted.notes

    def _relit(
        self, place: Whole | Reduced, painted: Tensor, mask: Tensor | None
    ) -> Tensor | PictureError | None:
        """One picture at full size; None where it is left."""
        relit = self._turned(place.seen, painted)
        last = ending(self.finish, mask, self.gains)
        return None if relit is None else place.carry(relit, last)

    def _turned(self, seen: Tensor, painted: Tensor) -> Tensor | None:
        """The relit picture at the working size, in main memory if need be."""
        try:
            return self.turn(unit(seen.to(painted.device)), painted)
        except (RuntimeError, MemoryError) as error:
            if painted.device.type == "cpu" or not hardware.is_out_of_memory(error):
                raise
        return self.turn(unit(seen.cpu()), painted.cpu())


def _in_main_memory(
    outputs: Sequence[Tensor | PictureError | None],
) -> list[Tensor | PictureError | None]:
    relit = iter(device_copy.download([o for o in outputs if isinstance(o, Tensor)]))
    return [next(relit) if isinstance(o, Tensor) else o for o in outputs]
