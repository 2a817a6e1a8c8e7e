"""Options declared on records, and the command lines that are derived from them."""

import json
import math
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import pytest
import typer
from typer.testing import CliRunner

from msrnet_cli.cli.commands import load
from msrnet_cli.cli.derive import Given, command
from msrnet_cli.cli.options import Output
from msrnet_cli.documents import rebuilt, to_document
from msrnet_cli.errors import UsageError
from msrnet_cli.options import Group, Option, Range, asked, outside, replaced


def read_even(text):
    if not text.isdecimal() or int(text) % 2:
        raise ValueError("an even number")
    return int(text)


@dataclass(frozen=True)
class Inner:
    share: Annotated[float, Option("A share.", least=0, most=1, below=True)] = 0.5
    hidden: int = 7


@dataclass(frozen=True)
class Outer:
    shape: Annotated[Literal["round", "flat"], Option("The shape.")] = "round"
    count: Annotated[int | None, Option("How many.", least=1, default="all")] = None
    sides: Annotated[tuple[int, ...], Option("Sides.", least=8)] = (64, 32)
    names: Annotated[tuple[str, ...], Option("A name.", repeated=True)] = ()
    even: Annotated[int, Option("Even.", read=read_even)] = 2
    deep: Annotated[bool, Option("Deep.", flags=("--deep", "-d"))] = False
    soft: Annotated[bool, Option("Soft.", flags=("--soft/--no-soft",))] = True
    firm: Annotated[bool, Option("Firm.", flags=("--firm/--no-firm",))] = False
    place: Annotated[Path | None, Option("A file.", one_of="where")] = None
    site: Annotated[str | None, Option("A site.", one_of="where")] = None
    inner: Annotated[Inner, Group("Inside")] = field(
        default_factory=lambda: Inner(share=0.25)
    )


@pytest.fixture
def run():
    """Runs a command of all these options; gives what it was called with."""
    app = typer.Typer()
    app.callback()(lambda: None)
    calls = []

    @command(app, examples={"x act a": "does it", "x act b": "does it again"})
    def act(
        what: Annotated[str, typer.Argument(metavar="WHAT", help="What.")],
        given: Given[Outer],
        output: Output,
    ) -> None:
        """Act."""
        assert given.record  # what a command asks for first: a file may be read here
        calls.append((what, given, output))

    def run(*arguments, code=0):
        result = CliRunner().invoke(app, ["act", *map(str, arguments)])
        if code:
            assert isinstance(result.exception, UsageError)
            return str(result.exception)
        assert result.exit_code == 0, result.exception
        return calls[-1] if calls else result.output

    return run


def test_what_is_not_typed_keeps_the_default_of_the_record(run):
    what, given, output = run("it")
    assert what == "it"
    assert given.record == Outer()
    assert given.changes == {}
    assert given.flags == set()
    assert output == Output()


def test_every_kind_of_option_is_read_into_its_field(run):
    typed = (
        *("--shape", "flat", "--count", 3, "--sides", "16, 8", "--even", 4, "-d"),
        *("--names", "a,b", "--names", "c", "--no-soft", "--place", "x/y"),
        *("--share", 0.75, "--json", "-q"),
    )
    _, given, output = run("it", *typed)
    assert given.record == Outer(
        *("flat", 3, (16, 8), ("a,b", "c"), 4),
        deep=True,
        soft=False,
        place=Path("x/y"),
        inner=Inner(0.75),
    )
    assert output == Output(json=True, quiet=True)
    assert "--deep" in given.flags
    assert given.changes["inner", "share"] == 0.75


def test_what_is_typed_goes_over_any_base(run):
    _, given, _ = run("it", "--no-firm", "--no-soft")
    assert given.over(Outer(firm=True)) == Outer(soft=False)
    _, given, _ = run("it", "--share", 0)
    base = Outer(count=9, inner=Inner(0.5, hidden=1))
    assert given.over(base) == Outer(count=9, inner=Inner(0.0, hidden=1))


def test_what_is_typed_takes_the_place_of_its_rivals(run):
    _, given, _ = run("it", "--site", "hill", "--count", 3)
    assert given.over(Outer(place=Path("x"))) == Outer(site="hill", count=3)
    _, given, _ = run("it", "--count", 3)
    assert given.over(Outer(place=Path("x"))).place == Path("x")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (("--shape", "thin"), "--shape thin; give one of round, flat"),
        (("--count", 0), "--count 0; give 1 or more"),
        (("--count", "two"), "--count two; give a whole number"),
        (("--sides", "16,4"), "--sides 16,4; give 8 or more"),
        (("--sides", "16,,8"), "; give whole numbers, such as 8,4,2"),
        (("--share", 1), "--share 1; give 0 to less than 1"),
        (("--share", "nan"), "--share nan; give a finite number, 0 to less than 1"),
        (("--even", 3), "--even 3; give an even number"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_expected(run, typed, told):
    assert told in run("it", *typed, code=2)


def test_printed_options_give_the_same_options_back(run, tmp_path):
    typed = ("it", "--shape", "flat", "--sides", 16, "--place", "x", "--share", 0.75)
    wanted = run(*typed)[1].record
    path = tmp_path / "run.json"
    app = typer.Typer()
    app.callback()(lambda: None)

    @command(app, examples={"a": "b", "c": "d"})
    def act(what: str, given: Given[Outer]) -> None:
        """Act."""
        assert not given.record

    path.write_text(CliRunner().invoke(app, ["act", *typed, "--print-config"]).output)
    assert json.loads(path.read_text())["inner"]["share"] == 0.75
    assert run("it", "--config", path)[1].record == wanted
    _, again, _ = run("it", "--config", path, "--shape", "round")
    assert again.record == replace(wanted, shape="round")
    assert again.flags == {"--shape", "--sides", "--place", "--share"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Expecting value"),
        ('{"shap": "flat"}', "shap is not one of count, deep"),
        ('{"count": 0}', "count is 0, not 1 or more"),
        ('{"shape": "thin"}', 'shape is "thin", not one of round, flat'),
        (f'{{"count": {"9" * 5000}}}', "too many digits"),
        ('{"inner": {"share": "half"}}', 'inner: share is "half"'),
        ("[]", "[] is not an object with fields"),
    ],
)
def test_a_damaged_document_of_options_is_refused(run, tmp_path, text, told):
    (tmp_path / "run.json").write_text(text)
    assert told in run("it", "--config", tmp_path / "run.json", code=2)
    gone = run("it", "--config", tmp_path / "gone.json", code=2)
    assert "No such file" in gone


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_what_is_not_a_file_of_options_is_refused_and_not_waited_for(run, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, "/dev/zero"):
        assert "check the path" in run("it", "--config", path, code=2)
    (tmp_path / "latin").write_bytes(b'{"names": ["\xe4"]}')
    assert "not text in UTF-8" in run("it", "--config", tmp_path / "latin", code=2)


def test_help_has_groups_ranges_defaults_and_examples():
    app = typer.Typer(
        rich_markup_mode=None, context_settings={"max_content_width": 200}
    )
    app.callback()(lambda: None)

    @command(app, examples={"x act a": "does it", "x act b": "does it again"})
    def act(given: Given[Outer], output: Output) -> None:
        """Act."""

    text = CliRunner().invoke(app, ["act", "--help"], terminal_width=200).output
    flat = " ".join(text.split())
    assert "--shape round|flat The shape. [default: round]" in flat
    assert "--count N How many. [1 or more; default: all]" in flat
    assert "--sides N,... Sides. [8 or more; default: 64,32]" in flat
    assert "--soft, --no-soft Soft. [default: on]" in flat
    assert "Inside: --share X A share. [0 to less than 1; default: 0.25]" in flat
    assert "-d, --deep Deep." in flat
    assert flat.index("Inside:") < flat.index("General:") < flat.index("-q, --quiet")
    assert flat.endswith("Examples: # does it x act a # does it again x act b")
    assert "<" not in text


@pytest.mark.parametrize(
    ("allowed", "words", "inside", "not_inside"),
    [
        (Range(), "", (0, -1e300, "text", True), (math.nan, math.inf, -math.inf)),
        (Range(least=1), "1 or more", (1, 2**40), (0, 0.999)),
        (Range(least=0, above=True), "more than 0", (1e-300,), (0, -0.0)),
        (Range(most=5), "at most 5", (5, -9), (5.1,)),
        (Range(least=0, most=1, below=True), "0 to less than 1", (0, 0.99), (1,)),
        (Range(least=8, several=True), "8 or more", ((8, 9),), ((), (8, 7))),
        (Range(least=0, endless=True), "0 or more", (math.inf,), (math.nan, -math.inf)),
    ],
)
def test_a_range_holds_what_its_words_say(allowed, words, inside, not_inside):
    assert str(allowed) == words
    assert all(map(allowed.holds, inside))
    assert not any(map(allowed.holds, not_inside))


def test_a_field_deep_inside_is_replaced_and_judged():
    changed = replaced(Outer(), ("inner", "share"), 2.0)
    assert changed.inner == Inner(2.0)
    assert [found.path for found in outside(changed)] == [("inner", "share")]
    assert list(outside(Outer())) == []


def test_a_record_comes_back_from_its_document():
    inner = Inner(0.0, 1)
    record = Outer(
        "flat", 3, (8,), ("ä",), 4, True, False, True, Path("p"), None, inner
    )
    document = json.loads(json.dumps(to_document(record)))
    assert rebuilt(Outer, document, strict=True) == record
    assert rebuilt(Outer, {}) == Outer()


COMMANDS = typer.main.get_command(load())


def leaves(group, path=()):
    for name, found in group.commands.items():
        if hasattr(found, "commands"):
            yield from leaves(found, (*path, name))
        else:
            yield (*path, name), found


@pytest.mark.parametrize(("path", "found"), list(leaves(COMMANDS)), ids=str)
def test_every_command_has_two_examples_and_speaks_to_people(path, found):
    assert len(found.examples) >= 2
    for line in found.examples:
        assert line.startswith(f"msrnet {' '.join(path)}")
    for width in (60, 100):
        text = CliRunner().invoke(
            load(), [*path, "--help"], terminal_width=width, prog_name="msrnet"
        )
        assert "<" not in text.output.replace("< photo.jpg", "")
        assert "x>=" not in text.output
        long = [
            line
            for line in text.output.splitlines()
            if len(line) > width and not line.strip().startswith(("msrnet", "--"))
        ]
        assert not long


def test_an_option_of_two_records_in_one_command_would_be_seen():
    for path, found in leaves(COMMANDS):
        flags = [flag for p in found.params for flag in (*p.opts, *p.secondary_opts)]
        assert len(flags) == len(set(flags)), path


def test_a_record_that_is_asked_for_holds_what_it_allows():
    from msrnet_cli.bench.options import BenchOptions
    from msrnet_cli.evaluate.options import EvalOptions
    from msrnet_cli.folder.options import RelightOptions
    from msrnet_cli.synth.options import SynthOptions
    from msrnet_cli.train.recipes import RECIPES

    for record in (
        BenchOptions(),
        EvalOptions(),
        RelightOptions(),
        SynthOptions(),
        *RECIPES.values(),
    ):
        assert list(asked(record))
        assert list(outside(record)) == []
        assert rebuilt(type(record), to_document(record), strict=True) == record


@pytest.mark.parametrize(
    ("allowed", "told"),
    [
        (Range(least=1, most=64), "1 to 64"),
        (Range(least=1, most=2**20), "1 or more"),
        (Range(least=0, above=True, most=1e9), "more than 0"),
        (Range(least=-(2**63), most=2**63), ""),
        (Range(), ""),
    ],
)
def test_help_leaves_out_bounds_that_people_never_reach(allowed, told):
    assert allowed.in_help == told
