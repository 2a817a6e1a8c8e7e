"""One picture through standard input or output: no plan, no folder."""

from __future__ import annotations

import io
import stat
import sys
import time
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli import images
from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.files import read_endless, read_regular
from msrnet_cli.folder import beside, masks, storage
from msrnet_cli.folder.destination import check_no_url, try_out
from msrnet_cli.folder.events import STAGES, FileDone
from msrnet_cli.folder.job import started
from msrnet_cli.folder.jobs import Job
from msrnet_cli.folder.known import digest
from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.plan import Plan
from msrnet_cli.folder.records import Provenance, Records, holds
from msrnet_cli.folder.relights import recipes, require_second, with_beside
from msrnet_cli.folder.search import is_url
from msrnet_cli.folder.tally import Tally
from msrnet_cli.folder.targets import STDIN, Read, Reads
from msrnet_cli.relight.records import UNNAMED, WeightsName
from msrnet_cli.signals import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from msrnet_cli.config import WriteOptions
    from msrnet_cli.folder.events import Event, JobSummary, Stage, Status
    from msrnet_cli.folder.relights import Relights

_STREAM = "-"


def relight_stream(
    source: str,
    target: str,
    load: Callable[[], Relights],
    options: FolderOptions,
    notify: Callable[[Event], object],
    weights_name: str = "",
    reads: Iterable[Read] = (),
) -> JobSummary:
    """Relight one picture; ``-`` stands for standard input or output.

    Args:
        source: A file or ``-``.
        target: A file or ``-``.
        load: Loads the network; called after the input was read.
        options: Format, quality and what to do where the target exists.
        notify: Called with JobStarted, FileDone, JobSummary, as for a folder.
        weights_name: Name of the weights in JobStarted.
        reads: Files that are read beside the picture and its mask.

    Returns:
        The summary, also after a failure or a signal.

    Raises:
        UsageError: The target exists against the user's wish, is read, or has no suffix
            of a picture; nothing can be written there; there is no such mask.
        BrokenPipeError: Nobody reads standard output any longer.
    """
    if options.compare or options.name != FolderOptions.name:
        raise UsageError("--compare and --name need an output folder", "drop them")
    if target != _STREAM:
        _check_target(target, options)
    besides = _besides(source, options)
    if target != _STREAM:
        Reads([*_own_reads(source, besides), *reads]).require_apart(Path(target))
    given = _Given(source, *_read(source), besides)
    begin = time.perf_counter()
    relights = load()
    start, begin = time.perf_counter() - begin, time.perf_counter()
    require_second(relights, options)
    notify(started(given.plan(target), relights, weights_name))
    tally, stopped_by = Tally(notify, fail_fast=False), ""
    try:
        done = _done(given, target, relights, options)
        for stage, seconds in done.seconds.items():
            tally.add_busy(stage, seconds)
        tally.add(done)
    except KeyboardInterrupt as signal:
        stopped_by = signal.signal if isinstance(signal, Stopped) else "SIGINT"
    summary = tally.summary(
        1,
        seconds=time.perf_counter() - begin,
        start=start,
        stopped_by=stopped_by,
        failures_file="",
    )
    notify(summary)
    return summary


@dataclass(frozen=True)
class _Given:
    """What comes in.

    Attributes:
        source: A file or ``-``.
        data: Its bytes.
        suffix: Of its name.
        besides: What is wanted beside it, by kind: a file, or why there is none.
    """

    source: str
    data: bytes
    suffix: str
    besides: Mapping[beside.Kind, Path | PictureError]

    @property
    def pixels(self) -> int:
        """As the header tells; 0 where it does not."""
        width, height = images.declared_size(io.BytesIO(self.data)) or (0, 0)
        return width * height

    def plan(self, target: str) -> Plan:
        """The plan of this one picture."""
        source, path = Path(self.source), Path(target)
        job = Job(source, path, path.name, self.source, pixels=self.pixels)
        return Plan((job,), None, output=path)

    def path_of(self, kind: beside.Kind) -> Path:
        """The file of a kind that is wanted.

        Raises:
            PictureError: There is none.
        """
        found = self.besides[kind]
        if isinstance(found, PictureError):
            raise found
        return found

    def contents(self) -> dict[beside.Kind, bytes]:
        """The bytes of what lies beside the picture.

        Raises:
            PictureError: There is none of a kind that is wanted, or it cannot be read.
        """
        return {kind: beside.data_of(kind, self.path_of(kind)) for kind in self.besides}


@dataclass(frozen=True)
class _Relit:
    """The relit file, and what is told of it."""

    data: bytes
    notes: tuple[str, ...]
    megapixels: float
    seconds: dict[Stage, float]
    weights: WeightsName


def _done(
    given: _Given, target: str, relights: Relights, options: FolderOptions
) -> FileDone:
    """Relight the picture, and put it where it goes; a failure comes back, too."""
    told = FileDone(given.source, target, "relit", given.pixels / 1e6)
    write = options.write
    if target != _STREAM:
        format = write.format or images.format_of(Path(target).suffix)
        write = replace(write, format=format)
    try:
        contents = given.contents()

        def relit() -> _Relit:
            most = options.max_megapixels
            return _relit(given, contents, relights, write, most)

        if target == _STREAM:
            made = relit()
            _guarded("standard output", lambda: _write_out(made.data))
            return _with(told, made)
        origin = "" if given.source == _STREAM else str(Path(given.source).absolute())
        names = recipes(relights, options)
        for kind, data in contents.items():
            names = with_beside(names, kind, digest(data))
        provenance = Provenance(digest(given.data), names, origin)
        return _into_file(Path(target), relit, provenance, options, told)
    except PictureError as error:
        reason, remedy = error.reason, error.remedy
        return replace(told, status="failed", reason=reason, remedy=remedy)


def _with(told: FileDone, relit: _Relit, *more: str) -> FileDone:
    """What is told, with what is known once the picture is relit."""
    return replace(
        told,
        notes=relit.notes + more,
        megapixels=relit.megapixels,
        seconds=relit.seconds,
        weights=relit.weights.name,
        weights_sha256=relit.weights.sha256,
    )


def _relit(
    given: _Given,
    contents: Mapping[beside.Kind, bytes],
    relights: Relights,
    write: WriteOptions,
    max_megapixels: float,
) -> _Relit:
    """Decode, relight, encode.

    Raises:
        PictureError: One of them fails.
    """
    times = [time.perf_counter()]
    picture = images.read(given.data, given.suffix, max_megapixels)
    images.require_fits(write.format or picture.encoding.format, *picture.size)
    share, guides = None, []
    for kind, data in contents.items():
        path = given.path_of(kind)
        if kind is beside.MASK:
            share = masks.read(data, path, picture.size, max_megapixels)
        else:
            second = beside.read(kind, data, path, picture.size, max_megapixels)
            guides.append(second.pixels)
    times.append(time.perf_counter())
    relit = relights.run(
        [picture.pixels], guides, deep=picture.encoding.depth > 8, masks=[share]
    )
    (pixels,) = relit.pictures()
    times.append(time.perf_counter())
    encoded, notes = images.write(picture, pixels, write)
    times.append(time.perf_counter())
    seconds = (after - before for before, after in pairwise(times))
    width, height = picture.size
    return _Relit(
        encoded,
        picture.notes + relit.notes + notes,
        width * height / 1e6,
        dict(zip(STAGES, seconds, strict=True)),
        (relit.weights or (UNNAMED,))[0],
    )


def _own_reads(
    source: str, besides: Mapping[beside.Kind, Path | PictureError]
) -> Iterator[Read]:
    yield Read("input", STDIN if source == _STREAM else Path(source))
    for kind, path in besides.items():
        if isinstance(path, Path):
            yield Read(kind.name, path)


def _besides(
    source: str, options: FolderOptions
) -> dict[beside.Kind, Path | PictureError]:
    """What is wanted beside the one picture.

    Raises:
        UsageError: As for `_beside`.
    """
    named = {beside.MASK: options.mask, beside.SECOND: options.second}
    found = {kind: _beside(kind, source, text) for kind, text in named.items()}
    return {kind: path for kind, path in found.items() if path is not None}


def _beside(
    kind: beside.Kind, source: str, text: str | None
) -> Path | PictureError | None:
    """What lies beside the one picture, or why there is none; None for not wanted.

    Raises:
        UsageError: There is no such file, or a folder for a picture without a name.
    """
    found = beside.open_beside(kind, text)
    if found is None:
        return None
    if source == _STREAM and Path(str(text)).is_dir():
        raise UsageError(f"{kind.flag} {text} is a folder", "name a file")
    try:
        return found.of(Path(Path(source).name), Path(source))
    except PictureError as error:
        return error


def _check_target(target: str, options: FolderOptions) -> None:
    check_no_url(target)
    path, wanted = Path(target), options.write.format
    format = images.format_of(path.suffix)
    if format is None:
        raise UsageError(f"{target} has no picture suffix", "end it in .png, .jpg")
    if wanted not in (None, format):
        raise UsageError(
            f"{target} does not end like a {wanted} file",
            "drop --format or change the name",
        )
    if path.is_symlink():
        raise UsageError(f"{target} is a symbolic link", "remove it")
    if path.exists() and not path.is_file():
        raise UsageError(f"{target} exists and is not a regular file", "remove it")
    if path.exists() and options.exist == "error":
        raise UsageError(f"{target} exists", "use --exist overwrite to replace it")
    try_out(path.parent)


def _into_file(
    path: Path,
    relit: Callable[[], _Relit],
    provenance: Provenance,
    options: FolderOptions,
    told: FileDone,
) -> FileDone:
    """Write the result, unless it is there already, made in the same way."""
    with (
        closing(storage.made(path.parent)) as folder,
        closing(Records(folder, single=True)) as records,
    ):
        standing = "absent"
        if options.exist != "overwrite":
            standing = records.standing(path.name, path, provenance)
        if standing == "same":
            note = f"{path} is there already, made in the same way"
            return replace(told, status="skipped", notes=(note,))
        made = relit()
        is_known = False

        def put() -> None:
            nonlocal is_known
            is_known = standing == "foreign" and holds(path, made.data)
            records.note(path.name, path, made.data, provenance)
            if not is_known:
                folder.check()
                folder.write_whole(path.name, made.data)

        _guarded(str(path), put)
        more = [f"{path} was made anew"] if standing == "stale" else []
        for name, beside in records.outdated([(path.name, path)], provenance):
            with suppress(OSError):
                folder.remove(name)
                more.append(f"removed {beside}, which showed an older result")
    done = _with(told, made, *more)
    status: Status = "skipped" if is_known else "relit"
    return replace(done, status=status, anew=standing == "stale")


def _guarded(target: str, put: Callable[[], None]) -> None:
    try:
        put()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise PictureError(
            f"{target} cannot be written: {error.strerror}", "check space, permissions"
        ) from error


def _write_out(data: bytes) -> None:
    """Write all data to standard output: unbuffered, each call may take a part only."""
    out, rest = sys.stdout.buffer, memoryview(data)
    while rest:
        rest = rest[out.write(rest) or 0 :]
    out.flush()
    # The command line's own stream goes on after a failure, and keeps it here.
    failure = getattr(getattr(out, "raw", None), "failure", None)
    if failure is not None:
        raise failure


def _read(source: str) -> tuple[bytes, str]:
    try:
        if source == _STREAM:
            return read_endless(sys.stdin.buffer), ""
        path = Path(source)
        if is_url(source):
            raise UsageError(f"{source} is a URL, not a file", "download it first")
        if stat.S_ISFIFO(path.stat().st_mode):  # as bash writes <(...)
            with path.open("rb") as file:
                return read_endless(file), path.suffix
        return read_regular(path.resolve()), path.suffix
    except OSError as error:
        raise UsageError(f"{source}: {error.strerror}", "check the path") from error
