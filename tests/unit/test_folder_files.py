"""Files are written whole, and the journal knows what is ours."""

import errno
import io
import os
import stat
import subprocess
import sys
import threading
import time
import unicodedata

import pytest

from msrnet_cli import files
from msrnet_cli.errors import UsageError
from msrnet_cli.files import (
    _MACHINE,
    Folder,
    FolderGoneError,
    probe,
    read_regular,
    remove_leftovers,
    write_whole,
)
from msrnet_cli.folder import journal as journals
from msrnet_cli.folder.journal import Journal
from msrnet_cli.folder.known import Entry, digest
from msrnet_cli.folder.tails import NAME


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


@pytest.mark.parametrize("name", ["EINVAL", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"])
def test_a_share_without_fsync_is_written_to_all_the_same(tmp_path, monkeypatch, name):
    def refuse(_):
        raise OSError(getattr(errno, name), "not here")

    monkeypatch.setattr("os.fsync", refuse)
    write_whole(tmp_path / "x", b"data")
    Journal(Folder(tmp_path)).add(Entry("a.png", "made", "source", "recipe"))
    assert (tmp_path / "x").read_bytes() == b"data"


@pytest.mark.parametrize("name", ["ENOSPC", "EIO", "EDQUOT"])
def test_what_fsync_says_of_lost_data_is_an_error(tmp_path, monkeypatch, name):
    def refuse(_):
        raise OSError(getattr(errno, name), "lost")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(OSError, match="lost"):
        write_whole(tmp_path / "x", b"data")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("error", [errno.EACCES, errno.EPERM])
def test_a_folder_without_renaming_is_named_as_such(tmp_path, monkeypatch, error):
    def refuse(*_):
        raise OSError(error, "denied")

    monkeypatch.setattr("pathlib.Path.replace", refuse)
    with pytest.raises(PermissionError, match="does not allow renaming"):
        write_whole(tmp_path / "x", b"data")
    assert not any(tmp_path.iterdir())


# --- a folder held open --------------------------------------------------------------


def removed(path):
    path.rmdir()


def moved(path):
    path.rename(path.with_name("elsewhere"))


def moved_and_made_again(path):
    moved(path)
    path.mkdir()


def moved_for_a_link(path):
    moved(path)
    path.with_name("other").mkdir()
    path.symlink_to("other")


@pytest.mark.parametrize(
    "change", [removed, moved, moved_and_made_again, moved_for_a_link]
)
def test_a_folder_that_goes_is_noticed_and_nothing_lands_in_another(tmp_path, change):
    path = tmp_path / "out"
    folder = Folder.made(path)
    folder.check()
    folder.write_whole("sub/a", b"data")
    (path / "sub/a").unlink()
    (path / "sub").rmdir()
    change(path)
    with pytest.raises(FolderGoneError):
        folder.check()
    with pytest.raises(OSError, match="No such file"):
        folder.write_whole("a", b"data")
    assert not [found for found in tmp_path.rglob("*") if found.is_file()]


def test_a_link_that_leads_to_the_same_folder_is_no_other(tmp_path):
    folder = Folder.made(tmp_path / "out")
    moved(tmp_path / "out")
    (tmp_path / "out").symlink_to("elsewhere")
    folder.check()
    folder.write_whole("a", b"data")
    assert (tmp_path / "elsewhere/a").read_bytes() == b"data"


def test_a_link_in_place_of_a_subfolder_is_not_followed(tmp_path):
    (tmp_path / "other").mkdir()
    folder = Folder.made(tmp_path / "out")
    (tmp_path / "out/sub").symlink_to("../other")
    with pytest.raises(OSError, match=r"Not a directory|symbolic link"):
        folder.write_whole("sub/a", b"data")
    assert not any((tmp_path / "other").iterdir())


def test_a_folder_that_may_be_written_but_not_listed_serves(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may list every folder")
    (tmp_path / "drop").mkdir(mode=0o300)
    write_whole(tmp_path / "drop/x", b"data")
    (tmp_path / "drop").chmod(0o700)
    assert (tmp_path / "drop/x").read_bytes() == b"data"


def test_a_probe_says_what_the_file_system_tells_apart_and_leaves_no_trace(tmp_path):
    case, form = probe(tmp_path / "not/there")
    assert not any(tmp_path.iterdir())
    for name in ("a", "é"):
        (tmp_path / name).write_bytes(b"")
    assert (tmp_path / "A").exists() is not case
    assert (tmp_path / unicodedata.normalize("NFD", "é")).exists() is not form


# --- what is read ------------------------------------------------------------------


def quickly(call):
    """The error of a call that must not wait."""
    found = []

    def run():
        try:
            call()
        except OSError as error:
            found.append(str(error.strerror))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(5)
    assert not thread.is_alive(), "it waits"
    return found[0]


def make_socket(path):
    import socket

    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


SPECIAL = {
    "FIFO": (os.mkfifo, "not a regular file"),
    "socket": (make_socket, "not a regular file"),
    "folder": (os.mkdir, "a folder"),
    "link": (lambda path: os.symlink("/dev/null", path), "a symbolic link"),
    "link to a picture": (lambda path: os.symlink("data", path), "a symbolic link"),
    "nothing": (lambda _: None, "No such file"),
}


@pytest.mark.parametrize("kind", SPECIAL)
def test_only_regular_files_are_read_and_nothing_is_waited_for(
    tmp_path, monkeypatch, kind
):
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    (tmp_path / "data").write_bytes(b"data")
    make, reason = SPECIAL[kind]
    make("x")
    path = tmp_path / "x"
    assert reason in quickly(lambda: read_regular(path))


@pytest.mark.parametrize("kind", ["FIFO", "link to a picture"])
def test_a_file_swapped_between_a_look_and_its_opening_is_not_read(
    tmp_path, monkeypatch, kind
):
    path = tmp_path / "x"
    path.write_bytes(b"data")
    real = os.open

    def swap(name, *rest, **more):
        if os.fspath(name) == str(path):
            path.unlink()
            SPECIAL[kind][0](path)
        return real(name, *rest, **more)

    monkeypatch.setattr(os, "open", swap)
    assert quickly(lambda: read_regular(path))


@pytest.mark.parametrize("size", [0, 5, 200_000])
def test_a_file_that_grows_or_shrinks_while_it_is_read_is_not_taken(
    tmp_path, monkeypatch, size
):
    path = tmp_path / "x"
    path.write_bytes(bytes(100_000))
    real = os.fdopen

    class Slow(io.BufferedReader):
        def read(self, count):
            os.truncate(path, size)
            return super().read(count)

    monkeypatch.setattr(os, "fdopen", lambda *how: Slow(real(*how).detach()))
    with pytest.raises(OSError, match="changed while it was read"):
        read_regular(path)


def test_a_file_larger_than_any_picture_is_not_read(tmp_path):
    path = tmp_path / "x"
    with path.open("wb") as file:
        file.truncate(files.MOST_BYTES + 1)  # takes no room
    with pytest.raises(OSError, match="more than 4 GiB"):
        read_regular(path)


# --- leftovers and the journal -------------------------------------------------------


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
    journal = Journal(Folder(tmp_path))
    assert journal.standing("a.png", path, "source", ("recipe",)) == "absent"
    journal.add(Entry("a.png", digest(b"result"), "source", "recipe"))
    assert journal.standing("a.png", path, "source", ("recipe",)) == "absent"
    path.write_bytes(b"result")
    for fresh in (journal, Journal(Folder(tmp_path))):
        assert fresh.standing("a.png", path, "source", ("recipe",)) == "same"
        assert fresh.standing("a.png", path, "edited", ("recipe",)) == "stale"
        assert fresh.standing("a.png", path, "source", "other") == "stale"
    path.write_bytes(b"retouched")
    assert (
        Journal(Folder(tmp_path)).standing("a.png", path, "source", ("recipe",))
        == "foreign"
    )


def test_a_journal_of_any_version_of_msrnet_is_read_and_written_alike(tmp_path):
    """Runs of an older version may go on in the same folder."""
    lines = (
        b'{"v": 1, "output": "a.png", "made": "%b", "source": "input", "recipe": "r"}\n'
        b'{"v": 1, "output": "b.png", "made": "%b", "source": "input", "recipe": "r",'
        b' "origin": "/in/b.jpg"}\n'
    ) % tuple(digest(name).encode() for name in (b"a", b"b"))
    (tmp_path / NAME).write_bytes(lines)
    journal = Journal(Folder(tmp_path))
    for name in "ab":
        path = tmp_path / f"{name}.png"
        path.write_bytes(name.encode())
        assert journal.standing(path.name, path, "input", "r") == "same"
    (tmp_path / NAME).unlink()
    again = Journal(Folder(tmp_path))
    again.add(Entry("a.png", digest(b"a"), "input", "r"))
    again.add(Entry("b.png", digest(b"b"), "input", "r", "/in/b.jpg"))
    assert (tmp_path / NAME).read_bytes() == lines


def test_what_another_run_has_added_is_seen(tmp_path):
    first, second = Journal(Folder(tmp_path)), Journal(Folder(tmp_path))
    second.add(Entry("a.png", digest(b"result"), "source", "recipe"))
    path = tmp_path / "a.png"
    path.write_bytes(b"result")
    assert first.standing("a.png", path, "source", ("recipe",)) == "same"


def test_a_line_written_before_a_kill_does_not_hide_the_old_result(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"first")
    journal = Journal(Folder(tmp_path))
    journal.add(Entry("a.png", digest(b"first"), "source", "one"))
    journal.add(Entry("a.png", digest(b"second"), "source", "two"))
    assert Journal(Folder(tmp_path)).standing("a.png", path, "source", "two") == "stale"


@pytest.mark.parametrize("tail", [b'{"v": 1, "outp', b"\xff\xfe\x00", b"[]\n", b"{}\n"])
def test_a_torn_journal_is_read_and_mended(tmp_path, tail):
    journal = Journal(Folder(tmp_path))
    journal.add(Entry("a.png", digest(b"a"), "source", "recipe"))
    with (tmp_path / NAME).open("ab") as file:
        file.write(tail)
    again = Journal(Folder(tmp_path))
    again.add(Entry("b.png", digest(b"b"), "source", "recipe"))
    for name, content in (("a.png", b"a"), ("b.png", b"b")):
        (tmp_path / name).write_bytes(content)
        last = Journal(Folder(tmp_path))
        assert last.standing(name, tmp_path / name, "source", ("recipe",)) == "same"


def test_a_single_picture_is_made_anew_only_of_its_own_input(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"result")
    journal = Journal(Folder(tmp_path))
    made = digest(b"result")
    journal.add(Entry("a.png", made, "source", "recipe", origin="/in/a.jpg"))
    journal = Journal(Folder(tmp_path))

    def standing(*how):
        return journal.standing("a.png", path, *how)

    assert standing("source", ("recipe",), "/in/a.jpg") == "same"
    assert standing("source", ("recipe",), "/elsewhere") == "same"
    assert standing("source", ("other", "recipe"), "/elsewhere") == "same"
    assert standing("source", ("other",), "/elsewhere") == "stale"
    assert standing("edited", ("recipe",), "/in/a.jpg") == "stale"
    assert standing("edited", ("recipe",), "/elsewhere") == "other"
    assert standing("edited", ("recipe",), "") == "other"
    assert standing("edited", ("recipe",), None) == "stale"


def test_an_output_that_became_a_fifo_is_not_waited_for(tmp_path):
    journal = Journal(Folder(tmp_path))
    os.mkfifo(tmp_path / "a.png")
    call = lambda: journal.standing("a.png", tmp_path / "a.png", "", "")  # noqa: E731
    assert "not a regular file" in quickly(call)


@pytest.mark.parametrize("kind", ["FIFO", "folder", "link to a picture"])
def test_a_journal_that_is_no_file_is_named(tmp_path, kind):
    SPECIAL[kind][0](tmp_path / NAME)
    with pytest.raises(UsageError, match=f"writing the journal .*{NAME} failed"):
        Journal(Folder(tmp_path))


def test_a_claim_keeps_others_away_until_its_process_ends(tmp_path):
    code = (
        "import sys, time; from pathlib import Path;"
        "from msrnet_cli.files import Folder;"
        "from msrnet_cli.folder.journal import Journal;"
        "journal = Journal(Folder(Path(sys.argv[1])));"
        "assert journal.is_first() and journal.claim('a.png');"
        "print('claimed', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    other = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"claimed\n"
        journal = Journal(Folder(tmp_path))
        assert not journal.is_first()
        assert not journal.claim("a.png")
        assert journal.claim("b.png")
    finally:
        other.kill()
        other.communicate()
    assert journal.is_first()
    assert journal.claim("a.png")


def test_a_file_system_without_locks_is_worked_in_all_the_same(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "no locks here")

    journal = Journal(Folder(tmp_path))
    monkeypatch.setattr("fcntl.lockf", refuse)
    assert journal.is_first()
    assert journal.claim("a.png")
    journal.release("a.png")


def test_the_cache_forgets_the_oldest_and_stays_small(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(journals, "_CACHE_BYTES", 2_000)
    for index in range(50):
        journal = journals.cached_journal()
        made = digest(b"%d" % index)
        journal.add(Entry(f"/{index}.png", made, "source", "recipe"))
        journal.close()
    (file,) = (tmp_path / "msrnet").iterdir()
    assert file.stat().st_size < 3_000
    path = tmp_path / "49.png"
    path.write_bytes(b"49")
    journal = journals.cached_journal()
    assert journal.standing("/49.png", path, "source", ("recipe",)) == "same"


def test_without_a_cache_there_is_no_journal_of_single_pictures(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert journals.cached_journal() is None
