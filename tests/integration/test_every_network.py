"""A network beyond DMSHN goes through everything: train, eval, relight, bench."""

import json

import pytest
import torch

import pairs
from conftest import picture_at
from msrnet_cli import networks
from msrnet_cli.bench import document
from msrnet_cli.config import ModelConfig
from msrnet_cli.engines import AGREEMENT_DB
from msrnet_cli.weights.card import read_card
from training import settings

OTHERS = sorted(
    name
    for name in set(networks.NAMES) - {"dmshn", "stacked", "lightstage"}
    if not networks.architecture(name).guide  # two pictures: test_two_inputs
)
SMALL = ("--size", "64", "--batch", "1", "--dtype", "fp32", "--device", "cpu")

pytestmark = pytest.mark.usefixtures("small_bench")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return pairs.write_vidit(tmp_path_factory.mktemp("scenes"), 3, size=64)


@pytest.mark.parametrize("arch", OTHERS)
def test_it_is_trained_scored_used_and_timed(program, scenes, tmp_path, arch):
    weights = tmp_path / "run" / "last.safetensors"
    length = ("--steps", "6", "--validations", "1", "--lr", "1e-3")
    network = ("--arch", arch, "--channels", "4")
    program.run(
        "train", "--data", scenes, "--out", "run", *network, *SMALL, *length, "--json"
    )
    known = ModelConfig(arch, 4)
    assert read_card(weights).model == known

    found = json.loads(
        program.run("eval", "--data", scenes, "--weights", weights, "--work-size", "64",
                    "--device", "cpu", "--json", "--offline").out
    )  # fmt: skip
    assert str(weights) in json.dumps(found)

    given = scenes / "Image000_6500_N.png"
    program.run("relight", given, "out.png", "--weights", weights, "--device", "cpu")
    assert picture_at(tmp_path / "out.png").size == picture_at(given).size

    done = program.run("bench", "--weights", weights, *SMALL, "--runs", "2", "--json")
    measured = document.from_json(json.loads(done.out))
    assert measured.arch == arch
    assert not any(row.failure for row in measured.rows)
    own = next(row for row in measured.rows if row.way != "reference")
    assert own.agreement > AGREEMENT_DB


@pytest.mark.parametrize(
    "arch",
    [
        pytest.param(name, marks=() if name == "srn_lstm" else pytest.mark.slow)
        for name in OTHERS
    ],
)
def test_a_run_goes_on_where_it_was_stopped(scenes, tmp_path, arch):
    from msrnet_cli.train.loop import train
    from msrnet_cli.weights.file import load_weights

    def run(name, stops_after=None, **more):
        asked = iter(range(100))
        options = settings(
            data=str(scenes), out=str(tmp_path / name), model=ModelConfig(arch, 2),
            steps=4, sizes=(32,), batch=(2,), dtype="fp32", validations=1, val_pairs=1,
            ema=0.9, loss="l1",
        )  # fmt: skip
        stop = {"should_stop": lambda: "SIGTERM" * (next(asked) + 1 == stops_after)}
        train(options, lambda _: None, **stop, **more)
        return load_weights(tmp_path / name / "last.safetensors").state

    whole = run("whole")
    run("parts", stops_after=2)
    again = run("parts", resume=True)
    assert all(torch.equal(whole[name], value) for name, value in again.items())
