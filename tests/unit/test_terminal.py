"""Lines, tables, and what a terminal draws anew."""

import io
import re
import sys

import pytest

from msrnet_cli.errors import UsageError
from msrnet_cli.folder.events import FileDone, JobStarted, JobSummary
from msrnet_cli.report import machine, relight, synth, terminal, train


class Terminal(io.StringIO):
    def isatty(self):
        return True

    def wipe(self):
        self.seek(0)
        self.truncate()


def on_a_terminal(monkeypatch):
    """Make standard error a terminal that understands escapes."""
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return shown


def plain(text):
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


def test_a_table_has_one_width_for_all_its_rows(capsys):
    rows = [("name", "n", "size"), ("a", "1000", "2"), ("longer", "7", "")]
    terminal.Table(rows).show(rows)
    assert capsys.readouterr().out.splitlines() == [
        "name       n  size",
        "a       1000     2",
        "longer     7",
    ]
    terminal.Table(rows, left=3).show(rows)
    assert capsys.readouterr().out.splitlines()[1] == "a       1000  2"


def test_a_cell_cannot_leave_its_row_or_its_column(capsys):
    rows = [("a\nb", "1"), ("\x1b[2J", "2")]
    terminal.Table(rows).show(rows)
    assert capsys.readouterr().out.splitlines() == [r"a\nb     1", r"\x1b[2J  2"]


@pytest.mark.parametrize("tell", [terminal.say, terminal.warn, terminal.show])
def test_a_line_stays_one_line_and_steers_nothing(tell, capsys):
    tell("a\nb\r\x1b[2J\x9b\udc80")
    told = "".join(capsys.readouterr())
    assert told.endswith("a\\nb\\r\\x1b[2J\\x9b\\udc80\n")
    assert told.count("\n") == 1


def test_what_comes_next_replaces_what_was_drawn(monkeypatch):
    screen = on_a_terminal(monkeypatch)
    for tell in (
        lambda: terminal.say("said"),
        lambda: terminal.show("shown"),
        lambda: machine.document([]),
        lambda: terminal.error_line(UsageError("wrong", "mend it")),
    ):
        screen.wipe()
        terminal.loading()
        assert "loading ..." in screen.getvalue()
        tell()
        drawn, after = screen.getvalue().split("loading ...")
        assert drawn.endswith("\r\x1b[2K")
        assert after.startswith("\r\x1b[2K")
    screen.wipe()
    terminal.say("nothing is cleared where nothing was drawn")
    assert "\x1b" not in screen.getvalue()


@pytest.mark.parametrize("kind", ["dumb", "unknown"])
def test_a_terminal_without_escapes_gets_lines(kind, monkeypatch):
    screen = on_a_terminal(monkeypatch)
    monkeypatch.setenv("TERM", kind)
    terminal.loading()
    with terminal.progress() as notify:
        notify("something")
    assert screen.getvalue() == ""
    assert isinstance(relight.reporter(), relight.PlainLines)
    assert isinstance(train.reporter(), train.Lines)


def test_a_file_that_is_not_a_terminal_gets_lines(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert isinstance(relight.reporter(), relight.PlainLines)
    assert isinstance(train.reporter(), train.Lines)
    terminal.loading()
    assert sys.stderr.getvalue() == ""


def told_by_a_bar(screen):
    name = "[red]:smile:\x1b[2J.png"
    bar = relight.reporter()
    bar(JobStarted(1, 0.5, "out", "cpu", "fp32", "w"))
    bar(FileDone(name, "out/a.png", "failed", reason="x", remedy="y"))
    bar(JobSummary(0, 0, 1, 0, 0.5, {}))
    return screen.getvalue()


def test_a_bar_shows_names_as_they_are_and_harmless(monkeypatch):
    lines = plain(told_by_a_bar(on_a_terminal(monkeypatch))).splitlines()
    assert any("failed: [red]:smile:\\x1b[2J.png: x; y" in line for line in lines)
    assert lines[-1].strip().startswith("0 relit, 1 failed in 0.5 s")


def test_a_bar_has_colours_unless_they_are_not_wanted(monkeypatch):
    screen = on_a_terminal(monkeypatch)
    assert re.search(r"\x1b\[[0-9;]*3[0-9]", told_by_a_bar(screen))
    screen.wipe()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", told_by_a_bar(screen))


def test_little_is_said_where_little_is_wanted(capsys):
    synth.reporter(quiet=True)(None)
    assert capsys.readouterr() == ("", "")
