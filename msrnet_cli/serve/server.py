"""The socket, the thread that serves, its end.

The server runs in a thread of its own, so that signals stay with the main thread, which
treats them as in every other command.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import math
import secrets
import socket
import threading
from typing import TYPE_CHECKING, Any

import uvicorn

from msrnet_cli.errors import UsageError
from msrnet_cli.serve.app import Service
from msrnet_cli.serve.connections import Connection
from msrnet_cli.serve.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from msrnet_cli.serve.options import Limits
    from msrnet_cli.serve.painting import Painter

HOST = "127.0.0.1"

_TOKEN_BYTES = 32
_GRACE_SECONDS = 1
_END_SECONDS = 5.0
_BACKLOG = 128


def bound(port: int) -> socket.socket:
    """A socket on this machine's own address.

    Args:
        port: 0 for any free one.

    Raises:
        UsageError: The port is taken, or not allowed.
    """
    try:
        return socket.create_server((HOST, port), backlog=_BACKLOG)
    except OSError as error:
        what = "is taken" if error.errno == errno.EADDRINUSE else error.strerror
        raise UsageError(
            f"port {port} {what}", "choose another --port; 0 takes any free one"
        ) from error


class Server:
    """A service that runs until it is stopped.

    Args:
        listener: From `bound`.
        painter: Paints the tables.
        limits: What is taken.
        on_bug: Told of what no code expected; called in another thread.

    Attributes:
        address: What a browser opens.
    """

    def __init__(
        self,
        listener: socket.socket,
        painter: Painter,
        limits: Limits,
        on_bug: Callable[[BaseException], None],
    ) -> None:
        port = listener.getsockname()[1]
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self.address = f"http://{HOST}:{port}/{token}/"
        self._listener, self._on_bug = listener, on_bug
        for name in ("uvicorn.error", "asyncio"):  # what matters comes to `on_bug`
            logging.getLogger(name).disabled = True
        guarded = Guard(Service(painter, limits).app, token, port, on_bug)
        config = uvicorn.Config(
            guarded,
            http=Connection,
            ws="none",
            loop="asyncio",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=math.ceil(limits.idle_seconds),
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="serving", daemon=True)

    def start(self) -> None:
        """Serve, in a thread."""
        self._thread.start()

    def wait(self) -> None:
        """Wait until it has ended, which is not before `stop` but for a bug."""
        self._thread.join()

    def stop(self) -> None:
        """End: what is under way is cut, within a few seconds."""
        self._server.should_exit = True
        self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._on_bug(error)

    async def _serve(self) -> None:
        asyncio.get_running_loop().set_exception_handler(self._handle)
        await self._server.serve(sockets=[self._listener])

    def _handle(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception") or RuntimeError(context["message"])
        if not isinstance(error, OSError):  # a client that went away
            self._on_bug(error)
