"""What is asked for, and what is answered.

GET   /              the page that takes pictures
POST  /pictures      a file as it is; lines of JSON: each place in the line as it
                     changes, at last the table or what went wrong
POST  /form          a file in a plain form; leads to the table
GET   /tables/NAME   a table; ?save to keep it
POST  /tables/NAME   forget it
"""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Route

from msrnet_cli.errors import MSRNetError
from msrnet_cli.folder.reasons import as_picture_error
from msrnet_cli.pages import serve as page
from msrnet_cli.serve.answers import Held, Page, Unread
from msrnet_cli.serve.form import picture_in
from msrnet_cli.serve.receiving import body_of, require_few_pixels, shown_name
from msrnet_cli.serve.refusal import RefusedError
from msrnet_cli.serve.tables import Tables
from msrnet_cli.serve.waiting import Line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from msrnet_cli.serve.options import Limits
    from msrnet_cli.serve.painting import Painted, Painter
    from msrnet_cli.serve.waiting import Ticket

_FORM = "/form"
_PAGE_POLICY = "frame-ancestors 'none'"  # the page itself says the rest
# A table is a page of its own: it may run what it holds, and reach nothing of ours.
_TABLE_POLICY = "sandbox allow-scripts allow-downloads; frame-ancestors 'self'"
_READERS = 8  # of tables at a time: each may hold one that is already forgotten
_FAILED = 422


class Service:
    """The pictures and tables of one service.

    Args:
        painter: Paints the tables.
        limits: What is taken.
    """

    def __init__(self, painter: Painter, limits: Limits) -> None:
        self._painter, self._limits = painter, limits
        self._line: Line[Painted] = Line()
        self._tables = Tables(limits.keep_minutes * 60)
        self._readers = asyncio.Semaphore(_READERS)
        self._uploads = 0

    @property
    def app(self) -> Starlette:
        """The application, without a guard."""
        found = Starlette(
            routes=[
                Route("/", self._page),
                Route("/pictures", self._picture, methods=["POST"]),
                Route(_FORM, self._form, methods=["POST"]),
                Route("/tables/{name}", self._table),
                Route("/tables/{name}", self._forget, methods=["POST"]),
            ],
            exception_handlers={RefusedError: self._refused},
        )
        found.router.redirect_slashes = False  # it would name addresses of its own
        return found

    async def _page(self, _: Request) -> Response:
        return self._shown()

    async def _picture(self, request: Request) -> Response:
        ticket = await self._taken(request)
        return Held(self._lines(ticket), partial(self._line.leave, ticket))

    async def _form(self, request: Request) -> Response:
        ticket = await self._taken(request)
        gone = asyncio.ensure_future(_gone(request))
        over = asyncio.ensure_future(ticket.over.wait())
        try:
            await asyncio.wait((gone, over), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            over.cancel()
            self._line.leave(ticket)
        if ticket.result is None:
            return self._shown(_told(ticket), _FAILED)
        return RedirectResponse(f"tables/{self._tables.keep(ticket.result)}", 303)

    async def _table(self, request: Request) -> Response:
        found = self._tables.get(request.path_params["name"])
        if found is None:
            return Response(status_code=404)
        headers = {"Content-Security-Policy": _TABLE_POLICY}
        if "save" in request.query_params:
            name = quote(f"{PurePath(found.name).stem}.html", safe="")
            headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
        return Page(found.page, headers, self._readers)

    async def _forget(self, request: Request) -> Response:
        self._tables.forget(request.path_params["name"])
        return Response(status_code=204)

    async def _refused(self, request: Request, error: Exception) -> Response:
        """Why a request is refused: as a page for a form, else as JSON."""
        assert isinstance(error, RefusedError)
        if request.url.path == _FORM:
            answer = self._shown(error, error.status)
        else:
            answer = JSONResponse(_line(error), error.status)
        return Unread(answer) if error.unread else answer

    def _shown(self, error: MSRNetError | None = None, status: int = 200) -> Response:
        """The page that takes pictures, with what went wrong."""
        limits = self._limits
        html = page.upload(
            megabytes=limits.max_megabytes,
            megapixels=limits.max_megapixels,
            minutes=limits.keep_minutes,
            failure="" if error is None else str(error),
        )
        policy = {"Content-Security-Policy": _PAGE_POLICY}
        return HTMLResponse(html, status, policy)

    async def _taken(self, request: Request) -> Ticket[Painted]:
        """The place of a picture in the line, after all of it has come.

        Raises:
            RefusedError: It is too large, too slow, or one too many.
        """
        if self._uploads >= self._limits.max_uploads:
            raise RefusedError(
                503,
                f"{self._uploads} pictures are arriving or waiting already",
                "try again in a moment",
                unread=True,
            )
        self._uploads += 1
        try:
            name, data = await self._received(request)
        except BaseException:
            self._ended()
            raise
        work = partial(self._painter.paint, data, shown_name(name))
        return self._line.join(work, self._ended)

    async def _received(self, request: Request) -> tuple[str, bytes]:
        """Name and bytes of a picture."""
        body = await body_of(request, self._limits)
        name = request.query_params.get("name", "")
        if request.url.path == _FORM:
            name, body = picture_in(body, request.headers.get("content-type", ""))
        data = bytes(body)
        await run_in_threadpool(require_few_pixels, data, self._limits)
        return name, data

    def _ended(self) -> None:
        self._uploads -= 1

    async def _lines(self, ticket: Ticket[Painted]) -> AsyncIterator[object]:
        """What becomes of a picture, as it happens."""
        async for place in self._line.places(ticket):
            yield {"place": place}
        if ticket.result is None:
            yield _line(_told(ticket))
        else:
            name = self._tables.keep(ticket.result)
            yield {"table": f"tables/{name}", "notes": ticket.result.notes}


async def _gone(request: Request) -> None:
    """Wait until nobody waits for an answer."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _told(ticket: Ticket[Painted]) -> MSRNetError:
    """What went wrong."""
    error = ticket.error or RuntimeError("the picture was given up")
    return error if isinstance(error, MSRNetError) else as_picture_error(error)


def _line(error: MSRNetError) -> dict[str, str]:
    return {"reason": error.reason, "remedy": error.remedy}
