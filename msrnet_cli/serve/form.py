"""The picture in what a plain form sends: multipart/form-data (RFC 7578), in memory."""

from __future__ import annotations

import re
from email.message import Message

from msrnet_cli.serve.refusal import RefusedError

_HEAD_BYTES = 8192
_FILE_NAME = re.compile(rb'filename="((?:[^"\\\r\n]|\\.)*)"')


def picture_in(body: bytearray, content_type: str) -> tuple[str, bytearray]:
    """Name and bytes of the first file in a form.

    Args:
        body: The whole form.
        content_type: Of the request, with the boundary.

    Raises:
        RefusedError: There is no file.
    """
    boundary = _boundary(content_type)
    start = body.find(b"--" + boundary) if boundary else -1
    while start >= 0:
        head_end = body.find(b"\r\n\r\n", start, start + _HEAD_BYTES)
        end = body.find(b"\r\n--" + boundary, head_end + 2)
        if head_end < 0 or end < 0:
            break
        named = _FILE_NAME.search(body, start, head_end)
        if named and end > head_end + 4:
            name = named[1].decode("utf-8", "replace")
            del body[end:], body[: head_end + 4]  # no second copy
            return name, body
        start = end + 2
    raise RefusedError(400, "there is no picture in the form", "choose a picture")


def _boundary(content_type: str) -> bytes:
    """What separates the parts of a form; b"" where this is not a form."""
    header = Message()
    header["content-type"] = content_type
    if header.get_content_type() != "multipart/form-data":
        return b""
    boundary = header.get_boundary("")
    return boundary.encode("latin-1", "replace") if len(boundary) <= 70 else b""
