"""Scenes as files: what is written is read, and damage is told."""

import math
from dataclasses import replace

import pytest
import torch

from msrnet_cli.errors import DataError
from msrnet_cli.layers import scene as scenes
from smooth import drawn


@pytest.mark.parametrize("azimuths", [(), (63.0, 247.5)])
def test_what_is_written_is_read(tmp_path, azimuths):
    scene = drawn(azimuths=azimuths)
    scenes.write(tmp_path / "Image003.safetensors", scene)
    found = scenes.read(tmp_path / "Image003.safetensors")
    for name in ("name", "ambient", "tint", "azimuths", "size"):
        assert getattr(found, name) == getattr(scene, name)
    assert scenes.read_size(tmp_path / "Image003.safetensors") == (12, 16)
    for name in ("light", "glow", "albedo", "normal", "depth", "further"):
        before = getattr(scene, name)
        torch.testing.assert_close(
            getattr(found, name).float(), before, rtol=1e-3, atol=1e-4
        )


def test_darkness_takes_no_room(tmp_path):
    scene = drawn()
    scenes.write(tmp_path / "lit.safetensors", scene)
    scene.glow.zero_()
    scenes.write(tmp_path / "dark.safetensors", scene)
    lit, dark = (
        (tmp_path / f"{n}.safetensors").stat().st_size for n in ("lit", "dark")
    )
    assert dark < lit
    assert not scenes.read(tmp_path / "dark.safetensors").glow.any()


def test_light_too_bright_for_a_half_float_stays_finite(tmp_path):
    scene = drawn()
    scene.light[0, 0, 0, 0] = 1e6
    scenes.write(tmp_path / "lit.safetensors", scene)
    light = scenes.read(tmp_path / "lit.safetensors").light
    assert light.isfinite().all()
    assert light.max() > 5e4


@pytest.mark.parametrize("length", [0, 7, 200, -1])
def test_a_damaged_file_is_told_with_its_name(tmp_path, length):
    path = tmp_path / "Image003.safetensors"
    scenes.write(path, drawn())
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataError, match=r"Image003.*render it again"):
        scenes.read(path)


def test_weights_are_not_taken_for_a_scene(identity_file):
    with pytest.raises(DataError, match=r"is not a scene.*synth --layers"):
        scenes.read(identity_file)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ambient", math.nan, "ambient nan"),
        ("ambient", math.inf, "ambient inf"),
        ("ambient", -0.5, "ambient -0.5"),
        ("ambient", 10**400, "ambient 1000"),
        ("ambient", True, "ambient True"),
        ("tint", [10**400, 1, 1], "tint 1000"),
        ("tint", [1, math.nan, 1], "tint nan"),
        ("tint", [1, 1, -1], "tint -1"),
        ("tint", "123", "tint is not a list"),
        ("azimuths", [math.inf], "azimuths inf"),
    ],
)
def test_light_that_cannot_be_is_told_as_damage(tmp_path, name, value, said):
    path = tmp_path / "Image003.safetensors"
    scenes.write(path, replace(drawn(), **{name: value}))
    with pytest.raises(DataError, match=rf"not a readable scene \({said}"):
        scenes.read(path)
