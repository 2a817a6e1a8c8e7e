"""The memory ladder: a whole batch, smaller batches, tiles, or advice.

Each rung is tried where the one before it does not fit in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msrnet_cli import hardware
from msrnet_cli.errors import PictureError
from msrnet_cli.relight import passes, tiling
from msrnet_cli.relight.records import Relit
from msrnet_cli.relight.sizes import WHOLE_UP_TO

if TYPE_CHECKING:
    from torch import Tensor

    from msrnet_cli.networks.spec import Inputs
    from msrnet_cli.relight.forward import Forward, Forwards

_TILE_SHARE = 0.8  # of the free memory; the rest is for the result


def run(forwards: Forwards, forward: Forward, inputs: Inputs) -> Relit:
    """Relight a batch in the memory that is free.

    Args:
        forwards: Have the float32 form, for unsound outputs.
        forward: The form to run.
        inputs: As for `Forward.relight`.

    Returns:
        Each output 3 H W, float32 in [0, 1], on the device or in main memory.
    """
    with forwards.turn:
        return _attempt(forwards, forward, inputs)


def _attempt(forwards: Forwards, forward: Forward, inputs: Inputs) -> Relit:
    """Run a batch; where memory runs out, run its halves; then single ones in tiles."""
    try:
        if not hardware.has_room(forward.bytes_needed(inputs.image), forward.device):
            # Raised before trying: where memory is overcommitted, the operating system
            # would kill the process instead.
            raise MemoryError
        return passes.guarded(forwards, forward, inputs)
    except (RuntimeError, MemoryError) as error:
        if not hardware.is_out_of_memory(error):
            raise
    forwards.release()
    count = len(inputs.image)
    if count == 1:
        return _in_tiles(forwards, forward, inputs)
    halves = (slice(None, count // 2), slice(count // 2, None))
    first, second = (
        _attempt(forwards, forward, part) for part in map(inputs.part, halves)
    )
    note = f"memory ran out: batch of {count} split"
    return Relit(first.outputs + second.outputs, (note, *first.notes, *second.notes))


def _in_tiles(forwards: Forwards, forward: Forward, inputs: Inputs) -> Relit:
    """Run one picture in the largest tiles that fit."""
    multiple, halo = forward.architecture.multiple, forward.architecture.reach
    image = inputs.image
    height, width = (side + -side % multiple for side in image.shape[-2:])
    free = hardware.free_bytes(forward.device) or 0
    pixels = int(_TILE_SHARE * free / forward.bytes_per_pixel)
    core = None
    if halo is not None:  # else a tile would see less than the whole does
        core = tiling.largest_core(height, width, halo, pixels, multiple)
    if halo is None or core is None:
        return Relit((_too_large(forward, image, pixels),))
    try:
        relit = passes.guarded(forwards, forward, inputs, core)
    except (RuntimeError, MemoryError) as error:
        if not hardware.is_out_of_memory(error):
            raise
        return Relit((_too_large(forward, image, pixels // 2),))
    count = len(list(tiling.cut(height, width, core, halo)))
    note = f"memory is short: run in {count} tiles, with the same result"
    return Relit(relit.outputs, (*relit.notes, note))


def _too_large(forward: Forward, image: Tensor, pixels: int) -> PictureError:
    """How much memory a picture needs, and the working size that so many pixels allow.

    Args:
        forward: The form of the network that was to run.
        image: 1 3 H W.
        pixels: As many as fit in memory.
    """
    height, width = image.shape[-2:]
    free = hardware.free_bytes(forward.device)
    have = "" if free is None else f", {free / 1e9:.1f} GB are free"
    needed = forward.bytes_needed(image) / 1e9
    scale = (pixels / (height * width)) ** 0.5
    # At a working size close to its own the picture would not be reduced at all.
    fits = int(max(height, width) * min(scale, 0.99 / WHOLE_UP_TO))
    fits -= fits % forward.architecture.multiple
    size = f"--work-size {fits} fits" if fits else "close other programs"
    return PictureError(
        f"{width}x{height} needs about {needed:.1f} GB of memory{have}",
        f"{size}, or use another device",
    )
