"""Scenes as layers of light: what they hold, and that pictures come out of them."""

import json
from dataclasses import replace

import pytest
from PIL import Image

np = pytest.importorskip("numpy")
pytest.importorskip("mitsuba", reason="needs the extra msrnet[synth]")

from msrnet_cli.errors import UsageError  # noqa: E402
from msrnet_cli.layers import scene as scenes  # noqa: E402
from msrnet_cli.lights import DIRECTIONS, read_light  # noqa: E402
from msrnet_cli.synth import light, render_set  # noqa: E402
from msrnet_cli.synth.options import SynthOptions  # noqa: E402
from msrnet_cli.synth.scenes import draw, scene_number  # noqa: E402

# The first scene of this set has ambient light, bounced light and lamps.
TINY = SynthOptions(
    scenes=1, size=32, samples=4, workers=1, seed=19, split="test", layout="layers"
)
LAYERS = replace(TINY, azimuths=(63.0, 90.0))
LIGHTS = ("6500_N", "4500_E", "2500_SW")


def render(out, options):
    render_set(out, options, lambda _: None)
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return render(tmp_path_factory.mktemp("layers"), LAYERS)


@pytest.fixture(scope="module")
def scene(folder):
    return scenes.read(folder / "Image00000.safetensors")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    options = replace(TINY, layout="vidit", lights=LIGHTS)
    return render(tmp_path_factory.mktemp("pictures"), options)


def pixels(layer):
    """(h, w, c) from C H W."""
    return layer.float().numpy().transpose(1, 2, 0)


@pytest.mark.parametrize("kept", [0, 100, -1])
def test_a_scene_that_was_cut_short_is_rendered_again(tmp_path, kept):
    path = render(tmp_path, TINY) / "Image00000.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:kept])
    render(tmp_path, TINY)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("name", LIGHTS)
def test_a_picture_composed_from_layers_is_the_picture(scene, pictures, name):
    lamp = read_light(name)
    key = pixels(scene.light[DIRECTIONS.index(lamp.direction)])
    around = 0.65 + 0.35 * pixels(scene.normal)[..., 2:]
    ambient = scene.ambient * np.array(scene.tint) * pixels(scene.albedo) * around
    linear = key * light.gains(lamp.kelvin) + ambient + pixels(scene.glow)
    composed = light.to_bytes(light.tone(linear.astype(np.float32)))
    with Image.open(pictures / f"Image000_{name}.png") as picture:
        rendered = np.asarray(picture).astype(int)
    assert np.abs(composed - rendered).max() <= 1
    # And every part of the sum is needed.
    for part in (ambient, pixels(scene.glow)):
        without = light.tone((linear - part).astype(np.float32))
        assert np.abs(light.to_bytes(without) - rendered).max() > 2


def test_layers_are_what_the_scene_is_made_of(scene):
    drawn = draw(scene_number(TINY.split, TINY.seed, 0), texture=128)
    assert scene.ambient == drawn.ambient > 0
    assert scene.tint == drawn.tint
    assert scene.size == (32, 32)
    assert scene.light.dtype == scene.depth.dtype == scene.further.dtype
    assert 0 <= scene.albedo.min() < scene.albedo.max() <= 1
    assert scene.glow.max() > 0.5
    near = scene.depth[scene.depth > 0]
    assert 0.1 < near.min() < near.max() < 500


def test_normals_look_up_from_the_ground_and_are_nought_in_the_sky(scene):
    right, _, up = scene.normal.float()
    ground = slice(-2, None), slice(8, 24)  # at the feet of the camera
    assert up[ground].mean() > 0.9
    assert abs(right[ground].mean()) < 0.2
    assert scene.normal.float().norm(dim=0).max() < 1.01
    sky = scene.depth[0] == 0
    # A pixel's depth is that of one ray, its normal the mean of four.
    assert (scene.normal.float().norm(dim=0)[sky] < 1).all()


def test_further_lights_follow_the_order_they_were_asked_for_in(scene):
    assert scene.azimuths == (63.0, 90.0)
    between, east = scene.further
    assert (east == scene.light[DIRECTIONS.index("E")]).all()
    assert all((between != one).any() for one in scene.light)


@pytest.mark.slow
def test_a_set_grows_and_no_number_of_processes_changes_it(folder, tmp_path):
    render(tmp_path, LAYERS)
    (tmp_path / "Image00000.safetensors").unlink()
    render(tmp_path, replace(LAYERS, scenes=2, workers=2))
    names = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert names == [f"Image0000{index}.safetensors" for index in range(2)]
    name = names[0]
    assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
    assert json.loads((tmp_path / "synth.json").read_text())["scenes"] == 2


@pytest.mark.parametrize(
    "other",
    [{"azimuths": (63.0,)}, {"samples": 8}, {"layout": "vidit", "azimuths": ()}],
)
def test_another_set_is_refused(folder, other):
    before = sorted(folder.iterdir())
    with pytest.raises(UsageError, match="was made with "):
        render(folder, replace(LAYERS, **other))
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"azimuths": (360.0,)}, "azimuth is 360; give degrees"),
        ({"azimuths": (-1.0,)}, "azimuth is -1; give degrees"),
        ({"depth": True}, "--depth says nothing about layers; leave it out"),
        ({"sheet": "sheet.png"}, "--sheet says nothing about layers; leave it out"),
        ({"layout": "vidit"}, "--azimuth is only for layers; add --layers"),
    ],
)
def test_options_that_say_nothing_about_the_layout_are_refused(
    wrong, message, tmp_path
):
    with pytest.raises(UsageError, match=message):
        render(tmp_path / "set", replace(LAYERS, **wrong))
    assert not (tmp_path / "set").exists()
