"""The paper's tables, made anew on a tiny budget: trained, resumed, scored, written."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil

import pytest
from PIL import Image
from safetensors.torch import load_file

import pairs
import smooth
from benchmarks.tables import data as datas
from benchmarks.tables import keeping, protocol, runs, scores, times, writing
from benchmarks.tables.command import main
from benchmarks.tables.data import Data
from benchmarks.tables.document import document
from benchmarks.tables.place import Place
from benchmarks.tables.program import msrnet
from benchmarks.tables.protocol import PAPER_PICTURES, Protocol
from benchmarks.tables.runs import Run
from benchmarks.tables.systems import Printed, table1, table2
from documents import ROOT
from msrnet_cli import signals
from msrnet_cli.errors import TrainingError, UsageError
from msrnet_cli.evaluate.intervals import estimate
from msrnet_cli.networks import NAMES
from msrnet_cli.train import loop

SIZE = 64
LIGHTS = ("6500_N", "4500_E")
ALL_LIGHTS = ("6500_N", "6500_S", "4500_E")
OURS = table1(("dmshn", "stacked", "lightstage"))
PAPER = ("griddehazenet", "srn", "drn", "dmshn", "stacked")
DMSHN, LIGHTSTAGE = OURS.systems[0], OURS.systems[-1]
FAR_AND_NEAR = ((10, 20, 30), (12, 22, 32))
PAGE = ROOT / "docs" / "tables.md"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Eight pairs, the same number of scenes in layers, three pairs to score on."""
    root = tmp_path_factory.mktemp("data")
    pairs.write_vidit(root / "train", 8, SIZE, LIGHTS)
    pairs.write_vidit(root / "val", 3, SIZE, LIGHTS, first=50)
    smooth.write(root / "layers", 8, SIZE)
    return root


def words(folders, *, seeds=1, only="dmshn-combined"):
    return (
        *("--pictures", "8", "--size", str(SIZE), "--no-perceptual"),
        *("--data", str(folders / "train"), "--val", str(folders / "val")),
        *("--layers", str(folders / "layers"), "--device", "cpu"),
        *("--time-size", "32", "--seeds", str(seeds), "--only", only),
        *("--", "--channels", "12", "--validations", "1", "--val-pairs", "1"),
    )


def ran(table, *command):
    """What a command writes to standard output."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        code = main(table, command)
    assert code == 0
    return out.getvalue()


@pytest.fixture(scope="module")
def out(folders, tmp_path_factory):
    """DMSHN by two seeds, the light stage by one."""
    out = tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(times, "_EFFORT", times.clock.Effort(seconds=0, runs=1))
        ran(OURS, "run", str(out), *words(folders, only="lightstage-layers"))
        ran(OURS, "run", str(out), *words(folders, seeds=2))
    return out


@pytest.fixture
def no_work(monkeypatch):
    """Training, scoring and timing fail."""

    def refuse(*_, **__):
        raise AssertionError("this was done before")

    monkeypatch.setattr(loop, "train", refuse)
    monkeypatch.setattr(scores.pairs, "evaluate", refuse)
    monkeypatch.setattr(times.clock, "sample", refuse)


def read(out, number=1):
    found = json.loads((out / f"table{number}.json").read_text())
    return found, (out / f"table{number}.md").read_text()


def cells(markdown):
    """The table of a page, without its head: rows of cells."""
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines[2:]]


# --- rows -----------------------------------------------------------------------------


def test_networks_that_are_there_are_rows_in_the_papers_order():
    assert [each.arch for each in table1(reversed(PAPER)).systems] == list(PAPER)
    assert [each.arch for each in table1(("stacked", "drn")).systems] == [
        "drn",
        "stacked",
    ]
    assert {each.arch for each in table1().systems} == set(NAMES)


def test_a_network_that_the_paper_does_not_have_is_a_row_without_its_line():
    *_, newest = table1((*PAPER, "newest")).systems
    assert (newest.title, newest.printed) == ("newest", None)


def test_what_the_paper_prints_is_printed():
    first = {each.title: each.printed for each in table1(PAPER).systems}
    assert first == {
        "Dense-GridNet": Printed(16.67, 0.2811, 0.3691, 0.9326),
        "SRN": Printed(16.94, 0.5660, 0.4319, 0.87),
        "DRN": Printed(17.59, 0.596, 0.440, 0.5, decimals=3),
        "DMSHN": Printed(17.20, 0.5696, 0.3712, 0.0058),
        "Stacked DMSHN": Printed(17.89, 0.5899, 0.4088, 0.0116),
    }
    assert first["SRN"].mps == pytest.approx(0.56705)
    second = [each.printed for each in table2().systems]
    assert [line.psnr for line in second] == [17.09, 16.94, 17.20, 17.53, 17.89]
    assert [line.ssim for line in second] == [0.5928, 0.5659, 0.5696, 0.5673, 0.5899]
    assert [line.lpips for line in second] == [0.4428, 0.4933, 0.3712, 0.4253, 0.4088]


def test_both_tables_share_the_runs_that_they_have_in_common():
    shared = {each.key for each in OURS.systems} & {e.key for e in table2().systems}
    assert shared == {"dmshn-combined", "stacked-combined"}


# --- the protocol ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "system", [*OURS.systems, *table2().systems], ids=lambda each: each.title
)
def test_every_system_sees_as_many_pictures(system, capsys):
    asked = Protocol(pictures=4800, size=SIZE, perceptual=False)
    msrnet("train", "--data", "DIR", *asked.words(system), "--print-config")
    settings = json.loads(capsys.readouterr().out)
    schedule = settings["schedule"]
    assert schedule["steps"] * schedule["batch"][0] == 4800
    assert settings["network"]["model"]["arch"] == system.arch
    assert schedule["stage"] == ("all" if system.training == "combined" else "1")
    assert settings["loss"]["loss"] == ("sobel" if system.training == "sobel" else None)
    assert settings["loss"]["perceptual"] == (system.training != "combined")


def test_epochs_are_those_of_the_paper():
    asked = Protocol(epochs=2500)
    assert asked.words(DMSHN)[2:4] == ["--epochs", "2500"]
    assert asked.seen(300) == PAPER_PICTURES


def test_options_that_the_parser_refuses_are_told_in_one_line():
    with pytest.raises(UsageError, match="--nonsense"):
        msrnet("train", "--nonsense")


def test_a_folder_keeps_its_protocol(tmp_path):
    first = Protocol(pictures=8, more=("--lr", "1e-3"))
    protocol.settle(tmp_path, first)
    protocol.settle(tmp_path, first)
    assert protocol.read(tmp_path) == first
    with pytest.raises(UsageError, match="pictures is 8 there, not 9"):
        protocol.settle(tmp_path, Protocol(pictures=9, more=first.more))
    with pytest.raises(UsageError, match="more is --lr 1e-3 there, not nothing"):
        protocol.settle(tmp_path, Protocol(pictures=8))


# --- data -----------------------------------------------------------------------------


def test_scenes_are_rendered_where_no_data_is_named_and_only_those_missing(
    tmp_path, monkeypatch
):
    asked = Protocol(pictures=8, size=128, scenes=2, val_scenes=1)
    data = datas.data_of(asked, tmp_path)
    assert data.is_rendered
    pairs.write_vidit(tmp_path / "data" / "train", 2, 16, ALL_LIGHTS)
    rendered = []
    monkeypatch.setattr(datas, "msrnet", lambda *given: rendered.append(given))
    datas.render(data, asked, ("train", "val", "layers"))
    assert rendered == [
        (
            *("synth", data.val, "--scenes", "1", "--size", "128"),
            *("--lights", ",".join(ALL_LIGHTS), "--split", "validation"),
        ),
        ("synth", data.layers, "--scenes", "2", "--size", "128", "--layers"),
    ]
    rendered.clear()
    datas.render(data, asked, ("train", "val"))
    assert [given[1] for given in rendered] == [data.val]


def test_data_is_named_whole_or_not_at_all(tmp_path):
    named = Protocol(pictures=8, data="train", val="val")
    assert datas.data_of(named, tmp_path) == Data("train", "val", "", is_rendered=False)
    for part in ({"data": "train"}, {"val": "val"}, {"layers": "scenes"}):
        with pytest.raises(UsageError, match="only a part"):
            datas.data_of(Protocol(pictures=8, **part), tmp_path)


# --- end to end -----------------------------------------------------------------------


def test_a_table_holds_the_papers_lines_and_ours(out):
    found, _ = read(out)
    rows = {row["title"]: row for row in found["rows"]}
    assert list(rows) == [
        *scores.BASELINES,
        "DMSHN",
        "Stacked DMSHN",
        "light stage",
    ]
    assert rows["DMSHN"]["seeds"] == [0, 1]
    assert rows["light stage"]["seeds"] == [0]
    assert rows["Stacked DMSHN"]["here"] is None
    assert rows["DMSHN"]["here"]["psnr"]["margin"] > 0
    assert rows["DMSHN"]["time"]["seconds"] > 0
    assert rows["DMSHN"]["time"]["launch"] is None
    assert any("without its perceptual term" in line for line in found["caption"])
    assert any("8 pairs of train to learn from, 3" in line for line in found["caption"])


def test_markdown_holds_what_the_document_holds(out):
    found, markdown = read(out)
    lines = iter(cells(markdown))
    names = scores.SCORES
    for row in found["rows"]:
        title = row["title"]
        if row["paper"]:
            head, origin, *values = next(lines)
            assert (head, origin) == (title, "paper")
            for name, cell in zip(names, values, strict=False):
                assert cell == "" or float(cell) == pytest.approx(
                    row["paper"][name], abs=5e-5
                )
            assert float(values[6]) == row["paper"]["seconds"]
            title = ""
        head, origin, *values, differs = next(lines)
        assert (head, origin, differs) == (title, "here", row["differs"])
        if row["here"] is None:
            assert values[0] == "not run yet"
            continue
        for name, cell in zip(names, values, strict=False):
            numbers = list(map(float, re.findall(r"[+-]?\d+\.\d+", cell)))
            one = row["here"].get(name, {"mean": None, "seeds": []})
            seeds = one["seeds"] if len(one["seeds"]) > 1 else []
            wanted = [one["mean"], one["margin"], *seeds] if one["seeds"] else []
            assert numbers == pytest.approx(wanted, abs=6e-3)
    assert next(lines, None) is None
    assert all(sentence in markdown for sentence in found["caption"])
    assert all(note in markdown for note in found["notes"])
    assert markdown.count("none on a CPU") == 2


@pytest.mark.usefixtures("no_work")
def test_nothing_is_done_twice(out, folders):
    before = read(out)
    written = ran(OURS, "run", str(out), *words(folders, seeds=2))
    assert read(out) == before
    assert written == before[1]
    assert ran(OURS, "table", str(out), "--time-size", "32") == before[1]


@pytest.mark.usefixtures("no_work")
def test_the_other_table_takes_its_runs_from_the_same_folder(out):
    ran(table2(), "table", str(out))
    ours = {row["key"]: row["here"] for row in read(out, 2)[0]["rows"]}
    assert ours["dmshn-l2"] is None
    first = {row["key"]: row["here"] for row in read(out)[0]["rows"]}
    assert ours["dmshn-combined"] == first["dmshn-combined"]


def test_a_stopped_command_goes_on_and_ends_with_the_same_weights(
    out, folders, tmp_path, monkeypatch
):
    @contextlib.contextmanager
    def stopping():
        told = iter(["", ""])
        yield lambda: next(told, "SIGTERM")

    with monkeypatch.context() as patched:
        patched.setattr(signals, "remembered", stopping)
        with pytest.raises(SystemExit) as stopped:
            ran(OURS, "run", str(tmp_path), *words(folders))
    assert stopped.value.code == 143
    assert not (tmp_path / "table1.json").exists()
    run, whole = Run(DMSHN, 0, tmp_path), Run(DMSHN, 0, out)
    assert not run.is_done
    asked = []
    monkeypatch.setattr(
        runs, "msrnet", lambda *given: (asked.append(given[:2]), msrnet(*given))
    )
    ran(OURS, "run", str(tmp_path), *words(folders))
    assert asked == [("train", "--resume")]
    ours, theirs = load_file(run.weights), load_file(whole.weights)
    assert all(bool((ours[name] == theirs[name]).all()) for name in theirs)


def test_one_system_that_diverges_does_not_stop_the_others(
    out, folders, monkeypatch, capsys
):
    begun = []

    def train(self, *_):
        begun.append(self.system.key)
        if self.system.key == "dmshn-combined":
            raise TrainingError("the loss is not finite")

    monkeypatch.setattr(Run, "train", train)
    only = "dmshn-combined,stacked-combined"
    assert main(OURS, ("run", str(out), *words(folders, only=only))) == 6
    assert begun == ["dmshn-combined", "stacked-combined"]
    assert "dmshn-combined-seed0: the loss is not finite" in capsys.readouterr().err


def test_without_scenes_in_layers_the_light_stage_is_left_out(
    folders, tmp_path, capsys
):
    given = words(folders, only="lightstage-layers")
    place = given.index("--layers")
    assert main(OURS, ("run", str(tmp_path), *given[:place], *given[place + 2 :])) == 0
    assert "lightstage-layers is left out" in capsys.readouterr().err


def test_a_row_that_is_not_there_is_refused(folders, tmp_path, capsys):
    given = ("run", str(tmp_path), *words(folders, only="dmshn-l9"))
    assert main(OURS, given) == 2
    assert "--only dmshn-l9 is not a row; rows: dmshn-comb" in capsys.readouterr().err


# --- several machines -----------------------------------------------------------------


@pytest.fixture
def elsewhere(out, tmp_path):
    """What a repository keeps of a folder: findings, but neither weights nor data."""
    there = tmp_path / "there"
    shutil.copytree(out, there)
    for run in there.glob("*-seed?"):
        shutil.rmtree(run)
    assert not list(there.rglob("*.safetensors"))
    return there


@pytest.mark.usefixtures("no_work")
def test_what_was_found_elsewhere_is_not_found_again(elsewhere, out, folders):
    ran(OURS, "run", str(elsewhere), *words(folders, seeds=2))
    assert read(elsewhere) == read(out)


def test_rows_of_two_machines_stand_in_one_table(elsewhere, out, folders):
    before = {row["key"]: row["here"] for row in read(out)[0]["rows"]}
    ran(OURS, "run", str(elsewhere), *words(folders, only="stacked-combined"))
    found, markdown = read(elsewhere)
    after = {row["key"]: row["here"] for row in found["rows"]}
    assert after.pop("stacked-combined")
    assert before.pop("stacked-combined") is None
    assert after == before
    assert "4 of the runs" in markdown


def test_findings_of_other_pictures_are_refused(elsewhere, folders, tmp_path, capsys):
    other = pairs.write_vidit(tmp_path / "val", 4, SIZE, LIGHTS, first=60)
    settled = elsewhere / "protocol.json"
    settled.write_text(settled.read_text().replace(str(folders / "val"), str(other)))
    assert main(OURS, ("table", str(elsewhere))) == 2
    assert "is of other pictures" in capsys.readouterr().err


def test_a_sheet_shows_kept_pictures_where_weights_are_gone(
    elsewhere, out, tmp_path, capsys
):
    sheets = [tmp_path / "here.jpg", tmp_path / "there.jpg"]
    for place, file in zip((out, elsewhere), sheets, strict=True):
        ran(OURS, "sheet", str(place), str(file), "--scenes", "3", "--device", "cpu")
    assert sheets[0].read_bytes() == sheets[1].read_bytes()
    (elsewhere / "found" / "dmshn-combined-seed0" / "Image050.png").unlink()
    assert main(OURS, ("sheet", str(elsewhere), str(tmp_path / "more.jpg"))) == 2
    assert "no picture of Image050 by dmshn-combined-seed0" in capsys.readouterr().err


def test_a_sheet_shows_a_network_that_sees_two_pictures(tmp_path):
    names = ("dmshn", "two_views")
    pairs.write_vidit(tmp_path / "train", 4, SIZE, ALL_LIGHTS)
    pairs.write_vidit(tmp_path / "val", 3, SIZE, ALL_LIGHTS, first=50)
    (tmp_path / "layers").mkdir()
    given = words(tmp_path, only="two_views-combined")
    ran(table1(names), "run", str(tmp_path / "out"), *given)
    kept = tmp_path / "out" / "found" / "two_views-combined-seed0"
    assert [each.stem for each in sorted(kept.iterdir())] == [
        "Image050",
        "Image051",
        "Image052",
    ]


# --- figures --------------------------------------------------------------------------


def test_intervals_are_over_pictures_and_over_seeds():
    def pictures(*values):
        others = dict.fromkeys(scores.SCORES)
        return [{**others, "psnr": value} for value in values]

    found = scores.summary([pictures(10, 12, 17), pictures(12, 14, 19)], None)
    assert set(found) == {"psnr"}  # the others are not known
    assert found["psnr"]["mean"] == 14
    assert found["psnr"]["margin"] == estimate([11, 13, 18]).margin
    assert found["psnr"]["seeds"] == [13, 15]
    assert found["psnr"]["seeds_margin"] is None
    three = [pictures(10, 12, 17), pictures(12, 14, 19), pictures(11, 13, 18)]
    found = scores.summary(three, None)["psnr"]
    assert found["seeds_margin"] == estimate([13, 15, 14]).margin
    text = writing._found(found, "psnr")
    assert text == f"14.00 ± {found['margin']:.2f}, seeds ± {found['seeds_margin']:.2f}"


def test_gains_over_the_copy_are_taken_picture_by_picture():
    others = dict.fromkeys(scores.SCORES)
    far, near = ([{**others, "psnr": one} for one in each] for each in FAR_AND_NEAR)
    gain = scores.summary([near], far)["over_copy"]
    assert (gain["mean"], gain["margin"]) == (2, pytest.approx(0))
    assert writing._found(gain, "over_copy") == "+2.00 ± 0.00"


def test_on_a_gpu_both_times_are_shown(out):
    found, _ = read(out)
    for row in found["rows"]:
        if row["time"]:
            row["time"] |= {"seconds": 0.0123, "launch": 0.0045}
    shown = writing.markdown(found)
    assert shown.count("| 0.0123 | 0.0045 |") == 2


def test_what_was_found_is_kept_under_what_it_depends_on(tmp_path):
    found = iter(range(9))
    for of, wanted in (({"a": 1}, 0), ({"a": 2}, 1), ({"a": 1}, 0)):
        assert keeping.kept(tmp_path, of, lambda: next(found)) == wanted


# --- pages and sheets -----------------------------------------------------------------


def test_a_table_goes_between_its_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- table 2 -->\nold\n<!-- end of table 2 -->\nb\n")
    for _ in range(2):
        writing.insert(page, 2, "new\n")
        assert page.read_text() == (
            "a\n<!-- table 2 -->\nnew\n<!-- end of table 2 -->\nb\n"
        )
    with pytest.raises(UsageError, match="no place for table 1"):
        writing.insert(page, 1, "new\n")


def test_before_anything_is_trained_a_table_holds_the_papers_lines(tmp_path):
    found = document(table2(), Place(tmp_path))
    assert [row["here"] for row in found["rows"]] == [None] * 5
    assert "Nothing has been trained yet" in writing.markdown(found)


def test_the_page_has_both_tables_with_every_line_of_the_paper():
    page = PAGE.read_text()
    for table in (table1(PAPER), table2()):
        part = page.partition(f"<!-- table {table.number} -->")[2]
        rows = cells(part.partition("<!-- end of")[0])
        lines = {row[0]: row for row in rows if row[1] == "paper"}
        for system in table.systems:
            line = lines[system.title]
            assert float(line[2]) == system.printed.psnr
            assert float(line[4]) == system.printed.ssim
            assert float(line[6]) == system.printed.lpips


def test_a_sheet_shows_input_systems_and_truth_of_each_scene(out, tmp_path, capsys):
    file = tmp_path / "sheet.jpg"
    place = ("--device", "cpu", "--side", "64")
    ran(OURS, "sheet", str(out), str(file), "--scenes", "Image051", *place)
    with Image.open(file) as one:
        width, height = one.size
    before = file.read_bytes()
    for name, says in (("sheet.jpg", "exists; remove it"), ("a.png", "end in .jpg")):
        assert main(OURS, ("sheet", str(out), str(tmp_path / name))) == 2
        assert says in capsys.readouterr().err
    assert file.read_bytes() == before
    file.unlink()
    ran(OURS, "sheet", str(out), str(file), "--scenes", "3", *place)
    with Image.open(file) as three:
        assert three.size[0] == width
        assert three.size[1] > 2.5 * height
    assert width > 4 * 64  # the stack is not trained


def test_a_folder_that_is_not_there_empties_no_page(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("<!-- table 1 -->\nold\n<!-- end of table 1 -->")
    asked = ("table", str(tmp_path / "typo"), "--docs", str(page))
    assert main(OURS, asked) == 2
    assert "typo is not a folder" in capsys.readouterr().err
    assert "old" in page.read_text()


def test_pairs_are_known_by_their_names_wherever_they_lie(folders, tmp_path):
    two = pairs.write_folders(tmp_path / "a", 2, 32)
    assert len(datas.listed(str(two))) == 4
    before = datas.listed(str(two))
    assert datas.listed(str(two.rename(tmp_path / "b"))) == before


def test_a_sheet_of_nothing_is_refused(out, tmp_path, capsys):
    asked = ("sheet", str(tmp_path), str(tmp_path / "sheet.jpg"))
    assert main(OURS, asked) == 2
    assert "nothing that is trained" in capsys.readouterr().err
    asked = ("sheet", str(out), str(tmp_path / "sheet.jpg"), "--scenes", "Image999")
    assert main(OURS, asked) == 2
    assert "no scene Image999" in capsys.readouterr().err
