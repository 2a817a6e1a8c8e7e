"""Requests to stores, through obstore. Safe to share between threads.

What may pass by itself, such as a server that is busy or a connection that is cut, is
tried again here, for some minutes and after longer and longer pauses. A body that is
cut is taken up again where it ended.
"""

from __future__ import annotations

import errno
import io
import mimetypes
import os
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from msrnet_cli.errors import UsageError
from msrnet_cli.stores.refusal import StoreError, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import ModuleType
    from typing import BinaryIO

    from msrnet_cli.stores.address import Address

MOST_BYTES = 4 << 30
"""A larger object is not read: no picture is that large, and memory may be smaller."""

AT_ONCE = 32
"""Requests that wait at a time: each takes its time, and hardly any of this machine."""

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
_LABEL = "msrnet"  # in the user's metadata of an object: x-amz-meta-msrnet
_RANGE_BYTES = 1 << 16
_LISTINGS = 3  # that are begun again after one that was cut, without a key between
_PAUSE = 0.1  # seconds
_CHUNK = 1000  # keys that a store lists at once
# Where the environment names another server than that of the cloud.
_ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": ("GOOGLE_BASE_URL",),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}
_CLIENT = {
    "connect_timeout": "10s",
    "read_timeout": "2m",  # without a byte; also for an upload as a whole
    "timeout": "30m",
}
RETRIES: dict[str, Any] = {
    "max_retries": 8,
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=10),
        "base": 2,
    },
    "retry_timeout": timedelta(minutes=3),
}
"""How often, and how long, a request is tried again; as obstore takes it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a store tells of an object without its bytes.

    Attributes:
        size: In bytes.
        tag: Changes with each state of the object; "" where the store tells none.
        label: What `put` was given beside the bytes; "" for nothing.
        written: When it was put, in nanoseconds since 1970.
    """

    size: int
    tag: str = ""
    label: str = ""
    written: int = 0


def each(
    ask: Callable[[Asked], Answer], asked: Iterable[Asked], at_once: int = AT_ONCE
) -> Iterator[Answer]:
    """The answers to many requests, in order, a few of them under way at a time.

    Args:
        ask: Makes one request, and raises what it raises.
        asked: What it is called with.
        at_once: How many are under way; as many answers may wait to be taken.
    """
    with ThreadPoolExecutor(at_once) as pool:
        waiting: deque[Future[Answer]] = deque()
        for one in asked:
            waiting.append(pool.submit(ask, one))
            if len(waiting) > 2 * at_once:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def require_library() -> None:
    """Refuse stores where the library is not installed.

    Raises:
        UsageError: It is not; says how to install it.
    """
    _library()


def facts(address: Address) -> Facts | None:
    """What a store tells of an object; None where there is none.

    Raises:
        StoreError: The store does not tell.
    """
    with _told(address):
        try:
            found = _library().get(_store(address), address.key, options={"head": True})
        except FileNotFoundError as error:
            if told(error, address).errno == errno.ENOENT:
                return None
            raise
        meta = found.meta
        label = found.attributes.get(_LABEL, "")
        written = int(meta["last_modified"].timestamp() * 1e9)
        return Facts(meta["size"], meta["e_tag"] or "", label, written)


def read(address: Address) -> tuple[bytes, str]:
    """All of an object, and its tag.

    Raises:
        StoreError: It cannot be read, or has more than `MOST_BYTES`.
    """
    with _told(address):
        found = _library().get(_store(address), address.key)
        if found.meta["size"] > MOST_BYTES:
            raise StoreError(errno.EFBIG, f"it has more than {MOST_BYTES >> 30} GiB")
        return found.bytes().to_bytes(), found.meta["e_tag"] or ""


def start(address: Address, size: int) -> bytes:
    """The first bytes of an object: all of a shorter one.

    Raises:
        StoreError: It cannot be read.
    """
    with _told(address):
        try:
            options = {"range": (0, size)}
            found = _library().get(_store(address), address.key, options=options)
            return found.bytes().to_bytes()
        except _library().exceptions.GenericError:
            known = facts(address)  # of nothing there is no range
            if known is not None and not known.size:
                return b""
            raise


@contextmanager
def opened(address: Address, most: int = MOST_BYTES) -> Iterator[BinaryIO]:
    """An object to read in parts, each of which is a request.

    Args:
        address: Which one.
        most: Bytes after which reading on is refused.

    Raises:
        StoreError: It cannot be read.
    """
    known = facts(address)
    if known is None:
        raise StoreError(errno.ENOENT, "there is no such object")
    yield io.BufferedReader(_Ranges(address, known.size, most), _RANGE_BYTES)


def put(address: Address, data: bytes, label: str = "") -> None:
    """Give an object its new content in one step.

    Args:
        address: Which one.
        data: The content.
        label: A text in ASCII that `facts` tells afterwards.

    Raises:
        StoreError: The old content may still be there, and no part of the new one is.
    """
    attributes = {_LABEL: label} if label else {}
    kind, _ = mimetypes.guess_type(address.name)
    if kind is not None:
        attributes["Content-Type"] = kind
    with _told(address):
        # In several parts it could stay half in the store, unseen, and be charged for.
        _library().put(
            _store(address),
            address.key,
            data,
            attributes=attributes,
            use_multipart=False,
        )


def remove(address: Address) -> None:
    """Remove an object; one that is not there is no error.

    Raises:
        StoreError: It cannot be removed.
    """
    with _told(address):
        try:
            _library().delete(_store(address), address.key)
        except FileNotFoundError:
            return


def keys(folder: Address, after: str = "") -> Iterator[tuple[str, int]]:
    """Key and size of all objects below a folder, in the order of their bytes.

    They are asked for a thousand at a time, as they are taken.

    Args:
        folder: The folder, or whole bucket.
        after: A key; only those after it are listed.

    Raises:
        StoreError: They cannot be listed.
    """
    failures = 0
    while True:
        try:
            for one in _listed(folder, after):
                after, failures = one[0], 0
                yield one
            return
        except StoreError as error:  # a list that is cut is not tried again by itself
            failures += 1
            if error.errno != errno.ECONNABORTED or failures > _LISTINGS:
                raise
            time.sleep(_PAUSE * 2**failures)


def _listed(folder: Address, after: str) -> Iterator[tuple[str, int]]:
    prefix = f"{folder.key}/" if folder.key else ""
    with _told(folder):
        listing = _library().list(
            _store(folder), prefix or None, offset=after or None, chunk_size=_CHUNK
        )
        for chunk in listing:
            for one in chunk:
                # Some servers do not know of a key to begin after.
                if one["path"].startswith(prefix) and one["path"] > after:
                    yield one["path"], one["size"]


def names(folder: Address, beginning: str) -> Iterator[str]:
    """Names below a folder that begin with a text; keys are listed in order.

    So one request finds them, among however many others.

    Raises:
        StoreError: They cannot be listed.
    """
    within = f"{folder.key}/" if folder.key else ""
    for key, _ in keys(folder, f"{within}{beginning}"):
        name = key.removeprefix(within)
        if not name.startswith(beginning):
            return
        yield name


class _Ranges(io.RawIOBase):
    """An object as a file that is read by ranges."""

    def __init__(self, address: Address, size: int, most: int) -> None:
        self._address = address
        self._size = size
        self._left = most
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}
        self._position = max(0, start[whence] + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 any writable buffer
        end = min(self._position + len(buffer), self._size)
        count = end - self._position
        if count <= 0:
            return 0
        self._left -= count
        if self._left < 0:
            raise StoreError(errno.EFBIG, "too much of it would have to be read")
        with _told(self._address):
            part = _library().get_range(
                _store(self._address), self._address.key, start=self._position, end=end
            )
        buffer[: len(part)] = part.to_bytes()
        self._position += len(part)
        return len(part)


@contextmanager
def _told(address: Address) -> Iterator[None]:
    """Turn what obstore raises into a `StoreError`."""
    try:
        yield
    except (StoreError, UsageError):
        raise
    except Exception as error:  # a timeout in a body, for one, is not of obstore's
        raise told(error, address) from error


@cache
def _library() -> ModuleType:
    try:
        import obstore
        import obstore.exceptions
        import obstore.store
    except ImportError as error:
        raise UsageError(
            "support for s3://, gs:// and az:// is not installed",
            "pip install 'msrnet[cloud]', or where pipx is used:"
            " pipx inject msrnet obstore",
        ) from error
    return obstore


def _store(address: Address) -> Any:  # noqa: ANN401 one of obstore's stores
    return _opened(address.scheme, address.bucket)


@cache
def _opened(scheme: str, bucket: str) -> Any:  # noqa: ANN401 as `_store`
    """A bucket with the credentials that the environment tells.

    Raises:
        StoreError: What the environment tells cannot be meant.
    """
    stores = _library().store
    kinds = {"s3": stores.S3Store, "gs": stores.GCSStore, "az": stores.AzureStore}
    options: dict[str, Any] = dict(_CLIENT)
    endpoint = next(filter(None, map(os.environ.get, _ENDPOINTS[scheme])), "")
    if endpoint.startswith("http://"):
        options["allow_http"] = True  # the user has named such a server
    return kinds[scheme](bucket, client_options=options, retry_config=RETRIES)
