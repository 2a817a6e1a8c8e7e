"""A request's body: into memory, within a size and a time.

It is read as it comes: no library of forms is asked, for such a library keeps large
files on the disk.
"""

from __future__ import annotations

import asyncio
import io
import unicodedata
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from msrnet_cli import images
from msrnet_cli.errors import PictureError
from msrnet_cli.serve.refusal import RefusedError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive

    from msrnet_cli.serve.options import Limits

_LONGEST_NAME = 120  # characters that are shown
_LONGEST_SUFFIX = 5
_UNNAMED = "picture"


async def body_of(request: Request, limits: Limits) -> bytearray:
    """All bytes of a body, whether its length is declared or not.

    Raises:
        RefusedError: It is too large, or too slow.
        ClientDisconnect: Nobody waits for an answer any more.
    """
    _require_small(_declared(request), limits)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.upload_seconds):
            more = True
            while more:
                async with asyncio.timeout(limits.idle_seconds):
                    part, more = await _part(request.receive)
                body += part
                _require_small(len(body), limits, unread=more)
    except TimeoutError:
        raise RefusedError(
            408,
            "the upload took too long",
            "try again; --upload-seconds and --idle-seconds allow more",
            unread=True,
        ) from None
    if not body:
        raise RefusedError(400, "the file is empty", "choose a picture")
    return body


def require_few_pixels(data: bytes, limits: Limits) -> None:
    """Refuse what declares too many pixels; nothing is decoded for this.

    Raises:
        RefusedError: It does.
    """
    size = images.declared_size(io.BytesIO(data))
    if size is None:
        return  # decoding tells why
    try:
        images.require_few(size, limits.max_megapixels)
    except PictureError as error:
        raise RefusedError(413, error.reason, error.remedy) from None


def shown_name(name: str) -> str:
    """The last part of a file's name, without what could steer anything.

    Args:
        name: What the client says, which may be anything.
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = "".join(c for c in last if not unicodedata.category(c).startswith("C"))
    plain = plain.strip(". ")
    stem, _, suffix = plain.rpartition(".")
    if len(plain) > _LONGEST_NAME and stem and len(suffix) <= _LONGEST_SUFFIX:
        return f"{stem[: _LONGEST_NAME - len(suffix) - 1]}.{suffix}"
    return plain[:_LONGEST_NAME] or _UNNAMED


def _declared(request: Request) -> int:
    """The length that a request declares; 0 where it declares none."""
    text = request.headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdecimal() else 0


def _require_small(length: int, limits: Limits, *, unread: bool = True) -> None:
    if length > limits.most_bytes:
        raise RefusedError(
            413,
            f"the file has more than {limits.max_megabytes:g} MB",
            "choose a smaller one; --max-megabytes allows more",
            unread=unread,
        )


async def _part(receive: Receive) -> tuple[bytes, bool]:
    """The next bytes of a body, and whether more follow."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)
