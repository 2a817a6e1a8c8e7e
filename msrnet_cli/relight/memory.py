"""The memory ladder: a whole batch, smaller batches, tiles, or advice.

Each rung is tried where the one before it does not fit in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msrnet_cli import hardware
from msrnet_cli.errors import PictureError
from msrnet_cli.relight import passes, tiling
from msrnet_cli.relight.records import Painted
from msrnet_cli.relight.sizes import WHOLE_UP_TO

if TYPE_CHECKING:
    from torch import Tensor

    from msrnet_cli.networks.spec import Inputs
    from msrnet_cli.relight.forward import Forward, Forwards

_TILE_SHARE = 0.8  # of the free memory; the rest is for the result


def run(forwards: Forwards, forward: Forward, inputs: Inputs) -> Painted:
    """Paint a batch in the memory that is free.

    Args:
        forwards: The chosen form and the float32 form; unsound answers are computed
            again in float32.
        forward: The form to run.
        inputs: As for `Forward.paint`.

    Returns:
        On the device or in main memory.
    """
    with forwards.turn:
        return _attempt(forwards, forward, inputs)


def _attempt(forwards: Forwards, forward: Forward, inputs: Inputs) -> Painted:
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
    return Painted(first.outputs + second.outputs, (note, *first.notes, *second.notes))


def _in_tiles(forwards: Forwards, forward: Forward, inputs: Inputs) -> Painted:
    """Run one picture in the largest tiles that fit."""
    multiple, halo = forward.architecture.multiple, forward.architecture.reach
    height, width = (side + -side % multiple for side in inputs.image.shape[-2:])
    sizes = _tile_sizes(forward, height, width)
    if halo is None:  # a tile would see less than the whole does
        return Painted((_too_large(forward, inputs.image, sizes[0]),))
    for pixels in sizes:
        core = tiling.largest_core(height, width, halo, pixels, multiple)
        if core is None:
            return Painted((_too_large(forward, inputs.image, pixels),))
        try:
            painted = passes.guarded(forwards, forward, inputs, core)
        except (RuntimeError, MemoryError) as error:
            if not hardware.is_out_of_memory(error):
                raise
            continue
        count = len(list(tiling.cut(height, width, core, halo)))
        note = f"memory is short: run in {count} tiles, with the same result"
        return Painted(painted.outputs, (*painted.notes, note))
    return Painted((_too_large(forward, inputs.image, sizes[-1] // 2),))


def _tile_sizes(forward: Forward, height: int, width: int) -> list[int]:
    """How many pixels a tile may have: limits to try in turn.

    Where the free memory is known, its share is the only limit. Else the limits are
    half of the picture, a quarter and so on, down to the smallest tile.
    """
    free = hardware.free_bytes(forward.device)
    if free is not None:
        return [int(_TILE_SHARE * free / forward.bytes_per_pixel)]
    side = tiling.SMALLEST_CORE + 2 * (forward.architecture.reach or 0)
    least = min(side, height) * min(side, width)
    sizes = [height * width // 2]
    while sizes[-1] > least:
        sizes.append(max(sizes[-1] // 2, least))
    return sizes


def _too_large(forward: Forward, image: Tensor, pixels: int) -> PictureError:
    """The error for a picture too large for memory.

    Its remedy names the largest working size for which memory is enough.

    Args:
        forward: The form of the network that was to run.
        image: 1 3 H W.
        pixels: As many as fit in memory, or as are worth a try where that is unknown.
    """
    height, width = image.shape[-2:]
    free = hardware.free_bytes(forward.device)
    have = "" if free is None else f", {free / 1e9:.1f} GB are free"
    needed = forward.bytes_needed(image) / 1e9
    # Tiles would not be exact, so none were tried.
    why = ", in one piece" if forward.architecture.reach is None else ""
    scale = (pixels / (height * width)) ** 0.5
    # At a working size close to its own the picture would not be reduced at all.
    fits = int(max(height, width) * min(scale, 0.99 / WHOLE_UP_TO))
    fits -= fits % forward.architecture.multiple
    size = f"try --work-size {fits}" if free is None else f"--work-size {fits} fits"
    return PictureError(
        f"{width}x{height} needs about {needed:.1f} GB of memory{why}{have}",
        f"{size if fits else 'close other programs'}, or use another device",
    )
