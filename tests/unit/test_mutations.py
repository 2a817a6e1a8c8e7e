"""Damaged files of every format: an error of ours or a whole picture, soon."""

import gc
import time

import pytest
import torch

from msrnet_cli import images
from msrnet_cli.config import WriteOptions
from msrnet_cli.errors import PictureError
from mutations import mutants, seeds

FORMATS = ("png", "jpeg", "webp", "tiff", "gif", "bmp", "avif", "heic")
MOST_SECONDS = 2.0
MOST_BYTES = 300e6


def outcome(data):
    """Read and write a file: the reason why not, or None where a picture came out."""
    try:
        picture = images.read(data)
        out, _ = images.write(picture, picture.pixels, WriteOptions())
    except PictureError as error:
        refused = error
    else:
        assert_is_whole(picture)
        assert images.read(out).size == picture.size
        return None
    assert refused.reason
    assert "\n" not in str(refused)
    assert "object at 0x" not in str(refused)
    return refused.reason


def assert_is_whole(picture):
    width, height = picture.size
    assert min(width, height) > 0
    assert picture.pixels.shape == (3, height, width)
    rgb = picture.rgb
    assert rgb.isfinite().all()
    assert 0 <= rgb.min() <= rgb.max() <= 1
    if picture.alpha is not None:
        assert picture.alpha.shape == (1, height, width)
        assert picture.alpha.dtype in (torch.uint8, torch.int32)


@pytest.mark.parametrize("format", FORMATS)
def test_the_sound_files_are_pictures(format):
    for data in seeds(format):
        assert outcome(data) is None


@pytest.mark.parametrize("format", FORMATS)
def test_a_damaged_file_is_an_error_or_a_whole_picture(format):
    outcomes = [outcome(data) for data in mutants(format, 60, seed=1)]
    refused = [reason for reason in outcomes if reason]
    assert 10 < len(refused) < 60  # neither is everything taken nor everything refused


def peak_bytes():
    """The most memory this process has had since `forget_peak`."""
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def forget_peak():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_two_thousand_damaged_files_cost_little(format):
    sound = [outcome(data) for data in seeds(format)]
    assert not any(sound)
    slowest, refused = 0.0, 0
    gc.collect()
    forget_peak()
    before = peak_bytes()
    for data in mutants(format, 2000):
        begin = time.perf_counter()
        refused += outcome(data) is not None
        slowest = max(slowest, time.perf_counter() - begin)
    grown = peak_bytes() - before
    print(f"{format}: {refused} refused, {slowest:.2f} s, {grown / 1e6:.0f} MB")
    assert slowest < MOST_SECONDS
    assert grown < MOST_BYTES
    assert 200 < refused < 2000
