"""Lists of inputs, as people and programs write them."""

from __future__ import annotations

import codecs
import os
import sys
from pathlib import Path

from msrnet_cli.errors import UsageError

_MARKS = (  # UTF-32 first: its mark begins as that of UTF-16 does
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDE_SHARE = 0.4
_QUOTES = ('"', "'")


def read_list(name: str) -> list[str]:
    """The entries of a list, without empty lines and comments.

    Entries end at a NUL, as ``find -print0`` writes them, or else at a line's end. A
    byte order mark of UTF-8, UTF-16 or UTF-32 is heeded.

    Args:
        name: A file with one path a line, or ``-`` for standard input.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        text = _text(raw)
    except OSError as error:
        raise UsageError(
            f"the list {name} cannot be read: {error.strerror}", "check the path"
        ) from error
    except UnicodeError as error:
        raise UsageError(
            f"the list {name} is damaged: {error}", "save it as UTF-8"
        ) from error
    lines = (line.removesuffix("\r") for line in text.split(_end(text)))
    return [line for line in lines if line.strip() and not line.startswith("#")]


def meant(entry: str) -> str:
    """The path that an entry stands for: as it is, else without quotes and blanks."""
    if os.path.lexists(entry):
        return entry
    bare = entry.strip()
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in _QUOTES:
        quote = bare[0]
        return bare[1:-1].replace(quote * 2, quote)
    return bare if os.path.lexists(bare) else entry


def _text(raw: bytes) -> str:
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return raw.decode(encoding)
    text = os.fsdecode(raw.removeprefix(codecs.BOM_UTF8))
    wide = _wide_encoding(raw)
    return raw.decode(wide) if wide else text


def _wide_encoding(raw: bytes) -> str | None:
    """UTF-16 without its mark: a NUL beside nearly every letter, always on one side."""
    text = os.fsdecode(raw)
    parts = {*text.split("\0")} - {"", "/", "."}
    if text.count("\0") <= _WIDE_SHARE * len(text):
        return None
    if all(map(os.path.lexists, parts)):
        return None  # names of one letter, each ended by a NUL
    before, after = raw[::2].count(0), raw[1::2].count(0)
    return "utf-16-be" if before > after else "utf-16-le"


def _end(text: str) -> str:
    if "\0" in text:
        return "\0"
    return "\n" if "\n" in text else "\r"
