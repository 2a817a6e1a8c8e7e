"""The stages of a folder job as functions from record to record.

read      the input file's bytes, and what names them in the journal
decode    bytes to pixels
relight   pixels of a batch to relit pixels
encode    relit pixels to bytes of the output files

The functions share no state, write nothing and never raise: a picture that fails comes
back as its `FileDone`. They can run in any thread or process; only what is painted for
a fan stays in one process.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from torch import Tensor

from msrnet_cli import images
from msrnet_cli.errors import PictureError
from msrnet_cli.folder import beside, masks
from msrnet_cli.folder import fan as fans
from msrnet_cli.folder.events import FileDone
from msrnet_cli.folder.jobs import Job
from msrnet_cli.folder.known import digest
from msrnet_cli.folder.reasons import as_picture_error
from msrnet_cli.folder.records import Provenance
from msrnet_cli.folder.relights import with_beside
from msrnet_cli.lights import DIRECTIONS
from msrnet_cli.places import read_tagged
from msrnet_cli.relight.records import UNNAMED, WeightsName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from msrnet_cli.config import WriteOptions
    from msrnet_cli.folder.records import Existing
    from msrnet_cli.folder.relights import Fan, Relights
    from msrnet_cli.places import Place


class _HasJob(Protocol):
    @property
    def job(self) -> Job: ...


P = ParamSpec("P")
T = TypeVar("T")
Item = TypeVar("Item", bound=Job | _HasJob)


@dataclass(frozen=True)
class Source:
    """An input file.

    Attributes:
        job: Where the picture comes from and goes to.
        data: The file's bytes.
        mask: The bytes of its mask; None where it has none.
        second: The bytes of its second picture; None where it has none.
        provenance: What the result is made from.
        seconds: Time of reading.
    """

    job: Job
    data: bytes
    mask: bytes | None
    second: bytes | None
    provenance: Provenance
    seconds: float


@dataclass(frozen=True)
class Decoded:
    """A picture for the network.

    Attributes:
        job: Where the picture comes from and goes to.
        picture: The input.
        mask: H W, float32 in [0, 1]: the part of the change that each pixel shows; None
            for all of it.
        second: The same scene under another light, 3 H W, uint8 or float32 in [0, 1];
            None where the network does not see it.
        provenance: What the result is made from.
        existing: The outputs that are there already.
        seconds: Time of reading and decoding.
    """

    job: Job
    picture: images.Picture
    mask: Tensor | None
    second: Tensor | None
    provenance: Provenance
    existing: Existing
    seconds: float

    @property
    def is_deep(self) -> bool:
        """Whether more than 8 bits of each value matter."""
        return self.picture.encoding.depth > 8


@dataclass(frozen=True)
class RelitPicture:
    """A picture for an encoder.

    Attributes:
        decoded: The input.
        result: 3 H W on the CPU, sRGB: float32 in [0, 1], or uint8; or a fan of such
            pictures.
        notes: What the network had to do differently, such as a smaller batch.
        seconds: The picture's share of the batch's time.
        weights: Which weights made it; unnamed if they are those of the job.
    """

    decoded: Decoded
    result: Tensor | Fan
    notes: tuple[str, ...]
    seconds: float
    weights: WeightsName

    @property
    def job(self) -> Job:
        """Where the picture comes from and goes to."""
        return self.decoded.job


@dataclass(frozen=True)
class RelitBatch:
    """What the network made of a batch.

    Attributes:
        pictures: In the order of the batch; a FileDone for each one that failed.
        seconds: For all of them together.
    """

    pictures: tuple[RelitPicture | FileDone, ...]
    seconds: float


@dataclass(frozen=True)
class Encoded:
    """Files of a picture, ready to be written.

    Attributes:
        job: Where the picture comes from and goes to.
        outputs: Which of the job's outputs they are.
        contents: The bytes of each of them.
        provenance: What they are made from.
        existing: The outputs that are there already.
        notes: What the user must know about the result.
        weights: Which weights made them.
        seconds: Time of all stages; None for what stands beside a picture.
    """

    job: Job
    outputs: tuple[tuple[str, Place], ...]
    contents: tuple[bytes, ...]
    provenance: Provenance
    existing: Existing
    notes: tuple[str, ...]
    weights: WeightsName
    seconds: float | None = field(default=None, compare=False)


def contained(
    stage: Callable[Concatenate[Item, P], T],
) -> Callable[Concatenate[Item, P], T | FileDone]:
    """Turn what a stage raises into the failure of its one picture."""

    @wraps(stage)
    def never_raising(item: Item, /, *args: P.args, **kwargs: P.kwargs) -> T | FileDone:
        try:
            return stage(item, *args, **kwargs)
        except Exception as error:  # also a bug must cost one picture, not all
            job = item if isinstance(item, Job) else item.job
            return failed(job, as_picture_error(error))

    return never_raising


@contained
def read(job: Job, recipes: tuple[str, ...]) -> Source:
    """Read the input file of a job.

    Args:
        job: What to read.
        recipes: From `relights.recipes`.
    """
    begin = time.perf_counter()
    try:
        data, tag = read_tagged(job.source)
    except OSError as error:
        raise PictureError(f"cannot be read: {error.strerror}") from error
    mask = second = None
    if job.mask is not None:
        mask = beside.data_of(beside.MASK, job.mask)
        recipes = with_beside(recipes, beside.MASK, digest(mask))
    if job.second is not None:
        second = beside.data_of(beside.SECOND, job.second)
        recipes = with_beside(recipes, beside.SECOND, digest(second))
    origin = str(job.source.absolute())
    provenance = Provenance(digest(data), recipes, origin, tag)
    return Source(job, data, mask, second, provenance, time.perf_counter() - begin)


@contained
def decode(source: Source, existing: Existing, max_megapixels: float) -> Decoded:
    """Decode a picture, and refuse a size that the output format cannot hold.

    Args:
        source: The input file.
        existing: The outputs that are there already.
        max_megapixels: A larger picture is refused before it is decoded.
    """
    begin = time.perf_counter()
    job = source.job
    picture = images.read(source.data, job.source.suffix, max_megapixels)
    images.require_fits(job.format or picture.encoding.format, *picture.size)
    mask = second = None
    if source.mask is not None and job.mask is not None:
        mask = masks.read(source.mask, job.mask, picture.size, max_megapixels)
    if source.second is not None and job.second is not None:
        second = beside.read(
            beside.SECOND, source.second, job.second, picture.size, max_megapixels
        ).pixels
    seconds = source.seconds + time.perf_counter() - begin
    return Decoded(job, picture, mask, second, source.provenance, existing, seconds)


def relight(batch: Sequence[Decoded], relights: Relights) -> RelitBatch:
    """Run the network.

    Args:
        batch: Pictures of one size, type and depth.
        relights: The network.
    """
    begin = time.perf_counter()
    notes: tuple[str, ...] = ()
    weights = (UNNAMED,) * len(batch)
    outputs: Sequence[Tensor | Fan | PictureError]
    try:
        if batch[0].job.is_fan:
            outputs = [_fanned(decoded, relights) for decoded in batch]
        else:
            relit = relights.run(
                [decoded.picture.pixels for decoded in batch],
                deep=batch[0].is_deep,
                guides=[d.second for d in batch if d.second is not None],
                masks=[decoded.mask for decoded in batch],
            )
            outputs, notes = relit.outputs, relit.notes
            weights = relit.weights or weights
    except Exception as error:  # as in `contained`
        outputs = [as_picture_error(error)] * len(batch)
    seconds = time.perf_counter() - begin
    share = seconds / len(batch)
    pictures = tuple(
        failed(decoded.job, output)
        if isinstance(output, PictureError)
        else RelitPicture(decoded, output, notes, share, by)
        for decoded, output, by in zip(batch, outputs, weights, strict=True)
    )
    return RelitBatch(pictures, seconds)


@contained
def encode(relit: RelitPicture, options: WriteOptions) -> Encoded:
    """Encode all files of a picture under one light.

    Args:
        relit: The result, and the input whose format and metadata it takes over.
        options: How to write; the job's format counts.
    """
    assert isinstance(relit.result, Tensor)
    begin = time.perf_counter()
    return _part(relit, relit.result, relit.job.outputs(), options, begin)


def encode_fan(
    relit: RelitPicture, options: WriteOptions, is_stopped: Callable[[], bool]
) -> Iterator[Encoded | None]:
    """Encode a fan direction by direction, then what shows and locates them all.

    Only one direction is in memory at a time. What is there already, made in the same
    way, is left out.

    Args:
        relit: The fan, and its input.
        options: As for `encode`.
        is_stopped: Asked before each picture; True abandons those that are left.

    Returns:
        None comes last where the fan is abandoned.

    Raises:
        PictureError: A direction cannot be made or encoded; those before it could.
    """
    assert not isinstance(relit.result, Tensor)
    job, there = relit.job, relit.decoded.existing.same
    outputs = {path.name: (relative, path) for relative, path in job.outputs()}
    has_sheet = outputs[fans.SHEET][1] in there
    small = {}
    for direction in DIRECTIONS:
        names = (f"{direction}{job.target.suffix}", fans.compared(direction))
        files = [outputs[name] for name in names if name in outputs]
        is_there = all(path in there for _, path in files)
        if is_there and has_sheet:
            continue
        if is_stopped():
            yield None
            return
        begin = time.perf_counter()
        pixels = relit.result(direction)
        small[direction] = images.thumbnail(pixels, fans.THUMBNAIL)
        if not is_there:
            yield _part(relit, pixels, files, options, begin)
    if not has_sheet:
        if is_stopped():
            yield None
            return
        pixels = relit.decoded.picture.pixels
        small[fans.INPUT] = images.thumbnail(pixels, fans.THUMBNAIL)
        sheet = images.contact_sheet(*fans.laid_out(small))
        yield _encoded(relit, [outputs[fans.SHEET]], [sheet])
    if outputs[fans.LIGHTS][1] not in there:
        lights = fans.light_positions(job.target.suffix)
        yield _encoded(relit, [outputs[fans.LIGHTS]], [lights])


def _fanned(decoded: Decoded, relights: Relights) -> Fan | PictureError:
    """The fan of one picture; a failure costs no other picture of the batch."""
    try:
        return relights.fan(
            decoded.picture.pixels, deep=decoded.is_deep, mask=decoded.mask
        )
    except Exception as error:  # as in `contained`
        return as_picture_error(error)


def _part(
    relit: RelitPicture,
    pixels: Tensor,
    outputs: Sequence[tuple[str, Place]],
    options: WriteOptions,
    begin: float,
) -> Encoded:
    """One result, 3 H W, as a file; beside the input as a second one, if wanted.

    Work on this result alone began at `begin`; a fan shares what came before.
    """
    picture = relit.decoded.picture
    own = replace(options, format=relit.job.format)
    data, notes = images.write(picture, pixels, own)
    contents = [data]
    if len(outputs) > 1:
        contents.append(images.side_by_side(picture, pixels))
    notes = picture.notes + relit.notes + notes
    parts = len(DIRECTIONS) if relit.job.is_fan else 1
    before = (relit.decoded.seconds + relit.seconds) / parts
    seconds = before + time.perf_counter() - begin
    return replace(_encoded(relit, outputs, contents, notes), seconds=seconds)


def _encoded(
    relit: RelitPicture,
    outputs: Sequence[tuple[str, Place]],
    contents: Sequence[bytes],
    notes: tuple[str, ...] = (),
) -> Encoded:
    return Encoded(
        relit.job,
        tuple(outputs),
        tuple(contents),
        relit.decoded.provenance,
        relit.decoded.existing,
        notes,
        relit.weights,
    )


def skipped(job: Job) -> FileDone:
    """A picture whose result is there already."""
    return FileDone(str(job.source), job.shown, "skipped", job.pixels / 1e6)


def failed(job: Job, error: PictureError) -> FileDone:
    """A picture without a result."""
    return FileDone(
        input=str(job.source),
        output=job.shown,
        status="failed",
        megapixels=job.pixels / 1e6,
        reason=error.reason,
        remedy=error.remedy,
    )
