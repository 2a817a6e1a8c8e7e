"""What a worker does for one picture: a stage, and what it asks of the outputs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msrnet_cli.folder import stages
from msrnet_cli.folder.events import FileDone

if TYPE_CHECKING:
    from msrnet_cli.config import WriteOptions
    from msrnet_cli.folder.outputs import Halt, Outputs
    from msrnet_cli.folder.plan import Job
    from msrnet_cli.folder.stages import Decoded, RelitPicture


@stages.contained
def prepare(
    job: Job, outputs: Outputs, recipes: tuple[str, ...], max_megapixels: float
) -> Decoded | FileDone:
    """Read and decode a picture, unless its result is there already.

    Args:
        job: Which picture.
        outputs: Where its result goes.
        recipes: From `relights.recipes`.
        max_megapixels: A larger picture is refused before it is decoded.
    """
    source = stages.read(job, recipes)
    if isinstance(source, FileDone):
        return source
    existing = outputs.existing(job, source.provenance)
    if existing.are_same:
        return stages.skipped(job)
    return stages.decode(source, existing, max_megapixels)


@stages.contained
def finish(
    relit: RelitPicture, outputs: Outputs, options: WriteOptions
) -> FileDone | Halt:
    """Encode a picture, and put it where it goes.

    Args:
        relit: The picture.
        outputs: Where it goes.
        options: How to write it.
    """
    encoded = stages.encode(relit, options)
    if isinstance(encoded, FileDone):
        return encoded
    job, begin = encoded.job, time.perf_counter()
    try:
        if not outputs.put(encoded):
            return stages.skipped(job)
    except OSError as error:
        return outputs.refusal(job, error)
    writing = time.perf_counter() - begin
    return FileDone(
        input=str(job.source),
        output=job.shown,
        status="relit",
        megapixels=encoded.megapixels,
        notes=encoded.notes,
        seconds=encoded.seconds | {"encode": encoded.seconds["encode"] + writing},
        anew=encoded.existing.is_stale,
    )
