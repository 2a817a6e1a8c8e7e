"""The folder job: decode, network and encode, overlapping, in bounded memory.

Reports through a callback and prints nothing.
"""

from __future__ import annotations

import errno
import json
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from msrnet_cli import hardware, images
from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.files import Folder, FolderGoneError, read_regular, remove_leftovers
from msrnet_cli.folder.budget import Budget
from msrnet_cli.folder.events import FileDone, JobStarted, JobSummary, Stage
from msrnet_cli.folder.journal import JournalError, digest
from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.records import Making, Records, holds
from msrnet_cli.relight.records import Relit
from msrnet_cli.signals import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch
    from torch import Tensor

    from msrnet_cli.config import WriteOptions
    from msrnet_cli.folder.events import Event
    from msrnet_cli.folder.journal import Standing
    from msrnet_cli.folder.plan import Job, Plan
    from msrnet_cli.folder.search import Fault
    from msrnet_cli.relight.relighter import Relighter

FAILURES_NAME = "failures.txt"
_CODERS = 2  # threads that decode, and as many that encode, beside a network on the CPU
_MOST_CODERS = 8  # where the network is elsewhere
# A pixel in flight weighs up to 42 bytes: 12 each for input and output as floats, 6 or
# less in the file's own numbers, 12 in an encoder. With the network on the CPU that
# stays below 6 GiB.
_IN_FLIGHT_MEGAPIXELS = 100
_PATIENCE = 0.1  # seconds between two looks at what another run works on
# Where these happen to one result, they would to all that follow.
_NO_MORE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


@dataclass(frozen=True)
class _Decoded:
    """A picture on its way: what the decoder hands to the network.

    Attributes:
        job: Where it comes from and goes to.
        picture: What was read.
        making: What its result is made from.
        seconds: Spent on it so far.
        is_anew: Whether an older result of ours is replaced.
        unknown: Outputs that exist and that no journal knows.
    """

    job: Job
    picture: images.Picture
    making: Making
    seconds: dict[Stage, float]
    is_anew: bool
    unknown: frozenset[Path]


@dataclass(frozen=True)
class _Halt:
    """Why no further result can be written."""

    reason: str
    remedy: str


@dataclass(frozen=True)
class _Computed:
    """A batch on its way: what the network hands to the encoders.

    Attributes:
        relit: The batch.
        seconds: For each picture of it.
    """

    relit: Relit
    seconds: float


def relight_folder(
    plan: Plan,
    relighter: Relighter,
    options: FolderOptions,
    notify: Callable[[Event], None],
    weights_name: str = "",
    start: float = 0.0,
) -> JobSummary:
    """Carry out a plan.

    Args:
        plan: From `make_plan`.
        relighter: The network.
        options: As the plan was made with.
        notify: Called in this thread with JobStarted, then FileDone for each picture,
            then JobSummary.
        weights_name: How to call the weights in JobStarted.
        start: Seconds that loading took, for the summary.

    Returns:
        The summary, also after SIGINT or `Stopped`, or where no more can be written:
        pictures under way are finished or dropped whole, the rest is counted as
        unfinished.

    Raises:
        UsageError: The output folder cannot be made, or its journal not be written.
    """
    run = _Run(plan, relighter, options, notify)
    notes = relighter.notes
    if not run.is_first:
        notes += ("another run is at work there: each does what the other has not",)
    notify(
        JobStarted(
            pictures=len(plan.jobs),
            megapixels=sum(job.pixels for job in plan.jobs) / 1e6,
            output=str(plan.folder or plan.jobs[0].target),
            device=hardware.describe(relighter.device),
            dtype=hardware.dtype_name(relighter.dtype),
            weights=weights_name,
            work_size=relighter.work_size,
            engine=relighter.engine,
            from_light=relighter.card.from_light,
            to_light=relighter.card.to_light,
            notes=notes,
            ignored=plan.ignored,
            unreadable=len(plan.faults),
        )
    )
    summary = run.execute(start)
    notify(summary)
    return summary


def coders(device: str, cores: int) -> int:
    """How many threads decode, and how many encode: on a GPU, the network is faster."""
    return _CODERS if device == "cpu" else max(_CODERS, min(_MOST_CODERS, cores))


def relight_bytes(
    data: bytes,
    relighter: Relighter,
    write: WriteOptions,
    *,
    suffix: str = "",
    max_megapixels: float = FolderOptions.max_megapixels,
) -> tuple[bytes, tuple[str, ...]]:
    """Relight one picture file in memory.

    Args:
        data: The file.
        relighter: The network.
        write: How to write the result.
        suffix: The suffix of the file's name, if it has one.
        max_megapixels: A larger picture is refused.

    Returns:
        The relit file, and notes for the user.

    Raises:
        PictureError: It cannot be read, relit or written.
    """
    picture = images.read(data, suffix, max_megapixels)
    images.require_fits(write.format or picture.encoding.format, *picture.size)
    relit = relighter.run([picture.pixels], deep=picture.encoding.depth > 8)
    (output,) = relit.pictures()
    encoded, notes = images.write(picture, output, write)
    return encoded, picture.notes + relit.notes + notes


class _Run:
    """One execution of a plan."""

    def __init__(
        self,
        plan: Plan,
        relighter: Relighter,
        options: FolderOptions,
        notify: Callable[[Event], None],
    ) -> None:
        self._plan = plan
        self._relighter = relighter
        self._options = options
        self._notify = notify
        self._folder = _made(plan.folder or plan.jobs[0].target.parent)
        self._records = Records(self._folder, single=plan.folder is None)
        self.is_first = self._records.is_first()
        self._recipe = recipe(relighter, options)
        self._busy: dict[Stage, float] = {"decode": 0.0, "network": 0.0, "encode": 0.0}
        self._counts = {"relit": 0, "skipped": 0, "failed": 0}
        self._anew = 0
        self._failures: list[FileDone] = []
        self._budget = Budget(int(_IN_FLIGHT_MEGAPIXELS * 1e6))
        self._waiting = deque(plan.jobs)
        self._decoding: deque[tuple[Job, Future[_Decoded | FileDone]]] = deque()
        self._groups: dict[tuple[int, int, torch.dtype, bool], list[_Decoded]] = {}
        self._computing: deque[tuple[list[_Decoded], Future[_Computed]]] = deque()
        self._encoding: deque[tuple[Job, Future[FileDone | _Halt]]] = deque()
        self._coders = coders(relighter.device.type, hardware.usable_cores())
        self._decoders = ThreadPoolExecutor(self._coders, "decode")
        self._lanes = ThreadPoolExecutor(relighter.lanes, "network")
        self._encoders = ThreadPoolExecutor(self._coders, "encode")
        self._lock = threading.Lock()
        self._stop = False
        self._halted: _Halt | None = None

    def execute(self, start: float) -> JobSummary:
        """Run to the end, to a signal, or to where no more can be written."""
        begin = time.perf_counter()
        stopped_by = ""
        for folder in {job.target.parent for job in self._plan.jobs}:
            remove_leftovers(folder)
        try:
            for fault in self._plan.faults:
                self._tell(_unreadable(fault))
            while not self._stop and self._go_on():
                self._report_encoded(leave=self._coders * 2)
            self._report_encoded(leave=0)
        except KeyboardInterrupt as signal:
            stopped_by = signal.signal if isinstance(signal, Stopped) else "SIGINT"
            self._report_encoded(leave=0)
        finally:
            self._decoders.shutdown(wait=False, cancel_futures=True)
            self._lanes.shutdown(wait=True, cancel_futures=True)
            self._encoders.shutdown(wait=True)
            self._records.close()
        summary = self._summary(time.perf_counter() - begin, start, stopped_by)
        self._folder.close()
        return summary

    def _go_on(self) -> bool:
        """Move the picture that waits longest one stage on; False where none is left.

        Only this thread admits pictures and counts them out, and it waits only for
        work that waits for nothing: where the next picture finds no room, those in
        flight go on until it does. Nothing is kept in a variable between two steps:
        it would keep pictures in memory that are no longer counted.
        """
        self._admit()
        if self._decoding:
            self._relight(self._take_decoded())
        elif self._groups:  # no fellow can come before some pictures leave
            self._relight(self._longest_waiting())
        elif self._computing:
            self._take_computed(leave=len(self._computing) - 1)
        elif self._encoding:
            self._report_encoded(leave=len(self._encoding) - 1)
        elif self._waiting:  # for what other runs are at work on
            time.sleep(_PATIENCE)
        else:
            return False
        return True

    def _admit(self) -> None:
        """Begin to decode, in plan order, as many pictures as there is room for."""
        ahead = self._ahead + (self._options.batch_size or 0)
        for _ in range(len(self._waiting)):
            job = self._waiting[0]
            if len(self._decoding) >= ahead or not self._budget.admits(job.pixels):
                return
            self._waiting.popleft()
            if not self._records.claim(job.output):
                self._waiting.append(job)
                continue
            self._budget.take(job.pixels)
            self._decoding.append((job, self._decoders.submit(self._decode, job)))

    def _take_decoded(self) -> list[_Decoded]:
        """Put the next decoded picture to those of its size and type.

        Returns:
            Pictures of one kind that wait no longer for a fellow; [] where none do.
        """
        job, future = self._decoding.popleft()
        result = future.result()
        if isinstance(result, FileDone):
            self._report(job, result)
            return []
        picture = result.picture
        key = (*picture.size, picture.pixels.dtype, picture.encoding.depth > 8)
        group = self._groups.setdefault(key, [])
        group.append(result)
        limit = self._batch_limit(*picture.size)
        if len(group) >= limit:
            return self._groups.pop(key)
        waiting = sum(map(len, self._groups.values()))
        return self._longest_waiting() if waiting >= max(self._ahead, limit) else []

    @property
    def _ahead(self) -> int:
        """Pictures decoded ahead of the network, beyond one batch."""
        return 2 * self._coders

    def _longest_waiting(self) -> list[_Decoded]:
        return self._groups.pop(next(iter(self._groups)))

    def _batch_limit(self, width: int, height: int) -> int:
        """Pictures of a size that run together; never more than memory allows."""
        wanted = self._options.batch_size or self._relighter.batch_size(width, height)
        # Others are decoded and encoded meanwhile.
        room = self._budget.limit // 2 // (width * height)
        return min(wanted, max(1, room))

    def _decode(self, job: Job) -> _Decoded | FileDone:
        begin = time.perf_counter()
        try:
            data = read_regular(job.source)
            making = Making(digest(data), self._recipe, str(job.source.absolute()))
            found = self._standings(job, making)
            if set(found.values()) == {"same"}:
                return _skipped(job)
            picture = images.read(data, job.source.suffix, self._options.max_megapixels)
            format = for_target(self._options.write, job.target).format
            images.require_fits(format or picture.encoding.format, *picture.size)
        except OSError as error:
            return _failed(job, PictureError(f"cannot be read: {error.strerror}"))
        except PictureError as error:
            return _failed(job, error)
        except Exception as error:  # a fault of ours must cost one picture, not all
            return _failed(job, _fault(error))
        seconds = time.perf_counter() - begin
        self._add_busy("decode", seconds / self._coders)
        return _Decoded(
            job,
            picture,
            making,
            {"decode": seconds},
            is_anew="stale" in found.values(),
            unknown=frozenset(path for path in found if found[path] == "foreign"),
        )

    def _standings(self, job: Job, making: Making) -> dict[Path, Standing]:
        """How what exists relates to what would be made."""
        if self._options.exist == "overwrite":
            return {}
        return {
            path: self._records.standing(output, path, making)
            for output, path in job.outputs()
        }

    def _relight(self, batch: list[_Decoded]) -> None:
        """Give a batch to the network: in this thread, unless others run beside it."""
        if not batch:
            return
        count = self._relighter.lanes
        if count == 1:
            self._hand_on(batch, self._compute(batch))
            return
        self._computing.append((batch, self._lanes.submit(self._compute, batch)))
        self._take_computed(leave=count)

    def _compute(self, batch: list[_Decoded]) -> _Computed:
        begin = time.perf_counter()
        deep = batch[0].picture.encoding.depth > 8
        try:
            relit = self._relighter.run([i.picture.pixels for i in batch], deep=deep)
        except Exception as error:  # as in _decode
            relit = Relit((_fault(error),) * len(batch))
        seconds = time.perf_counter() - begin
        self._add_busy("network", seconds / self._relighter.lanes)
        return _Computed(relit, seconds / len(batch))

    def _take_computed(self, leave: int) -> None:
        """Have encoded what was relit, waiting until no more than some are left."""
        while self._computing:
            batch, future = self._computing[0]
            if len(self._computing) <= leave and not future.done():
                return
            self._hand_on(batch, future.result())
            self._computing.popleft()

    def _hand_on(self, batch: list[_Decoded], computed: _Computed) -> None:
        relit = computed.relit
        for item, output in zip(batch, relit.outputs, strict=True):
            if isinstance(output, PictureError):
                self._report(item.job, _failed(item.job, output))
                continue
            item = replace(item, seconds={**item.seconds, "network": computed.seconds})
            future = self._encoders.submit(self._encode, item, output, relit.notes)
            self._encoding.append((item.job, future))

    def _encode(
        self, item: _Decoded, relit: Tensor, notes: tuple[str, ...]
    ) -> FileDone | _Halt:
        begin = time.perf_counter()
        job, picture = item.job, item.picture
        try:
            options = for_target(self._options.write, job.target)
            data, more = images.write(picture, relit, options)
            contents = [data]
            if job.compare is not None:
                contents.append(images.side_by_side(picture, relit))
            if self._put(item, contents):
                return _skipped(job)
        except OSError as error:
            return self._not_written(job, error)
        except PictureError as error:
            return _failed(job, error)
        except Exception as error:  # as in _decode
            return _failed(job, _fault(error))
        seconds = time.perf_counter() - begin
        self._add_busy("encode", seconds / self._coders)
        width, height = picture.size
        return FileDone(
            input=str(job.source),
            output=str(job.target),
            status="relit",
            megapixels=width * height / 1e6,
            notes=picture.notes + notes + more,
            seconds={**item.seconds, "encode": seconds},
            anew=item.is_anew,
        )

    def _put(self, item: _Decoded, contents: list[bytes]) -> bool:
        """Write the files of a job, unless they are there already: True, then.

        Raises:
            PictureError: One of them exists and is not ours.
            OSError: One of them cannot be written.
        """
        files = [*zip(item.job.outputs(), contents, strict=True)]
        there = [
            holds(path, content) for (_, path), content in files if path in item.unknown
        ]
        known = len(there) == len(files) and all(there)
        # The picture itself last: where it is, all that belongs to it is.
        for (output, path), content in reversed(files):
            self._records.note(output, path, content, item.making)
            if not known:
                self._folder.check()
                self._folder.write_whole(output, content)
        return known

    def _not_written(self, job: Job, error: OSError) -> FileDone | _Halt:
        """What an error means: for this picture, or for all that follow."""
        try:
            self._folder.check()
        except FolderGoneError as gone:
            reason = f"the output folder {self._folder.path} has gone: {gone.strerror}"
            return _Halt(reason, "put it back, then run the same command again")
        name = job.target
        what = (
            f"the journal {error.filename}" if isinstance(error, JournalError) else name
        )
        reason = f"{what} cannot be written: {error.strerror or error}"
        if error.errno in _NO_MORE:
            return _Halt(reason, "make room, then run the same command again")
        return _failed(job, PictureError(reason, "check space and permissions"))

    def _report_encoded(self, leave: int) -> None:
        """Report what is encoded, waiting until no more than some are left."""
        while self._encoding:
            job, future = self._encoding[0]
            if len(self._encoding) <= leave and not future.done():
                return
            done = future.result()  # a signal while waiting loses nothing
            self._encoding.popleft()
            self._report(job, done)

    def _report(self, job: Job, done: FileDone | _Halt) -> None:
        """Count a picture out: every one that was admitted comes here once."""
        self._budget.give_back(job.pixels)
        self._records.release(job.output)
        if isinstance(done, _Halt):
            self._halted = self._halted or done
            self._stop = True
        else:
            self._tell(done)

    def _tell(self, done: FileDone) -> None:
        self._counts[done.status] += 1
        self._anew += done.anew
        if done.status == "failed":
            self._failures.append(done)
            self._stop = self._stop or self._options.fail_fast
        self._notify(done)

    def _add_busy(self, stage: Stage, seconds: float) -> None:
        with self._lock:
            self._busy[stage] += seconds

    def _summary(self, seconds: float, start: float, stopped_by: str) -> JobSummary:
        done = sum(self._counts.values())
        halt = self._halted
        return JobSummary(
            relit=self._counts["relit"],
            skipped=self._counts["skipped"],
            failed=self._counts["failed"],
            unfinished=len(self._plan.jobs) + len(self._plan.faults) - done,
            seconds=seconds,
            stages=dict(self._busy),
            failures=tuple(self._failures),
            failures_file=self._write_failures(),
            stopped_by=stopped_by,
            halted=f"{halt.reason}; {halt.remedy}" if halt else "",
            anew=self._anew,
            start=start,
        )

    def _write_failures(self) -> str:
        """List failed inputs for --files-from; an old list of ours is replaced."""
        if self._plan.folder is None:
            return ""
        path = self._plan.folder / FAILURES_NAME
        listing = {str(job.source): job.listing for job in self._plan.jobs}
        listing |= {fault.path: fault.listing for fault in self._plan.faults}
        try:
            self._folder.check()
            if path.exists() and not read_regular(path).startswith(_HEADLINE.encode()):
                return ""  # somebody else's file
            if not self._failures:
                path.unlink(missing_ok=True)
                return ""
            entries = [_HEADLINE]
            for failure in self._failures:
                entries += [f"# {failure.reason}", listing[failure.input]]
            # A name may have several lines; no name has a NUL.
            end = "\0" if any("\n" in entry for entry in entries) else "\n"
            text = "".join(entry + end for entry in entries)
            data = text.encode(errors="surrogateescape")
            self._folder.write_whole(FAILURES_NAME, data)
        except OSError:
            return ""  # the failures are reported all the same
        return str(path)


_HEADLINE = "# Pictures that msrnet could not relight; give this file to --files-from."


def _made(folder: Path) -> Folder:
    try:
        return Folder.made(folder)
    except OSError as error:
        raise UsageError(
            f"the output folder {folder} cannot be made: {error.strerror}",
            "check its space and permissions, or name another output",
        ) from error


def _skipped(job: Job) -> FileDone:
    return FileDone(str(job.source), str(job.target), "skipped", job.pixels / 1e6)


def _failed(job: Job, error: PictureError) -> FileDone:
    return FileDone(
        input=str(job.source),
        output=str(job.target),
        status="failed",
        megapixels=job.pixels / 1e6,
        reason=error.reason,
        remedy=error.remedy,
    )


def _unreadable(fault: Fault) -> FileDone:
    return FileDone(fault.path, "", "failed", reason=fault.reason, remedy=fault.remedy)


def _fault(error: Exception) -> PictureError:
    """An exception that no user can foresee, as the failure of one picture."""
    if isinstance(error, MemoryError):
        return PictureError("there is not enough memory for it", "close other programs")
    return PictureError(f"a bug: {type(error).__name__}: {error}", "please report it")


def for_target(write: WriteOptions, target: Path) -> WriteOptions:
    """The format is the one the target's name promises."""
    return replace(write, format=write.format or images.format_of(target.suffix))


def recipe(relighter: Relighter, options: FolderOptions) -> str:
    """Names all that decides the bytes of a result, apart from the input."""
    parts = {
        "weights": relighter.digest,
        "work_size": relighter.work_size,
        "dtype": hardware.dtype_name(relighter.dtype),
        "device": relighter.device.type,
        "engine": relighter.engine,
        "write": asdict(options.write),
        "compare": options.compare,
    }
    return digest(json.dumps(parts, sort_keys=True).encode())[:16]
