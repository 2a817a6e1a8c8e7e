"""Public sets of pictures, good and bad: none may crash, hang or blow up the run."""

import json
import resource
import time

import pytest
import torch

from msrnet_cli import images
from msrnet_cli.config import WriteOptions
from msrnet_cli.errors import PictureError
from msrnet_cli.images.pixels import unit

SECONDS, GIGABYTES = 10, 6


@pytest.mark.slow
def test_no_picture_of_pillow_s_hangs_or_crashes(pillow_pictures):
    read = refused = 0
    for path in sorted(p for p in pillow_pictures.rglob("*") if p.is_file()):
        begin = time.perf_counter()
        try:
            picture = images.read(path.read_bytes(), path.suffix)
            images.write(picture, picture.rgb, WriteOptions())
            read += 1
        except PictureError as error:
            assert "\n" not in str(error)  # noqa: PT017 both outcomes are right
            refused += 1
        assert time.perf_counter() - begin < SECONDS, path
    assert read > 400
    assert refused > 100


@pytest.mark.slow
def test_a_folder_of_all_of_them_runs_to_the_end(program, pillow_pictures, warm_file):
    def limit():
        size = GIGABYTES << 30
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))

    process = program.start(
        "relight", pillow_pictures, "out", "-r", "--json", "--weights", warm_file,
        preexec_fn=limit,
    )  # fmt: skip
    out, err = process.communicate(timeout=900)
    summary = json.loads(out.splitlines()[-1])
    assert process.returncode == 3, err
    assert summary["relit"] > 400
    assert summary["event"] == "summary"
    assert summary["unfinished"] == 0
    assert not any("a bug" in f["reason"] for f in summary["failures"])


@pytest.mark.slow
def test_skimage_photographs_come_back_the_same(identity):
    skimage = pytest.importorskip("skimage")
    from pathlib import Path

    found = 0
    for path in Path(skimage.__file__).parent.joinpath("data").rglob("*"):
        if path.suffix not in (".png", ".jpg", ".tif", ".gif"):
            continue
        try:
            picture = images.read(path.read_bytes(), path.suffix)
        except PictureError:
            continue
        relit = identity.run([picture.pixels]).outputs[0]
        assert torch.allclose(unit(relit), picture.rgb, atol=1e-5)
        found += 1
    assert found > 5
