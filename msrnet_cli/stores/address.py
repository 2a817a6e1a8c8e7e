"""Addresses of objects, such as ``s3://bucket/photos/a.jpg``. Loads no library."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from msrnet_cli.errors import UsageError

SCHEMES = ("s3", "gs", "az")
"""Amazon S3 and what speaks as it does, Google Cloud Storage, Azure Blob Storage."""

_START = re.compile(rf"(?:{'|'.join(SCHEMES)})://", re.IGNORECASE)
_BUCKET = re.compile(r"[A-Za-z0-9$][A-Za-z0-9._-]*", re.ASCII)
_SECRET = re.compile(
    r"[?&](?:sig|signature|x-amz-[\w-]+|x-goog-[\w-]+|awsaccesskeyid|token|password)=",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MOST_BYTES = 1024  # of a key, in every store
_FORM = "write s3://BUCKET/PATH, gs://BUCKET/PATH or az://CONTAINER/PATH"
_VARIABLES = "give it in the variables of the environment: see docs/scale.md"


@dataclass(frozen=True, slots=True)
class Address:
    """An object in a store, or what stands for a folder of them: a part of their keys.

    Has those members of a Path that need no file system; each means the same.

    Attributes:
        scheme: One of `SCHEMES`.
        bucket: The bucket, or container.
        key: With forward slashes, and none at its ends; "" for the whole bucket.
    """

    scheme: str
    bucket: str
    key: str = ""

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read an address as a user writes it.

        Raises:
            UsageError: It has another form, a key that no folder could mirror, or a
                secret in it, which is not shown.
        """
        scheme, _, rest = text.partition("://")
        bucket, _, key = rest.partition("/")
        if "@" in bucket or _SECRET.search(text):
            reason = f"an address of {scheme.lower()}:// holds a password or signature"
            raise UsageError(reason, _VARIABLES)
        if not is_address(text) or not _BUCKET.fullmatch(bucket):
            raise UsageError(f"{text} names no bucket", _FORM)
        key = key.removesuffix("/")
        objection = objection_to(key)
        if objection:
            raise UsageError(f"{text} {objection}", "rename the object")
        return cls(scheme.lower(), bucket, key)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}{'/' if self.key else ''}{self.key}"

    def __truediv__(self, name: object) -> Address:
        key = f"{self.key}/{name}" if self.key else str(name)
        return Address(self.scheme, self.bucket, key)

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]

    @property
    def stem(self) -> str:
        return PurePosixPath(self.key).stem

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.key).suffix

    @property
    def parent(self) -> Address:
        return Address(self.scheme, self.bucket, self.key.rpartition("/")[0])

    def with_name(self, name: str) -> Address:
        return self.parent / name

    def absolute(self) -> Address:
        return self

    def as_posix(self) -> str:
        return str(self)


def is_address(text: str) -> bool:
    """Whether a text is, or is meant as, the address of an object."""
    return _START.match(text) is not None


def objection_to(key: str) -> str:
    """Why a key cannot be mirrored in folders; "" where it can."""
    if not key:
        return ""
    if any(part in ("", ".", "..") for part in key.split("/")):
        return "has a part that is empty, . or .., which no folder can mirror"
    if _CONTROL.search(key):
        return "has a control character in its name"
    if key != key.encode(errors="replace").decode():
        return "has a name that is not Unicode"
    if len(key.encode()) > _MOST_BYTES:
        return f"has a key of more than {_MOST_BYTES} bytes"
    return ""
