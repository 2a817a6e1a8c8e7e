"""The before/after page in a browser, and the commands that make it."""

import io
import os
import shutil

import pytest
from PIL import Image, ImageOps

import browsers
import schemas
from conftest import photo
from msrnet_cli.cli.showing import noting, show_job
from msrnet_cli.folder import history
from msrnet_cli.folder.job import relight_folder
from msrnet_cli.folder.options import FolderOptions, RelightOptions
from msrnet_cli.folder.plan import make_plan
from msrnet_cli.folder.records import Making
from msrnet_cli.folder.relights import FakeRelighter
from msrnet_cli.pages import compare, contents
from msrnet_cli.pages.place import MOST_WHOLE, Page

EVIL = "<img src=x onerror=alert(1)>.png"
ODD = "ünïcode \"quoted' & #1?%41" + 200 * "o" + ".png"
LIGHT, DARK, LARGE = "b 10.png", "a 2.png", "a 10.png"
SIZE = (192, 128)


def relit(folder, inputs="in", *, gain=0.5, is_fan=False, **options):
    options = FolderOptions(**options)
    inputs, output = str(folder / inputs), str(folder / "out")
    fake = FakeRelighter(gain=gain)
    fake.to_light, fake.digest = "from W, 3200 K", "cd" * 32
    plan = make_plan([inputs], output, options, is_fan=is_fan)
    return plan, relight_folder(plan, fake, options, lambda _: None, "fake")


def written(folder, name="page.html"):
    path = folder / name
    found = history.read(folder / "out")
    compare.write(Page("--html", path), contents.of_folder(found, {}), 179)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures of one value each, halved; one that stays; one that fails; odd names."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "in").mkdir()
    (folder / "same").mkdir()
    for name, value in ((LIGHT, 200), (DARK, 40), (LARGE, 100), (EVIL, 60), (ODD, 80)):
        Image.new("RGB", SIZE, (value,) * 3).save(folder / "in" / name)
    photo(*SIZE).save(folder / "same/same.png")
    (folder / "in/broken.jpg").write_bytes(b"no picture")
    relit(folder, "same", gain=1)
    relit(folder)
    return folder


@pytest.fixture(scope="module")
def page_file(folder):
    return written(folder)


@pytest.fixture
def page(watched, page_file):
    page = watched.open(page_file)
    yield page
    assert watched.asked == []
    assert watched.errors == []


def article(page, name):
    return page.get_by_role("article", name=name, exact=True)


def seen(locator):
    return Image.open(io.BytesIO(locator.screenshot())).convert("RGB")


def value_at(image, x, y=0.3):
    """A value of a grey picture, at a part of its width, away from the line's mark."""
    return image.getpixel((int(x * image.width), int(y * image.height)))[0]


def mode(page):
    (pressed,) = page.locator("button[data-mode][aria-pressed=true]").all()
    assert pressed.get_attribute("data-mode") == page.evaluate(
        "document.body.dataset.mode"
    )
    return pressed.get_attribute("data-mode")


def names(page):
    sheet = page.locator("#sheet bdi").all_inner_texts()
    assert sheet == page.locator("article h2").all_inner_texts()
    return sheet


def focused(page):
    return page.evaluate("document.activeElement.querySelector('h2').textContent")


# --- the page ------------------------------------------------------------------------


def test_a_line_that_is_dragged_parts_original_and_result(page):
    picture = article(page, LIGHT)
    picture.scroll_into_view_if_needed()
    layers = picture.locator(".layers")
    image = seen(layers)
    assert (value_at(image, 0.4), value_at(image, 0.6)) == (200, 100)
    box = layers.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.2, middle, steps=5)
    page.mouse.up()
    image = seen(layers)
    assert [value_at(image, x) for x in (0.17, 0.23, 0.6)] == [200, 100, 100]
    slider = picture.get_by_role("slider")
    assert slider.get_attribute("aria-valuetext") == "original 20 percent"
    slider.focus()
    page.keyboard.press("End")
    assert value_at(seen(layers), 0.97) == 200
    assert focused_slider(page)
    other = article(page, DARK)
    assert value_at(seen(other.locator(".layers")), 0.6) == 20


def focused_slider(page):
    return page.evaluate("document.activeElement.matches('input.swipe')")


def test_keys_lead_through_the_pictures_and_views(page):
    order = names(page)
    page.keyboard.press("ArrowRight")
    assert focused(page) == order[0]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert focused(page) == order[2]
    page.keyboard.press("ArrowLeft")
    assert focused(page) == order[1]
    assert "2 of 6" in page.get_by_role("status").inner_text()
    for _ in range(9):
        page.keyboard.press("ArrowLeft")
    assert focused(page) == order[0]
    for key, wanted in zip(
        "2341", ("beside", "difference", "result", "swipe"), strict=True
    ):
        page.keyboard.press(key)
        assert mode(page) == wanted
        assert focused(page) == order[0]
    page.keyboard.press("9")
    page.keyboard.press("Control+3")
    assert mode(page) == "swipe"


def test_space_changes_between_original_and_result(page):
    page.keyboard.press("4")
    picture, layers = article(page, LIGHT), article(page, LIGHT).locator(".layers")
    page.get_by_role("navigation").get_by_text(LIGHT, exact=True).click()
    assert focused(page) == LIGHT
    top = page.evaluate("scrollY")
    for wanted in (100, 200, 100):
        assert value_at(seen(layers), 0.5) == wanted
        button = picture.get_by_role("button", name="Original")
        assert button.get_attribute("aria-pressed") == str(wanted == 200).lower()
        page.keyboard.press(" ")
    assert page.evaluate("scrollY") == top
    button.click()
    assert value_at(seen(layers), 0.5) == 100


def test_the_original_shows_while_the_picture_is_pressed(page):
    for key, result in (("4", 100), ("3", 255)):
        page.keyboard.press(key)
        layers = article(page, LIGHT).locator(".layers")
        layers.hover()
        assert value_at(seen(layers), 0.5) == result
        page.mouse.down()
        assert value_at(seen(layers), 0.5) == 200
        page.mouse.up()
        assert value_at(seen(layers), 0.5) == result


def test_a_difference_is_what_it_says_times_the_factor(page):
    page.get_by_role("button", name="Difference").click()
    gain = page.get_by_role("slider", name="Difference times")
    for name, difference in ((DARK, 20), ("same.png", 0)):
        for factor in (1, 4, 8):
            gain.fill(str(factor))
            image = seen(article(page, name).locator(".layers"))
            found = {value_at(image, x) for x in (0.1, 0.5, 0.9)}
            assert found <= {difference * factor + e for e in (-1, 0, 1)}, factor
            if name == "same.png":
                corner = 8  # it is round, and edges may lie between pixels
                inside = ImageOps.crop(image, corner)
                assert inside.getextrema() == ((0, 0),) * 3


def test_pictures_stand_side_by_side(page):
    page.get_by_role("button", name="Side by side").click()
    before, after = (
        article(page, LIGHT).locator(f".{c} img") for c in ("before", "after")
    )
    left, right = before.bounding_box(), after.bounding_box()
    assert left["x"] + left["width"] <= right["x"]
    assert (left["y"], left["width"]) == (right["y"], right["width"])
    assert (value_at(seen(before), 0.5), value_at(seen(after), 0.5)) == (200, 100)


def test_pictures_are_sorted(page):
    assert names(page) == sorted(names(page))
    sort = page.get_by_role("combobox", name="Sort by")
    sort.select_option("name")
    assert names(page).index(DARK) < names(page).index(LARGE)  # 2 before 10
    sort.select_option("change")
    assert names(page) == [LIGHT, LARGE, ODD, EVIL, DARK, "same.png"]
    sort.select_option("seconds")
    seconds = page.evaluate(
        "[...document.querySelectorAll('article')].map(e => +e.dataset.seconds)"
    )
    assert seconds == sorted(seconds, reverse=True)
    sort.select_option("order")
    assert names(page) == sorted(names(page))
    page.locator("h1").click()
    page.keyboard.press("ArrowRight")
    assert focused(page) == names(page)[0]


def test_a_picture_on_the_sheet_leads_to_the_large_one(page):
    link = page.get_by_role("navigation").get_by_role("link", name=LARGE)
    link.focus()
    page.keyboard.press("Enter")
    assert focused(page) == LARGE
    box = article(page, LARGE).bounding_box()
    bar = page.get_by_role("group", name="How pictures are shown").bounding_box()
    assert bar["y"] + bar["height"] <= box["y"] < bar["y"] + bar["height"] + 40
    assert link.get_attribute("aria-current") == "true"


def test_it_tells_of_each_picture_what_is_known(page):
    facts = article(page, LIGHT).locator(".facts").inner_text()
    for text in ("192x128 px", " s", "from W, 3200 K", "fake cdcdcdcdcdcd", "39.2%"):
        assert text in facts
    problems = page.get_by_role("region", name="Pictures without a result")
    row = problems.get_by_role("row").nth(1)
    assert row.get_by_role("rowheader").inner_text() == "broken.jpg"
    row = row.inner_text()
    assert "not a picture" in row
    assert "convert it" in row


def test_names_are_texts_and_nothing_else(page):
    for name in (EVIL, ODD):
        assert article(page, name).get_by_alt_text(f"Result of {name}").count() == 1
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("[onerror]").count() == 0


@pytest.mark.parametrize(("scheme", "width"), [("dark", 390), ("light", 1280)])
def test_everybody_can_reach_and_read_it(browser, page_file, scheme, width):
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 600}
    )
    watched = browsers.Watched(context.new_page())
    page = watched.open(page_file)
    for key in "1243":
        page.keyboard.press(key)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert browsers.axe(page) == []
    assert (watched.asked, watched.errors) == ([], [])
    context.close()


def test_without_a_script_it_shows_pictures_side_by_side(browser, page_file):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert not page.get_by_role("group", name="How pictures are shown").is_visible()
    assert page.get_by_role("slider").count() == 0
    before, after = (
        article(page, LIGHT).locator(f".{c} img") for c in ("before", "after")
    )
    assert before.bounding_box()["y"] == after.bounding_box()["y"]
    assert (value_at(seen(before), 0.5), value_at(seen(after), 0.5)) == (200, 100)
    page.get_by_role("link", name="without a result").click()
    assert page.get_by_text("broken.jpg").is_visible()
    context.close()


def test_on_paper_pictures_stand_side_by_side(page):
    page.emulate_media(media="print")
    assert not page.get_by_role("group", name="How pictures are shown").is_visible()
    before, after = (
        article(page, LIGHT).locator(f".{c} img") for c in ("before", "after")
    )
    assert before.bounding_box()["y"] == after.bounding_box()["y"]
    assert (value_at(seen(before), 0.5), value_at(seen(after), 0.5)) == (200, 100)


# --- many pictures -------------------------------------------------------------------


def test_more_pictures_lie_in_a_folder_beside_the_page(tmp_path, watched):
    (tmp_path / "in").mkdir()
    for index in range(MOST_WHOLE + 1):
        Image.new("RGB", (24, 16), (4 * index,) * 3).save(
            tmp_path / f"in/{index:02}.png"
        )
    relit(tmp_path)
    path = written(tmp_path, "50% & more#1.html")
    beside = tmp_path / "50% & more#1_files"
    first = {each.name for each in beside.iterdir()}
    assert path.stat().st_size < 200_000
    page = watched.open(path)
    page.keyboard.press("4")
    assert value_at(seen(article(page, "00.png").locator(".layers")), 0.5) == 0
    last = article(page, "50.png").locator(".layers")
    last.scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")
    assert abs(value_at(seen(last), 0.5) - 100) <= 1
    assert all(url.startswith(beside.as_uri() + "/") for url in watched.asked)
    assert watched.errors == []
    lazy = page.locator("img:not([loading=lazy])").count()
    assert lazy == 0
    # The next page takes away what only this one showed, and nothing else.
    (beside / "mine.jpg").write_bytes(b"mine")
    Image.new("RGB", (24, 16), "red").save(tmp_path / "in/50.png")
    written(tmp_path, path.name)
    second = {each.name for each in beside.iterdir()} - {"mine.jpg"}
    html = path.read_text("utf-8")
    assert all(name in html for name in second)
    assert len(first - second) == 1
    (tmp_path / "out/50.png").unlink()  # the others have room in the page itself
    written(tmp_path, path.name)
    assert [each.name for each in beside.iterdir()] == ["mine.jpg"]


# --- what it is made from ------------------------------------------------------------


def shown_in(page):
    """Name, values of a picture before and after, and all that is told of it."""
    found = page.evaluate(
        """() => [...document.querySelectorAll("article")].map((article) => {
          const values = [...article.querySelectorAll("figure img")].map((image) => {
            const pen = document.createElement("canvas").getContext("2d");
            pen.drawImage(image, -image.naturalWidth / 2, -image.naturalHeight / 2);
            return pen.getImageData(0, 0, 1, 1).data[0];
          });
          return [article.querySelector("h2").innerText, values, article.innerText];
        })"""
    )
    return {name: (tuple(values), text) for name, values, text in found}


def test_any_format_and_each_part_of_a_fan_is_shown(tmp_path, watched):
    (tmp_path / "in").mkdir()
    samples = Image.new("I;16", (32, 24), 40000)
    samples.save(tmp_path / "in/deep.png")
    clear = Image.new("RGBA", (32, 24), (200, 200, 200, 0))
    clear.paste((200, 200, 200, 255), (8, 0, 24, 24))
    clear.save(tmp_path / "in/clear.png")
    Image.new("RGB", (32, 24), (120,) * 3).save(tmp_path / "in/t.tif")
    Image.new("RGB", (2400, 1200), (90,) * 3).save(tmp_path / "in/wide.bmp")
    relit(tmp_path, compare=True)
    found = shown_in(watched.open(written(tmp_path)))
    assert {name: values for name, (values, _) in found.items()} == {
        "deep.png": (156, 78), "clear.png": (200, 100), "t.tif": (120, 60),
        "wide.bmp": (90, 45),
    }  # fmt: skip
    assert "2400x1200 px" in found["wide.bmp"][1]
    for path in (tmp_path / "in").iterdir():
        if path.name != "t.tif":
            path.unlink()
    relit(tmp_path, gain=1, is_fan=True)
    found = shown_in(watched.open(written(tmp_path)))
    assert found["t/SW.tif"][0] == (120, 45)
    assert "from W, 3200 K" in found["t.tif"][1]
    text = found["deep.png"][1]
    assert found["deep.png"][0] == (78,)
    assert "the original is not shown: it is no longer there" in text


def test_an_original_that_has_changed_is_not_taken_for_it(tmp_path, watched):
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png", "c.png"):
        photo(48, 32, seed=ord(name[0])).save(tmp_path / "in" / name)
    relit(tmp_path)
    photo(48, 32, seed=9).save(tmp_path / "in/a.png")
    photo(48, 32, seed=8).save(tmp_path / "out/b.png")
    (tmp_path / "out/c.png").unlink()
    page = watched.open(written(tmp_path))
    found = shown_in(page)
    assert "the original is not shown: it has changed since" in found["a.png"][1]
    assert "has been changed since msrnet made it" in found["b.png"][1]
    assert [len(values) for values, _ in found.values()] == [1, 2]
    assert "its result is missing" in page.locator("#problems").inner_text()
    assert (watched.asked, watched.errors) == ([], [])


# --- the commands --------------------------------------------------------------------


def texts_of(path):
    return path.read_text("utf-8")


def test_relight_writes_the_page_in_the_end(program, warm_file, watched):
    (program.folder / "in").mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (64, 64), (200,) * 3).save(program.folder / "in" / name)
    command = ("relight", "in", "out", "--weights", warm_file, "--report")
    program.run(*command, "new/page.html")
    path = program.folder / "new/page.html"
    found = shown_in(watched.open(path))
    assert set(found) == {"a.png", "b.png"}
    assert "warm.safetensors" in found["a.png"][1]
    assert "4500 K from the right (E)" in found["a.png"][1]
    (program.folder / "in/c.png").write_bytes(b"broken")
    told = program.run(*command, "new/page.html", "--json", code=3)
    assert [event["event"] for event in told.events][-1] == "summary"
    page = watched.open(path)
    found = shown_in(page)
    assert "made in the same way" in found["a.png"][1]  # skipped, and shown
    assert found["a.png"][0][0] == 200
    assert page.locator("#problems tbody th").all_inner_texts() == ["c.png"]
    assert (watched.asked, watched.errors) == ([], [])
    assert not list(program.folder.rglob("*.part"))


def test_one_picture_has_a_page_too(program, warm_file):
    Image.new("RGB", (64, 64), (200,) * 3).save(program.folder / "a.png")
    arguments = ("relight", "a.png", "b.png", "--weights", warm_file)
    program.run(*arguments, "--report", "p.html")
    assert "Result of b.png" in texts_of(program.folder / "p.html")


def test_a_page_is_refused_before_any_work(program, warm_file):
    Image.new("RGB", (64, 64), (200,) * 3).save(program.folder / "a.png")
    (program.folder / "theirs.html").write_text("theirs")
    command = ("relight", "a.png", "out/", "--weights", warm_file, "--report")
    for page, says in (
        ("theirs.html", "not a page"),
        ("p.png", ".html"),
        ("", "empty"),
    ):
        program.run(*command, page, code=2, says=says)
        program.run(*command, page, "--dry-run", code=2, says=says)
    program.run(*command, "p.html", "--dry-run")
    assert sorted(p.name for p in program.folder.iterdir()) == ["a.png", "theirs.html"]
    arguments = ("relight", "-", "b.png", "--report", "p.html")
    program.run(*arguments, code=2, says="--report with -", data=b"x")


def test_a_job_that_is_stopped_has_a_page_of_what_was_done(tmp_path):
    (tmp_path / "in").mkdir()
    for index in range(9):
        Image.new("RGB", (24, 16), (index,) * 3).save(tmp_path / f"in/{index}.png")
    runs = []

    def on_run(batch):
        runs.append(batch)
        if len(runs) == 4:
            raise KeyboardInterrupt

    options, done = FolderOptions(batch_size=1), []
    plan = make_plan([str(tmp_path / "in")], str(tmp_path / "out"), options)
    fake = FakeRelighter(on_run)
    notify = noting(lambda _: None, done)
    summary = relight_folder(plan, fake, options, notify, "fake")
    page = tmp_path / "page.html"
    show_job(RelightOptions(report=str(page)), plan, done, summary, Making())
    html = texts_of(page)
    assert html.count("<article") == len(done) == summary.relit == 3
    assert "The job was stopped by SIGINT: 6 not reached." in html


def test_report_sums_up_a_folder(program, folder):
    shutil.copytree(folder / "in", program.folder / "in")
    shutil.copytree(folder / "same", program.folder / "same")
    shutil.copytree(folder / "out", program.folder / "out")
    (program.folder / "out" / LIGHT).unlink()
    (program.folder / "out" / DARK).write_bytes(b"retouched")
    told = program.run("report", "out").out.decode().splitlines()
    first = "out: 6 results: 4 there, 1 missing, 1 changed since; 1 picture failed"
    assert told[0].startswith(first)
    assert f"missing: {LIGHT}" in told
    assert f"changed: {DARK}" in told
    made = [line for line in told if line.startswith("made by ")]
    assert "6 results, light from W, 3200 K, weights fake cdcdcdcdcdcd" in made[0]
    assert any("broken.jpg: a file that is not a picture" in line for line in told)


def test_report_tells_programs_the_same_and_writes_the_page(program, folder):
    shutil.copytree(folder / "out", program.folder / "out")
    told = program.run("report", "out", "--json", "--html", "p.html")
    document = schemas.fitting("report", told.out)
    assert document["there"] == 6
    html = texts_of(program.folder / "p.html")
    assert html.count("<article") == 6
    assert "the original is not shown" in html  # they lie elsewhere
    program.run("report", "out", "--html", "p.html", "--inputs", folder)
    assert "the original is not shown" not in texts_of(program.folder / "p.html")


def test_report_refuses_what_it_cannot_do(program, folder):
    shutil.copytree(folder / "out", program.folder / "out")
    (program.folder / "empty").mkdir()
    program.run("report", "empty", code=2, says="no journal")
    program.run("report", "nowhere", code=2, says="does not exist")
    program.run("report", "", code=2, says="empty")
    program.run("report", "out", "--html", "out/x.png", code=2, says="end in .html")
    program.run("report", "out", "--html", "p.html", "--inputs", "no", code=2)
    assert not (program.folder / "p.html").exists()


@pytest.mark.skipif(os.name != "posix", reason="names are bytes there")
def test_a_name_that_is_not_text_is_shown_all_the_same(program, watched):
    (program.folder / "in").mkdir()
    name = os.fsdecode(b"caf\xe9.png")
    Image.new("RGB", (24, 16)).save(program.folder / "in/a.png")
    os.rename(program.folder / "in/a.png", program.folder / "in" / name)
    relit(program.folder)
    program.run("report", "out", "--html", "p.html")
    page = watched.open(program.folder / "p.html")
    assert names(page) == ["caf\N{REPLACEMENT CHARACTER}.png"]
    assert page.locator("figure").count() == 2
