"""msrnet eval and msrnet data check: scores, baselines, what is wrong with pictures."""

import csv
import io
import json
import re
import shutil
import statistics
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from rich.cells import cell_len
from scipy import stats
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from typer.testing import CliRunner

import pairs
import schemas
import smooth
from msrnet_cli import cli, metrics
from msrnet_cli.cli.commands import load
from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.errors import DataError, MSRNetError, UsageError
from msrnet_cli.evaluate import intervals
from msrnet_cli.evaluate.intervals import estimate
from msrnet_cli.evaluate.options import EvalOptions
from msrnet_cli.evaluate.pairs import compare, evaluate
from msrnet_cli.evaluate.results import (
    AFFINE,
    COPY,
    TRUTH,
    Bar,
    Bearing,
    Estimate,
    EvalResult,
    Evenness,
    Gain,
    ImageScores,
    MethodScores,
    RowScores,
    StageResult,
    StageScores,
)
from msrnet_cli.networks import lightstage
from msrnet_cli.networks.dmshn import DMSHN, initialise_identity
from msrnet_cli.pairs.find import find_pairs
from msrnet_cli.report import evaluate as report
from msrnet_cli.report import terminal
from msrnet_cli.weights.file import load_weights, save_weights


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
    save_weights(path, network.state_dict(), card)
    return str(path)


def invoke(*arguments):
    return CliRunner().invoke(load(), [str(argument) for argument in arguments])


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
    assert estimate([1.0, 2.0]) == Estimate(1.5, None), "13 deviations tell nothing"
    assert estimate([1.0, 2.0, 3.0]).margin == pytest.approx(4.303 / 3**0.5, rel=1e-3)


def test_the_quantiles_are_those_of_student():
    freedom = np.arange(1, 300)
    expected = stats.t.ppf(0.975, freedom)
    found = [intervals._student(int(f)) for f in freedom]
    assert found == pytest.approx(list(expected), rel=1e-3)


def test_table_json_and_csv_hold_the_same(scenes, identity, tmp_path):
    rows = tmp_path / "scores.csv"
    table = invoke("eval", "--data", scenes, "--weights", identity, "--each")
    assert table.exit_code == 0, table.exception
    assert "copy of the input" in table.stdout
    assert "Image003" in table.stdout
    found = invoke(
        "eval", "--data", scenes, "--weights", identity, "--json", "--csv", rows
    )
    document = schemas.fitting("eval", found.stdout)
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
    save_weights(path, network.state_dict(), card)
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
    document = schemas.fitting("eval-layers", invoke(*arguments, "--json").stdout)
    names = [method["name"] for method in document["methods"]]
    assert names == [COPY, AFFINE, str(copying), identity, TRUTH]
    rows = {row["name"]: row for row in document["methods"][2]["rows"]}
    assert rows["ambient"]["over_copy"]["psnr"]["mean"] == pytest.approx(0, abs=1e-6)
    assert rows["ambient"]["over_better"] is None
    assert rows["task"]["over_better"]["psnr"]["margin"] is None, "of 2 scenes"
    assert not any("±" in line for line in lines if line.startswith("  task  "))
    assert rows["own"]["over_copy"] is None
    assert list(rows["night"]["scenes"]) == ["Image000", "Image001"]
    bars = document["methods"][4]["bars"]
    assert [bar["unit"] for bar in bars] == ["dB"] * 4
    assert sum(line.startswith("  N + E, ") for line in lines) == 4
    assert sum(", wanted: at least 30: " in line for line in lines) == 4
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
    bars = (
        Bar("N + E, film, half + half", 28.1, 30, True, "dB", 96),
        Bar("between over beside", -10.2, -0.7, True, "dB", 96),
        Bar("kelvin by night, error", 101.2, 10, False, "%", 480),
    )
    method = StageScores("weights.safetensors", rows, 128, even, bars=bars)
    report.scene_tables(StageResult("scenes", 96, 256, "cpu", (method,)))
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--data", "x"), "--data DIR"),
        (("x", "y"), "--data DIR"),
        (("--fit-data", "x"), "--fit-data"),
        (("--csv", "x.csv"), "--csv"),
        (("--from", "3500_S", "--each"), "--each, --from"),
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
    told = invoke("data", "check", broken, "--json").stdout
    document = schemas.fitting("data-check", told)
    assert len(document["faults"]) == 2


def test_what_is_scored_is_what_the_folder_job_gives(scenes, tmp_path, monkeypatch):
    """Number format included: an 8-bit picture is not computed in more than it gets."""
    seen = []
    from msrnet_cli.relight.relighter import Relighter

    run = Relighter.run

    def watched(self, batch, *, deep=False):
        seen.append(deep)
        return run(self, batch, deep=deep)

    monkeypatch.setattr(Relighter, "run", watched)
    network = DMSHN(12)
    initialise_identity(network)
    path = tmp_path / "w.safetensors"
    card = WeightsCard(model=ModelConfig(arch="dmshn", channels=12))
    save_weights(path, network.state_dict(), card)
    evaluate(EvalOptions(data=str(scenes), weights=(str(path),)))
    assert seen
    assert not any(seen)


def test_pictures_too_small_to_score_are_refused(tmp_path):
    small = pairs.write_vidit(tmp_path, 1, size=8)
    with pytest.raises(DataError, match="too small"):
        evaluate(EvalOptions(data=str(small)))


def refused_constant(text):
    raise AssertionError(f"{text} is not JSON")


def document(done):
    return json.loads(done.out, parse_constant=refused_constant)


def test_equal_pictures_have_the_score_of_rounding(program, scenes, tmp_path):
    done = program.run("eval", scenes, scenes, "--json", "--csv", "all.csv")
    (method,) = document(done)["methods"]
    assert {image["psnr"] for image in method["images"]} == {metrics.ROUNDING_DB}
    assert method["means"]["psnr"]["mean"] == pytest.approx(58.92, abs=0.01)
    assert method["means"]["ssim_gaussian"]["mean"] == pytest.approx(1)
    assert "inf" not in (tmp_path / "all.csv").read_text()
    table = program.run("eval", scenes, scenes, "--each")
    assert b"58.92" in table.out
    assert "equal to the target, or nearly: 12, each counted as 58.92" in table.err


@pytest.fixture
def flat(tmp_path):
    """Flat targets, one met and one missed, beside one with detail."""
    target, output = tmp_path / "flat/target", tmp_path / "flat/input"
    for folder, grey in ((target, 0.5), (output, 0.8)):
        pairs.save(torch.zeros(3, 32, 32), folder / "black.png")
        pairs.save(0.5 * pairs.albedo(0, 32), folder / "some.png")
        noise = pairs.albedo(1, 32) if folder == output else torch.ones(3, 32, 32)
        pairs.save(grey * noise, folder / "grey.png")
    return tmp_path / "flat"


@pytest.mark.parametrize("way", ["pairs", "pictures"])
def test_detail_of_flat_targets_is_whole_or_left_out_and_counted(program, flat, way):
    folders = (flat / "input", flat / "target")
    arguments = ("--data", flat) if way == "pairs" else folders
    done = program.run("eval", *arguments, "--json")
    found = document(done)
    method = found["methods"][0]
    detail = {image["name"]: image["detail"] for image in method["images"]}
    assert (detail["black"], detail["grey"]) == (1, None)
    known = [value for value in detail.values() if value is not None]
    assert len(known) == 2
    assert method["means"]["detail"]["mean"] == pytest.approx(sum(known) / 2)
    assert f"{method['name']}: flat targets: 1, left out of detail" in found["notes"]
    table = program.run("eval", *arguments, "--each").out.decode()
    assert "inf" not in table
    assert "nan" not in table


def test_outputs_of_compare_are_scored_without_their_side_by_side(
    program, scenes, identity, tmp_path
):
    program.run("relight", scenes, "relit", "--compare", "--weights", identity)
    assert len(list((tmp_path / "relit").glob("*_compare.jpg"))) == 12
    found = document(program.run("eval", "relit", scenes, "--json"))
    assert found["pictures"] == 12
    assert "side-by-side pictures of --compare: 12, passed over" in found["notes"]


def test_relit_pictures_are_scored_against_the_truth_of_their_scene(
    program, scenes, identity, tmp_path
):
    """Image000_6500_N relit against Image000_4500_E: the identity scores as a copy."""
    for light in ("6500_N", "4500_E"):
        (tmp_path / light).mkdir()
        for path in scenes.glob(f"*{light}.png"):
            shutil.copy(path, tmp_path / light)
    program.run("relight", "6500_N", "relit", "--weights", identity, "--dtype", "fp32")
    found = document(program.run("eval", "relit", "4500_E", "--json"))
    copy = evaluate(EvalOptions(data=str(scenes))).methods[0]
    (ours,) = found["methods"]
    assert ours["means"]["psnr"]["mean"] == pytest.approx(copy.means["psnr"].mean)
    again = document(program.run("eval", "relit", scenes, "--to", "4500_E", "--json"))
    assert again["methods"][0]["means"] == ours["means"]


@pytest.mark.slow
def test_pictures_are_told_to_be_seen_at_a_size_only_where_they_are(
    program, scenes, identity, tmp_path
):
    def told(*sizes):
        arguments = ("--weights", identity, "--work-size", ",".join(map(str, sizes)))
        return program.run("eval", "--data", "set", *arguments).out.decode()

    shutil.copytree(scenes, tmp_path / "set")
    table = told(16, 48, "full")
    assert "work size 16, seen at 16 px\n" in table
    assert "work size 48, seen whole\n" in table
    assert "work size full, seen whole\n" in table
    pairs.write_folders(tmp_path / "set", 1, size=96)
    assert "seen at 48 px, 4 of 5 whole\n" in told(48)


@pytest.mark.slow
def test_scores_on_scenes_go_into_the_card_of_weights(
    program, lights, copying, tmp_path
):
    done = program.run(
        *("eval", "--layers", lights, "--weights", copying, "--device", "cpu", "--json")
    )
    (tmp_path / "scores.json").write_bytes(done.out)
    _, ours = document(done)["methods"]
    program.run(
        *("weights", "export", copying, "out.safetensors", "--scores", "scores.json")
    )
    card = load_weights(str(tmp_path / "out.safetensors")).card
    rows = {row["name"]: row for row in ours["rows"]}
    assert card.scores["task_psnr"] == round(rows["task"]["psnr"]["mean"], 4)
    fitted = rows["night, fitted"]
    assert card.scores["night_fitted_over_copy"] == pytest.approx(
        fitted["over_copy"]["psnr"]["mean"], abs=1e-4
    )
    assert "own_over_copy" not in card.scores


@pytest.mark.slow
def test_scenes_of_several_sizes_say_at_which_they_are_scored(
    program, lights, copying, tmp_path
):
    shutil.copytree(lights, tmp_path / "mixed")
    options = ("--weights", copying, "--device", "cpu", "--work-size", "96")
    same = program.run("eval", "--layers", "mixed", *options).out.decode()
    assert "mixed: 2 scenes of 64 px, on cpu (1 thread)\n" in same
    assert "work size 96, seen whole\n" in same
    smooth.write(tmp_path / "mixed", 1, first=5, size=80)
    table = program.run("eval", "--layers", "mixed", *options).out.decode()
    assert "mixed: 3 scenes of 64 to 80 px, scored at 64 px, on cpu" in table


# --- on a terminal -----------------------------------------------------------------


class Screen:
    """What is left on a terminal: text, new lines, and clearing of a line."""

    def __init__(self, columns):
        self.columns, self.lines, self.place = columns, [""], 0

    def feed(self, text):
        for part in re.split(r"(\r\n|\r|\n|\x1b\[2K)", text):
            if part == "\r":
                self.place = 0
            elif part in ("\n", "\r\n"):
                self.lines.append("")
                self.place = 0
            elif part == "\x1b[2K":
                self.lines[-1] = ""
            else:
                line = self.lines[-1]
                self.lines[-1] = line[: self.place] + part
                self.lines[-1] += line[self.place + len(part) :]
                self.place += len(part)
                assert self.place <= self.columns or not part.startswith("Image")


def on_a_terminal(columns, monkeypatch, *arguments):
    """The lines that stay on a terminal after a command, standard error included."""
    shown = io.StringIO()
    shown.isatty = lambda: True
    with monkeypatch.context() as patch:
        patch.setenv("COLUMNS", str(columns))
        patch.setenv("TERM", "xterm")
        patch.setattr(sys, "argv", ["msrnet", *map(str, arguments)])
        patch.setattr(sys, "stdout", shown)
        patch.setattr(sys, "stderr", shown)
        with pytest.raises(SystemExit) as stopped:
            cli.main()
    screen = Screen(columns)
    screen.feed(shown.getvalue())
    return stopped.value.code, screen.lines, shown.getvalue()


@pytest.mark.parametrize("columns", [80, pytest.param(120, marks=pytest.mark.slow)])
def test_eval_leaves_nothing_but_its_table_on_a_terminal(
    scenes, identity, lights, copying, columns, monkeypatch
):
    pair = ("eval", "--data", scenes, "--weights", identity, "--work-size", "16,full")
    stage = ("eval", "--layers", lights, "--weights", copying, "--device", "cpu")
    for arguments, opening in ((pair, scenes), (stage, lights)):
        code, lines, written = on_a_terminal(columns, monkeypatch, *arguments)
        assert code in (0, None)
        assert "\x1b[2K" in written, "progress was shown"
        assert lines[0].startswith(f"{opening}: ")
        kept = (str(identity), str(copying), "msrnet: note: ")
        table = [line for line in lines[1:] if not line.startswith(kept)]
        assert len(table) > 5
        assert max(map(len, table)) <= 80


def test_progress_is_gone_after_an_error_too(scenes, tmp_path, monkeypatch):
    broken = tmp_path / "broken"
    shutil.copytree(scenes, broken)
    (broken / "Image003_4500_E.png").write_bytes(b"no picture")
    code, lines, written = on_a_terminal(80, monkeypatch, "eval", "--data", broken)
    assert code
    assert "Image002" in written
    assert lines[0].startswith("msrnet: ")


def test_progress_never_reaches_into_a_second_line(monkeypatch):
    shown = io.StringIO()
    shown.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    with terminal.progress() as notify:
        for name in ("x" * 100, "\u5149" * 30, "a\nb\x1b[2J", ""):
            notify(name)
    texts = shown.getvalue().split("\r\x1b[2K")[1:]
    assert max(map(cell_len, texts)) < 40
    assert "\n" not in shown.getvalue()
    assert shown.getvalue().count("\x1b") == 5
    assert texts[-1] == ""


def test_a_long_name_of_a_picture_has_a_line_of_its_own(capsys):
    image = ImageScores("a/" * 30 + "Image000", 12.5, 0.5, 0.5, None)
    means = {"psnr": Estimate(12.5, 1.25), "detail": Estimate(1234.567, 100.5)}
    means |= dict.fromkeys(("ssim", "ssim_gaussian"), Estimate(-0.1234, 0.5))
    means |= dict.fromkeys(("lpips", "mps"), Estimate(0.5, 0.1))
    means["seconds"] = Estimate(123.456, 123.456)
    method = MethodScores("w", (image,), means, -12.34, 160)
    report.table(EvalResult("set", 1, "cpu", (method,)), each=True)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-2].strip() == image.name
    assert lines[-1].split()[0] == "12.50"


def test_an_output_of_another_size_than_its_target_is_told(program, tmp_path):
    for folder, size in (("ours", 32), ("theirs", 48)):
        pairs.save(pairs.albedo(0, size), tmp_path / folder / "a.png")
    done = program.run("eval", "ours", "theirs", code=2)
    assert "a: its pictures differ in size (32x32 and 48x48); give outputs" in done.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--csv", "nowhere/x.csv"), ("nowhere", "no such folder; make it")),
        (("--weights", "w.safetensors"), ("--weights", "; leave one of them out")),
        (("--limit", "1"), ("--limit", "; leave one of them out")),
        (("--from", "6500_N"), ("--from", "; leave one of them out")),
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
