"""The parts of the service that need no network: names, forms, the line, the tables."""

import asyncio
import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("starlette", reason="no msrnet[serve]")

from msrnet_cli.serve.form import picture_in
from msrnet_cli.serve.painting import Painted
from msrnet_cli.serve.receiving import shown_name
from msrnet_cli.serve.refusal import RefusedError
from msrnet_cli.serve.tables import Tables
from msrnet_cli.serve.waiting import Line
from servers import form


def run(check):
    """Run a check in a thread: the browser of other tests may hold a loop here."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, check()).result()


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("photo.jpg", "photo.jpg"),
        ("a b  ü.png", "a b  ü.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\x.png", "x.png"),
        ("a\0b\nc\u202ed.png", "abcd.png"),
        ("a\ud800b.png", "ab.png"),
        ("x" * 500 + ".cr2", "x" * 116 + ".cr2"),
        ("x" * 500, "x" * 120),
        ("." * 500, "picture"),
        ("", "picture"),
        ("..", "picture"),
        ("a/", "picture"),
        (" \t ", "picture"),
    ],
)
def test_of_a_name_the_harmless_last_part_is_shown(told, shown):
    assert shown_name(told) == shown


@pytest.mark.parametrize("data", [b"x", b"\r\n--", b"\r\n\r\n--edge\r\n", bytes(9000)])
def test_the_picture_of_a_form_comes_out_as_it_was(data):
    body, kind = form(data, "a.png", boundary="----WebKitFormBoundaryX")
    assert picture_in(bytearray(body), kind) == ("a.png", data)


def test_other_fields_of_a_form_are_passed_over():
    edge = b"--edge\r\n"
    first = edge + b'Content-Disposition: form-data; name="a"\r\n\r\nfilename="b"\r\n'
    body, kind = form(b"data", boundary="edge")
    assert picture_in(bytearray(first + body), kind) == ("photo.png", b"data")


def test_a_form_that_ends_too_early_holds_no_picture():
    body, kind = form(b"data", boundary="edge")
    for end in range(len(body) - len("\r\n--edge--\r\n") + 1):
        with pytest.raises(RefusedError, match="no picture in the form"):
            picture_in(bytearray(body[:end]), kind)


def test_one_works_at_a_time_in_the_order_in_which_they_came():
    async def check():
        line, done, gates = Line(), [], [threading.Event() for _ in range(4)]

        def work(number):
            gates[number].wait()
            done.append(number)
            return number

        ended = []
        tickets = [
            line.join(lambda n=n: work(n), lambda n=n: ended.append(n))
            for n in range(4)
        ]
        seen = []

        async def watch():
            async for place in line.places(tickets[3]):
                seen.append(place)

        watching = asyncio.create_task(watch())
        gates[1].set()
        gates[3].set()
        await asyncio.sleep(0.05)
        assert (seen, done) == ([3], [])
        line.leave(tickets[2])
        await tickets[2].over.wait()
        assert ended == [2]
        gates[0].set()
        await watching
        assert [ticket.result for ticket in tickets] == [0, 1, None, 3]
        assert seen[:2] == [3, 2]
        assert seen == sorted(seen, reverse=True)
        assert done == [0, 1, 3]
        assert ended == [2, 0, 1, 3]

    run(check)


def test_an_error_is_that_of_its_ticket_alone():
    async def check():
        line = Line()
        bad = line.join(lambda: 1 // 0, lambda: None)
        good = line.join(lambda: 2, lambda: None)
        await good.over.wait()
        assert isinstance(bad.error, ZeroDivisionError)
        assert (bad.result, good.result, good.error) == (None, 2, None)

    run(check)


def test_who_leaves_the_line_leaves_no_picture_behind():
    class Data:
        pass

    async def check():
        line, gate = Line(), threading.Event()
        line.join(gate.wait, lambda: None)
        data = Data()
        held = weakref.ref(data)
        ticket = line.join(lambda data=data: data, lambda: None)
        await asyncio.sleep(0)
        del data
        line.leave(ticket)
        await ticket.over.wait()
        gc.collect()
        assert held() is None, "it is held while another one is computed"
        gate.set()

    run(check)


def test_tables_have_names_that_cannot_be_guessed_and_a_time():
    async def check():
        tables = Tables(seconds=0.05)
        names = {tables.keep(Painted("a", b"x")) for _ in range(100)}
        assert len(names) == 100
        assert all(len(name) >= 22 for name in names)
        await asyncio.sleep(0.2)
        assert not any(map(tables.get, names))

    run(check)


def test_the_oldest_table_goes_where_there_are_too_many():
    async def check():
        tables = Tables(seconds=60, most_bytes=25)
        names = [tables.keep(Painted("a", bytes(10))) for _ in range(3)]
        assert [tables.get(name) is not None for name in names] == [False, True, True]
        tables.forget(names[1])
        tables.forget(names[1])
        assert tables.get(names[1]) is None
        tables.forget(names[2])

    run(check)
