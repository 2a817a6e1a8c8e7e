"""Which pictures there are in stores, by their names alone.

A key that is a picture by its name is one. Others are passed over unread: to look at
their first bytes, as in a folder, would cost a request for each.
"""

from __future__ import annotations

import errno
from functools import lru_cache
from typing import TYPE_CHECKING

from msrnet_cli import images
from msrnet_cli.errors import UsageError
from msrnet_cli.folder.events import Ignored
from msrnet_cli.folder.findings import Fault, Finding, Found
from msrnet_cli.folder.lists import ROOT_MARK
from msrnet_cli.folder.names import is_hidden, parted
from msrnet_cli.images.previews import is_preview
from msrnet_cli.stores import client
from msrnet_cli.stores.address import Address
from msrnet_cli.stores.refusal import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from msrnet_cli.folder.options import Exist
    from msrnet_cli.places import Place

SUBFOLDER = "subfolder"
_MOST = 2000  # keys that are passed over before a listing begins anew behind them
_LAST = "\U0010ffff"
_root = lru_cache(maxsize=100)(Address.parse)  # many entries share one


def check(text: str) -> None:
    """Require that a text is an address, and that stores can be asked.

    Raises:
        UsageError: It has another form, or the library is not installed.
    """
    Address.parse(text)
    client.require_library()


def named(text: str, target: Place, *, recursive: bool) -> Iterator[Finding]:
    """What an address that the user has named stands for: an object, or a folder.

    Args:
        text: As the user wrote it; a slash at its end means a folder.
        target: Where results go.
        recursive: Enter what stands for subfolders.

    Raises:
        UsageError: There is nothing, it is the target, or the store does not tell.
    """
    address = Address.parse(text)
    if address == target:
        raise UsageError(
            f"input and output are the same folder: {address}",
            "name another output folder",
        )
    try:
        if is_object(text):
            yield Found(address.parent, str(address))
            return
        is_empty = True
        for one in _below(address, target, recursive):
            is_empty = False
            yield one
    except StoreError as error:
        raise refused(address, error) from error
    if is_empty:
        reason = f"{address} is not there: no object, and none below it"
        raise UsageError(reason, "check it; patterns such as *.jpg mean themselves")


def listed(entry: str) -> Found | Fault:
    """An entry of a list; whether the object is there will be seen later.

    Raises:
        UsageError: The library is not installed.
    """
    client.require_library()
    before, mark, tail = entry.rpartition(ROOT_MARK)
    try:
        address = Address.parse(f"{before}/{tail}" if mark else entry)
        root = _root(before if mark else str(address.parent))
    except UsageError as error:
        shown = entry if entry in error.reason else error.reason
        return Fault(shown, "is not the address of a picture", error.reason, shown)
    return Found(root, str(address))


def is_object(text: str) -> bool:
    """Whether an address is that of an object, not of a folder.

    Raises:
        UsageError: The store does not tell.
    """
    address = Address.parse(text)
    if text.endswith("/") or not address.key:
        return False
    try:
        return client.facts(address) is not None
    except StoreError as error:
        raise refused(address, error) from error


def require_there(folder: Address) -> None:
    """Require that a bucket is there and answers, before any work.

    Raises:
        UsageError: It is not, or does not.
    """
    try:
        next(client.keys(folder), None)
    except StoreError as error:
        raise refused(folder, error) from error


def check_targets(
    outputs: Sequence[Place], place: Address, inputs: Iterable[Found], exist: Exist
) -> None:
    """Check the outputs of a job in a store, as `targets.check` does in a folder.

    Args:
        outputs: Every object that is written.
        place: The address below which they lie, or that of the only one.
        inputs: The pictures of the job.
        exist: What to do where an output exists.

    Raises:
        UsageError: One of them is also an input, or exists against the user's wish.
    """
    written = set(map(str, outputs))
    for one in inputs:
        if one.text in written:
            reason = f"{one.text} would overwrite the input {one.text}"
            raise UsageError(reason, "choose another output")
    if exist != "error":
        return
    folder = place.parent if str(place) in written else place
    start = f"{place.scheme}://{place.bucket}/"
    try:
        texts = (f"{start}{key}" for key, _ in client.keys(folder))
        existing = [text for text in texts if text in written]
    except StoreError as error:
        raise refused(folder, error) from error
    if existing:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise UsageError(
            f"{existing[0]}{more} exists", "use --exist overwrite to replace it"
        )


def refused(address: Address, error: StoreError) -> UsageError:
    """What a store's refusal means for a whole job."""
    reason = f"{address}: {error.strerror}"
    if error.errno in (errno.EIO, errno.ECONNABORTED):
        return UsageError(reason, "try again later, or check the server's address")
    return UsageError(reason, "check the address, and the variables of the environment")


def _below(folder: Address, target: Place, recursive: bool) -> Iterator[Finding]:
    """What lies below an address, in the order of keys; asked for as it is taken.

    Raises:
        StoreError: They cannot be listed.
    """
    start = f"{folder}/"
    within = f"{folder.key}/" if folder.key else ""
    after = ""
    while True:
        last, count = "", 0
        for key, size in client.keys(folder, after):
            rest = key.removeprefix(within)
            passed, reason = _passed_over(rest, start, str(target), recursive)
            if passed == rest and not size:
                continue  # what some programs put where a folder shall be shown
            if not passed:
                yield Found(folder, f"{start}{rest}")
                continue
            count = count + 1 if passed == last else 0
            if passed != last and reason:
                yield Ignored(f"{start}{passed}", reason)
            last = passed
            if count > _MOST:
                after = f"{within}{passed}/{_LAST}"
                break
        else:
            return


def _passed_over(
    rest: str, start: str, target: str, recursive: bool
) -> tuple[str, str]:
    """The part of a name that is passed over, and why; "" for that of a picture."""
    *folders, name = rest.split("/")
    path = ""
    for each in folders:
        path = f"{path}{'/' if path else ''}{each}"
        if is_hidden(each):
            return path, "hidden"
        if not recursive:
            return path, SUBFOLDER
        if f"{start}{path}" == target:
            return path, ""
    if is_hidden(name):
        return rest, "hidden"
    if is_preview(name):
        return rest, "preview of a page"
    if parted(name)[1].lower() not in images.PICTURE_SUFFIXES:
        return rest, "not named as a picture"
    return "", ""
