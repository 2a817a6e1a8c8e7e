"""HTTP connections that cannot be held for nothing.

uvicorn waits for the head of a request, and for somebody who does not read an answer,
without an end. Here both have an end, and there are only so many connections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

MOST_CONNECTIONS = 128
"""At a time; another one is cut at once."""


class Connection(H11Protocol):
    """One connection: one request and its answer.

    uvicorn's `timeout_keep_alive` is the time for the head of the request, and for
    somebody who does not read on.
    """

    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 as uvicorn's
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
        else:
            self._end_in(self.timeout_keep_alive)

    def data_received(self, data: bytes) -> None:
        """Take bytes; whatever they cannot be is the end of the connection."""
        waits_for_head = self.cycle is None
        try:
            super().data_received(data)
        except Exception:  # such as a wrong chunk after the answer has begun
            self.transport.abort()
        if waits_for_head and self.cycle is not None:
            self._end_in(None)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._end_in(self.timeout_keep_alive)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._end_in(None)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._end_in(self.timeout_keep_alive)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._end_in(None)

    def _end_in(self, seconds: float | None) -> None:
        """Cut the connection after a time, in place of what was said before."""
        if self._limit is not None:
            self._limit.cancel()
        self._limit = None
        if seconds is not None:
            self._limit = self.loop.call_later(seconds, self.transport.abort)
