"""The page of msrnet serve in a browser: from a file to its light table, and away."""

import signal

import pytest

import browsers
import servers
from conftest import encoded, photo
from servers import PICTURE, Upload, until

SLOW = encoded(photo(640, 640), "jpeg")
EXPECTED = (
    "GL Driver Message",  # of a browser without a GPU
    "status of 413",  # a refusal, which the page shows
    "status of 422",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder, weights = (tmp_path_factory.mktemp(name) for name in ("served", "weights"))
    options = ("--work-size", "full", "--max-megabytes", 1)
    with servers.serving(folder, servers.stage_weights(weights), *options) as found:
        yield found
        code, said = found.stop()
        assert code == 130
        assert len(said.splitlines()) == 1, said
        assert not found.written


@pytest.fixture
def page(served, watched_alone):
    """The page, opened. Afterwards nothing was asked of others, or is wrong."""
    watched, asked = watched_alone, []  # where a new page puts the focus is tested
    watched.page.on("request", lambda request: asked.append(request.url))
    watched.page.goto(served.address)
    watched.page.asked = asked
    yield watched.page
    own = (served.address, "data:", "blob:", "about:")
    assert all(url.startswith(own) for url in asked), asked
    assert not unexpected(watched)


def unexpected(watched):
    """What the browser complains of, apart from what it is meant to see."""
    return [text for text in watched.errors if not any(e in text for e in EXPECTED)]


def chosen(data, name="photo.png"):
    return {"name": name, "mimeType": "image/png", "buffer": data}


def table_of(page):
    """The name of the table that is shown, below the address."""
    page.locator("#table:visible").wait_for()
    return page.locator("#table").get_attribute("src")


def test_a_chosen_picture_becomes_a_table(served, page):
    page.set_input_files("#file", chosen(PICTURE, "a <b> & ü.png"))
    address = table_of(page)
    table = page.frame_locator("#table")
    assert table.locator("h1").inner_text() == "a <b> & ü.png"
    assert table.locator(".live-only").first.is_visible(), "its script does not run"
    assert page.title() == "a <b> & ü.png"
    assert page.evaluate("document.activeElement.id") == "table"
    reach = "() => { try { return !!parent.document; } catch { return false; } }"
    frame = page.locator("#table").element_handle().content_frame()
    assert frame.evaluate(reach) is False
    with page.expect_download() as saved:
        page.get_by_text("Save this page").click()
    assert saved.value.suggested_filename.endswith(".html")
    assert served.ask("GET", address).status == 200


@pytest.mark.parametrize("how", ["leave", "close", "again"])
def test_a_table_is_forgotten_when_its_page_goes(served, page, how):
    page.set_input_files("#file", chosen(PICTURE))
    address = table_of(page)
    assert served.ask("GET", address).status == 200
    if how == "again":
        page.get_by_role("button", name="Another picture").click()
        assert page.locator("#zone").is_visible()
        assert page.evaluate("document.activeElement.id") == "file"
    elif how == "leave":
        page.goto("about:blank")
    else:
        page.close(run_before_unload=True)
    until(lambda: served.ask("GET", address).status == 404)


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_a_picture_can_be_dropped_and_pasted(page, event):
    page.evaluate(
        """([event, bytes]) => {
          const data = new DataTransfer();
          const kind = { type: "image/png" };
          data.items.add(new File([new Uint8Array(bytes)], "dropped.png", kind));
          const drops = event === "drop";
          document.dispatchEvent(drops
            ? new DragEvent(event, { dataTransfer: data, cancelable: true })
            : new ClipboardEvent(event, { clipboardData: data }));
        }""",
        [event, list(PICTURE)],
    )
    table_of(page)
    assert page.frame_locator("#table").locator("h1").inner_text() == "dropped.png"


def test_what_is_wrong_is_told_and_another_picture_can_follow(page):
    failure = page.locator("#failure[role=alert]")
    page.set_input_files("#file", chosen(b"no picture", "notes.txt"))
    page.locator("#failure:not(:empty)").wait_for()
    assert failure.inner_text().startswith("notes.txt: ")
    assert "; " in failure.inner_text()
    page.set_input_files("#file", chosen(servers.bomb(60_000, 60_000)))
    page.get_by_text("megapixels, more than").wait_for()
    page.set_input_files("#file", chosen(PICTURE))
    table_of(page)
    assert failure.text_content() == ""


def test_a_file_that_is_too_large_is_not_sent(page):
    page.set_input_files("#file", chosen(bytes(1_000_001)))
    page.get_by_text("it has more than 1 MB").wait_for()
    assert not [url for url in page.asked if "pictures" in url]


def test_the_place_in_the_line_is_told_and_can_be_given_up(served, page):
    first = Upload(served, SLOW)
    until(lambda: first.lines)
    page.set_input_files("#file", chosen(PICTURE))
    page.get_by_text("Waiting, with 1 before it").first.wait_for()
    third = Upload(served, PICTURE)
    until(lambda: third.lines)
    assert third.lines[0] == b'{"place": 2}\n'
    page.get_by_role("button", name="Cancel").press("Enter")
    until(lambda: third.lines[1:])
    assert page.locator("#choose").is_visible()
    third.join(servers.SECONDS)
    assert b"table" in third.lines[-1]


def asks_for_a_file(page):
    """Whether Enter opens the dialog; a busy browser may lose the first one."""
    from playwright.sync_api import TimeoutError as TimedOut

    try:
        with page.expect_file_chooser(timeout=5000):
            page.keyboard.press("Enter")
    except TimedOut:
        return False
    return True


def test_it_can_be_used_with_the_keyboard(page):
    page.keyboard.press("Tab")  # to the content
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "file"
    outline = "getComputedStyle(document.getElementById('choose')).outlineStyle"
    assert page.evaluate(outline) == "solid"
    until(lambda: asks_for_a_file(page))
    assert page.get_by_label("Choose a picture").count() == 1


def test_each_view_can_be_reached_and_read_by_all(served, page):
    page.set_input_files("#file", chosen(b"no picture", "notes.txt"))
    page.locator("#failure:not(:empty)").wait_for()
    assert browsers.axe_in_both_schemes(page) == []
    first = Upload(served, SLOW)
    until(lambda: first.lines)
    page.set_input_files("#file", chosen(PICTURE))
    waiting = page.get_by_text("Waiting, with 1 before it").first
    waiting.wait_for()
    served.process.send_signal(signal.SIGSTOP)  # so that it waits as long as is looked
    try:
        assert browsers.axe_in_both_schemes(page) == []
        assert waiting.is_visible()
    finally:
        served.process.send_signal(signal.SIGCONT)
    table_of(page)
    assert browsers.axe_in_both_schemes(page) == []
    frame = page.locator("#table").element_handle().content_frame()
    assert browsers.axe(frame) == []


def test_it_fits_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 844})
    width = "document.documentElement.scrollWidth"
    assert page.evaluate(width) == 390
    page.set_input_files("#file", chosen(PICTURE, "x" * 90 + ".png"))
    table_of(page)
    assert page.evaluate(width) == 390


def test_it_works_without_scripts(served, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    watched = browsers.Watched(page)
    page.goto(served.address)
    page.set_input_files("#file", chosen(b"no picture", "notes.txt"))
    page.get_by_role("button", name="Move its light").click()
    assert "not a picture" in page.get_by_role("alert").inner_text()
    page.set_input_files("#file", chosen(PICTURE))
    page.get_by_role("button", name="Move its light").click()
    page.wait_for_url("**/tables/*")
    assert page.locator("h1").inner_text() == "photo.png"
    context.close()
    assert not unexpected(watched)
