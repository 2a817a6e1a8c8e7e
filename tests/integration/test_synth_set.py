"""Whole sets: files, bytes, continuing, physics. Small pictures throughout."""

import importlib
import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("mitsuba", reason="needs the extra msrnet[synth]")
Image = pytest.importorskip("PIL.Image")

from msrnet_cli.errors import UsageError  # noqa: E402
from msrnet_cli.lights import Light, azimuth  # noqa: E402
from msrnet_cli.lock import Lock  # noqa: E402
from msrnet_cli.synth import SceneDone, SetStarted, render_set  # noqa: E402
from msrnet_cli.synth.engine import choose_engine  # noqa: E402
from msrnet_cli.synth.light import gains, luminance, tone  # noqa: E402
from msrnet_cli.synth.options import SynthOptions  # noqa: E402
from msrnet_cli.synth.photograph import exposed, photograph  # noqa: E402
from msrnet_cli.synth.render import Stage  # noqa: E402
from msrnet_cli.synth.scenes import draw, in_mirror, scene_number  # noqa: E402

TINY = SynthOptions(scenes=2, size=32, samples=4, workers=1)


def render(out, options):
    told = []
    return render_set(Path(out), options, told.append), told


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def contents(folder):
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    out = tmp_path_factory.mktemp("tiny")
    summary, told = render(out, TINY)
    return out, summary, told


def test_files_are_named_as_in_vidit(tiny):
    out, summary, _ = tiny
    pictures = sorted(p.name for p in out.glob("*.png"))
    assert pictures == [
        f"Image00{i}_{light}.png" for i in (0, 1) for light in ("4500_E", "6500_N")
    ]
    assert summary.pictures == 4
    assert pixels(out / "Image000_6500_N.png").shape == (32, 32, 3)


def test_the_note_records_version_seed_and_settings(tiny):
    note = json.loads((tiny[0] / "synth.json").read_text())
    assert {"msrnet", "mitsuba", "variant", "seed", "scenes", "settings"} <= set(note)
    assert note["settings"]["size"] == 32
    assert note["scene_numbers"] == [0, 1]


def test_progress_is_told_once_a_scene(tiny):
    _, _, told = tiny
    assert isinstance(told[0], SetStarted)
    assert [d.index for d in told[1:] if isinstance(d, SceneDone)] == [0, 1]


def test_pictures_of_one_scene_differ_by_light(tiny):
    north = pixels(tiny[0] / "Image000_6500_N.png").astype(float)
    east = pixels(tiny[0] / "Image000_4500_E.png").astype(float)
    assert np.abs(north - east).mean() > 2


def test_two_processes_give_the_same_bytes_as_one(tiny, tmp_path):
    render(tmp_path, replace(TINY, workers=2))
    assert contents(tmp_path) == contents(tiny[0])


def test_a_set_is_continued_where_it_stopped(tiny, tmp_path):
    expected = contents(tiny[0])
    render(tmp_path, replace(TINY, scenes=1))
    (tmp_path / ".Image001_6500_N.png.77.part").write_bytes(b"half")
    summary, told = render(tmp_path, TINY)
    assert summary.rendered == 1
    assert told[0].present == 1
    assert contents(tmp_path) == expected


@pytest.mark.parametrize("kept", [0, 100, -1])
def test_pictures_that_were_cut_short_are_rendered_again(tiny, tmp_path, kept):
    render(tmp_path, replace(TINY, scenes=1))
    expected, cut = contents(tmp_path), tmp_path / "Image000_4500_E.png"
    cut.write_bytes(cut.read_bytes()[:kept])
    summary, told = render(tmp_path, replace(TINY, scenes=1))
    assert (summary.rendered, told[0].present) == (1, 0)
    assert contents(tmp_path) == expected


def test_scenes_whose_note_is_gone_are_not_taken_over(tiny, tmp_path):
    """Else a run of another size would say that all are of that size."""
    render(tmp_path, replace(TINY, scenes=1))
    (tmp_path / "synth.json").unlink()
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=r"synth\.json is gone"):
        render(tmp_path, replace(TINY, size=16))
    assert contents(tmp_path) == before


def test_a_folder_with_another_set_is_refused(tiny):
    before = contents(tiny[0])
    with pytest.raises(UsageError, match="was made "):
        render(tiny[0], replace(TINY, seed=1))
    assert contents(tiny[0]) == before


def test_a_second_run_in_a_folder_is_refused_and_deletes_nothing(tmp_path):
    part = tmp_path / ".msrnet-0-1-0.part"  # what the first run is writing
    with Lock(tmp_path, "rendered") as first:
        first.take()
        part.write_bytes(b"half")
        with pytest.raises(UsageError, match="is being rendered by another process"):
            render(tmp_path, TINY)
        assert part.exists()
        assert not (tmp_path / "synth.json").exists()
    render(tmp_path, TINY)
    assert not part.exists()


@pytest.mark.parametrize("cores", [1, 2])
def test_a_set_is_rendered_by_as_many_processes_as_cores_may_be_used(
    tmp_path, monkeypatch, cores
):
    dataset = importlib.import_module("msrnet_cli.synth.dataset")
    monkeypatch.setattr(dataset, "usable_cores", lambda: cores)
    monkeypatch.setattr(dataset, "_carry_out", lambda *_: ())
    _, told = render(tmp_path, replace(TINY, workers=0))
    assert told[0].workers == cores


def test_splits_draw_other_scenes(tiny, tmp_path):
    render(tmp_path, replace(TINY, split="validation", scenes=1))
    one = (tmp_path / "Image000_6500_N.png").read_bytes()
    assert one != (tiny[0] / "Image000_6500_N.png").read_bytes()


def test_pairs_depth_and_sheet(tiny, tmp_path):
    sheet = tmp_path / "sheet.png"
    options = replace(TINY, scenes=1, layout="pairs", depth=True, sheet=str(sheet))
    summary, _ = render(tmp_path / "set", options)
    target = (tmp_path / "set/target/Image000.png").read_bytes()
    assert target == (tiny[0] / "Image000_4500_E.png").read_bytes()
    given = (tmp_path / "set/input/Image000.png").read_bytes()
    assert given == (tiny[0] / "Image000_6500_N.png").read_bytes()
    depth = pixels(tmp_path / "set/depth/Image000.png")
    assert depth.dtype == np.uint16
    assert 50 < np.median(depth[-8:]) < 3000  # the ground at the feet, centimetres
    assert summary.sheet == sheet
    assert pixels(sheet).shape[2] == 3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"lights": ("7000_N",)}, "unknown light '7000_N'; write KELVIN_DIRECTION"),
        ({"scenes": 0}, "scenes is 0; give 1 to"),
        ({"size": 4}, "size is 4; give 16 to"),
        ({"samples": 0}, "samples is 0; give 1 to"),
        ({"seed": -1}, "seed is -1; give 0 to"),
        ({"to_light": "E"}, "unknown light 'E'; write KELVIN_DIRECTION"),
    ],
)
def test_impossible_options_are_refused_before_anything_is_written(
    wrong, message, tmp_path
):
    with pytest.raises(UsageError, match=message):
        render(tmp_path / "set", replace(TINY, **wrong))
    assert not (tmp_path / "set").exists()


@pytest.mark.slow  # a set that is stopped and goes on is tested above
def test_a_killed_run_leaves_whole_pictures_and_goes_on(tiny, tmp_path):
    code = (
        "from pathlib import Path; from msrnet_cli.synth.options import SynthOptions; "
        "from msrnet_cli.synth import render_set; "
        f"render_set(Path({str(tmp_path)!r}), SynthOptions(scenes=40, size=32, "
        "samples=4, workers=1), lambda r: None)"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("Image000_*.png")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = list(tmp_path.glob("*.png"))
    assert left
    for path in left:
        assert pixels(path).shape == (32, 32, 3)
    render(tmp_path, TINY)
    whole = contents(tiny[0])
    assert len(whole) == 5
    for name, data in whole.items():
        assert (tmp_path / name).read_bytes() == data


def test_temperatures_are_a_gain_before_the_tone_curve():
    engine = choose_engine()
    shot = photograph(scene_number("test", 0, 3), (0.0,), 32, 4, engine)
    cold, warm = (shot.linear(Light(t, "N")) - shot.still for t in (6500, 2500))
    lit = luminance(cold) > 0.01
    ratio = warm[lit] / np.maximum(cold[lit], 1e-6)
    expected = np.broadcast_to(gains(2500), ratio.shape)
    np.testing.assert_allclose(ratio[ratio > 0], expected[ratio > 0], rtol=1e-3)
    assert (shot.print(Light(2500, "N")) != shot.print(Light(6500, "N"))).any()


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(1, marks=pytest.mark.slow),
        4,
        pytest.param(7, marks=pytest.mark.slow),
    ],
)
def test_west_in_a_mirror_is_east_of_the_mirrored_scene(number):
    engine = choose_engine()
    scene = draw(number, texture=64)
    here, there = Stage(scene, engine, 1), Stage(in_mirror(scene), engine, 2)

    def shown(stage, side):
        degrees = azimuth(side)
        return tone(exposed(stage, 1.0, (degrees,), 64, 32)[degrees])

    west, east = shown(here, "W")[:, ::-1], shown(there, "E")
    other = shown(there, "W")
    # Samples fall elsewhere in each pixel, so thin things differ a little.
    assert np.abs(west - east).mean() < 0.03
    assert np.abs(west - east).mean() < 0.3 * np.abs(west - other).mean()


def test_a_light_is_the_same_whatever_was_rendered_before():
    scene, engine = draw(1, texture=64), choose_engine()
    busy, fresh = Stage(scene, engine, 1), Stage(scene, engine, 1)
    around = [busy.direct(degrees, 32, 4) for degrees in (0, 45, 90, 200, 0, 200)]
    np.testing.assert_array_equal(around[4], around[0])
    np.testing.assert_array_equal(around[5], around[3])
    np.testing.assert_array_equal(fresh.direct(200, 32, 4), around[3])
    assert np.abs(around[3] - around[0]).max() > 0.1


@pytest.mark.slow
def test_statistics_of_fifty_scenes_are_near_vidit(tmp_path):
    options = SynthOptions(
        scenes=50, size=128, samples=8, seed=3, split="test", lights=("6500_N",)
    )
    render(tmp_path, options)
    shown = [pixels(p) / np.float32(255.0) for p in tmp_path.glob("*_6500_N.png")]
    bright = [luminance(picture) for picture in shown]
    means = np.array([b.mean() for b in bright])
    dark = np.array([(b < 0.02).mean() for b in bright])
    assert 0.25 <= dark.mean() <= 0.7
    assert 0.06 <= means.mean() <= 0.4
    assert ((means < 0.02) | (dark > 0.95)).sum() < 1
