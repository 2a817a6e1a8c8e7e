"""Addresses on the hub: ``hf://owner/repo[@revision][/file]``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from msrnet_cli.errors import UsageError

SCHEME = "hf://"
DEFAULT_FILE = "model.safetensors"

_FORM = "write hf://owner/repo[@revision][/file]"
_VISIBLE = dict.fromkeys((*range(32), 127), "?")
# What may become part of a path; the cache separates the names of a repository by "--".
_NAME = re.compile(r"(?!.*(--|\.\.))[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)
_REVISION = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][\w.+-]{0,199}", re.ASCII)
_PART = re.compile(r'(?!\.{1,2}$)[^\x00-\x1f\x7f/\\:*?"<>|]{1,200}')


@dataclass(frozen=True)
class HubAddress:
    """A file in a hub repository, at a revision (None for its newest).

    Raises:
        UsageError: One of them may not become part of a path.
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
