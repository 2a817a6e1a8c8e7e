"""Two inputs from the command line: trained, resumed, scored, timed, relit."""

import json
import shutil

import pytest

import pairs
from conftest import picture_at
from msrnet_cli.weights.card import read_card

LIGHTS = ("6500_N", "6500_S", "4500_E", "4500_W")
TINY = (
    *("--arch", "two_views", "--channels", "12", "--init", "identity", "--device"),
    *("cpu", "--dtype", "fp32", "--size", "64", "--validations", "1"),
)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return pairs.write_vidit(tmp_path_factory.mktemp("scenes"), 3, lights=LIGHTS)


@pytest.fixture
def run(program, scenes):
    def run(*arguments, **expected):
        data = ("--data", scenes, "--inputs", "N,S")
        return program.run("train", *data, *TINY, *arguments, **expected)

    return run


def scores(program, *arguments):
    done = program.run(
        "eval", "--device", "cpu", "--dtype", "fp32", "--json", *arguments
    )
    found = json.loads(done.out)
    return {one["name"]: one["means"]["psnr"]["mean"] for one in found["methods"]}


@pytest.mark.usefixtures("small_bench")
def test_it_is_trained_scored_timed_and_relights(program, scenes, run, tmp_path):
    run("--out", "run", "--steps", "6", "--mirror", "--lr", "1e-3", "--warmup", "1")
    weights = "run/last.safetensors"
    card = read_card(tmp_path / weights)
    assert (card.from_light, card.second_light, card.to_light) == LIGHTS[:3]
    found = scores(program, "--data", scenes, "--weights", weights)
    copy, ours = found.values()
    assert ours > copy + 0.5
    # Without --val the validation of the run tries the same pictures.
    assert card.scores["training_psnr"] == pytest.approx(ours, abs=0.02)
    timed = program.run(
        *("bench", "--weights", weights, "--device", "cpu", "--size", "64"),
        *("--batch", "1", "--runs", "2", "--dtype", "fp32", "--train", "--json"),
    )
    document = json.loads(timed.out)
    assert all(row["agreement"] > 60 for row in document["rows"][1:])
    assert document["training"][0]["timing"]["runs"] == 2
    for light, folder in (("6500_N", "in"), ("6500_S", "other")):
        (tmp_path / folder).mkdir()
        for number in range(3):
            picture = scenes / f"Image00{number}_{light}.png"
            shutil.copy(picture, tmp_path / folder / f"{number}.png")
    command = ("relight", "in", "out", "--weights", weights)
    program.run(*command, code=2, says="--second DIR")
    program.run(
        *command,
        "--second",
        "other",
        says="6500 K from in front (S) become light of 4500 K",
    )
    assert picture_at(tmp_path / "out/0.png").size == (64, 64)


def test_a_run_keeps_its_inputs(program, run):
    run("--out", "run", "--steps", "2")
    program.run("train", "--out", "run", "--resume", "--steps", "3", says="from step 2")
    asked = ("train", "--out", "run", "--resume", "--inputs", "S,N")
    program.run(*asked, code=2, says="was started with --inputs N,S, not S,N")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--inputs", "N"), "two lights, such as 6500_N,6500_S or N,S"),
        (("--inputs", "N,N"), "--inputs are both 6500_N"),
        (("--inputs", "N,E", "--to", "6500_E"), "--inputs and --to are both 6500_E"),
        (("--inputs", "2500_N,2500_S"), "pictures (12) but no pairs"),
        (("--arch", "dmshn"), "dmshn sees one; give --arch two_views"),
    ],
)
def test_what_cannot_be_learnt_is_refused_in_a_line(run, arguments, says):
    done = run(*arguments, "--steps", "1", code=2)
    assert says in done.err
    assert len(done.lines) == 1


def test_a_network_that_sees_two_needs_both_lights(program, scenes):
    says = "two_views sees two pictures of a scene, and no second light is named"
    program.run("train", "--data", scenes, *TINY, code=2, says=says)


def test_eval_asks_which_pictures_to_show_where_the_card_does_not_fit(
    program, scenes, run
):
    run("--out", "run", "--steps", "1")
    command = ("eval", "--data", scenes, "--weights", "run/last.safetensors")
    program.run(*(*command, "--from", "6500_S"), code=2, says="--inputs LIGHT,LIGHT")
    swapped = scores(program, *command[1:], "--inputs", "S,N")
    usual = scores(program, *command[1:])
    assert swapped["copy of the input"] != usual["copy of the input"]
    (scenes_of_layers := scenes.parent / "layers").mkdir(exist_ok=True)
    program.run(
        *("eval", "--layers", scenes_of_layers, "--inputs", "N,S"),
        code=2,
        says="--layers does not go with --inputs",
    )


def test_data_check_counts_scenes_with_both(program, tmp_path):
    folder = pairs.write_vidit(tmp_path / "set", 2, size=16, lights=LIGHTS)
    check = ("data", "check", folder, "--inputs", "N,S")
    assert b"2 pairs (2 with pictures to mirror)" in program.run(*check).out
    (folder / "Image001_6500_S.png").unlink()
    done = program.run(*check, code=3)
    assert b"Image001_6500_N.png: its partner 6500_S is missing" in done.out
