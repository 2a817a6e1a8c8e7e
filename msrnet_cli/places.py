"""Where files lie: on this machine, or in a store. What reads them asks here."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from msrnet_cli.errors import UsageError
from msrnet_cli.files import opened_regular, read_regular
from msrnet_cli.stores import client
from msrnet_cli.stores.address import Address, is_address

Place = Path | Address
"""A file or a folder."""


def place(text: str) -> Place:
    """A place as a user writes it.

    Raises:
        UsageError: It is an address in another form.
    """
    return Address.parse(text) if is_address(text) else Path(text)


def opened(
    file: Place, most: int = client.MOST_BYTES
) -> AbstractContextManager[BinaryIO]:
    """A file to read, as `files.opened_regular`.

    Args:
        file: Which one.
        most: Of an object in a store, bytes after which reading on is refused.

    Raises:
        OSError: It cannot be opened, or is a link, a folder, a FIFO, a device.
    """
    if isinstance(file, Address):
        return client.opened(file, most)
    return opened_regular(file)


def read(file: Place) -> bytes:
    """All of a file, as `files.read_regular`.

    Raises:
        OSError: It cannot be read, or is too large.
    """
    return client.read(file)[0] if isinstance(file, Address) else read_regular(file)


def read_tagged(file: Place) -> tuple[bytes, str]:
    """All of a file, and its tag, which is "" but for an object in a store.

    Raises:
        OSError: As `read`.
    """
    return client.read(file) if isinstance(file, Address) else (read_regular(file), "")


def start(file: Place, size: int) -> bytes:
    """The first bytes of a file.

    Raises:
        OSError: It cannot be read.
    """
    if isinstance(file, Address):
        return client.start(file, size)
    with opened_regular(file) as opened:
        return opened.read(size)


def exists(file: Place) -> bool:
    """Whether there is anything of this name, be it a link to nothing.

    Raises:
        StoreError: The store does not tell.
    """
    if isinstance(file, Address):
        return client.facts(file) is not None
    return os.path.lexists(file)


def here(place: Place) -> Path:
    """A place on this machine, where a page finds what it shows.

    Raises:
        UsageError: It lies in a store.
    """
    if isinstance(place, Path):
        return place
    raise UsageError(
        f"a page shows pictures of this machine, not {place}",
        "do without; copy results and originals here to show them",
    )
