"""Files from the Hugging Face hub, through its own client and cache.

Knows nothing about what is in the files.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from msrnet_cli.errors import NetworkError, UsageError

SCHEME = "hf://"
DEFAULT_FILE = "model.safetensors"


@dataclass(frozen=True)
class HubAddress:
    """A file in a hub repository, at a revision (None for its newest)."""

    repo: str
    file: str = DEFAULT_FILE
    revision: str | None = None


def parse_address(spec: str) -> HubAddress:
    """Read ``hf://owner/repo[@revision][/file]``.

    Raises:
        UsageError: The address has another form.
    """
    owner, _, rest = spec.removeprefix(SCHEME).partition("/")
    name, _, file = rest.partition("/")
    name, at, revision = name.partition("@")
    if not owner or not name or (at and not revision) or ".." in file.split("/"):
        raise UsageError(
            f"{spec} is no hub address", "write hf://owner/repo[@revision][/file]"
        )
    return HubAddress(f"{owner}/{name}", file or DEFAULT_FILE, revision or None)


def fetch(address: HubAddress, *, offline: bool = False) -> Path:
    """Find a file in the cache, or download it.

    Args:
        address: What to fetch.
        offline: Use the cache only.

    Returns:
        The file in the hub's cache.

    Raises:
        NetworkError: It is not cached and cannot be fetched.
    """
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from huggingface_hub import hf_hub_download

    try:
        return Path(
            hf_hub_download(
                address.repo,
                address.file,
                revision=address.revision,
                local_files_only=offline,
            )
        )
    except Exception as error:  # the client lets its HTTP library's errors through
        raise _explained(error, address, offline) from error


def cache_folder() -> Path:
    """Where the hub's client keeps what it fetched."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def _explained(error: Exception, address: HubAddress, offline: bool) -> NetworkError:
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
    if isinstance(error, errors.LocalEntryNotFoundError):
        if offline or os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"):
            return NetworkError(
                f"{where}/{address.file} is not cached and the network is off",
                "fetch it once online, or pass a file to --weights",
            )
        return _unreachable(where, error.__cause__ or error)
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
