"""msrnet light: what is told of pictures, of bad files, of weights that cannot tell."""

import json
import os

import pytest
import torch

import schemas
from conftest import encoded, photo
from msrnet_cli import Relighter
from msrnet_cli.config import ModelConfig, WeightsCard, read_work_size
from msrnet_cli.folder.events import LightFailed, LightFound
from msrnet_cli.lights import DIRECTIONS
from msrnet_cli.networks import lightstage
from msrnet_cli.networks.spec import COLOURS
from msrnet_cli.report import light as report
from msrnet_cli.weights.file import save_weights

PIXELS = lightstage.BLOCK**2
FIELDS = ("azimuth", "spread", "kelvin", "key", "ambient", "sure")


@pytest.fixture(scope="module")
def reading_file(tmp_path_factory):
    """Weights that read light from E in every picture, and paint the picture itself.

    Their ambient layer is darker than the picture: there is a key.
    """
    network = lightstage.LightStage(12)
    lightstage.start_as_identity(network)
    bias = network.dmshn.decoder1[8].bias.data.view(-1, COLOURS, PIXELS)
    names = lightstage.OUTPUTS
    bias[names.index("ambient")] = -0.2
    bias[names.index("light")] = torch.tensor([0.4, 0.0, 0.3])[:, None]
    path = tmp_path_factory.mktemp("weights") / "reading.safetensors"
    card = WeightsCard(model=ModelConfig("lightstage", channels=12))
    save_weights(path, network.state_dict(), card)
    return path


@pytest.fixture
def light(program, reading_file):
    """Runs the command with these weights."""

    def run(*arguments, **settings):
        device = ("--device", "cpu", "--dtype", "fp32")
        weights = ("--weights", reading_file)
        return program.run("light", *arguments, *weights, *device, **settings)

    return run


def save(folder, *names):
    for seed, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(encoded(photo(64, 48, seed), "png"))


def test_a_record_is_told_for_each_picture(program, light):
    save(program.folder, "in/a.png", "in/b.png", "in/sub/c.png")
    lines = schemas.fitting_lines(
        "light", light("in", "--json").out.decode().splitlines()
    )
    assert [line["input"] for line in lines] == ["in/a.png", "in/b.png"]
    for line in lines:
        assert line["event"] == "light"
        assert 0 <= line["azimuth"] < 360
        assert 0 <= line["sure"] <= 1
        assert 1900 <= line["kelvin"] <= 20000
        assert line["key"] > 0
        assert all(line[field] >= 0 for field in FIELDS)
    whole = light("in", "--json", "--recursive").out.decode().splitlines()
    assert len(whole) == 3


@pytest.mark.parametrize("work_size", ["32", "full"])
def test_it_is_the_light_that_relighting_finds(program, light, reading_file, work_size):
    save(program.folder, "a.png")
    told = json.loads(light("a.png", "--json", "--work-size", work_size).out)
    relighter = Relighter.load(
        reading_file, device="cpu", dtype="fp32", work_size=read_work_size(work_size)
    )
    found = relighter.layers(program.folder / "a.png").source()
    assert {name: told[name] for name in FIELDS} == pytest.approx(
        {name: getattr(found, name) for name in FIELDS}, rel=1e-4
    )


def test_people_read_a_table(program, light):
    save(program.folder, "in/a.png", "in/b.png")
    heads, *lines = light("in").out.decode().splitlines()
    assert heads.split() == [*FIELDS, "light"]
    assert [line.rpartition(": ")[2] for line in lines] == ["in/a.png", "in/b.png"]
    assert all("° " in line for line in lines)


def test_nothing_is_written(program, light):
    save(program.folder, "in/a.png")
    light("in")
    assert [path.name for path in program.folder.rglob("*")] == ["in", "a.png"]


def test_a_bad_file_costs_its_own_line_only(program, light):
    save(program.folder, "in/a.png", "in/c.png")
    (program.folder / "in" / "b.png").write_bytes(b"not a picture")
    found = light("in", "--json", code=3)
    lines = schemas.fitting_lines("light", found.out.decode().splitlines())
    assert [line["event"] for line in lines] == ["light", "failed", "light"]
    assert lines[1]["input"] == "in/b.png"
    assert lines[1]["reason"]
    told = light("in", code=3, says="msrnet: failed: in/b.png: ")
    assert len(told.out.decode().splitlines()) == 3


def test_what_cannot_be_read_is_told_also_where_there_is_nothing_else(
    program, light, monkeypatch
):
    (program.folder / "in/sub").mkdir(parents=True)
    real = os.scandir

    def scandir(path):
        if os.path.basename(path) == "sub":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = light("in", "--recursive", "--json", code=4)
    (line,) = schemas.fitting_lines("light", found.out.decode().splitlines())
    assert (line["event"], line["input"]) == ("failed", "in/sub")


def test_where_no_light_is_found_at_all_nothing_is_done(program, light):
    (program.folder / "b.png").write_bytes(b"not a picture")
    light("b.png", code=4)
    (program.folder / "empty").mkdir()
    light("empty", code=4, says="no picture found")


@pytest.mark.parametrize("path", ["nowhere", "https://example.org/a.png", ""])
def test_what_is_no_input_is_refused(program, light, path):
    light(path, code=2)


def test_weights_without_layers_are_refused(program, identity_file):
    save(program.folder, "a.png")
    program.run(
        *("light", "a.png", "--weights", identity_file, "--device", "cpu"),
        code=2,
        says="--weights lightstage",
    )


def test_options_go_through_a_file(program, light):
    save(program.folder, "a.png")
    printed = light("a.png", "--recursive", "--print-config").out
    (program.folder / "light.json").write_bytes(printed)
    assert light("a.png", "--config", "light.json", "--print-config").out == printed


def test_a_picture_comes_through_standard_input(program, light):
    save(program.folder, "a.png")
    data = (program.folder / "a.png").read_bytes()
    (told,) = schemas.fitting_lines(
        "light", light("-", "--json", data=data).out.splitlines()
    )
    same = json.loads(light("a.png", "--json").out)
    assert told == same | {"input": "-"}
    light("-", data=b"text", code=4, says="failed: -: ")
    light("-", "a.png", code=2, says="- takes no other input")
    light("-", "--files-from", "list.txt", code=2, says="- takes no other input")


def test_inputs_come_from_a_list(program, light):
    save(program.folder, "in/a.png", "in/b.png", "c.png")
    listed = b"in/b.png\n# a comment\nnowhere.png\nin/b.png\n"
    (program.folder / "list.txt").write_bytes(listed)
    for more, given in (("list.txt", b""), ("-", listed)):
        found = light("--json", "--files-from", more, "c.png", data=given, code=3)
        lines = [json.loads(line) for line in found.out.splitlines()]
        assert [line["input"] for line in lines] == ["c.png", "in/b.png", "nowhere.png"]
    light(code=2, says="there is no input; write: msrnet light INPUT...")
    light("--files-from", "", code=2, says="a path is empty")


def test_what_is_passed_over_is_named(program, light):
    save(program.folder, "in/a.png", "in/sub/c.png")
    (program.folder / "in" / "link.png").symlink_to("a.png")
    for more in ((), ("--json",)):
        told = light("in", *more, says="passed over: in/link.png: symbolic link")
        assert told.lines[-1] == "passed over: subfolder (1): in/sub"
        assert b"link.png" not in told.out


def test_a_picture_without_light_has_no_direction_softness_or_colour(program, light):
    black = encoded(photo(64, 48).point(lambda _: 0), "png")
    (told,) = schemas.fitting_lines(
        "light", light("-", "--json", data=black).out.splitlines()
    )
    assert [told[name] for name in FIELDS[:3]] == [None] * 3
    assert told["key"] == 0


# --- in words ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("azimuth", "words"),
    [
        (0.0, "from behind"),
        (355.0, "from behind"),
        (20.0, "from behind, a little to the right"),
        (45.0, "from behind on the right"),
        (63.0, "from the right, a little behind"),
        (90.0, "from the right"),
        (110.0, "from the right, a little in front"),
        (135.0, "from the front on the right"),
        (180.0, "from the front"),
        (200.0, "from the front, a little to the left"),
        (225.0, "from the front on the left"),
        (270.0, "from the left"),
        (285.0, "from the left, a little behind"),
        (315.0, "from behind on the left"),
        (None, "from no direction"),
    ],
)
def test_directions_are_said_in_words(azimuth, words):
    assert report.in_words(azimuth) == words


def test_each_direction_has_words_of_its_own():
    said = {report.in_words(16 * step) for step in range(23)}
    assert len(said) >= len(DIRECTIONS)
    assert all(report.in_words(step / 4) for step in range(1440))


def test_a_light_without_a_direction_and_an_unsure_one_are_told(capsys):
    tell = report.reporter()
    tell(LightFound("a.jpg", None, None, None, 0.0, 0.2, 0.0))
    tell(LightFound("b.jpg", 90.0, 20.0, 6500.0, 0.1, 0.2, 0.1))
    tell(LightFound("c.jpg", 90.0, 20.0, 6500.0, 0.1, 0.2, 0.9))
    tell(LightFailed("d\n.jpg", "it is broken", "mend it"))
    out, err = capsys.readouterr()
    heads, none, unsure, sure = out.splitlines()
    assert none.split()[:5] == ["none", "-", "-", "0.00", "0.20"]
    assert "from no direction: a.jpg" in none
    assert "from the right (unsure): b.jpg" in unsure
    assert "from the right: c.jpg" in sure
    assert err == "msrnet: failed: d\\n.jpg: it is broken; mend it\n"
    assert heads.index("light") == sure.index("from")


def test_a_light_without_a_direction_is_null_for_programs(capsys):
    report.reporter(as_json=True)(LightFound("a.jpg", None, None, None, 0.0, 0.2, 0.0))
    (line,) = schemas.fitting_lines("light", capsys.readouterr().out.splitlines())
    assert (line["azimuth"], line["spread"], line["kelvin"]) == (None, None, None)
