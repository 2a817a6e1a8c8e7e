"""One guarded pass over a batch: whole, or in tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from msrnet_cli.errors import PictureError
from msrnet_cli.images.pixels import unit
from msrnet_cli.networks.spec import COLOURS
from msrnet_cli.relight import tiling
from msrnet_cli.relight.records import Relit
from msrnet_cli.relight.soundness import are_sound

if TYPE_CHECKING:
    from msrnet_cli.networks.spec import Inputs
    from msrnet_cli.relight.forward import Forward, Forwards


def guarded(
    forwards: Forwards, forward: Forward, inputs: Inputs, core: int | None = None
) -> Relit:
    """Relight a batch; an unsound output is computed again in float32.

    Args:
        forwards: Have the float32 form.
        forward: The form to run.
        inputs: As for `Forward.relight`.
        core: Side of the tiles to run; None for the whole.

    Returns:
        Each output 3 H W, float32 in [0, 1].
    """
    relit = _run(forward, inputs, core)
    outputs: list[Tensor | PictureError] = list(relit)
    notes: tuple[str, ...] = ()
    for index, is_sound in enumerate(are_sound(relit, inputs.image)):
        if not is_sound:
            part = inputs.part(slice(index, index + 1))
            again = _again(forwards, forward, part, core)
            outputs[index : index + 1] = again.outputs
            notes += again.notes
    # Clamped only here, after the check: clamping turns inf into 1.
    clamped = (o.clamp_(0, 1) if isinstance(o, Tensor) else o for o in outputs)
    return Relit(tuple(clamped), notes)


def _again(
    forwards: Forwards, forward: Forward, inputs: Inputs, core: int | None
) -> Relit:
    """Compute one picture again, exactly, if it was not computed so."""
    exact = forwards.exact()
    notes: tuple[str, ...] = ()
    if forward is not exact:
        notes = ("an unsound output was computed again in fp32",)
        relit = _run(exact, inputs, core)
        if all(are_sound(relit, inputs.image)):
            return Relit(tuple(relit), notes)
    failure = PictureError(
        "the network's output is not finite or is one flat colour",
        "check the weights: msrnet weights verify",
    )
    return Relit((failure,), notes)


def _run(forward: Forward, inputs: Inputs, core: int | None) -> Tensor:
    """Relit pictures, B 3 H W: on the device; of tiles, in main memory."""
    if core is None:
        return forward.relight(inputs)
    height, width = inputs.image.shape[-2:]
    padded = inputs.map(lambda x: forward.padded(unit(x)))
    count, _, rows, columns = padded.image.shape
    output = torch.empty(count, COLOURS, rows, columns)
    for tile in tiling.cut(rows, columns, core, forward.architecture.reach or 0):
        relit = forward.relight(padded.part(..., *tile.window))
        output[..., *tile.target] = relit[..., *tile.inner]
    return output[..., :height, :width]
