"""Files from the hub, in the cache of the hub's own client.

Source of the cache's layout: https://huggingface.co/docs/huggingface_hub/guides/manage-cache
"""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli.errors import DownloadError
from msrnet_cli.files import write_whole, writing_whole
from msrnet_cli.hub import client
from msrnet_cli.hub.address import SCHEME

if TYPE_CHECKING:
    from msrnet_cli.hub.address import HubAddress
    from msrnet_cli.hub.client import Told

_NEWEST = "main"


def fetch(address: HubAddress, *, offline: bool = False) -> Path:
    """Find a file in the cache, or download it.

    Where the hub cannot be reached, the cached file serves. Each request is made once,
    without waiting for a second try.

    Args:
        address: What to fetch.
        offline: Use the cache only; no packet leaves the machine.

    Returns:
        The file in the hub's cache.

    Raises:
        DownloadError: It is not cached and cannot be fetched, or what the hub sends is
            not what it should be.
    """
    # Read when the client is imported. Its user agent would ask the hub for more.
    for name in ("HF_HUB_DISABLE_PROGRESS_BARS", "HF_HUB_DISABLE_TELEMETRY"):
        os.environ.setdefault(name, "1")
    client.require_client()
    cached = _cached(address)
    if offline or client.is_switched_off():
        if cached is None:
            raise DownloadError(
                f"{SCHEME}{address.repo}/{address.file} is not cached and the network"
                " is off",
                "fetch it once online, or pass a file to --weights",
            )
        return cached
    if cached is not None and client.COMMIT.fullmatch(address.revision or ""):
        return cached
    with client.quiet():
        try:
            told = client.ask(address)
        except DownloadError:
            raise
        except Exception as error:  # the client lets its HTTP library's errors through
            if cached is not None and not client.is_answer(error):
                return cached
            raise client.explained(error, address) from error
        return _downloaded(address, told)


def cache_folder() -> Path:
    """Where the hub's client keeps what it fetched.

    Raises:
        DownloadError: A setting of the client is not what it should be.
    """
    client.require_client()
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def _downloaded(address: HubAddress, told: Told) -> Path:
    """The file in the cache, as the hub has it now.

    Raises:
        DownloadError: It could not be fetched, or not be written.
    """
    where = f"{SCHEME}{address.repo}"
    try:
        return _placed(address, told)
    except DownloadError:
        raise
    except OSError as error:
        if error.filename is None:  # from the network
            raise client.unreachable(where, error) from error
        reason = error.strerror or error
        raise DownloadError(
            f"{where}: the cache {cache_folder()} cannot be written ({reason})",
            "make room there, or set HF_HOME to another folder",
        ) from error
    except Exception as error:  # the client lets its HTTP library's errors through
        raise client.explained(error, address) from error


def _cached(address: HubAddress) -> Path | None:
    """The file in the cache, by looking at files alone."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(
        address.repo, address.file, revision=address.revision
    )
    return Path(found) if isinstance(found, str) else None


def _placed(address: HubAddress, told: Told) -> Path:
    """The file in the cache, as the hub has it now; downloaded if necessary."""
    folder = cache_folder() / f"models--{address.repo.replace('/', '--')}"
    blob = folder / "blobs" / told.etag
    place = folder / "snapshots" / told.commit / address.file
    if not _is_whole(place, told):
        if not _is_whole(blob, told):
            _download(address, told, blob)
        _point(place, blob)
    revision = address.revision or _NEWEST
    if revision != told.commit:
        write_whole(folder / "refs" / revision, told.commit.encode())
    return place


def _is_whole(path: Path, told: Told) -> bool:
    """Whether a file is there and has the content that the hub names."""
    if not path.is_file():
        return False
    if told.size not in (None, path.stat().st_size):
        return False
    digest = told.digest()
    with path.open("rb") as file:
        while chunk := file.read(client.CHUNK):
            digest.update(chunk)
    return digest.hexdigest() == told.etag


def _point(place: Path, blob: Path) -> None:
    """Have a name in a snapshot lead to its content."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    try:
        place.symlink_to(os.path.relpath(blob, place.parent))
    except OSError:  # no such links on this system, or for this user
        shutil.copyfile(blob, place)


def _download(address: HubAddress, told: Told, target: Path) -> None:
    """Write the content of a file, whole, of the size and hash that were told.

    Raises:
        DownloadError: It is not what was told; nothing is left of it.
    """
    length, digest = 0, told.digest()
    most = client.MAX_BYTES if told.size is None else told.size
    with writing_whole(target) as file:
        with closing(client.chunks(told)) as chunks:
            for chunk in chunks:
                length += len(chunk)
                if length > most:
                    raise client.refused(
                        address, f"more came than the {most} bytes told"
                    )
                digest.update(chunk)
                file.write(chunk)
        if told.size not in (None, length):
            raise client.refused(address, f"{length} of {told.size} bytes came")
        if digest.hexdigest() != told.etag:
            kind = digest.name
            raise client.refused(
                address, f"what came does not have the {kind} that was told"
            )
