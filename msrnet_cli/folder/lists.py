"""Lists of inputs, as people and programs write them."""

from __future__ import annotations

import codecs
import os
import re
import stat
import sys
from pathlib import Path

from msrnet_cli.errors import UsageError
from msrnet_cli.stores import client
from msrnet_cli.stores.address import Address, is_address

_MARKS = (  # UTF-32 first: its mark begins with the mark of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
ROOT_MARK = "/./"
"""In an entry, as rsync has it: the tree below is mirrored."""

_UNPLAIN = re.compile(r"//|(?:^|/)\.?(?:/|$)")  # a Path writes it in another way
_WIDE_SHARE = 0.4
_QUOTES = ('"', "'")


def read_list(name: str) -> list[str]:
    """The entries of a list, without empty lines and comments.

    Entries end at a NUL, as ``find -print0`` writes them, or else at the end of a line.
    A byte order mark of UTF-8, UTF-16 or UTF-32 decides the encoding.

    Args:
        name: A file with one path a line, the address of one in a store, or ``-`` for
            standard input.

    Raises:
        UsageError: The list cannot be read.
    """
    try:
        raw = _raw(name)
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


def _raw(name: str) -> bytes:
    if is_address(name):
        return client.read(Address.parse(name))[0]
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def meant(entry: str) -> str:
    """The path of an entry: as written if it exists, else without quotes and blanks."""
    if os.path.lexists(entry):
        return entry
    bare = entry.strip()
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in _QUOTES:
        quote = bare[0]
        return bare[1:-1].replace(quote * 2, quote)
    return bare if os.path.lexists(bare) else entry


def plain(entry: str) -> tuple[str, str] | None:
    """Root and path of an entry that leads to a regular file just as it is written.

    Nearly all of a long list do, and need no closer look.

    Returns:
        None where a closer look is needed.
    """
    root, mark, rest = entry.rpartition(ROOT_MARK)
    if not mark and entry.startswith("/"):
        root, _, rest = entry.rpartition("/")
    path = f"{root}/{rest}" if mark or rest != entry else entry
    if os.sep != "/" or _UNPLAIN.search(path, path.startswith("/")):
        return None
    try:
        is_regular = stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return None
    is_below = bool(mark) or rest != entry
    return (root or "/" if is_below else "", path) if is_regular else None


def _text(raw: bytes) -> str:
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return raw.decode(encoding)
    text = os.fsdecode(raw.removeprefix(codecs.BOM_UTF8))
    wide = _wide_encoding(raw)
    return raw.decode(wide) if wide else text


def _wide_encoding(raw: bytes) -> str | None:
    """UTF-16 without a byte order mark: nearly every second byte is a NUL."""
    text = os.fsdecode(raw)
    parts = {*text.split("\0")} - {"", "/", "."}
    if text.count("\0") <= _WIDE_SHARE * len(text):
        return None
    if all(map(os.path.lexists, parts)):
        return None  # names of one letter, separated by NULs
    before, after = raw[::2].count(0), raw[1::2].count(0)
    return "utf-16-be" if before > after else "utf-16-le"


def _end(text: str) -> str:
    if "\0" in text:
        return "\0"
    return "\n" if "\n" in text else "\r"
