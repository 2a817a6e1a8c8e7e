"""What the name of a file tells."""

from __future__ import annotations

from pathlib import Path

_CLUTTER = frozenset({"desktop.ini", "thumbs.db", "__macosx"})


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
