"""One guarded pass over a batch: whole, or in tiles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from msrnet_cli import hardware
from msrnet_cli.errors import PictureError
from msrnet_cli.images.pixels import unit
from msrnet_cli.relight import tiling
from msrnet_cli.relight.records import Painted
from msrnet_cli.relight.soundness import are_sound

if TYPE_CHECKING:
    from msrnet_cli.networks.spec import Inputs
    from msrnet_cli.relight.forward import Forward, Forwards

_MAIN = torch.device("cpu")


def guarded(
    forwards: Forwards, forward: Forward, inputs: Inputs, core: int | None = None
) -> Painted:
    """Paint a batch; an unsound answer is computed again in float32.

    Args:
        forwards: Have the float32 form.
        forward: The form to run.
        inputs: As for `Forward.paint`.
        core: Side of the tiles to run; None for the whole.

    Returns:
        On the device; of tiles, in main memory.
    """
    painted = _run(forward, inputs, core)
    outputs: list[Tensor | PictureError] = list(painted)
    notes: tuple[str, ...] = ()
    for index, is_sound in enumerate(are_sound(painted, inputs.image)):
        if not is_sound:
            part = inputs.part(slice(index, index + 1))
            again = _again(forwards, forward, part, core)
            outputs[index : index + 1] = again.outputs
            notes += again.notes
    # Clamped only here, after the check: clamping turns inf into 1.
    clamped = (o.clamp_(0, 1) if isinstance(o, Tensor) else o for o in outputs)
    return Painted(tuple(clamped), notes)


def _again(
    forwards: Forwards, forward: Forward, inputs: Inputs, core: int | None
) -> Painted:
    """Compute one picture again, exactly, if it was not computed so."""
    exact = forwards.exact()
    notes: tuple[str, ...] = ()
    if forward is not exact:
        notes = ("an unsound output was computed again in fp32",)
        painted = _run(exact, inputs, core)
        if all(are_sound(painted, inputs.image)):
            return Painted(tuple(painted), notes)
    failure = PictureError(
        "the network's output is not finite or is one flat colour",
        "check the weights: msrnet weights verify",
    )
    return Painted((failure,), notes)


def _run(forward: Forward, inputs: Inputs, core: int | None) -> Tensor:
    """All outputs, B C H W: on the device; of tiles, in main memory."""
    if core is None:
        return forward.paint(inputs)
    height, width = inputs.image.shape[-2:]
    padded = inputs.map(lambda x: forward.padded(unit(x)))
    count, _, rows, columns = padded.image.shape
    shape = (count, forward.channels, rows, columns)
    if not hardware.has_room(4 * math.prod(shape), _MAIN):
        raise MemoryError
    output = torch.empty(shape)
    for tile in tiling.cut(rows, columns, core, forward.architecture.reach or 0):
        painted = forward.paint(padded.part(..., *tile.window))
        output[..., *tile.target] = painted[..., *tile.inner]
    return output[..., :height, :width]
