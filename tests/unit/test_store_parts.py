"""Addresses in stores, what refusals mean, and the labels of results."""

import errno
import os

import pytest

from msrnet_cli import places
from msrnet_cli.errors import UsageError
from msrnet_cli.folder.segments import Label, label_of
from msrnet_cli.stores import client
from msrnet_cli.stores.address import Address, is_address
from msrnet_cli.stores.refusal import told

ADDRESS = Address.parse("s3://bucket/in/a.b.jpg")


@pytest.mark.parametrize(
    ("text", "scheme", "bucket", "key"),
    [
        ("s3://bucket/in/a.jpg", "s3", "bucket", "in/a.jpg"),
        ("s3://bucket", "s3", "bucket", ""),
        ("s3://bucket/", "s3", "bucket", ""),
        ("S3://bucket/in/", "s3", "bucket", "in"),
        ("gs://my.bucket_1/x y/ü#?*%20.png", "gs", "my.bucket_1", "x y/ü#?*%20.png"),
        ("az://$web/a", "az", "$web", "a"),
    ],
)
def test_an_address_is_read(text, scheme, bucket, key):
    found = Address.parse(text)
    assert (found.scheme, found.bucket, found.key) == (scheme, bucket, key)
    assert is_address(text)
    assert Address.parse(str(found)) == found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("s3:///a", "names no bucket"),
        ("s3://", "names no bucket"),
        ("s3://-b/a", "names no bucket"),
        ("http://bucket/a", "names no bucket"),
        ("s3://b//a", "empty"),
        ("s3://b/a//", "empty"),
        ("s3://b/../a", "no folder can mirror"),
        ("s3://b/a/./c", "no folder can mirror"),
        ("s3://b/a\nb", "control character"),
        ("s3://b/\udcff", "not Unicode"),
        ("s3://b/" + "ü" * 513, "more than 1024 bytes"),
    ],
)
def test_what_is_no_address_is_refused(text, says):
    with pytest.raises(UsageError, match=says):
        Address.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "s3://key:sesame@bucket/a",
        "az://c/a?sv=2024-01-01&sig=sesame",
        "s3://b/a?X-Amz-Algorithm=AWS4&X-Amz-Signature=sesame",
        "gs://b/a?x=1&X-Goog-Signature=sesame",
        "gs://b/a?token=sesame",
    ],
)
def test_a_secret_in_an_address_is_refused_and_not_shown(text):
    with pytest.raises(UsageError, match="holds a password or signature") as refused:
        Address.parse(text)
    assert "sesame" not in str(refused.value)


def test_an_address_has_the_parts_of_a_path():
    assert (ADDRESS.name, ADDRESS.stem, ADDRESS.suffix) == ("a.b.jpg", "a.b", ".jpg")
    assert str(ADDRESS.parent) == "s3://bucket/in"
    assert str(ADDRESS.parent.parent.parent) == "s3://bucket"
    assert str(ADDRESS.with_name("c.png")) == "s3://bucket/in/c.png"
    assert str(ADDRESS.parent.parent / "x/y.png") == "s3://bucket/x/y.png"
    assert places.place("s3://bucket/in/a.b.jpg") == ADDRESS
    assert places.place("in/s3:/a").as_posix() == "in/s3:/a"


AWS = "Generic S3 error: Error performing GET http://h/b/k in 1ms - "
ANSWER = f"{AWS}Server returned non-2xx status code: "
TOKEN = (
    "Generic GCS error: Error performing token request: Error performing POST"
    " https://accounts/token in 1ms - Server returned non-2xx status code: "
)
SIGNED = "Error at https://acc.blob/c/k?sv=1&sig=sesame happens\n\nDebug source: sesame"


@pytest.mark.parametrize(
    ("text", "number", "says"),
    [
        (f"{ANSWER}403 Forbidden: <Code>AccessDenied</Code>", "EACCES", "is denied"),
        (f"{ANSWER}403 Forbidden: ", "EACCES", "access is denied (403)"),
        (f"{ANSWER}403 Forbidden: <Code>ExpiredToken</Code>", "EPERM", "not accept"),
        (f"{ANSWER}401 Unauthorized: ", "EPERM", "does not accept these credentials"),
        (f"{ANSWER}404 Not Found: ", "ENOENT", "no such object"),
        (f"{ANSWER}404: <Code>NoSuchBucket</Code>", "ENOENT", "no bucket bucket"),
        (f"list request: {ANSWER}404 Not Found", "ENOENT", "no bucket bucket"),
        (f"{ANSWER}301 Moved: ", "EINVAL", "another region: set AWS_REGION"),
        (f"{ANSWER}400: <Code>Odd</Code>", "EINVAL", "refuses it (400 Odd)"),
        (f"{ANSWER}429 Too Many: ", "EIO", "busy or failing (429)"),
        (
            f"{ANSWER}503: <Code>SlowDown</Code>",
            "EIO",
            "failing (503 SlowDown)",
        ),
        (f"{AWS}Received redirect without LOCATION", "EINVAL", "another region"),
        (f"{AWS}HTTP error: error sending request", "ECONNABORTED", "connection"),
        (f"{AWS}HTTP error: request or response body error", "ECONNABORTED", "connec"),
        (f"{AWS}operation timed out", "EIO", "did not answer in time"),
        (f"{AWS}HTTP error: builder error", "EINVAL", "http://, not https://"),
        (
            "PUT http://169.254.169.254/latest/api/token",
            "EPERM",
            "credentials: AWS_",
        ),
        (f"{TOKEN}400 Bad Request: sesame", "EPERM", "not accepted any more (400)"),
        (
            f"{AWS}token request: HTTP error: error",
            "EPERM",
            "gives credentials does no",
        ),
        ("Account must be specified", "EPERM", "AZURE_STORAGE_ACCOUNT_NAME"),
        (SIGNED, "EIO", "https://acc.blob/c/k happens"),
    ],
)
def test_a_refusal_is_told_in_one_line_without_secrets(text, number, says):
    error = told(RuntimeError(text), ADDRESS)
    assert (error.errno, error.filename) == (getattr(errno, number), str(ADDRESS))
    assert says in error.strerror
    assert "sesame" not in str(error)
    assert "\n" not in error.strerror


def test_a_label_is_read_as_it_was_written():
    label = Label("a" * 64, "b" * 64, "recipe", 12, "c" * 16, '"tag"')
    assert label_of(label.text()) == label
    assert label.text().isascii()
    assert len(label.text()) < 1024  # a store takes 2 KiB of such texts


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "{",
            "{}",
            "[]",
            "1",
            '{"v":2}',
            '{"v":1,"size":"x"}',
            '{"v":1,"size":1}',
        ),
        '{"v":1,"made":1,"source":"","recipe":"","size":1,"name":""}',
    ],
)
def test_what_is_no_label_is_none(text):
    assert label_of(text) is None


@pytest.mark.parametrize(
    ("text", "variables", "kind"),
    [
        ("gs://bucket/a", {}, "GCSStore"),
        ("az://box/a", {"AZURE_STORAGE_ACCOUNT_NAME": "name"}, "AzureStore"),
        ("s3://bucket/a", {}, "S3Store"),
    ],
)
def test_each_scheme_has_its_store(monkeypatch, text, variables, kind):
    pytest.importorskip("obstore", reason="no msrnet[cloud]")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    client._opened.cache_clear()
    assert type(client._store(Address.parse(text))).__name__ == kind


def test_an_account_that_is_not_named_is_told(monkeypatch):
    pytest.importorskip("obstore", reason="no msrnet[cloud]")
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    client._opened.cache_clear()
    with pytest.raises(OSError, match="AZURE_STORAGE_ACCOUNT_NAME is not set"):
        client.read(Address.parse("az://box/a"))
