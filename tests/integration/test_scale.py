"""At size: constant memory, overlapping stages, large pictures."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.ExifTags import Base

from conftest import photo
from msrnet_cli import images
from msrnet_cli.config import WriteOptions
from test_colour import profile


def peak_and_summary(program, *arguments):
    """Peak memory in bytes of a process of its own, and its last JSON event."""
    import json

    process = program.start(*arguments, "--json")
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    return usage.ru_maxrss * 1024, json.loads(out.splitlines()[-1])


@pytest.mark.slow
def test_memory_does_not_grow_with_the_folder(program, warm_file, tmp_path):
    (tmp_path / "few").mkdir()
    (tmp_path / "many").mkdir()
    picture = tmp_path / "p.png"
    photo(64, 64).save(picture)
    for index in range(100):
        os.link(picture, tmp_path / f"few/{index}.png")
    for index in range(10_000):
        os.link(picture, tmp_path / f"many/{index}.png")
    arguments = ("--weights", warm_file, "--batch-size", "1")
    few, _ = peak_and_summary(program, "relight", "few", "a", *arguments)
    many, summary = peak_and_summary(program, "relight", "many", "b", *arguments)
    assert summary["relit"] == 10_000
    # Ten thousand paths and records, but not one picture more.
    assert many - few < 60e6


@pytest.mark.slow
def test_wall_time_is_that_of_the_slowest_stage(program, tmp_path):
    from msrnet_cli.config import ModelConfig, WeightsCard
    from msrnet_cli.networks.dmshn import DMSHN
    from msrnet_cli.weights.file import save_weights

    network = DMSHN(32)
    card = WeightsCard(model=ModelConfig("dmshn", 32))
    save_weights(tmp_path / "w.safetensors", network.state_dict(), card)
    (tmp_path / "in").mkdir()
    photo(1024, 1024).save(tmp_path / "p.jpg", quality=95)
    for index in range(32):
        os.link(tmp_path / "p.jpg", tmp_path / f"in/{index}.jpg")
    del program.environment["OMP_NUM_THREADS"]
    _, summary = peak_and_summary(
        program, "relight", "in", "out", "--weights", tmp_path / "w.safetensors"
    )
    assert summary["relit"] == 32
    assert summary["seconds"] <= 1.15 * max(summary["stages"].values())


# --- large pictures ---------------------------------------------------------------

GIB = 1 << 30
HUGE, LARGE = (12_000, 8_000), (6_000, 4_000)
READ_AND_WRITE = """
import sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from msrnet_cli import images
from msrnet_cli.config import WriteOptions
picture = images.read(Path(sys.argv[1]).read_bytes())
relit = picture.rgb * 0.9  # stands for the network
images.write(picture, relit, WriteOptions())
print(open("/proc/self/status").read())
"""
READ_AND_WRITE_A_FOLDER = """
import sys, warnings
warnings.simplefilter("ignore")
from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.job import relight_folder
from msrnet_cli.folder.plan import make_plan
from msrnet_cli.folder.relights import FakeRelighter
options, darker = FolderOptions(), FakeRelighter(gain=0.9)
plan = make_plan([sys.argv[1]], "out", options)
assert relight_folder(plan, darker, options, lambda _: None).relit == 5
print(open("/proc/self/status").read())
"""


def peak_of(program, code, *arguments):
    """Peak memory in bytes of some Python code in a process of its own.

    Not by getrusage: there, what the tests themselves had at their peak counts, too.
    """
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(
        command,
        cwd=program.folder,
        env=program.environment,
        capture_output=True,
        check=True,
    )
    (peak,) = re.findall(rb"VmHWM:\s+(\d+) kB", done.stdout)
    return int(peak) * 1024


def large_photo(width, height):
    """Smooth colours, with fine texture that repeats."""
    image = photo(64, 64).resize((width, height), Image.Resampling.BICUBIC)
    grain = Image.effect_noise((1000, 1000), 40).convert("RGB")
    for y in range(0, height, 1000):
        for x in range(0, width, 1000):
            box = (x, y, x + 1000, y + 1000)
            image.paste(Image.blend(image.crop(box), grain, 0.2), box)
    return image


@pytest.fixture(scope="module")
def huge():
    return large_photo(*HUGE)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("format", "mode", "wide", "turned"),
    [
        ("jpeg", "RGB", False, False),
        ("jpeg", "RGB", False, True),
        ("jpeg", "RGB", True, True),
        ("jpeg", "L", False, False),
        ("png", "RGB", False, False),
    ],
)
def test_a_huge_picture_fits_in_4_gib(program, huge, format, mode, wide, turned):
    exif = Image.Exif()
    exif[Base.Orientation] = 6 if turned else 1
    settings = {"icc_profile": profile("P3", "srgb")} if wide else {}
    if format == "jpeg":  # the costliest kind
        settings |= {"quality": 95, "progressive": True}
        settings |= {"subsampling": 0} if mode == "RGB" else {}
    path = program.folder / f"huge.{format}"
    huge.convert(mode).save(path, exif=exif, **settings)
    assert peak_of(program, READ_AND_WRITE, path) < 4.0 * GIB


@pytest.mark.slow
@pytest.mark.parametrize("format", ["png", "tiff"])
@pytest.mark.parametrize("wide", [False, True])
def test_a_large_picture_of_16_bits_fits_in_proportion(program, format, wide):
    values = np.asarray(large_photo(*LARGE)).astype(np.uint16) * 257
    path = program.folder / "large.tif"
    settings = {"iccprofile": profile("P3", "srgb")} if wide else {}
    tifffile.imwrite(path, values, photometric="rgb", compression="zlib", **settings)
    if format == "png":
        picture = images.read(path.read_bytes())
        data, _ = images.write(picture, picture.rgb, WriteOptions(format="png"))
        path.write_bytes(data)
    assert peak_of(program, READ_AND_WRITE, path) < 1.4 * GIB


@pytest.mark.slow
def test_a_folder_of_huge_pictures_fits_in_5_gib(program, huge):
    (program.folder / "in").mkdir()
    huge.save(program.folder / "huge.jpg", quality=92)
    for index in range(5):
        os.link(program.folder / "huge.jpg", program.folder / f"in/{index}.jpg")
    # One more GiB is for the network.
    assert peak_of(program, READ_AND_WRITE_A_FOLDER, "in") < 5.0 * GIB
