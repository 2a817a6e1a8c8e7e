"""Feeds workers in other processes with pictures, and replaces those that die.

A picture is handed over as a record with its paths, and comes back as what became of
it. Few of them are out at a time, however many there are to do. Those of a worker that
dies are handed over again.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from msrnet_cli import signals
from msrnet_cli.errors import MSRNetError, PictureError, UsageError
from msrnet_cli.folder.events import WorkerLost
from msrnet_cli.folder.outputs import Halt
from msrnet_cli.folder.stages import failed
from msrnet_cli.folder.worker import Ready, Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from msrnet_cli.folder.events import FileDone
    from msrnet_cli.folder.jobs import Job
    from msrnet_cli.folder.outputs import Outputs
    from msrnet_cli.folder.tally import Tally

_TURN = 1.0  # seconds that a worker waits for something to tell
_STOPPING = 60.0  # seconds for what is being written when the job is stopped
_PLACING = 600.0  # seconds without any worker, as where its machine has gone
_STARTS = 3  # workers that die one after the other while they load
_SUSPECT = 2  # deaths after which a picture is handed over by itself
_GUILTY = 5  # deaths after which it has failed

Call = Literal["load", "begin", "turn", "stop"]


class ActorLostError(Exception):
    """A process has died, or its machine has gone. Its message tells what is known.

    Args:
        reason: The message.
        machine: Name of the machine that is gone; "" where it is there, or not known.
    """

    def __init__(self, reason: str, machine: str = "") -> None:
        super().__init__(reason)
        self.machine = machine


class Actor(Protocol):
    """A process that holds a `Worker`. It takes one call at a time."""

    @property
    def is_asked(self) -> bool:
        """Whether the answer to a call has not been taken yet."""
        ...

    def ask(self, call: Call, *args: object) -> None:
        """Begin a call: one of the methods of `Worker`, or ``load``."""
        ...

    def answer(self) -> Any:  # noqa: ANN401 by the call
        """Wait for the answer: an error of the user's is given, not raised.

        Raises:
            ActorLostError: There will be none.
        """
        ...


class Actors(Protocol):
    """Starts processes."""

    def start(self) -> Actor:
        """A new one, as soon as there is a place for it."""
        ...

    def drop(self, actor: Actor) -> None:
        """End one."""
        ...

    def answered(self, actors: Sequence[Actor], seconds: float) -> list[Actor]:
        """Those whose answers are there; waits for the first one, not for longer."""
        ...


@dataclass
class _Member:
    """A worker.

    Attributes:
        number: Names its journal.
        actor: Its process.
        state: How far it is.
        rows: The pictures that it has, by their outputs.
    """

    number: int
    actor: Actor
    state: Literal["loading", "loaded", "working", "stopping", "gone"] = "loading"
    rows: dict[str, Job] = field(default_factory=dict)


class Crew:
    """Workers, from their start on.

    Args:
        actors: Starts them.
        count: How many there are at a time.
    """

    def __init__(self, actors: Actors, count: int) -> None:
        self._actors = actors
        self._count = count
        self._members = [self._hired(i + 1) for i in range(count)]
        self._way: tuple[str, ...] = ()
        self._lost_in_a_row = 0
        self._heard = time.monotonic()

    def first(self) -> Ready:
        """Wait until one of them has loaded the network, and give what it tells.

        Raises:
            MSRNetError: One of them cannot load it.
        """
        found: list[Ready] = []

        def take(member: _Member, answer: object) -> None:
            if isinstance(answer, Ready):
                found.append(answer)
            self.settle(member, answer)

        while not found:
            self.hear(_TURN, take)
            self.require_life()
        return found[0]

    def hear(self, seconds: float, take: Callable[[_Member, Any], object]) -> None:
        """Take what workers answer, or the ActorLostError in place of an answer.

        A signal in between tears nothing: it has its effect when all is taken.

        Args:
            seconds: For how long the first answer is waited for.
            take: Called with each worker and its answer.
        """
        asked = {id(m.actor): m for m in self._members if m.actor.is_asked}
        actors = [member.actor for member in asked.values()]
        if not actors:
            time.sleep(min(seconds, 0.1))
            return
        ready = self._actors.answered(actors, seconds)
        with signals.put_off():
            for actor in ready:
                take(asked[id(actor)], self._heard_of(asked[id(actor)]))

    def _heard_of(self, member: _Member) -> Any:  # noqa: ANN401 by the call
        try:
            answer = member.actor.answer()
        except ActorLostError as lost:
            return lost
        self._heard = time.monotonic()
        if isinstance(answer, Ready):
            self._loaded(member, answer)
        return answer

    def settle(self, member: _Member, answer: object) -> None:
        """Replace a worker that is lost.

        Raises:
            MSRNetError: The answer is one, or too many are lost while they load.
        """
        if isinstance(answer, MSRNetError):
            raise answer
        if not isinstance(answer, ActorLostError):
            return
        if member.state in ("loading", "loaded"):
            self._lost_in_a_row += 1
            if self._lost_in_a_row >= _STARTS:
                reason = f"processes die while they load the network: {answer}"
                raise UsageError(reason, "look at the logs of Ray")
        self._actors.drop(member.actor)  # one that is cut off may still work
        self._members.remove(member)
        self._members.append(self._hired(member.number))

    def require_life(self) -> None:
        """Refuse to wait any longer where no worker has answered for long.

        Raises:
            UsageError: None has.
        """
        if time.monotonic() - self._heard > _PLACING:
            raise UsageError(
                f"no actor has answered for {_PLACING:.0f} s",
                "look at the cluster with: ray status; then run the same command again",
            )

    @property
    def count(self) -> int:
        """How many workers there are at a time."""
        return self._count

    @property
    def members(self) -> tuple[_Member, ...]:
        """The workers, those that load included."""
        return tuple(self._members)

    def close(self) -> None:
        """End all workers."""
        for member in self._members:
            self._actors.drop(member.actor)

    def _hired(self, number: int) -> _Member:
        actor = self._actors.start()
        actor.ask("load")
        return _Member(number, actor)

    def _loaded(self, member: _Member, ready: Ready) -> None:
        member.state, self._lost_in_a_row = "loaded", 0
        self._way = self._way or ready.way
        if ready.way != self._way:
            raise UsageError(
                "actors would relight in different ways: their machines differ in"
                " msrnet's version, weights, looks, or kind of device",
                "install the same everywhere, and name a --device",
            )


class Shift:
    """A crew at work on the pictures of a plan. A `Carrier`.

    Args:
        crew: The workers.
        ready: What the first of them has told.
        jobs: What to do, in this order.
        outputs: Where results go.
        tally: Counts and reports.
        tell: Called with each process that is lost; with each machine once.
    """

    def __init__(
        self,
        crew: Crew,
        ready: Ready,
        jobs: Iterable[Job],
        outputs: Outputs,
        tally: Tally,
        tell: Callable[[WorkerLost], object] = lambda _: None,
    ) -> None:
        self._crew = crew
        self._ready = ready
        self._waiting = deque(jobs)
        self._suspects: deque[Job] = deque()
        self._deaths: Counter[str] = Counter()
        self._done: deque[FileDone] = deque()
        self._outputs = outputs
        self._tally = tally
        self._tell = tell
        self._gone: set[str] = set()
        self._freed: set[str] = set()

    def run(self) -> None:
        """Process all pictures; after a halt, or a failure under --fail-fast, stop."""
        while not self._tally.is_over and self._is_busy():
            try:
                for member in self._crew.members:
                    self._direct(member)
                self._crew.hear(_TURN, self._take_and_settle)
                self._crew.require_life()
            except MSRNetError as error:
                self._tally.add(Halt(error.reason, error.remedy))
        self.stop()

    def stop(self) -> None:
        """Let workers finish what they write, and report it; the rest is dropped."""
        self._report()
        deadline = time.monotonic() + _STOPPING
        while (left := deadline - time.monotonic()) > 0:
            active = [m for m in self._crew.members if m.state in _ACTIVE]
            if not active:
                break
            for member in active:
                if not member.actor.is_asked:
                    member.state = "stopping"
                    member.actor.ask("stop")
            self._crew.hear(left, self._take_last)
        self._report()
        if self._deaths:
            self._outputs.remove_leftovers()

    def _take_and_settle(self, member: _Member, answer: object) -> None:
        self._take(member, answer)
        self._crew.settle(member, answer)

    def _take_last(self, member: _Member, answer: object) -> None:
        is_last = member.state == "stopping"
        if isinstance(answer, Turn):
            self._take(member, answer)
        if is_last or isinstance(answer, ActorLostError):
            member.state = "gone"

    def _is_busy(self) -> bool:
        has_rows = any(member.rows for member in self._crew.members)
        return bool(self._waiting or self._suspects or has_rows)

    def _direct(self, member: _Member) -> None:
        """Ask a worker for the next thing, where it is not asked already."""
        if member.actor.is_asked:
            return
        if member.state == "loaded":
            member.state = "working"
            member.actor.ask("begin", member.number, self._crew.count)
        elif member.state == "working":
            rows = self._rows(member)
            if rows or member.rows:
                member.rows.update((job.shown, job) for job in rows)
                freed = [job for job in rows if job.shown in self._freed]
                member.actor.ask("turn", rows, freed, _TURN)

    def _rows(self, member: _Member) -> list[Job]:
        """More pictures for a worker: so many that none waits for it in the end."""
        if any(self._deaths[output] >= _SUSPECT for output in member.rows):
            return []
        if self._suspects and not member.rows:
            return [self._suspects.popleft()]
        out = sum(len(each.rows) for each in self._crew.members)
        share = math.ceil((len(self._waiting) + out) / self._crew.count)
        room = min(self._ready.room, share) - len(member.rows)
        return [self._waiting.popleft() for _ in range(min(room, len(self._waiting)))]

    def _take(self, member: _Member, answer: object) -> None:
        """Report what is done; hand over again what a lost worker had."""
        if isinstance(answer, ActorLostError):
            lost, member.rows = [*member.rows.values()], {}
            if answer.machine:  # it may hang, and would keep its claims
                self._freed.update(job.shown for job in lost)
            for job in reversed(lost):
                self._return(job, answer)
            self._tell_of(answer)
        if not isinstance(answer, Turn):
            return
        for done in answer.done:
            if member.rows.pop(done.output, None) is not None:
                self._done.append(done)
        if answer.halt is not None:
            self._tally.add(answer.halt)
        self._report()

    def _report(self) -> None:
        """Count and tell what is done; a signal meanwhile loses none."""
        while self._done:
            done = self._done.popleft()
            for stage, seconds in done.seconds.items():
                workers = self._ready.widths[stage] * self._crew.count
                self._tally.add_busy(stage, seconds / workers)
            self._tally.add(done)

    def _tell_of(self, lost: ActorLostError) -> None:
        if lost.machine and lost.machine in self._gone:
            return
        self._gone.add(lost.machine)
        self._tell(WorkerLost(str(lost), lost.machine))

    def _return(self, job: Job, lost: ActorLostError) -> None:
        self._deaths[job.shown] += 1
        deaths = self._deaths[job.shown]
        if deaths >= _GUILTY:
            reason = f"{deaths} processes died over it, the last one so: {lost}"
            error = PictureError(reason, "relight it by itself to see why")
            self._tally.add(failed(job, error))
        elif deaths >= _SUSPECT:
            self._suspects.append(job)
        else:
            self._waiting.appendleft(job)


_ACTIVE = ("working", "stopping")
