"""One folder job split over several machines: which picture is whose.

The path of a picture below its own folder decides, by its digest: a new picture moves
no other one to another shard. Every shard lists and plans all inputs, which costs each
of them the time of a walk through the folders; it reads headers of its own pictures
only.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_WORDS = re.compile(r"([0-9]{1,9})/([0-9]{1,9})", re.ASCII)
_AUTO = re.compile(r"auto(?:/([0-9]{1,9}))?", re.ASCII)
_DIGEST_BYTES = 8
_EXPECTED = (
    "a part and how many there are, counted from 1: 1/8 to 8/8; or auto; or auto/8"
)


@dataclass(frozen=True)
class Shard:
    """One of the parts of a folder job.

    Attributes:
        index: Which one, counted from 1.
        count: How many there are.
        source: What told it, such as the name of a variable; "" for the user.
    """

    index: int
    count: int
    source: str = ""

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def holds(self, relative: str) -> bool:
        """Whether a picture belongs to this shard.

        Args:
            relative: Its path below the folder that is mirrored, with forward slashes.
        """
        return part_of(relative, self.count) == self.index


def part_of(relative: str, count: int) -> int:
    """The part of a picture, 1 to `count`.

    The first 8 bytes of the path's sha256 as a number, modulo `count`, plus 1. The path
    is taken as the bytes that the file system has: UTF-8, nearly always.

    Args:
        relative: Its path below the folder that is mirrored, with forward slashes.
        count: How many parts there are.
    """
    found = hashlib.sha256(relative.encode(errors="surrogateescape")).digest()
    return int.from_bytes(found[:_DIGEST_BYTES]) % count + 1


def read_shard(text: str) -> str:
    """The words of a user that name a shard, as they are.

    Raises:
        ValueError: They name none; says what is expected.
    """
    if _AUTO.fullmatch(text) is None:
        named(text)
    elif count_of(text) == 0:
        raise ValueError(_EXPECTED)
    return text


def named(text: str) -> Shard:
    """The shard of a text such as ``3/8``.

    Raises:
        ValueError: It names none; says what is expected.
    """
    match = _WORDS.fullmatch(text)
    if match is None:
        raise ValueError(_EXPECTED)
    index, count = map(int, match.groups())
    if not 1 <= index <= count:
        example = f"1/{count} to {count}/{count}" if count else "1/8 to 8/8"
        raise ValueError(f"a part from {example}: parts are counted from 1")
    return Shard(index, count)


def count_of(text: str) -> int | None:
    """How many parts a text such as ``auto/8`` tells; None where it tells none."""
    match = _AUTO.fullmatch(text)
    return None if match is None or match[1] is None else int(match[1])


def marked(name: str, shard: Shard | None) -> str:
    """The name of a file of which each shard has its own.

    Args:
        name: Of the file of a run that is not split, such as ``failures.txt``.
        shard: For 3/8 the name becomes ``failures-3-of-8.txt``; None leaves it.
    """
    if shard is None:
        return name
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}-{shard.index}-of-{shard.count}{dot}{suffix}"


def mark_of(name: str, plain: str) -> str | None:
    """Whose file a name is: ``3/8``, or "" for that of a run that is not split.

    Args:
        name: Of the file.
        plain: Its name without a shard.

    Returns:
        None where it is another file.
    """
    if name == plain:
        return ""
    stem, dot, suffix = map(re.escape, plain.rpartition("."))
    match = re.fullmatch(rf"{stem}-([0-9]{{1,9}})-of-([0-9]{{1,9}}){dot}{suffix}", name)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        return None
    return f"{int(match[1])}/{int(match[2])}"


def place_of(mark: str) -> tuple[int, int]:
    """Sorts shards: all of eight before all of nine.

    Args:
        mark: As ``3/8``; "" comes first.
    """
    index, _, count = mark.partition("/")
    return int(count or 0), int(index or 0)
