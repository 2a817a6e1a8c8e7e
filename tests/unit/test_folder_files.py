"""Files are written whole, and the journal knows what is ours."""

import os
import stat
import time

import pytest

from msrnet_cli.files import _MACHINE, remove_leftovers, write_whole
from msrnet_cli.folder.journal import NAME, Entry, Journal, digest


def test_a_file_is_written_with_its_folders(tmp_path):
    write_whole(tmp_path / "a/b/c.bin", b"data")
    assert (tmp_path / "a/b/c.bin").read_bytes() == b"data"


def test_permissions_are_those_of_any_new_file(tmp_path):
    write_whole(tmp_path / "ours", b"")
    (tmp_path / "theirs").write_bytes(b"")
    modes = [stat.S_IMODE((tmp_path / n).stat().st_mode) for n in ("ours", "theirs")]
    assert modes[0] == modes[1]


def test_names_as_long_as_names_can_be(tmp_path):
    write_whole(tmp_path / ("n" * 251 + ".png"), b"data")


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_keeps_the_old_content(tmp_path, monkeypatch, step):
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync" if step == "fsync" else "pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="space"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_leftovers_of_dead_runs_are_removed_and_others_kept(tmp_path):
    dead = tmp_path / f".msrnet-{_MACHINE}-99999999-0.part"
    alive = tmp_path / f".msrnet-{_MACHINE}-{os.getppid()}-0.part"
    elsewhere = tmp_path / ".msrnet-another-99999999-0.part"
    old = tmp_path / ".msrnet-another-99999999-1.part"
    # A killed run may have had our number: numbers come again.
    ours = tmp_path / f".msrnet-{_MACHINE}-{os.getpid()}-0.part"
    for path in (dead, alive, elsewhere, old, ours):
        path.write_bytes(b"")
    os.utime(elsewhere, (time.time() - 3000,) * 2)
    os.utime(old, (time.time() - 4200,) * 2)
    remove_leftovers(tmp_path)
    assert set(tmp_path.iterdir()) == {alive, elsewhere}


def test_the_journal_tells_ours_from_theirs(tmp_path):
    path = tmp_path / "a.png"
    journal = Journal(tmp_path)
    assert journal.standing("a.png", path, "source", "recipe") == "absent"
    journal.add(Entry("a.png", digest(b"result"), "source", "recipe"))
    assert journal.standing("a.png", path, "source", "recipe") == "absent"
    path.write_bytes(b"result")
    for fresh in (journal, Journal(tmp_path)):
        assert fresh.standing("a.png", path, "source", "recipe") == "same"
        assert fresh.standing("a.png", path, "edited", "recipe") == "stale"
        assert fresh.standing("a.png", path, "source", "other") == "stale"
    path.write_bytes(b"retouched")
    assert Journal(tmp_path).standing("a.png", path, "source", "recipe") == "foreign"


def test_what_another_run_has_added_is_seen(tmp_path):
    first, second = Journal(tmp_path), Journal(tmp_path)
    second.add(Entry("a.png", digest(b"result"), "source", "recipe"))
    path = tmp_path / "a.png"
    path.write_bytes(b"result")
    assert first.standing("a.png", path, "source", "recipe") == "same"


def test_a_line_written_before_a_kill_does_not_hide_the_old_result(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"first")
    journal = Journal(tmp_path)
    journal.add(Entry("a.png", digest(b"first"), "source", "one"))
    journal.add(Entry("a.png", digest(b"second"), "source", "two"))
    assert Journal(tmp_path).standing("a.png", path, "source", "two") == "stale"


@pytest.mark.parametrize("tail", [b'{"v": 1, "outp', b"\xff\xfe\x00", b"[]\n", b"{}\n"])
def test_a_torn_journal_is_read_and_mended(tmp_path, tail):
    journal = Journal(tmp_path)
    journal.add(Entry("a.png", digest(b"a"), "source", "recipe"))
    with (tmp_path / NAME).open("ab") as file:
        file.write(tail)
    again = Journal(tmp_path)
    again.add(Entry("b.png", digest(b"b"), "source", "recipe"))
    for name, content in (("a.png", b"a"), ("b.png", b"b")):
        (tmp_path / name).write_bytes(content)
        last = Journal(tmp_path)
        assert last.standing(name, tmp_path / name, "source", "recipe") == "same"
