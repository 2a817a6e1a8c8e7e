"""Training and rendering as programs follow them: events as lines of JSON."""

import pytest

import pairs
import schemas


def test_a_training_run_is_told_in_events(program, tmp_path):
    pairs.write_folders(tmp_path / "data", 1, size=32)
    small = ("--arch", "dmshn", "--channels", 4, "--size", 32, "--steps", 2)
    run = ("train", "--data", "data", "--out", "run", *small, "--json")
    done = program.run(*run)
    events = schemas.fitting_lines("train", done.out.splitlines())
    names = [event["event"] for event in events]
    assert (names[0], names[-1]) == ("start", "summary")
    assert {"progress", "validation"} <= set(names)
    assert (events[0]["count"], events[-1]["steps"]) == (1, 2)
    assert done.err == ""


def test_a_rendered_set_is_told_in_events(program):
    pytest.importorskip("mitsuba")
    options = ("--scenes", 2, "--size", 32, "--samples", 2, "--workers", 1)
    done = program.run("synth", "set", *options, "--json")
    start, *scenes, summary = schemas.fitting_lines("synth", done.out.splitlines())
    assert (start["event"], start["total"]) == ("start", 2)
    assert [scene["name"] for scene in scenes] == ["Image000", "Image001"]
    assert (summary["event"], summary["pictures"]) == ("summary", 4)
    assert done.err == ""
