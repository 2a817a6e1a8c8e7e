"""msrnet bench: one document, a table beside it, baselines, errors in one line."""

import io
import json
import sys
from pathlib import Path

import pytest
import torch

import browsers
import schemas
from conftest import photo
from msrnet_cli import cli, networks
from msrnet_cli.bench import ceilings, document
from msrnet_cli.bench.clock import Effort
from msrnet_cli.bench.rows import Setting, measure_cell
from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.pages import benchmark
from msrnet_cli.report import bench as report
from msrnet_cli.weights.file import save_weights

OPTIONS = ("--device", "cpu", "--size", "32", "--batch", "1", "--runs", "2")


pytestmark = pytest.mark.usefixtures("small_bench")


@pytest.fixture
def run(program, identity_file):
    def run(*arguments, **expected):
        weights = ("--weights", identity_file)
        return program.run("bench", *weights, *OPTIONS, *arguments, **expected)

    return run


def test_the_document_is_all_of_standard_output(run, tmp_path):
    many = ("--size", "32,64", "--batch", "1,2", "--dtype", "fp32,bf16")
    many = (*many, "--engine", "eager")
    done = run(*many, "--json", "--train", "--report", "p.html")
    found = document.from_json(schemas.fitting("bench", done.out))
    assert found.environment.torch == torch.__version__
    assert [(r.way, r.dtype, r.size, r.batch) for r in found.rows] == [
        (way, dtype, size, batch)
        for size in (32, 64)
        for batch in (1, 2)
        for way, dtype in (("reference", "fp32"), ("eager", "fp32"), ("eager", "bf16"))
    ]
    assert {c.name for c in found.ceilings} == {"fp32", "bf16", "copy"}
    assert all(row.timing.runs == 2 for row in found.rows)
    assert [step.dtype for step in found.training] == 4 * ["fp32"] + 4 * ["bf16"]
    assert found.job.pictures == 4
    assert found.carrying.timing.median > 0
    assert "ms/image" in done.err
    page = (tmp_path / "p.html").read_text("utf-8")
    for row in found.rows:
        assert f"{row.way}, {row.dtype}: {row.times or 1:.2f}x, " in page
    for table in report.pages(found):
        assert table.title in page
        for row in table.rows:
            assert all(f">{cell}<" in page for cell in row if cell.strip())


def test_the_page_shows_what_an_older_document_holds(watched, tmp_path):
    folder = Path(__file__).parents[2] / "benchmarks"
    found = document.read(folder / "cpu-epyc-avx512bf16-2cores-2026-11-25.json")
    (tmp_path / "page.html").write_text(benchmark.page(found), "utf-8")
    page = watched.open(tmp_path / "page.html")
    said = set(page.locator(".chart rect title").all_text_contents())
    for row in found.rows:
        way = f"{row.way}, {row.dtype}"
        milliseconds = report.milliseconds(row.seconds)
        assert f"{way}: {row.times or 1:.2f}x, {milliseconds} ms" in said
        assert f"{way}: {row.share:.0%} of {row.ceiling}" in said
    cells = {(row.size, row.batch) for row in found.rows}
    assert page.locator("line.mark").count() == len(cells), "the ceilings"
    assert browsers.axe_in_both_schemes(page) == []
    assert watched.errors == []
    assert watched.asked == []


def test_each_engine_has_a_row(run):
    done = run("--engine", "eager,fused,eager", "--dtype", "fp32", "--train", "--json")
    found = document.from_json(json.loads(done.out))
    assert [row.way for row in found.rows] == ["reference", "eager", "fused"]
    assert len(found.training) == 1  # which engine relights does not matter there
    done = run("--engine", "eager,warp", code=2)
    assert "--engine eager,warp; give one of auto, eager, fused" in done.err


def test_people_get_a_table(run, tmp_path):
    (tmp_path / "mine").mkdir()
    photo(48, 40).save(tmp_path / "mine" / "a.png")
    out = run("--pictures", "mine", "--rivals").out.decode()
    assert "reference" in out
    assert "ceilings measured in this run: fp32" in out
    assert "slowest: " in out
    assert "pictures: 1 in mine" in out
    assert "launch is empty: here a call returns when its work is done" in out


def test_tables_fit_a_terminal_and_progress_is_gone(identity_file, monkeypatch):
    shown = io.StringIO()
    shown.isatty = lambda: True
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    arguments = ("bench", "--weights", str(identity_file), *OPTIONS, "--train")
    monkeypatch.setattr(sys, "argv", ["msrnet", *arguments])
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setattr(sys, "stderr", shown)
    with pytest.raises(SystemExit):
        cli.main()
    *steps, table = shown.getvalue().split("\r\x1b[2K")
    steps = [step.partition(":")[0] for step in steps[1:]]
    assert steps == [f"{n} of {len(steps)}" for n in range(1, len(steps) + 1)]
    lines = table.splitlines()
    assert len(lines) > 20
    assert max(map(len, lines)) <= 80


def test_rivals_that_are_not_installed_are_named(run, monkeypatch):
    from msrnet_cli.bench import rivals

    monkeypatch.setattr(rivals, "_is_installed", lambda module: module == "onnx")
    done = run("--rivals")
    for name, package in (("ONNX Runtime", "onnxruntime"), ("OpenVINO", "openvino")):
        line = f"note: {name}: not installed (pip install {package} onnxscript)"
        assert line in done.out.decode()


def test_a_baseline_that_is_kept_is_fine_and_one_that_is_not_has_its_exit_code(
    run, tmp_path
):
    old = json.loads(run("--json").out)
    path = tmp_path / "old.json"
    for row in old["rows"]:
        row["times"] /= 100
    path.write_text(json.dumps(old))
    done = run("--baseline", path, "--fail-above", "10%")
    assert b"ok     fused" in done.out
    for row in old["rows"]:
        row["times"] *= 100 * 100
    path.write_text(json.dumps(old))
    done = run("--baseline", path, "--fail-above", "10%", code=7)
    assert "1 of 1 rows fell behind the baseline by more than 10%" in done.lines[-1]
    assert b"slower fused " in done.out
    run("--baseline", path)  # without a limit it only tells


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--size", "100"), "give 96"),
        (("--size", "big"), "give whole numbers"),
        (("--batch", "0"), "give auto, or whole numbers"),
        (("--dtype", "int8"), "give one of auto, fp32, bf16, fp16"),
        (("--fail-above", "10%"), "give --baseline"),
        (("--baseline", "old.json", "--fail-above", "much"), "such as 10%"),
        (("--baseline", "old.json", "--fail-above", "-5%"), "such as 10%"),
        (("--baseline", "nowhere.json"), "No such file"),
        (("--report", "p.png"), "must end in .html"),
        (("--report", "w.html/p.html"), "nothing can be written"),
        (("--report", "w.html", "--baseline", "w.html"), "would overwrite the input"),
        (("--plot", "p.png"), "No such option: --plot"),
        (("--pictures", "nowhere"), "No such file"),
        (("--device", "abacus"), "unknown device"),
        (("--arch", "stacked"), "is dmshn, not stacked"),
    ],
)
def test_wrong_options_are_one_line_before_anything_is_measured(
    run, arguments, says, monkeypatch, tmp_path
):
    (tmp_path / "w.html").touch()
    monkeypatch.setattr(ceilings, "measure", None)
    done = run(*arguments, code=2)
    assert len(done.lines) == 1
    assert says in done.lines[0]


def test_weights_that_are_missing_are_their_own_exit_code(program):
    program.run("bench", "--weights", "nowhere.safetensors", code=5, says="give a .s")


# --- rivals, where they are installed ----------------------------------------------


@pytest.fixture(scope="module")
def rival_rows():
    """Rows of every rival beside the reference, on a small network."""
    pytest.importorskip("onnxscript")
    from msrnet_cli.bench import rivals, subject, ways
    from msrnet_cli.config import ModelConfig

    cpu = torch.device("cpu")
    found = subject.seeded(ModelConfig("dmshn", 12))
    setting = Setting(found, subject.Pictures(), cpu, Effort(0.0, runs=2))
    others, _ = rivals.ways(found, cpu)
    rows = measure_cell(setting, 64, 2, [ways.reference(found, cpu), *others])
    return {(row.way, row.dtype): row for row in rows[1:]}


@pytest.mark.parametrize(
    ("module", "dtype", "least"),
    [("onnxruntime", "fp32", 100), ("openvino", "fp32", 100), ("openvino", "bf16", 45)],
)
def test_rivals_give_the_same_pictures(rival_rows, module, dtype, least):
    pytest.importorskip(module)
    if (module, dtype) not in rival_rows:
        pytest.skip(f"this processor has no {dtype}")
    row = rival_rows[module, dtype]
    assert not row.failure
    assert row.agreement > least
    assert row.prepare > 0


def test_openvino_tells_nobody_that_it_is_used():
    import sys

    from msrnet_cli.bench import rivals

    if not rivals._is_installed("openvino"):
        pytest.skip("OpenVINO is not installed")
    openvino = rivals._import_openvino()
    assert sys.modules["openvino_telemetry"] is None
    sender = sys.modules["openvino.tools.ovc"].telemetry
    assert "stub" in type(sender).__module__
    assert openvino.Core().available_devices


@pytest.mark.parametrize(
    "arch",
    [
        # The others are timed by test_every_network and test_two_inputs, too.
        pytest.param(name, marks=() if name == "dmshn" else pytest.mark.slow)
        for name in networks.NAMES
    ],
)
def test_every_network_has_rows_and_a_step_of_training(program, tmp_path, arch):
    model = ModelConfig(arch, 12)
    state = networks.build(model).state_dict()
    save_weights(tmp_path / "w.safetensors", state, WeightsCard(model=model))
    options = ("--weights", tmp_path / "w.safetensors", *OPTIONS, "--dtype", "fp32")
    done = program.run("bench", *options, "--train", "--json")
    found = document.from_json(json.loads(done.out))
    assert found.arch == arch
    own = next(row for row in found.rows if row.way != "reference")
    assert own.agreement > 60
    assert not own.failure
    (step,) = found.training
    assert step.timing is not None
    assert step.flop > 2 * own.flop
