"""What a worker does for one picture: a stage, and what it asks of the outputs."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from msrnet_cli.folder import stages
from msrnet_cli.folder.events import FileDone
from msrnet_cli.folder.records import Making

if TYPE_CHECKING:
    from collections.abc import Iterator

    from msrnet_cli.config import WriteOptions
    from msrnet_cli.folder.jobs import Job
    from msrnet_cli.folder.outputs import Halt, Outputs
    from msrnet_cli.folder.records import Provenance
    from msrnet_cli.folder.stages import Decoded, Encoded, RelitPicture


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
    known = outputs.known(job, recipes)
    if known is not None and outputs.existing(job, known).are_same:
        return _skipped(job, outputs, known)
    source = stages.read(job, recipes)
    if isinstance(source, FileDone):
        return source
    existing = outputs.existing(job, source.provenance)
    if existing.are_same:
        return _skipped(job, outputs, source.provenance)
    return stages.decode(source, existing, max_megapixels)


@stages.contained
def finish(
    relit: RelitPicture, outputs: Outputs, options: WriteOptions
) -> FileDone | Halt | None:
    """Encode a picture, or the parts of a fan in turn, and put each where it goes.

    Args:
        relit: The picture.
        outputs: Where it goes.
        options: How to write it.

    Returns:
        None for a fan that was abandoned when the job was stopped.
    """
    job, begin = relit.job, time.perf_counter()
    notes: tuple[str, ...] = ()
    has_written = False
    for encoded in _parts(relit, outputs, options):
        if encoded is None or isinstance(encoded, FileDone):
            return encoded
        try:
            has_written |= outputs.put(encoded)
        except OSError as error:
            return outputs.refusal(job, error)
        made = encoded.provenance
        notes += encoded.notes + outputs.remove_outdated(encoded.outputs, made)
    # Also beside those files of a fan that were there already.
    notes += outputs.remove_outdated(job.outputs(), relit.decoded.provenance)
    if not has_written:
        return stages.skipped(job)
    width, height = relit.decoded.picture.size
    making = (outputs.making or Making()).by(relit.weights)
    return FileDone(
        input=str(job.source),
        output=job.shown,
        status="relit",
        megapixels=width * height / 1e6,
        notes=tuple(dict.fromkeys(notes)),
        seconds={
            "decode": relit.decoded.seconds,
            "network": relit.seconds,
            "encode": time.perf_counter() - begin,
        },
        anew=relit.decoded.existing.is_stale,
        weights=making.weights,
        weights_sha256=making.weights_sha256,
    )


def _skipped(job: Job, outputs: Outputs, provenance: Provenance) -> FileDone:
    """A picture whose result is there, without what shows an older one."""
    notes = outputs.remove_outdated(job.outputs(), provenance)
    return replace(stages.skipped(job), notes=notes)


def _parts(
    relit: RelitPicture, outputs: Outputs, options: WriteOptions
) -> Iterator[Encoded | FileDone | None]:
    if relit.job.is_fan:
        yield from stages.encode_fan(relit, options, outputs.is_stopped)
    else:
        yield stages.encode(relit, options)
