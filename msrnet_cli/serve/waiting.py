"""One computation at a time; the others wait in the order in which they came."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

Result = TypeVar("Result")


class Ticket(Generic[Result]):
    """A place in the line.

    Attributes:
        result: What was computed; None until `over`, and where there was an error.
        error: What went wrong; None where nothing did.
        over: Set when the computation has ended, or never will begin.
    """

    def __init__(self) -> None:
        self.result: Result | None = None
        self.error: Exception | None = None
        self.over = asyncio.Event()
        self.moved = asyncio.Event()
        self.task: asyncio.Task[None] | None = None


class Line(Generic[Result]):
    """Computations that wait for the one thread that computes."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "painting")
        self._turn = asyncio.Lock()  # it is fair: first come, first served
        self._tickets: list[Ticket[Result]] = []

    def join(
        self, work: Callable[[], Result], at_end: Callable[[], None]
    ) -> Ticket[Result]:
        """Take the last place.

        Args:
            work: Called in the thread; what it holds is let go when it has ended, or
                when the place is given up before that.
            at_end: Called once, when `work` has ended or never will begin.
        """
        ticket = Ticket[Result]()
        self._tickets.append(ticket)
        ticket.task = asyncio.create_task(self._run(ticket, work))
        ticket.task.add_done_callback(lambda _: self._end(ticket, at_end))
        return ticket

    async def places(self, ticket: Ticket[Result]) -> AsyncIterator[int]:
        """How many are before a ticket, whenever that changes, until it is over."""
        told = None
        while not ticket.over.is_set():
            ticket.moved.clear()
            place = self._tickets.index(ticket)
            if place != told:
                told = place
                yield place
            await ticket.moved.wait()

    def leave(self, ticket: Ticket[Result]) -> None:
        """Give a place up. What is being computed ends, and nobody looks at it."""
        if ticket in self._tickets[1:] and ticket.task is not None:
            ticket.task.cancel()

    async def _run(self, ticket: Ticket[Result], work: Callable[[], Result]) -> None:
        async with self._turn:
            try:
                loop = asyncio.get_running_loop()
                ticket.result = await loop.run_in_executor(self._thread, work)
            except Exception as error:
                ticket.error = error

    def _end(self, ticket: Ticket[Result], at_end: Callable[[], None]) -> None:
        ticket.over.set()
        ticket.task = None  # it would hold the work of one who has left
        self._tickets.remove(ticket)
        at_end()
        for each in (ticket, *self._tickets):
            each.moved.set()
