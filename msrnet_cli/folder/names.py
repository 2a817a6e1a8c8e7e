"""What the name of a file tells."""

from __future__ import annotations

import re
from pathlib import Path

_CLUTTER = frozenset({"desktop.ini", "thumbs.db", "__macosx"})
_PREVIEW = re.compile(r"msrnet-[0-9a-f]{24}\.jpg")


def parted(name: str) -> tuple[str, str]:
    """Stem and suffix of a name, as a Path has them."""
    dot = name.rfind(".")
    if 0 < dot < len(name) - 1:
        return name[:dot], name[dot:]
    path = Path(name)
    return path.stem, path.suffix


def is_hidden(name: str) -> bool:
    """Whether a file or folder is not shown to people, or is a system's own."""
    return name.startswith(".") or name.lower() in _CLUTTER


def is_preview(name: str) -> bool:
    """Whether this is a small copy beside a before/after page: it is no input later."""
    return _PREVIEW.fullmatch(name) is not None
