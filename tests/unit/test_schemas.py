"""The JSON of each command: its schema is written, true, and refuses what is wrong."""

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import jsonschema
import pytest

import schemas
from msrnet_cli import documents, schema
from msrnet_cli.folder.events import FileDone, Ignored, JobStarted, JobSummary
from msrnet_cli.options import Range
from msrnet_cli.report import machine
from msrnet_cli.report import relight as relight_report
from msrnet_cli.report import schemas as written
from msrnet_cli.report import synth as synth_report
from msrnet_cli.report import train as train_report
from msrnet_cli.synth.records import SceneDone, SetStarted, SynthSummary
from msrnet_cli.train.events import TrainProgress, TrainStarted, TrainSummary, Validated

DRAFT = jsonschema.Draft202012Validator


def test_the_files_are_those_that_the_records_make(tmp_path):
    written.write(tmp_path / "made")
    made, kept = (
        {path.name: path.read_text("utf-8") for path in folder.iterdir()}
        for folder in (tmp_path / "made", schemas.FOLDER)
    )
    assert len(made) == 13
    stale = [name for name in made | kept if made.get(name) != kept.get(name)]
    assert not stale, "make them anew: python -m msrnet_cli.report.schemas docs/schema"


def test_every_file_is_a_schema_that_says_what_its_fields_mean():
    for name, found in written.schemas().items():
        DRAFT.check_schema(found)
        assert f"msrnet {name.partition('-')[0]}" in found["title"]
        assert json.dumps(found).count('"description"') >= 5, name


# --- records -----------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """A part."""

    name: str


@dataclass(frozen=True)
class Whole:
    """Something of each type.

    Attributes:
        count: How many,
            on a second line.
        place: Where.
    """

    count: Annotated[int, Range(least=1, most=9)]
    place: Path
    ratio: float
    size: int | Literal["full"] | None
    parts: tuple[Part, ...]
    pair: tuple[int, str]
    times: dict[Literal["one", "two"], float]
    sides: Annotated[tuple[int, ...], Range(least=16)] = ()
    first: Part | None = None


WHOLE = Whole(3, Path("a/b"), 0.5, "full", (Part("x"),), (1, "y"), {"one": 1.0}, (16,))


def test_a_record_fits_its_schema():
    validator = DRAFT(schema.of(Whole))
    changed = replace(WHOLE, size=None, first=Part("z"), times={}, sides=())
    for record in (WHOLE, changed):
        document = json.loads(json.dumps(documents.to_document(record)))
        validator.validate(document)
        assert documents.rebuilt(Whole, document, strict=True) == record
    described = schema.of(Whole)["properties"]["count"]["description"]
    assert described == "How many, on a second line."


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("count", 0), ("count", 10), ("count", "3"), ("count", None), ("place", 1),
        ("ratio", "half"), ("size", "half"), ("size", 1.5), ("parts", [{}]),
        ("parts", {}), ("pair", [1]), ("pair", [1, "y", 2]), ("pair", ["y", 1]),
        ("times", {"three": 1.0}), ("times", {"one": "1"}), ("sides", [15]),
        ("first", "x"),
    ],
)  # fmt: skip
def test_a_field_of_another_type_does_not_fit(field, value):
    document = json.loads(json.dumps(documents.to_document(WHOLE)))
    assert not DRAFT(schema.of(Whole)).is_valid(document | {field: value})


@pytest.mark.parametrize("field", ["count", "sides", "first"])
def test_no_field_may_be_missing(field):
    document = json.loads(json.dumps(documents.to_document(WHOLE)))
    del document[field]
    assert not DRAFT(schema.of(Whole)).is_valid(document)


def test_what_json_cannot_hold_has_no_schema():
    with pytest.raises(TypeError, match="complex"):
        schema.of(tuple[complex, ...])


# --- events ------------------------------------------------------------------------

STARTED = TrainStarted(
    "run", "pair", 3, 1, "3 pairs", "cpu", "fp32", 9, ("stage 1",), 5, ("a note",)
)
PROGRESS = TrainProgress(8, 0.5, "1", 64, 1e-4, 0.2, 1.5, 9.5, 60.0, 61.0)
TRIED = Validated(8, "1", 64, 14.5, 12.0, 0.8, True, 60.0, {"task": 0.5}, ("a note",))
ENDED = TrainSummary("run", 8, 60.0, 14.5, None, "SIGINT", {"1": 14.5})


def lines_of(capsys, reporter, events):
    for event in events:
        reporter(event)
    told = capsys.readouterr()
    assert told.err == ""
    return told.out.splitlines()


def test_training_tells_programs_what_it_tells_people(capsys):
    tell = train_report.reporter(as_json=True)
    events = (STARTED, PROGRESS, TRIED, ENDED)
    found = schemas.fitting_lines("train", lines_of(capsys, tell, events))
    names = [line.pop("event") for line in found]
    assert names == ["start", "progress", "validation", "summary"]
    for line, event in zip(found, events, strict=True):
        assert line.pop("schema") == 1
        assert documents.rebuilt(type(event), line, strict=True) == event


def test_what_is_not_finite_is_null(capsys):
    tell = train_report.reporter(as_json=True)
    lost = replace(PROGRESS, loss=math.nan, gradient=math.inf, eta=math.inf)
    flat = replace(TRIED, detail=math.nan, scores={"task": -math.inf})
    progress, tried = schemas.fitting_lines(
        "train", lines_of(capsys, tell, (lost, flat))
    )
    assert (progress["loss"], progress["gradient"], progress["eta"]) == (None,) * 3
    assert (tried["detail"], tried["scores"]) == (None, {"task": None})


def test_rendering_tells_programs_what_it_tells_people(capsys):
    tell = synth_report.reporter(as_json=True)
    events = (
        SetStarted(4, 2, "llvm_ad_rgb", 2, ""),
        SceneDone(3, "Image003", "yard", 1, 2, 1.5),
        SynthSummary(Path("set"), "vidit", 4, 2, 4, 3.5, "llvm_ad_rgb", None),
    )
    found = schemas.fitting_lines("synth", lines_of(capsys, tell, events))
    assert [line["event"] for line in found] == ["start", "scene", "summary"]
    assert (found[2]["out"], found[2]["sheet"]) == ("set", None)


def job(**changes):
    return JobStarted(2, 0.5, "out", "cpu", "fp32", "w", 1024, **changes)


@pytest.mark.parametrize(
    ("report", "event"),
    [
        (train_report, STARTED),
        (synth_report, SetStarted(1, 0, "", 1, "")),
        (relight_report, job()),
    ],
)
def test_programs_are_told_also_where_people_are_told_little(report, event, capsys):
    quiet = report.reporter(as_json=True, quiet=True)
    assert len(lines_of(capsys, quiet, [event])) == 1


def test_a_folder_job_fits_its_schema(capsys):
    failed = FileDone("a\n\udc80.png", "out/a.png", "failed", reason="x", remedy="y")
    relit = FileDone("b.png", "out/b.png", "relit", 0.5, seconds={"decode": 0.1})
    events = (
        job(ignored=(Ignored("c.txt", "not a picture"),), notes=("a note",)),
        failed,
        relit,
        JobSummary(1, 0, 1, 0, 1.5, {"decode": 0.1}, (failed,), "out/failures.txt"),
        JobSummary(0, 2, 0, 0, 0.1, {}),
    )
    tell = relight_report.reporter(as_json=True)
    found = schemas.fitting_lines("relight", lines_of(capsys, tell, events))
    assert [line["event"] for line in found] == [
        "start",
        *["file"] * 2,
        *["summary"] * 2,
    ]
    assert found[3]["slowest_stage"] == "decode"
    assert "slowest_stage" not in found[4]


def test_a_schema_tells_one_event_from_another():
    line = documents.to_document(PROGRESS) | {"event": "start", "schema": 1}
    with pytest.raises(jsonschema.ValidationError):
        schemas.fitting("train", json.dumps(line))


def test_a_document_holds_records_in_lists_and_numbers_that_are_not_finite(capsys):
    machine.document([Part("x"), {"value": (math.nan, 1.5)}])
    found = json.loads(capsys.readouterr().out)
    assert found == [{"name": "x"}, {"value": [None, 1.5]}]
