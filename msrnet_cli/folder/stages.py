"""The stages of a folder job as functions from record to record.

read      the input file's bytes, and what names them in the journal
decode    bytes to pixels
relight   pixels of a batch to relit pixels
encode    relit pixels to bytes of the output files

The functions share no state, write nothing and never raise: a picture that fails comes
back as its `FileDone`. They can run in any thread or process.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from torch import Tensor

from msrnet_cli import hardware, images
from msrnet_cli.errors import PictureError
from msrnet_cli.files import read_regular
from msrnet_cli.folder import fan as fans
from msrnet_cli.folder import masks
from msrnet_cli.folder.events import FileDone
from msrnet_cli.folder.journal import digest
from msrnet_cli.folder.plan import Job
from msrnet_cli.folder.records import Provenance
from msrnet_cli.folder.relights import masked
from msrnet_cli.lights import DIRECTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from msrnet_cli.config import WriteOptions
    from msrnet_cli.folder.events import Stage
    from msrnet_cli.folder.records import Existing
    from msrnet_cli.folder.relights import Fan, Relights


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
        provenance: What the result is made from.
        seconds: Time of reading.
    """

    job: Job
    data: bytes
    mask: bytes | None
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
        provenance: What the result is made from.
        existing: The outputs that are there already.
        seconds: Time of reading and decoding.
    """

    job: Job
    picture: images.Picture
    mask: Tensor | None
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
    """

    decoded: Decoded
    result: Tensor | Fan
    notes: tuple[str, ...]
    seconds: float

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
    """The files of a picture, ready to be written.

    Attributes:
        job: Where the picture comes from and goes to.
        contents: The bytes of each of the job's outputs, in the order of `Job.outputs`.
        provenance: What they are made from.
        existing: The outputs that are there already.
        megapixels: Size of the picture.
        notes: What the user must know about the result.
        seconds: Time of each stage.
    """

    job: Job
    contents: tuple[bytes, ...]
    provenance: Provenance
    existing: Existing
    megapixels: float
    notes: tuple[str, ...]
    seconds: dict[Stage, float]


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
            return failed(job, _as_picture_error(error))

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
        data = read_regular(job.source)
    except OSError as error:
        raise PictureError(f"cannot be read: {error.strerror}") from error
    mask = None
    if job.mask is not None:
        mask = masks.data_of(job.mask)
        recipes = masked(recipes, digest(mask))
    provenance = Provenance(digest(data), recipes, str(job.source.absolute()))
    return Source(job, data, mask, provenance, time.perf_counter() - begin)


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
    mask = None
    if source.mask is not None and job.mask is not None:
        mask = masks.read(source.mask, job.mask, picture.size, max_megapixels)
    seconds = source.seconds + time.perf_counter() - begin
    return Decoded(job, picture, mask, source.provenance, existing, seconds)


def relight(batch: Sequence[Decoded], relights: Relights) -> RelitBatch:
    """Run the network.

    Args:
        batch: Pictures of one size, type and depth.
        relights: The network.
    """
    begin = time.perf_counter()
    notes: tuple[str, ...] = ()
    outputs: Sequence[Tensor | Fan | PictureError]
    try:
        if batch[0].job.is_fan:
            outputs = [_fanned(decoded, relights) for decoded in batch]
        else:
            relit = relights.run(
                [decoded.picture.pixels for decoded in batch],
                deep=batch[0].is_deep,
                masks=[decoded.mask for decoded in batch],
            )
            outputs, notes = relit.outputs, relit.notes
    except Exception as error:  # as in `contained`
        outputs = [_as_picture_error(error)] * len(batch)
    seconds = time.perf_counter() - begin
    share = seconds / len(batch)
    pictures = tuple(
        failed(decoded.job, output)
        if isinstance(output, PictureError)
        else RelitPicture(decoded, output, notes, share)
        for decoded, output in zip(batch, outputs, strict=True)
    )
    return RelitBatch(pictures, seconds)


@contained
def encode(relit: RelitPicture, options: WriteOptions) -> Encoded:
    """Encode all files of a picture.

    Args:
        relit: The result, and the input whose format and metadata it takes over.
        options: How to write; the job's format counts.
    """
    begin = time.perf_counter()
    job, picture = relit.job, relit.decoded.picture
    options = replace(options, format=job.format)
    if isinstance(relit.result, Tensor):
        contents, notes = _encode_picture(job, picture, relit.result, options)
    else:
        contents, notes = _encode_fan(job, picture, relit.result, options)
    width, height = picture.size
    return Encoded(
        job,
        contents,
        relit.decoded.provenance,
        relit.decoded.existing,
        megapixels=width * height / 1e6,
        notes=picture.notes + relit.notes + notes,
        seconds={
            "decode": relit.decoded.seconds,
            "network": relit.seconds,
            "encode": time.perf_counter() - begin,
        },
    )


def _fanned(decoded: Decoded, relights: Relights) -> Fan | PictureError:
    """The fan of one picture; a failure costs no other picture of the batch."""
    try:
        return relights.fan(
            decoded.picture.pixels, deep=decoded.is_deep, mask=decoded.mask
        )
    except Exception as error:  # as in `contained`
        return _as_picture_error(error)


def _encode_picture(
    job: Job, picture: images.Picture, pixels: Tensor, options: WriteOptions
) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    """The files of a job in the order of its outputs, and notes for the user."""
    data, notes = images.write(picture, pixels, options)
    beside = [images.side_by_side(picture, pixels)] if job.extras else []
    return (data, *beside), notes


def _encode_fan(
    job: Job, picture: images.Picture, fan: Fan, options: WriteOptions
) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    """As `_encode_picture`; one picture of the fan at a time is in memory."""
    contents: list[bytes] = []
    notes: tuple[str, ...] = ()
    small = {"input": images.thumbnail(picture.pixels, fans.THUMBNAIL)}
    for direction in DIRECTIONS:
        pixels = fan(direction)
        data, notes = images.write(picture, pixels, options)
        contents.append(data)
        small[direction] = images.thumbnail(pixels, fans.THUMBNAIL)
    cells = [(name, small[name]) for name in fans.COMPASS]
    sheet = images.contact_sheet(cells, fans.COLUMNS)
    return (*contents, sheet, fans.light_positions(job.target.suffix)), notes


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


def _as_picture_error(error: Exception) -> PictureError:
    if isinstance(error, PictureError):
        return error
    if hardware.is_out_of_memory(error):
        return PictureError("there is not enough memory for it", "close other programs")
    return PictureError(f"a bug: {type(error).__name__}: {error}", "please report it")
