"""Who is let in, and what every answer carries.

Only those who know the token are answered. The token is the first part of the path:
other sites, and other users of this machine, cannot know it. The Host header tells a
name of another site that leads here (DNS rebinding).
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Connection": "close",  # a connection has one request, and so an end
}
_NOTHING = "default-src 'none'; frame-ancestors 'none'; form-action 'none'"
_HTTP_PORT = 80


class Guard:
    """Stands before an application.

    Args:
        app: What is behind; it sees paths without the token.
        token: What the path begins with.
        port: Of this service at 127.0.0.1.
        on_bug: Told of what no code expected.
    """

    def __init__(
        self, app: ASGIApp, token: str, port: int, on_bug: Callable[[Exception], None]
    ) -> None:
        self._app, self._token, self._on_bug = app, token.encode(), on_bug
        names = ("127.0.0.1", "localhost")
        self._hosts = {f"{name}:{port}" for name in names}
        self._hosts |= set(names) if port == _HTTP_PORT else set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                headers.update(_ALWAYS)
                headers.setdefault("Content-Security-Policy", _NOTHING)
            await send(message)

        app = self._chosen(scope)
        try:
            await app(scope, receive, send_with_headers)
        except ClientDisconnect:
            pass
        except Exception as error:
            self._on_bug(error)
            if not begun:
                await Response(status_code=500)(scope, receive, send_with_headers)

    def _chosen(self, scope: Scope) -> ASGIApp:
        """What answers; the scope loses the token."""
        headers = Headers(scope=scope)
        token, slash, rest = scope["path"].removeprefix("/").partition("/")
        knows = hmac.compare_digest(token.encode(errors="replace"), self._token)
        if not knows or headers.getlist("host")[1:] or not self._is_own(headers, scope):
            return Response(status_code=403)
        if "content-length" in headers and "transfer-encoding" in headers:
            return Response(status_code=400)  # two lengths, of which one is a lie
        if not slash:
            return RedirectResponse(f"/{token}/", 308)
        scope["path"] = f"/{rest}"
        scope["raw_path"] = None
        return self._app

    def _is_own(self, headers: Headers, scope: Scope) -> bool:
        """Whether a request is meant for this service, and comes from no other site."""
        host = headers.get("host", "").lower()
        if host not in self._hosts:
            return False
        if scope["method"] in ("GET", "HEAD"):
            return True
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site not in (None, "same-origin"):
            return False
        # Forms say "null", for no-referrer; then the browser must say the rest.
        return origin in (None, f"http://{host}") or (
            origin == "null" and site == "same-origin"
        )
