"""What the hub's own client is asked for, and its errors in one line.

Only this module and `cache` know ``huggingface_hub``, which is imported on first use.
"""

from __future__ import annotations

import hashlib
import logging
import re
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msrnet_cli.errors import DownloadError
from msrnet_cli.hub.address import SCHEME

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from msrnet_cli.hub.address import HubAddress

CHUNK = 1 << 20
MAX_BYTES = 1 << 30
"""A larger file is not fetched."""

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Told:
    """What the hub says of a file, checked.

    Attributes:
        commit: Where the revision stands.
        etag: Names the content: its sha256 for large files, git's own hash for others.
        size: In bytes; None where the hub did not say, for large files only.
        url: Where the content is.
        trusted: Whether `url` is on the hub itself, which may see the user's token.
    """

    commit: str
    etag: str
    size: int | None
    url: str
    trusted: bool

    def digest(self) -> hashlib._Hash:
        """A hash that gives the ETag once it has seen the content.

        Source: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
        """
        if _SHA256.fullmatch(self.etag):
            return hashlib.sha256()
        return hashlib.sha1(b"blob %d\0" % (self.size or 0), usedforsecurity=False)


def require_client() -> None:
    """Import the client, which then reads its settings.

    Raises:
        DownloadError: A setting is not what it should be.
    """
    try:
        # By its whole name: the package's own way there prints to standard error.
        import huggingface_hub.constants as settings

        urlsplit(settings.ENDPOINT)
    except ValueError as error:
        raise DownloadError(
            f"the settings of the hub's client are not readable ({error})",
            "check HF_ENDPOINT and the variables that begin with HF_HUB_",
        ) from error


def is_switched_off() -> bool:
    """Whether the user told the client to stay offline."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the client's log: a hub may write what it likes into it."""
    log = logging.getLogger("huggingface_hub")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def ask(address: HubAddress) -> Told:
    """What the hub says of a file.

    Raises:
        DownloadError: A name or a size in the answer cannot be trusted.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(address.repo, address.file, revision=address.revision)
    found = get_hf_file_metadata(url, timeout=constants.HF_HUB_ETAG_TIMEOUT)
    for kind, value in (("commit", found.commit_hash), ("ETag", found.etag)):
        if not isinstance(value, str) or not COMMIT.fullmatch(value):
            raise refused(address, f"its {kind} is not a hash of 40 or 64 digits")
    if found.size is not None and not 0 <= found.size <= MAX_BYTES:
        raise refused(address, f"{found.size / 1e9:.1f} GB are more than is fetched")
    wanted = address.revision or ""
    if COMMIT.fullmatch(wanted) and found.commit_hash != wanted:
        raise refused(address, f"it is of the commit {found.commit_hash}")
    if found.size is None and not _SHA256.fullmatch(str(found.etag)):
        raise refused(address, "its size is not told")
    origin, place = urlsplit(url), urlsplit(found.location)
    if place.scheme != "https" and place.scheme != origin.scheme:
        raise refused(address, f"it is at {place.scheme or 'no'}://, not encrypted")
    trusted = (place.scheme, place.netloc) == (origin.scheme, origin.netloc)
    commit, etag = str(found.commit_hash), str(found.etag)
    return Told(commit, etag, found.size, found.location, trusted)


def chunks(told: Told) -> Generator[bytes]:
    """The bytes of a file, from the client's own session with its settings.

    The session is a `requests.Session` before version 1 of the client, and an
    `httpx.Client` since.
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
            yield from answer.iter_bytes(CHUNK)
    else:
        with closing(session.get(told.url, stream=True, **given)) as answer:
            hf_raise_for_status(answer)
            yield from answer.iter_content(CHUNK)


def refused(address: HubAddress, why: str) -> DownloadError:
    """The error for an answer that cannot be trusted."""
    return DownloadError(
        f"{SCHEME}{address.repo}/{address.file} is refused: {why}",
        "check HF_ENDPOINT and HTTPS_PROXY, or download the file by other means and"
        " pass its path to --weights",
    )


def is_answer(error: Exception) -> bool:
    """Whether the hub itself says that it does not have something."""
    from huggingface_hub import errors

    kinds = (
        errors.RepositoryNotFoundError,
        errors.RevisionNotFoundError,
        errors.EntryNotFoundError,
    )
    return isinstance(error, kinds)


def explained(error: Exception, address: HubAddress) -> DownloadError:
    """An error of the client, in one line."""
    from huggingface_hub import errors

    where = f"hf://{address.repo}"
    if isinstance(error, errors.GatedRepoError):
        return DownloadError(f"{where} is gated", "accept its terms, then set HF_TOKEN")
    if isinstance(error, errors.RepositoryNotFoundError):
        return DownloadError(
            f"{where} does not exist or is private", "check the name, or set HF_TOKEN"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return DownloadError(
            f"{where} has no revision {address.revision}", "check the revision"
        )
    if isinstance(error, errors.EntryNotFoundError):
        return DownloadError(
            f"{where} has no file {address.file}", "name the file: hf://owner/repo/file"
        )
    return unreachable(where, error)


def unreachable(where: str, error: BaseException) -> DownloadError:
    """The error for a request that failed on its way."""
    cause = str(error).strip().partition("\n")[0] or type(error).__name__
    return DownloadError(
        f"{where} could not be fetched ({cause})",
        "check HF_ENDPOINT, HTTPS_PROXY and SSL_CERT_FILE, or download the file"
        " by other means and pass its path to --weights",
    )
