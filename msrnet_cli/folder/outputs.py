"""The output folder of a job: what is there, and putting results there."""

from __future__ import annotations

import errno
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from msrnet_cli import places
from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.files import FolderGoneError
from msrnet_cli.folder import storage
from msrnet_cli.folder.failures import FAILURES, HEADLINE
from msrnet_cli.folder.fan import compared
from msrnet_cli.folder.known import JournalError
from msrnet_cli.folder.names import parted
from msrnet_cli.folder.records import Existing, Records, holds
from msrnet_cli.folder.shards import marked
from msrnet_cli.folder.stages import failed
from msrnet_cli.folder.tails import Run
from msrnet_cli.lights import told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from msrnet_cli.folder.about import About
    from msrnet_cli.folder.events import FileDone
    from msrnet_cli.folder.jobs import Job
    from msrnet_cli.folder.options import Exist
    from msrnet_cli.folder.plan import Plan
    from msrnet_cli.folder.records import Making, Provenance
    from msrnet_cli.folder.stages import Encoded
    from msrnet_cli.folder.storage import Storage
    from msrnet_cli.folder.tails import Stage
    from msrnet_cli.places import Place

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


@dataclass(frozen=True)
class Halt:
    """Why no further result can be written.

    Attributes:
        reason: For people.
        remedy: What to do about it.
    """

    reason: str
    remedy: str


class Outputs:
    """The files that a plan writes. Safe to share between threads.

    Args:
        plan: Says which files.
        exist: What to do where one exists.
        making: How results are made, for people; None tells them nothing.
        own: As `Journal` takes it.
        knows: Whether it will be asked how existing outputs were made; else nothing of
            the journals is kept in memory.

    Attributes:
        making: As given.
        freed: Pictures, by their relative paths, that are taken whoever has claimed
            them: a machine that hangs never lets go. Should it go on, a result is
            written twice, each time whole and the same.

    Raises:
        UsageError: The folder cannot be made, or its journal not be written.
    """

    def __init__(
        self,
        plan: Plan,
        exist: Exist,
        making: Making | None = None,
        own: Iterable[str] = (),
        *,
        knows: bool = True,
    ) -> None:
        self._plan = plan
        self.making = making
        self._exist = exist
        self._storage = _made(plan.place)
        self._records = Records(
            self._storage,
            single=plan.folder is None,
            shard=plan.shard,
            wanted=asked_about(plan) if knows else _nothing,
            own=own,
        )
        self.is_first_run = self._records.is_first()
        self._stopped = threading.Event()
        self.freed: set[str] = set()

    def close(self) -> None:
        """Release all claims, and close the folder."""
        self._records.close()
        self._storage.close()

    def stop(self) -> None:
        """Let no further file of a fan be begun."""
        self._stopped.set()

    def note_run(self, *, failed: int | None = None, unfinished: int = 0) -> None:
        """Let a shard's journal tell that its run begins, or has ended.

        Args:
            failed: Pictures that failed; None where the run begins.
            unfinished: Pictures that were not reached.
        """
        plan = self._plan
        if plan.shard is None:
            return
        stage: Stage = "begun" if failed is None else "ended"
        pictures = len(plan.jobs) + len(plan.faults)
        run = Run(stage, pictures, plan.inputs, failed or 0, unfinished)
        with suppress(OSError):  # the first result will say why
            self._records.note_run(run)

    def is_stopped(self) -> bool:
        """Whether fans are to be abandoned after the file in work."""
        return self._stopped.is_set()

    def remove_leftovers(self) -> None:
        """Remove unfinished files of a killed run."""
        folders = {job.target.parent for job in self._plan.jobs}
        self._storage.remove_leftovers(folders)

    def claim(self, job: Job) -> bool:
        """Claim a picture for this run; False where another run has claimed it."""
        return self._records.claim(job.relative) or job.relative in self.freed

    def release(self, job: Job) -> None:
        """Give up the claim to a picture, whether its result was made or not."""
        self._records.release(job.relative)

    def known(self, job: Job, recipes: tuple[str, ...]) -> Provenance | None:
        """What the result that is there was made from, if its input need not be read.

        Args:
            job: Which picture.
            recipes: From `relights.recipes`.

        Returns:
            None where the input must be read: always, but for an input in a store.
        """
        if self._exist == "overwrite" or job.mask or job.second:
            return None
        return self._records.known(job.relative, job.source, recipes)

    def existing(self, job: Job, provenance: Provenance) -> Existing:
        """How the outputs that exist relate to those about to be made.

        Raises:
            PictureError: One of them must not be replaced.
        """
        if self._exist == "overwrite":
            return Existing()
        return Existing.of(
            {
                path: self._records.standing(relative, path, provenance)
                for relative, path in job.outputs()
            }
        )

    def put(self, encoded: Encoded) -> bool:
        """Write files of a picture, each of them whole or not at all.

        Returns:
            False where the same files are there already.

        Raises:
            PictureError: One of them exists and was not made by msrnet.
            OSError: One of them cannot be written, see `refusal`.
        """
        files = [*zip(encoded.outputs, encoded.contents, strict=True)]
        unknown = encoded.existing.unknown
        equal = [holds(path, data) for (_, path), data in files if path in unknown]
        are_there = len(equal) == len(files) and all(equal)
        about = self._about(encoded)
        labels = {}
        for (relative, path), data in files:
            labels[relative] = self._records.note(
                relative, path, data, encoded.provenance, about
            )
            about = None  # the files that follow stand beside the picture
        # The picture itself comes last: once it is there, its other files are, too.
        for (relative, _), data in () if are_there else reversed(files):
            self._storage.check()
            self._storage.write_whole(relative, data, labels[relative])
        return not are_there

    def _about(self, encoded: Encoded) -> About | None:
        """What people want to know of a picture; None for what stands beside one."""
        if self.making is None or encoded.seconds is None:
            return None
        making, job = self.making, encoded.job
        if job.is_fan:
            direction = encoded.outputs[0][1].stem
            making = replace(making, light=told.one_of_fan(making.light, direction))
        making = making.by(encoded.weights)
        return making.about(
            self._plan.place, job.source, encoded.seconds, encoded.notes
        )

    def remove_outdated(
        self, outputs: Sequence[tuple[str, Place]], provenance: Provenance
    ) -> tuple[str, ...]:
        """Remove comparisons that show an older state of what is there now.

        Only what was made together with that state is removed, and has not been
        changed since.

        Args:
            outputs: What is there now: paths below the output folder, and in full.
            provenance: What they are made from.

        Returns:
            A note for each file.
        """
        notes: list[str] = []
        for name, path in self._records.outdated(outputs, provenance):
            with suppress(OSError):
                self._storage.check()
                self._storage.remove(name)
                notes.append(f"removed {path}, which showed an older result")
        return tuple(notes)

    def refusal(self, job: Job, error: OSError) -> FileDone | Halt:
        """What an error of `put` means: for this picture, or for all that follow."""
        try:
            self._storage.check()
        except FolderGoneError as gone:
            reason = f"the output folder {self._storage.path} has gone: {gone.strerror}"
            return Halt(reason, "put it back, then run the same command again")
        is_journal = isinstance(error, JournalError)
        what = f"the journal {error.filename}" if is_journal else job.target
        reason = f"{what} cannot be written: {error.strerror or error}"
        # A store may refuse one result alone; a journal is the same for all of them.
        is_refused = is_journal and error.errno == errno.EACCES
        if is_refused or error.errno in self._storage.lasting:
            remedy = "make room" if error.errno in _FULL else "mend that"
            return Halt(reason, f"{remedy}, then run the same command again")
        return failed(job, PictureError(reason, "check space and permissions"))

    def list_failures(self, failures: Iterable[FileDone]) -> str:
        """List failed inputs for --files-from, in place of the list of an older run.

        Returns:
            The path of the list; "" where there is none.
        """
        if self._plan.folder is None:
            return ""
        name = marked(FAILURES, self._plan.shard)
        path = self._plan.folder / name
        failed = [*failures]
        inputs = {failure.input for failure in failed}
        named = ((str(job.source), job.listing) for job in self._plan.jobs)
        listings = {source: listing for source, listing in named if source in inputs}
        listings |= {fault.path: fault.listing for fault in self._plan.faults}
        lines = [(_in_words(failure), listings[failure.input]) for failure in failed]
        try:
            self._storage.check()
            is_there = places.exists(path)
            if is_there and not places.read(path).startswith(HEADLINE.encode()):
                return ""  # not our file
            if not lines:
                if is_there:
                    self._storage.remove(name)
                return ""
            self._storage.write_whole(name, _list(lines))
        except OSError:
            return ""  # the failures are reported all the same
        return str(path)


def asked_about(plan: Plan) -> Callable[[str], bool] | None:
    """Which outputs a plan asks the journals about; None for all.

    Of a shard these are its own, and comparisons beside them.

    Args:
        plan: Says which files.
    """
    if plan.shard is None:
        return None
    ending = compared("")
    if plan.is_fan:
        folders = {job.relative.rpartition("/")[0] for job in plan.jobs}
        return lambda output: output.rpartition("/")[0] in folders
    trunks = {_trunk(job.relative) for job in plan.jobs}
    return lambda output: (
        _trunk(output) in trunks or output.removesuffix(ending) in trunks
    )


def _nothing(_output: str) -> bool:
    return False


def _trunk(output: str) -> str:
    """A path without its suffix."""
    folder, slash, name = output.rpartition("/")
    return f"{folder}{slash}{parted(name)[0]}"


def _made(folder: Place) -> Storage:
    try:
        return storage.made(folder)
    except OSError as error:
        raise UsageError(
            f"the output folder {folder} cannot be made: {error.strerror}",
            "check its space and permissions, or name another output",
        ) from error


def _in_words(failure: FileDone) -> str:
    return "; ".join(filter(None, (failure.reason, failure.remedy)))


def _list(lines: Iterable[tuple[str, str]]) -> bytes:
    entries = [HEADLINE]
    for reason, listing in lines:
        entries += [f"# {reason}", listing]
    # A file name may contain line breaks, but never a NUL.
    end = "\0" if any("\n" in entry for entry in entries) else "\n"
    return "".join(entry + end for entry in entries).encode(errors="surrogateescape")
