"""Pictures are listed and read alike in a folder and in a .zip."""

import errno
import os
import random
import tracemalloc
import warnings
import zipfile

import pytest
import torch
from PIL import Image

import pairs
from msrnet_cli.errors import DataError, PictureError
from msrnet_cli.pairs.files import PictureFile, list_pictures


@pytest.fixture(params=["folder", "zip"])
def held(request, tmp_path):
    """What makes a picture file that holds some bytes, in a folder or in a .zip."""

    def hold(data, name="picture.png"):
        path = tmp_path / name
        if request.param == "folder":
            path.write_bytes(data)
            return PictureFile(path)
        with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
            archive.writestr(f"inside/{name}", data)
        return PictureFile(tmp_path / "set.zip", f"inside/{name}")

    return hold


def png(tmp_path, width=40, height=30):
    picture = torch.rand(3, height, width)
    pairs.save(picture, tmp_path / "made.png")
    return (tmp_path / "made.png").read_bytes(), picture


def test_a_picture_comes_whole(held, tmp_path):
    data, picture = png(tmp_path)
    file = held(data)
    assert file.read() == data
    assert file.size() == (40, 30)
    assert torch.equal(file.decode(), (picture * 255).round().to(torch.uint8))


def test_the_header_alone_tells_the_size(held, tmp_path):
    data, _ = png(tmp_path)
    file = held(data[:100])
    assert file.size() == (40, 30)
    with pytest.raises(PictureError):
        file.decode()


def test_pictures_beyond_the_limit_of_pillow_are_measured(held, monkeypatch, tmp_path):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    data, _ = png(tmp_path)
    assert held(data).size() == (40, 30)


@pytest.mark.parametrize("name", ["picture.png", "two  spaces.png"])
def test_what_is_not_a_picture_is_named_once(held, name):
    file = held(b"not a picture", name)
    for attempt in (file.decode, file.size):
        with pytest.raises(PictureError) as refused:
            attempt()
        assert refused.value.reason.count(name) == 1


def test_a_file_that_is_gone_is_named(tmp_path):
    with pytest.raises(PictureError, match=r"gone\.png: No such file"):
        PictureFile(tmp_path / "gone.png").read()


PACKINGS = [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


@pytest.mark.parametrize("packing", PACKINGS)
def test_damage_anywhere_in_an_archive_is_told(tmp_path, packing):
    chance = random.Random(0)
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w", packing) as archive:
        for name in ("a.png", "b-\u00e9.png"):
            archive.writestr(name, bytes(chance.choices(range(20), k=2000)))
    told = 0
    for place in range(0, whole.stat().st_size, 7):
        data = bytearray(whole.read_bytes())
        data[place] ^= 1 << chance.randrange(8)
        damaged = tmp_path / "damaged.zip"
        damaged.write_bytes(data)
        try:
            for file in list_pictures(damaged):
                file.read()
                file.decode()
        except (DataError, PictureError):
            told += 1
    assert told > 100


def of_zeros(tmp_path, head, size):
    """A file in an archive: a beginning, then nothing but zeros."""
    archive = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file,
        file.open("a.png", "w") as member,
    ):
        member.write(head)
        for _ in range(size >> 20):
            member.write(bytes(1 << 20))
    return PictureFile(archive, "a.png")


def most_memory(attempt):
    tracemalloc.start()
    try:
        with pytest.raises(PictureError) as refused:
            attempt()
        return tracemalloc.get_traced_memory()[1], str(refused.value)
    finally:
        tracemalloc.stop()


def test_what_is_not_a_picture_is_not_unpacked(tmp_path):
    file = of_zeros(tmp_path, b"", 48 << 20)
    taken, said = most_memory(file.decode)
    assert "not a picture" in said
    assert taken < 24 << 20


def test_a_member_that_unpacks_to_far_more_than_it_takes_is_refused(tmp_path):
    head, _ = png(tmp_path)
    file = of_zeros(tmp_path, head, 80 << 20)
    for attempt in (file.decode, file.read):
        taken, said = most_memory(attempt)
        assert "unpack to 0.1 GB" in said
        assert said.count("a.png") == 1
        assert taken < 8 << 20


def test_a_name_in_an_archive_that_is_not_utf8_is_told(tmp_path):
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("\u00e9.png", b"any")
    name = "\u00e9".encode()
    archive.write_bytes(archive.read_bytes().replace(name, b"\xff\xfe"))
    with pytest.raises(DataError, match=r"set\.zip"):
        list_pictures(archive)


def test_a_folder_that_cannot_be_entered_is_told(tmp_path, monkeypatch):
    (tmp_path / "set" / "locked").mkdir(parents=True)
    scan = os.scandir

    def denied(path):
        if os.fspath(path).endswith("locked"):
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(DataError, match=r"set/locked cannot be read: Permission"):
        list_pictures(tmp_path / "set")


def test_a_name_that_an_archive_holds_twice_is_one_picture(tmp_path):
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # zipfile names the duplicate
        file.writestr("a.png", b"old")
        file.writestr("a.png", b"new")
    (only,) = list_pictures(archive)
    assert only.read() == b"new"


def test_what_is_neither_a_folder_nor_a_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.zip")
    with pytest.raises(DataError, match=r"neither a folder nor a \.zip"):
        list_pictures(tmp_path / "pipe.zip")
