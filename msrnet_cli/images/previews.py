"""The names of small copies that lie beside pages: they are never inputs later."""

from __future__ import annotations

import hashlib
import re

_NAME = re.compile(r"msrnet-[0-9a-f]{24}\.jpg")
_DIGITS = 24  # of a digest: equal names mean equal pictures


def preview_name(data: bytes) -> str:
    """The name of a small copy, which says what it holds.

    Args:
        data: A JPEG file.
    """
    return f"msrnet-{hashlib.sha256(data).hexdigest()[:_DIGITS]}.jpg"


def is_preview(name: str) -> bool:
    """Whether a file has the name of a small copy beside a page."""
    return _NAME.fullmatch(name) is not None
