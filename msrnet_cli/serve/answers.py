"""Answers that take time: to send, or to be listened to."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import Message, Receive, Scope, Send

_LINGER_SECONDS = 2.0
_PART_BYTES = 65536


class Held(StreamingResponse):
    """Lines of JSON as they come.

    Args:
        lines: What to send, without line breaks.
        at_end: Called in the end: after the last line, or when nobody reads any more.
    """

    def __init__(
        self, lines: AsyncIterator[object], at_end: Callable[[], None]
    ) -> None:
        super().__init__(_encoded(lines), media_type="application/x-ndjson")
        self._at_end = at_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._at_end()


class Page(Response):
    """A page in parts: where nobody reads, only a part of it waits in a buffer.

    Args:
        content: The page.
        headers: Of the answer.
        readers: As many read at a time.
    """

    def __init__(
        self, content: bytes, headers: dict[str, str], readers: asyncio.Semaphore
    ) -> None:
        super().__init__(content, 200, headers, "text/html")
        self._readers = readers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send."""
        del scope, receive
        async with self._readers:
            await send(_start(self))
            for place in range(0, len(self.body), _PART_BYTES):
                part = bytes(self.body[place : place + _PART_BYTES])
                await send(_body(part, more=True))
            await send(_body(b""))


class Unread(Response):
    """An answer to somebody who still sends what nobody wants.

    A connection that is closed at once would lose the answer: so the rest is taken, for
    a moment, and thrown away.

    Args:
        answer: What is said.
    """

    def __init__(self, answer: Response) -> None:
        super().__init__(status_code=answer.status_code)
        self.body, self.raw_headers = answer.body, answer.raw_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send, then wait."""
        del scope
        await send(_start(self))
        await send(_body(bytes(self.body), more=True))
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                while (await receive()).get("more_body"):
                    pass
        await send(_body(b""))


async def _encoded(lines: AsyncIterator[object]) -> AsyncIterator[bytes]:
    async for line in lines:
        yield json.dumps(line).encode() + b"\n"


def _start(answer: Response) -> Message:
    status, headers = answer.status_code, answer.raw_headers
    return {"type": "http.response.start", "status": status, "headers": headers}


def _body(part: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": part, "more_body": more}
