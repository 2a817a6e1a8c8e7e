"""What a store's refusal means, in one line and without its secrets."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from msrnet_cli.stores.address import Address

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w+)</Code>")
# Where machines of the three ask for credentials when the environment has none.
_SERVICES = re.compile(
    r"169\.254\.\d+\.\d+|/latest/(?:api/token|meta-data)|metadata\.google\.internal"
    r"|/computeMetadata/|/metadata/identity/|(?:missing|no) credentials",
    re.IGNORECASE,
)
# What obstore says of credentials that are set and cannot be meant.
_FILE = "the file that GOOGLE_APPLICATION_CREDENTIALS names"
_UNUSABLE = {
    "Unable to open service account file": f"{_FILE} cannot be opened",
    "Unable to decode service account file": f"{_FILE} is not a key that is known",
    "pem file": f"{_FILE} holds a damaged key",
    "Invalid RSA key": f"{_FILE} holds a damaged key",
    "Invalid Access Key": "AZURE_STORAGE_ACCOUNT_KEY is not a key",
    "SAS query pair": "AZURE_STORAGE_SAS_TOKEN is not a token",
}
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound"}
_UNKNOWN_USER = {
    "AuthenticationFailed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
}
_BUSY = {408, 429}
_MOST_LETTERS = 200
_ODD = "has a part that is empty, . or .., and nothing beside it can be listed"
VARIABLES = {
    "s3": "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY",
}
"""What tells a user's credentials where no service of the machine does."""


class StoreError(OSError):
    """A request to a store that failed.

    Its errno is ENOENT; EPERM for credentials that are missing or not accepted, EACCES
    for those that do not suffice; EFBIG; EINVAL; or, for what may pass by itself,
    ECONNABORTED where the connection failed and EIO elsewhere.
    """


def told(error: Exception, address: Address) -> StoreError:
    """What an error of obstore means.

    Args:
        error: It holds an answer of the server, as obstore writes it.
        address: What was asked for.
    """
    text = str(error).partition("\n\nDebug source:")[0]
    number, reason = _meaning(error, text, address)
    return StoreError(number, reason, str(address))


def _meaning(error: Exception, text: str, address: Address) -> tuple[int, str]:
    variables = VARIABLES[address.scheme]
    if _SERVICES.search(text):
        return errno.EPERM, f"there are no credentials: {variables} not set"
    if "Account must be specified" in text:
        return (
            errno.EPERM,
            "no account is named: AZURE_STORAGE_ACCOUNT_NAME is not set",
        )
    for known, reason in _UNUSABLE.items():
        if known in text:
            return errno.EPERM, reason
    found = _CODE.search(text)
    code = found[1] if found else ""
    status = _STATUS.search(text)
    if "token request" in text and status is not None:
        return errno.EPERM, f"these credentials are not accepted any more ({status[1]})"
    if "token request" in text:
        return errno.EPERM, "the service that gives credentials does not answer"
    if status is not None:
        return _answered(int(status[1]), code, address, is_list="list request" in text)
    if isinstance(error, FileNotFoundError):
        return errno.ENOENT, "there is no such object"
    if "invalid path" in text:
        key = text.partition('Path "')[2].partition('"')[0]
        return errno.EINVAL, f'the key "{key}" {_ODD}'
    if "edirect" in text:
        return errno.EINVAL, "the bucket is in another region: set AWS_REGION"
    if "Unable parse source url" in text:
        return errno.EINVAL, "its server is not named by a URL"
    if "builder error" in text:
        return errno.EINVAL, "its server is named by http://, not https://"
    if "timed out" in text or isinstance(error, TimeoutError):
        return errno.EIO, "the store did not answer in time"
    if "error sending request" in text or "body" in text or "onnection" in text:
        return errno.ECONNABORTED, "the connection to the store failed"
    plain = re.sub(r"\?\S*", "", text.partition("\n")[0])  # may hold a signature
    return errno.EIO, plain[:_MOST_LETTERS]


def _answered(
    status: int, code: str, address: Address, *, is_list: bool
) -> tuple[int, str]:
    """What an answer of the server means that is not a success."""
    name = f"{status} {code}".strip()
    if code in _NO_BUCKET or (status == 404 and is_list):
        return errno.ENOENT, f"there is no bucket {address.bucket}"
    if status == 404:
        return errno.ENOENT, "there is no such object"
    if code in _UNKNOWN_USER or status == 401:
        return errno.EPERM, f"the store does not accept these credentials ({name})"
    if status == 403:
        return errno.EACCES, f"access is denied ({name})"
    if 300 <= status < 400:
        return errno.EINVAL, "the bucket is in another region: set AWS_REGION"
    if status >= 500 or status in _BUSY:
        return errno.EIO, f"the store is busy or failing ({name})"
    return errno.EINVAL, f"the store refuses it ({name})"
