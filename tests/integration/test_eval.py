"""msrnet eval and msrnet data check: scores, baselines, what is wrong with pictures."""

import csv
import json
import shutil
import statistics

import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from typer.testing import CliRunner

import pairs
import smooth
from msrnet_cli import report, weights
from msrnet_cli.cli import app
from msrnet_cli.config import EvalOptions, ModelConfig, WeightsCard
from msrnet_cli.errors import DataError, MSRNetError, UsageError
from msrnet_cli.evaluate.intervals import estimate
from msrnet_cli.evaluate.pairs import AFFINE, COPY, compare, evaluate
from msrnet_cli.networks import lightstage
from msrnet_cli.networks.dmshn import DMSHN, initialise_identity
from msrnet_cli.pairs.find import find_pairs
from msrnet_cli.results import (
    Bearing,
    Estimate,
    Evenness,
    Gain,
    RowScores,
    StageResult,
    StageScores,
)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return pairs.write_vidit(tmp_path_factory.mktemp("scenes"), 4, size=48)


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    """Weights that change nothing."""
    network = DMSHN(12)
    initialise_identity(network)
    path = tmp_path_factory.mktemp("weights") / "identity.safetensors"
    card = WeightsCard(model=ModelConfig(arch="dmshn", channels=12))
    weights.save(path, network.state_dict(), card)
    return str(path)


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_what_has_no_partner_is_left_out_and_said(scenes, tmp_path):
    shutil.copytree(scenes, tmp_path / "set")
    (tmp_path / "set/Image001_4500_E.png").unlink()
    text = "pictures without partner: 1, left out; `msrnet data check` lists them"
    result = evaluate(EvalOptions(data=str(tmp_path / "set")))
    assert result.pictures == 3
    assert text in result.notes
    whole = evaluate(EvalOptions(data=str(scenes)))
    assert not any("partner" in note for note in whole.notes)


def test_the_identity_scores_as_the_copy(scenes, identity):
    result = evaluate(EvalOptions(data=str(scenes), weights=(identity,)))
    copy, ours = result.methods
    assert (copy.name, ours.name) == (COPY, identity)
    assert ours.means["psnr"].mean == pytest.approx(copy.means["psnr"].mean, abs=0.01)
    assert ours.means["detail"].mean == pytest.approx(
        copy.means["detail"].mean, abs=0.01
    )
    assert "seconds" in ours.means
    assert "seconds" not in copy.means
    assert abs(ours.worst_gain) < 0.01


def test_each_working_size_is_a_row(scenes, identity):
    options = EvalOptions(
        data=str(scenes), weights=(identity,), work_sizes=(16, "full"), limit=2
    )
    copy, small, full = evaluate(options).methods
    assert small.name == f"{identity}, work size 16"
    assert full.name == f"{identity}, work size full"
    assert [row.work_size for row in (copy, small, full)] == [None, 16, "full"]
    for row in (small, full):
        assert row.means["psnr"].mean == pytest.approx(
            copy.means["psnr"].mean, abs=0.05
        )
    done = invoke("eval", "--data", scenes, "--weights", identity, "--work-size", "8")
    assert isinstance(done.exception, UsageError)


def test_a_working_size_that_changes_nothing_is_said(scenes, identity):
    def notes(*sizes):
        options = EvalOptions(
            data=str(scenes), weights=(identity,), work_sizes=sizes, limit=3
        )
        return [note for note in evaluate(options).notes if "pictures" in note]

    assert notes(16, "full") == []
    (note,) = notes(16, 512)
    assert note == f"{identity}, work size 512: 3 of 3 pictures are seen whole"


def test_enlarged_pixels_lack_the_detail_that_is_carried(scenes, identity):
    options = EvalOptions(
        data=str(scenes), weights=(identity,), work_sizes=(16, "full"), enlarged=True
    )
    _, carried, enlarged, whole = evaluate(options).methods
    assert whole.name.endswith("full")  # nothing is enlarged there
    assert enlarged.name == f"{carried.name}, enlarged"
    assert enlarged.means["detail"].mean < 0.6 * carried.means["detail"].mean


def test_scores_agree_with_scikit_image(scenes):
    result = evaluate(EvalOptions(data=str(scenes)))
    found = find_pairs(scenes).pairs
    assert len(found) == 4
    for pair, scores in zip(found, result.methods[0].images, strict=True):
        x, y = (f.decode().permute(1, 2, 0).numpy() for f in (pair.source, pair.target))
        assert scores.psnr == pytest.approx(peak_signal_noise_ratio(y, x), abs=1e-4)
        ssim = structural_similarity(y, x, channel_axis=2)
        assert scores.ssim == pytest.approx(ssim, abs=1e-4)


def test_the_affine_map_is_the_best_of_its_kind(scenes):
    result = evaluate(EvalOptions(data=str(scenes), fit_data=str(scenes)))
    copy, affine, *_ = result.methods
    assert affine.name == AFFINE
    assert affine.means["psnr"].mean > copy.means["psnr"].mean + 1


def test_an_affine_change_of_colour_is_found_exactly(tmp_path):
    for number in range(2):
        source = 0.2 + 0.5 * pairs.albedo(number, 32)
        gains = torch.tensor([1.1, 0.7, 0.4])[:, None, None]
        pairs.save(source, tmp_path / "input" / f"{number}.png")
        pairs.save(source * gains + 0.05, tmp_path / "target" / f"{number}.png")
    result = evaluate(EvalOptions(data=str(tmp_path), fit_data=str(tmp_path)))
    assert result.methods[1].means["psnr"].mean > 48


def test_without_alexnet_the_columns_are_absent_and_said_so(scenes, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", "/nowhere")
    result = evaluate(EvalOptions(data=str(scenes)))
    assert "lpips" not in result.methods[0].means
    assert any("without LPIPS" in note for note in result.notes)


def test_two_folders_are_compared_by_name(tmp_path):
    pairs.write_folders(tmp_path, 3)
    result = compare(str(tmp_path / "input"), str(tmp_path / "target"), EvalOptions())
    same = evaluate(EvalOptions(data=str(tmp_path)))
    assert result.methods[0].means == same.methods[0].means
    (tmp_path / "target" / "Image001.png").unlink()
    with pytest.raises(DataError, match="Image001"):
        compare(str(tmp_path / "input"), str(tmp_path / "target"), EvalOptions())


def test_the_interval_is_students():
    found = estimate([1.0, 2.0, 3.0, 4.0])
    assert found.mean == 2.5
    assert found.margin == pytest.approx(3.182 * 1.29099 / 2, rel=1e-4)
    values = [float(i % 7) for i in range(45)]
    # Student's t with 44 degrees of freedom: 2.0154
    expected = 2.0154 * statistics.stdev(values) / 45**0.5
    assert estimate(values).margin == pytest.approx(expected, rel=1e-3)
    assert estimate([1.0]).margin is None


def test_table_json_and_csv_hold_the_same(scenes, identity, tmp_path):
    rows = tmp_path / "scores.csv"
    table = invoke("eval", "--data", scenes, "--weights", identity, "--each")
    assert table.exit_code == 0, table.exception
    assert "copy of the input" in table.stdout
    assert "Image003" in table.stdout
    found = invoke(
        "eval", "--data", scenes, "--weights", identity, "--json", "--csv", rows
    )
    document = json.loads(found.stdout)
    with rows.open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 8
    first = document["methods"][0]["images"][0]
    assert float(lines[0]["psnr"]) == first["psnr"]


@pytest.fixture(scope="module")
def lights(tmp_path_factory):
    """Two scenes in layers of light."""
    return smooth.write(tmp_path_factory.mktemp("layers") / "scenes", 2)


@pytest.fixture(scope="module")
def copying(tmp_path_factory):
    """Weights whose layers are all the picture itself."""
    network = lightstage.LightStage(12)
    lightstage.start_as_identity(network)
    path = tmp_path_factory.mktemp("weights") / "stage.safetensors"
    card = WeightsCard(model=ModelConfig(arch="lightstage", channels=12))
    weights.save(path, network.state_dict(), card)
    return path


def test_scenes_are_scored_in_a_table_and_as_json(lights, copying, identity, tmp_path):
    training = smooth.write(tmp_path / "training", 2, first=10)
    arguments = ("eval", "--layers", lights, "--fit", training, "--device", "cpu")
    arguments += ("--weights", copying, "--weights", identity, "--dtype", "fp32")
    table = invoke(*arguments)
    assert table.exit_code == 0, table.exception
    lines = table.stdout.splitlines()
    assert lines[0].startswith(f"{lights}: 2 scenes of 64 px")
    for row in ("task", "night", "night, fitted", "own", "day", "day, bare", "ambient"):
        assert any(line.startswith(f"  {row}  ") for line in lines)
    assert any("azimuth, day" in line for line in lines)
    assert any("even surfaces" in line for line in lines)
    document = json.loads(invoke(*arguments, "--json").stdout)
    names = [method["name"] for method in document["methods"]]
    assert names == [COPY, AFFINE, str(copying), identity]
    rows = {row["name"]: row for row in document["methods"][2]["rows"]}
    assert rows["ambient"]["over_copy"]["psnr"]["mean"] == pytest.approx(0, abs=1e-6)
    assert rows["ambient"]["over_better"] is None
    assert rows["task"]["over_better"]["psnr"]["margin"] > 0
    assert rows["own"]["over_copy"] is None
    assert list(rows["night"]["scenes"]) == ["Image000", "Image001"]
    (task,) = document["methods"][3]["rows"]
    assert task["name"] == "task"


def test_the_table_of_scenes_fits_a_terminal(capsys):
    some, part = Estimate(21.37, 0.45), Estimate(0.8123, 0.01)
    gain = Gain(Estimate(-2.17, 0.31), Estimate(-0.0123, 0.01))
    names = ("task", "night, fitted", "ambient")
    found = (Bearing(143.2, 0.653), Bearing(101.5, 0.4))
    rows = tuple(
        RowScores(name, some, part, part, gain, gain, *found, {}) for name in names
    )
    even = Evenness(Estimate(3.87, 0.72), 72.8)
    method = StageScores("weights.safetensors", rows, 128, even)
    report.stage_table(StageResult("scenes", 96, 256, "cpu", (method,)))
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--data", "x"), "--data DIR"),
        (("x", "y"), "--data DIR"),
        (("--fit-data", "x"), "--fit-data"),
        (("--csv", "x.csv"), "--csv"),
        (("--from", "3500_S", "--each"), "--from, --each"),
        (("--fit", "LIGHTS"), "not scored"),
        (("--fit", "nowhere"), "nowhere"),
        (("--weights", "nowhere"), "nowhere"),
        (("--work-size", "8"), "--work-size 8"),
    ],
)
def test_what_does_not_go_with_scenes_is_refused(lights, options, says):
    options = [str(lights) if option == "LIGHTS" else option for option in options]
    result = invoke("eval", "--layers", lights, *options)
    assert isinstance(result.exception, MSRNetError)
    assert says in str(result.exception)


def test_maps_of_scenes_are_not_for_pairs(scenes):
    result = invoke("eval", "--data", scenes, "--fit", scenes)
    assert isinstance(result.exception, UsageError)
    assert "--fit" in str(result.exception)


def test_a_folder_without_scenes_is_told(scenes):
    result = invoke("eval", "--layers", scenes)
    assert isinstance(result.exception, DataError)
    assert "no scene" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--data DIR"),
        (("--data", "nowhere"), "does not exist"),
        (("one", "--data", "x"), "OUTPUTS TARGETS"),
        (("one",), "OUTPUTS TARGETS"),
        (("one", "two"), "does not exist"),
        (("--layers", "nowhere"), "does not exist"),
    ],
)
def test_wrong_arguments_are_one_line(arguments, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = invoke("eval", *arguments)
    assert isinstance(result.exception, MSRNetError)
    assert says in str(result.exception)


def test_data_check_lists_faults_and_says_so_in_its_exit_code(scenes, tmp_path):
    sound = invoke("data", "check", scenes)
    assert sound.exit_code == 0
    assert "4 pairs (4 with pictures to mirror)" in sound.stdout
    broken = tmp_path / "broken"
    shutil.copytree(scenes, broken)
    (broken / "Image002_4500_E.png").write_bytes(b"no picture")
    (broken / "Image003_4500_E.png").unlink()
    found = invoke("data", "check", broken)
    assert found.exit_code == 3
    assert "broken: " in found.stdout
    assert "partner: " in found.stdout
    document = json.loads(invoke("data", "check", broken, "--json").stdout)
    assert len(document["faults"]) == 2


def test_what_is_scored_is_what_the_folder_job_gives(scenes, tmp_path, monkeypatch):
    """Number format included: an 8-bit picture is not computed in more than it gets."""
    seen = []
    from msrnet_cli.inference import Relighter

    run = Relighter.run

    def watched(self, batch, *, deep=False):
        seen.append(deep)
        return run(self, batch, deep=deep)

    monkeypatch.setattr(Relighter, "run", watched)
    network = DMSHN(12)
    initialise_identity(network)
    path = tmp_path / "w.safetensors"
    card = WeightsCard(model=ModelConfig(arch="dmshn", channels=12))
    weights.save(path, network.state_dict(), card)
    evaluate(EvalOptions(data=str(scenes), weights=(str(path),)))
    assert seen
    assert not any(seen)


def test_pictures_too_small_to_score_are_refused(tmp_path):
    small = pairs.write_vidit(tmp_path, 1, size=8)
    with pytest.raises(DataError, match="too small"):
        evaluate(EvalOptions(data=str(small)))


def test_json_holds_no_infinity(program, scenes, tmp_path):
    done = program.run("eval", scenes, scenes, "--json")

    def refuse(text):
        raise AssertionError(text)

    found = json.loads(done.out, parse_constant=refuse)
    assert found["methods"][0]["images"][0]["psnr"] is None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--csv", "nowhere/x.csv"), ("nowhere", "no such folder; make it")),
        (("--weights", "w.safetensors"), ("--weights", "; leave one of them out")),
        (("--limit", "1"), ("--limit", "; leave one of them out")),
    ],
)
def test_options_that_cannot_count_are_refused(program, scenes, options, says):
    program.run("eval", scenes, scenes, *options, code=2, says=says)


def test_a_map_cannot_be_fitted_on_pairs_that_differ_in_size(scenes, tmp_path):
    folder = pairs.write_folders(tmp_path, 1, size=64)
    target = next((folder / "target").iterdir())
    with Image.open(target) as image:
        half = image.resize((32, 32))
    half.save(target)
    with pytest.raises(DataError, match="differ in size"):
        evaluate(EvalOptions(data=str(scenes), fit_data=str(folder)))
