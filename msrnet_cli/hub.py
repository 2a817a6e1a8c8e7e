"""Files from the Hugging Face hub, into the cache of its own client.

The hub is not trusted: what it answers becomes the names of files, so nothing is
written before the answer has been looked at. Knows nothing about what is in the files.

Source of the cache's layout: https://huggingface.co/docs/huggingface_hub/guides/manage-cache
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msrnet_cli.errors import NetworkError, UsageError
from msrnet_cli.files import write_whole, writing_whole

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

SCHEME = "hf://"
DEFAULT_FILE = "model.safetensors"
MAX_BYTES = 1 << 30
"""A larger file is not fetched."""

_NEWEST = "main"
_CHUNK = 1 << 20
# What may become part of a path. A name of a repository, too: "--" separates there.
_NAME = re.compile(r"(?!.*(--|\.\.))[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)
_REVISION = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][\w.+-]{0,199}", re.ASCII)
_PART = re.compile(r'(?!\.{1,2}$)[^\x00-\x1f\x7f/\\:*?"<>|]{1,200}')
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class HubAddress:
    """A file in a hub repository, at a revision (None for its newest).

    Raises:
        UsageError: One of them is no name that may become part of a path.
    """

    repo: str
    file: str = DEFAULT_FILE
    revision: str | None = None

    def __post_init__(self) -> None:
        sound = (
            len(owner_and_name := self.repo.split("/")) == 2
            and all(map(_NAME.fullmatch, owner_and_name))
            and all(map(_PART.fullmatch, self.file.split("/")))
            and (self.revision is None or _REVISION.fullmatch(self.revision))
        )
        if not sound:
            at = f"@{self.revision}" if self.revision else ""
            raise UsageError(
                f"{SCHEME}{self.repo}{at}/{self.file} is not a hub address".translate(
                    _VISIBLE
                ),
                _FORM,
            )


_FORM = "write hf://owner/repo[@revision][/file]"
_VISIBLE = dict.fromkeys((*range(32), 127), "?")


@dataclass(frozen=True)
class _Told:
    """What the hub says of a file, looked at.

    Attributes:
        commit: Where the revision stands.
        etag: Names the content: its sha256 for large files, git's own hash for others.
        size: In bytes; None where it was not said, of large files alone.
        url: Where the content is.
        trusted: Whether that is the hub itself, which may see the user's token.
    """

    commit: str
    etag: str
    size: int | None
    url: str
    trusted: bool


def parse_address(spec: str) -> HubAddress:
    """Read ``hf://owner/repo[@revision][/file]``.

    Raises:
        UsageError: The address has another form.
    """
    owner, _, rest = spec.removeprefix(SCHEME).partition("/")
    name, _, file = rest.partition("/")
    name, at, revision = name.partition("@")
    if not owner or not name or (at and not revision):
        raise UsageError(f"{spec} is not a hub address", _FORM)
    return HubAddress(f"{owner}/{name}", file or DEFAULT_FILE, revision or None)


def fetch(address: HubAddress, *, offline: bool = False) -> Path:
    """Find a file in the cache, or download it.

    Where the hub cannot be reached, what is cached serves. Each request is made once:
    nothing is waited for and tried again.

    Args:
        address: What to fetch.
        offline: Use the cache only; no packet leaves the machine.

    Returns:
        The file in the hub's cache.

    Raises:
        NetworkError: It is not cached and cannot be fetched, or what the hub sends is
            not what it should be.
    """
    # Read when the client is imported. Its user agent would ask the hub for more.
    for name in ("HF_HUB_DISABLE_PROGRESS_BARS", "HF_HUB_DISABLE_TELEMETRY"):
        os.environ.setdefault(name, "1")
    _require_client()
    cached = _cached(address)
    where = f"{SCHEME}{address.repo}"
    if offline or _is_switched_off():
        if cached is None:
            raise NetworkError(
                f"{where}/{address.file} is not cached and the network is off",
                "fetch it once online, or pass a file to --weights",
            )
        return cached
    if cached is not None and _COMMIT.fullmatch(address.revision or ""):
        return cached
    with _quiet():
        try:
            told = _ask(address)
        except NetworkError:
            raise
        except Exception as error:  # the client lets its HTTP library's errors through
            if cached is not None and not _is_answer(error):
                return cached
            raise _explained(error, address) from error
        try:
            return _placed(address, told)
        except NetworkError:
            raise
        except OSError as error:
            if error.filename is None:  # from the network
                raise _unreachable(where, error) from error
            reason = error.strerror or error
            raise NetworkError(
                f"{where}: the cache {cache_folder()} cannot be written ({reason})",
                "make room there, or set HF_HOME to another folder",
            ) from error
        except Exception as error:  # as above
            raise _explained(error, address) from error


def cache_folder() -> Path:
    """Where the hub's client keeps what it fetched.

    Raises:
        NetworkError: A setting of the client is not what it should be.
    """
    _require_client()
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def _require_client() -> None:
    """Load the client, which reads its settings then.

    Raises:
        NetworkError: A setting is not what it should be.
    """
    try:
        # By its whole name: the package's own way there prints to standard error.
        import huggingface_hub.constants as settings

        urlsplit(settings.ENDPOINT)
    except ValueError as error:
        raise NetworkError(
            f"the settings of the hub's client are not readable ({error})",
            "check HF_ENDPOINT and the variables that begin with HF_HUB_",
        ) from error


def _is_switched_off() -> bool:
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def _cached(address: HubAddress) -> Path | None:
    """The file in the cache, by looking at files alone."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(
        address.repo, address.file, revision=address.revision
    )
    return Path(found) if isinstance(found, str) else None


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the client's log, in which a hub may write what it likes."""
    log = logging.getLogger("huggingface_hub")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def _ask(address: HubAddress) -> _Told:
    """What the hub says of a file.

    Raises:
        NetworkError: Names or a size that are not to be trusted.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(address.repo, address.file, revision=address.revision)
    found = get_hf_file_metadata(url, timeout=constants.HF_HUB_ETAG_TIMEOUT)
    for kind, value in (("commit", found.commit_hash), ("ETag", found.etag)):
        if not isinstance(value, str) or not _COMMIT.fullmatch(value):
            raise _refused(address, f"its {kind} is not a hash of 40 or 64 digits")
    if found.size is not None and not 0 <= found.size <= MAX_BYTES:
        raise _refused(address, f"{found.size / 1e9:.1f} GB are more than is fetched")
    wanted = address.revision or ""
    if _COMMIT.fullmatch(wanted) and found.commit_hash != wanted:
        raise _refused(address, f"it is of the commit {found.commit_hash}")
    if found.size is None and not _SHA256.fullmatch(str(found.etag)):
        raise _refused(address, "its size is not told")
    origin, place = urlsplit(url), urlsplit(found.location)
    if place.scheme != "https" and place.scheme != origin.scheme:
        raise _refused(address, f"it is at {place.scheme or 'no'}://, not encrypted")
    trusted = (place.scheme, place.netloc) == (origin.scheme, origin.netloc)
    commit, etag = str(found.commit_hash), str(found.etag)
    return _Told(commit, etag, found.size, found.location, trusted)


def _placed(address: HubAddress, told: _Told) -> Path:
    """The file in the cache, as the hub has it now; downloaded if need be."""
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


def _is_whole(path: Path, told: _Told) -> bool:
    """Whether a file is there and has the content that the hub names."""
    if not path.is_file():
        return False
    if told.size not in (None, path.stat().st_size):
        return False
    digest = _digest(told)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest() == told.etag


def _digest(told: _Told) -> hashlib._Hash:
    """What gives the ETag once it has seen the content.

    Source: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
    """
    if _SHA256.fullmatch(told.etag):
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % (told.size or 0), usedforsecurity=False)


def _point(place: Path, blob: Path) -> None:
    """Have a name in a snapshot lead to its content."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    try:
        place.symlink_to(os.path.relpath(blob, place.parent))
    except OSError:  # no such links on this system, or for this user
        shutil.copyfile(blob, place)


def _download(address: HubAddress, told: _Told, target: Path) -> None:
    """Write the content of a file, whole, of the size and hash that were told.

    Raises:
        NetworkError: It is not what was told; nothing is left of it.
    """
    length, digest = 0, _digest(told)
    most = MAX_BYTES if told.size is None else told.size
    with writing_whole(target) as file:
        with closing(_chunks(told)) as chunks:
            for chunk in chunks:
                length += len(chunk)
                if length > most:
                    raise _refused(address, f"more came than the {most} bytes told")
                digest.update(chunk)
                file.write(chunk)
        if told.size not in (None, length):
            raise _refused(address, f"{length} of {told.size} bytes came")
        if digest.hexdigest() != told.etag:
            kind = digest.name
            raise _refused(address, f"what came does not have the {kind} that was told")


def _chunks(told: _Told) -> Generator[bytes]:
    """The bytes of a file, from the client's own session with its settings.

    That was a `requests.Session` before version 1, and is an `httpx.Client` since.
    """
    from huggingface_hub import constants, get_token
    from huggingface_hub.utils import (  # type: ignore[attr-defined]
        get_session,
        hf_raise_for_status,
    )

    headers = {"Accept-Encoding": "identity"}
    token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
    if token and told.trusted:
        headers["Authorization"] = f"Bearer {token}"
    session: Any = get_session()
    given: dict[str, Any] = {
        "headers": headers,
        "timeout": constants.HF_HUB_DOWNLOAD_TIMEOUT,
    }
    if callable(session.stream):
        with session.stream("GET", told.url, follow_redirects=True, **given) as answer:
            hf_raise_for_status(answer)
            yield from answer.iter_bytes(_CHUNK)
    else:
        with closing(session.get(told.url, stream=True, **given)) as answer:
            hf_raise_for_status(answer)
            yield from answer.iter_content(_CHUNK)


def _refused(address: HubAddress, why: str) -> NetworkError:
    return NetworkError(
        f"{SCHEME}{address.repo}/{address.file} is refused: {why}",
        "check HF_ENDPOINT and HTTPS_PROXY, or download the file by other means and"
        " pass its path to --weights",
    )


def _is_answer(error: Exception) -> bool:
    """Whether the hub itself says that it does not have something."""
    from huggingface_hub import errors

    # A repository that is gated or gone, a revision, a file.
    kinds = (
        errors.RepositoryNotFoundError,
        errors.RevisionNotFoundError,
        errors.EntryNotFoundError,
    )
    return isinstance(error, kinds)


def _explained(error: Exception, address: HubAddress) -> NetworkError:
    from huggingface_hub import errors

    where = f"hf://{address.repo}"
    if isinstance(error, errors.GatedRepoError):
        return NetworkError(f"{where} is gated", "accept its terms, then set HF_TOKEN")
    if isinstance(error, errors.RepositoryNotFoundError):
        return NetworkError(
            f"{where} does not exist or is private", "check the name, or set HF_TOKEN"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return NetworkError(
            f"{where} has no revision {address.revision}", "check the revision"
        )
    if isinstance(error, errors.EntryNotFoundError):
        return NetworkError(
            f"{where} has no file {address.file}", "name the file: hf://owner/repo/file"
        )
    return _unreachable(where, error)


def _unreachable(where: str, error: BaseException) -> NetworkError:
    cause = str(error).strip().partition("\n")[0] or type(error).__name__
    return NetworkError(
        f"{where} could not be fetched ({cause})",
        "check HF_ENDPOINT, HTTPS_PROXY and SSL_CERT_FILE, or download the file"
        " by other means and pass its path to --weights",
    )
