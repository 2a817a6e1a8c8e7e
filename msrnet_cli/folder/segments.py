"""The journal of an output in a store, where nothing can be added to an object.

What decides lies with each result: its label, put together with its bytes in one step,
says what it was made from. So nothing is lost with a driver that is killed, on whatever
machine, and to know that a result is there costs one request and no bytes.

What people want to know later is gathered, and put as an object of its own after the
first result, then after some minutes or a mebibyte, and at the end. No such segment is
ever changed: runs at the same time never take each other's lines. A killed driver loses
the lines of its last minutes; the next run writes them again as it meets the results.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.errors import UsageError
from msrnet_cli.folder.about import About
from msrnet_cli.folder.known import Entry, JournalError, Known, digest, line_of
from msrnet_cli.folder.tails import NAME, Run
from msrnet_cli.stores import client
from msrnet_cli.stores.refusal import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from msrnet_cli.folder.shards import Shard
    from msrnet_cli.places import Place
    from msrnet_cli.stores.address import Address

_STEM = NAME.removesuffix(".jsonl")  # all journals begin so, those of folders, too
_MARK = re.compile(r"-([0-9]{1,9})-of-([0-9]{1,9})\.jsonl")
_SECONDS = 120.0
_BYTES = 1 << 20
_READERS = 16
_VERSION = 1
_NAME_LETTERS = 16  # of the digest of a name, in a label


@dataclass(frozen=True)
class Label:
    """What lies beside the bytes of a result.

    Attributes:
        made: Sha256 of the bytes, in hex.
        source: Sha256 of the input's bytes, in hex.
        recipe: As in `Entry`.
        size: Of the bytes.
        name: Names the result below the output folder: a copy elsewhere is not it.
        tag: Of the input's state, as its store told it; "" where it had none.
    """

    made: str
    source: str
    recipe: str
    size: int
    name: str
    tag: str = ""

    def text(self) -> str:
        """As `label_of` reads it; some 300 letters."""
        return json.dumps({"v": _VERSION, **vars(self)}, separators=(",", ":"))


def label_of(text: str) -> Label | None:
    """The label of a text; None where it is none."""
    try:
        fields = json.loads(text)
        if fields.pop("v") != _VERSION or type(fields["size"]) is not int:
            return None
        found = Label(**fields)
        texts = (found.made, found.source, found.recipe, found.name, found.tag)
        return found if all(isinstance(each, str) for each in texts) else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


class Segments(Known):
    """The journal of an output in a store. Safe to share between threads.

    Args:
        folder: The output.
        shard: Whose run this is; None for one that is not split.
        to_read: Only to be read: nothing is put.
        wanted: As `Known` takes it.

    Raises:
        UsageError: A segment cannot be read.
    """

    def __init__(
        self,
        folder: Address,
        *,
        shard: Shard | None = None,
        to_read: bool = False,
        wanted: Callable[[str], bool] | None = None,
    ) -> None:
        super().__init__(wanted)
        self._folder = folder
        self._ending = f"-{shard.index}-of-{shard.count}.jsonl" if shard else ".jsonl"
        self._to_read = to_read
        self._seen: dict[str, client.Facts | None] = {}  # to be asked for at once
        self._waiting: list[bytes] = []
        self._count = 0
        self._last = float("-inf")
        for _, data in segments(folder):
            for line in data.splitlines():
                self._learn(line)

    def add(self, entry: Entry, about: About | None = None) -> None:
        """Record a result that is about to be put.

        Args:
            entry: The result.
            about: What people want to know of it; None for nothing.

        Raises:
            JournalError: A segment cannot be put.
        """
        with self._lock:
            self._remember(entry)
            self._keep(line_of(entry, about))

    def add_run(self, run: Run) -> None:
        """Record that a run of a shard begins or has ended.

        Raises:
            JournalError: A segment cannot be put.
        """
        with self._lock:
            self._last = float("-inf")
            self._keep(run.line())

    def close(self) -> None:
        """Put what was gathered; where that fails, the next run gathers it anew."""
        with self._lock, suppress(JournalError):
            self._put()

    def is_first(self) -> bool:
        """True: a store tells of no other run, and two of them do their work twice."""
        return True

    def claim(self, output: str) -> bool:  # noqa: ARG002 a journal of a folder asks
        """As `is_first`."""
        return True

    def release(self, output: str) -> None:
        """Nothing was claimed."""

    def is_outdated(
        self,
        output: str,
        path: Place,
        beside: str,
        source_sha256: str,
        recipes: tuple[str, ...],
    ) -> bool:
        if output not in self._entries:  # what was never made costs no request
            return False
        return super().is_outdated(output, path, beside, source_sha256, recipes)

    def source_of(self, output: str, source: Address) -> tuple[str, str] | None:
        """What a result was made from, if its label tells it of this state of an input.

        Args:
            output: The path of the result below the output.
            source: The input.

        Returns:
            Sha256 of the input's bytes, in hex, and its tag; None where the bytes must
            be read.

        Raises:
            StoreError: The store does not tell.
        """
        facts = client.facts(self._folder / output)
        with self._lock:
            self._seen[output] = facts
        label = None if facts is None else _fitting(facts, output)
        if label is None or not label.tag:
            return None
        now = client.facts(source)
        is_same = now is not None and now.tag == label.tag
        return (label.source, label.tag) if is_same else None

    def label(self, entry: Entry, size: int, tag: str) -> str:
        """What is to be kept beside the bytes of a result.

        Args:
            entry: The result.
            size: Of its bytes.
            tag: Of the input's state; "" where it has none.
        """
        made, source, recipe = entry.output_sha256, entry.source_sha256, entry.recipe
        return Label(made, source, recipe, size, _named(entry.output), tag).text()

    def _now(self, output: str, path: Place) -> tuple[bool, Entry | None]:
        with self._lock:
            is_seen, facts = output in self._seen, self._seen.pop(output, None)
        if not is_seen:
            facts = client.facts(self._folder / output)
        if facts is None:
            return False, None
        label = _fitting(facts, output)
        if label is None:  # another program has put it there, or a version before
            return super()._now(output, path)
        entry = Entry(output, label.made, label.source, label.recipe)
        with self._lock:
            if label.made not in self._entries.get(output, {}):
                self._remember(entry)
                self._waiting.append(line_of(entry))
        return True, entry

    def _keep(self, line: bytes) -> None:
        self._waiting.append(line)
        self._count += len(line)
        if self._count > _BYTES or time.monotonic() - self._last > _SECONDS:
            self._put()

    def _put(self) -> None:
        if self._to_read or not self._waiting:
            return
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}{self._ending}"
        address = self._folder / f"{_STEM}/{name}"
        try:
            client.put(address, b"".join(self._waiting))
        except StoreError as error:
            raise JournalError(error.errno, error.strerror, str(address)) from error
        self._waiting, self._count, self._last = [], 0, time.monotonic()


def segments(folder: Address) -> Iterator[tuple[str, bytes]]:
    """All segments of an output in a store, those that were put last at the end.

    Returns:
        Whose each is, ``3/8`` or "", and its lines.

    Raises:
        UsageError: They cannot be read.
    """
    try:
        found = client.names(folder, _STEM)
        names = [name for name in found if name.endswith(".jsonl")]
        read = client.each(lambda name: client.read(folder / name)[0], names, _READERS)
        for name, data in zip(names, read, strict=True):
            shard = _MARK.search(name)
            yield (f"{int(shard[1])}/{int(shard[2])}" if shard else ""), data
    except StoreError as error:
        raise UsageError(
            f"reading the journal of {folder} failed: {error.strerror}",
            "let it be read and listed",
        ) from error


def made(folder: Address, output: str) -> str | None:
    """What `Entry.output_sha256` of a result is now; None where none is there.

    Args:
        folder: The output.
        output: The path of the result below it.

    Raises:
        StoreError: It cannot be read.
    """
    facts = client.facts(folder / output)
    if facts is None:
        return None
    label = _fitting(facts, output)
    return digest(client.read(folder / output)[0]) if label is None else label.made


def _fitting(facts: client.Facts, output: str) -> Label | None:
    """The label of an object, if it tells of this very one."""
    label = label_of(facts.label)
    if label is None or (label.size, label.name) != (facts.size, _named(output)):
        return None
    return label


def _named(output: str) -> str:
    return digest(output.encode(errors="replace"))[:_NAME_LETTERS]
