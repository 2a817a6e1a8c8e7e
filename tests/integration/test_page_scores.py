"""The page of msrnet eval --report, in a browser: numbers, order, pictures, keys."""

import base64
import io
import json
import os
import re
import threading
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import browsers
import pairs
import smooth
from msrnet_cli.cli.commands import load
from msrnet_cli.cli.options import write_result
from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.evaluate.results import COPY
from msrnet_cli.networks import lightstage
from msrnet_cli.pages import gallery, sinks
from msrnet_cli.weights.file import save_weights

ODD = ["a<b>&\"'", "10 #1 50%é", "9 {{ 7 * 7 }}", "<!--<script>x"]
BESIDE = re.compile(r"msrnet-[0-9a-f]{24}\.jpg")
HEADS = {
    "PSNR": ("psnr", ".2f"),
    "SSIM 7x7": ("ssim", ".4f"),
    "detail": ("detail", ".3f"),
}


def invoke(*arguments):
    done = CliRunner().invoke(load(), [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.exception
    return done


def write(folder, names, size=48):
    """Pairs of these names, each with another change of light."""
    for number, name in enumerate(names):
        surface = pairs.albedo(number, size)
        pairs.save(surface * 0.6, folder / "input" / f"{name}.png")
        wanted = (surface * (0.5 + 0.1 * number)).clamp(0, 1)
        pairs.save(wanted, folder / "target" / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A page about pairs with odd names, and the document of the same run."""
    folder = tmp_path_factory.mktemp("scored")
    data = write(folder / "data", ODD)
    page = folder / "odd #1 50%.html"
    done = invoke(
        "eval", "--data", data, "--fit-data", data, "--weights", identity(folder),
        "--json", "--csv", folder / "all.csv", "--report", page,
    )  # fmt: skip
    return SimpleNamespace(page=page, found=json.loads(done.stdout), data=data)


def identity(folder):
    from msrnet_cli.networks.dmshn import DMSHN, initialise_identity

    network = DMSHN(12)
    initialise_identity(network)
    path = folder / "identity.safetensors"
    card = WeightsCard(model=ModelConfig(arch="dmshn", channels=12))
    save_weights(path, network.state_dict(), card)
    return path


def gains(found, method):
    copies = found["methods"][0]["images"]
    images = found["methods"][method]["images"]
    return [a["psnr"] - b["psnr"] for a, b in zip(images, copies, strict=True)]


def shown_names(page):
    return page.locator(".card h3").all_text_contents()


def test_the_page_asks_for_nothing_and_complains_of_nothing(watched, scored):
    page = watched.open(scored.page)
    browsers.until(page, "[...document.images].every((one) => one.naturalWidth > 0)")
    assert watched.asked == []
    assert watched.errors == []
    names = [image["name"] for image in scored.found["methods"][0]["images"]]
    assert sorted(shown_names(page)) == sorted(names)
    assert len(names) == len(ODD)


def test_the_page_can_be_reached_and_read_by_all(watched, scored):
    page = watched.open(scored.page)
    assert browsers.axe_in_both_schemes(page) == []


def test_numbers_are_those_of_the_document(watched, scored):
    page = watched.open(scored.page)
    methods = scored.found["methods"]
    for place, method in enumerate(methods[1:]):
        for number, image in enumerate(method["images"]):
            cells = page.locator(
                f'.card[data-number="{number}"] dl[data-method="{place}"] div'
            ).all_text_contents()
            said = dict(
                re.split(r"\s*\n\s*", f"{c.strip()}") for c in map(spaced, cells)
            )
            gain = gains(scored.found, place + 1)[number]
            assert said["gain"] == f"{gain:+.2f} dB"
            for head, (score, style) in HEADS.items():
                assert said[head] == format(image[score], style)
    rows = page.locator("section table").first.locator("tbody tr")
    heads = page.locator("section table").first.locator("thead th").all_text_contents()
    for row, method in zip(rows.all(), methods, strict=True):
        cells = dict(zip(heads[1:], row.locator("td").all_text_contents(), strict=True))
        for head, (score, style) in HEADS.items():
            mean = method["means"][score]
            assert cells[head] == f"{mean['mean']:{style}} ±{mean['margin']:{style}}"
        assert cells["worst gain"] == f"{method['worst_gain']:+.2f}"


def spaced(text):
    """Head and value of a score, which HTML writes side by side."""
    return re.sub(
        r"^(gain|PSNR|SSIM 7x7|SSIM 11x11|detail|s/image|method)", r"\1\n", text
    )


def test_cards_are_sorted_as_the_controls_say(watched, scored):
    page = watched.open(scored.page)
    for place, method in enumerate(scored.found["methods"][1:]):
        page.locator("#method").select_option(str(place))
        names = [image["name"] for image in method["images"]]
        keys = {
            "gain": gains(scored.found, place + 1),
            "psnr": [image["psnr"] for image in method["images"]],
            "ssim": [image["ssim"] for image in method["images"]],
        }
        for key, values in keys.items():
            page.locator("#key").select_option(key)
            order = sorted(range(len(names)), key=values.__getitem__)
            assert shown_names(page) == [names[number] for number in order]
            page.locator("#order").click()
            falling = sorted(range(len(names)), key=lambda n: (-values[n], n))
            assert shown_names(page) == [names[number] for number in falling]
        assert page.locator(f'[data-method="{place}"]:visible').count() > 0
        assert page.locator(f'.card [data-method="{1 - place}"]:visible').count() == 0
    page.locator("#key").select_option("name")
    found = shown_names(page)
    assert found.index("9 {{ 7 * 7 }}") < found.index("10 #1 50%é"), "numbers count"
    assert "Sorted by name" in page.locator("[role=status]").text_content()
    assert watched.errors == []


def test_the_histogram_counts_every_picture(watched, scored):
    page = watched.open(scored.page)
    for place in range(2):
        rows = page.locator(f"#chart-gains-{place} tbody tr").all()
        counts = [int(row.locator("td").text_content()) for row in rows]
        assert sum(counts) == len(ODD)
        bars = page.locator(f"#chart-gains-{place} rect.bar").count()
        assert bars == sum(count > 0 for count in counts)


def test_without_scripts_and_on_paper_all_is_there(browser, scored):
    context = browser.new_context(java_script_enabled=False)
    page = browsers.Watched(context.new_page()).open(scored.page)
    assert page.locator(".card figure:visible").count() == len(ODD) * (2 + 2 * 2)
    assert page.locator(".chart > svg:visible").count() == 2
    assert page.locator(".controls:visible").count() == 0
    context.close()
    context = browser.new_context()
    page = browsers.Watched(context.new_page()).open(scored.page)
    page.emulate_media(media="print")
    assert page.locator(".card figure:visible").count() == len(ODD) * (2 + 2 * 2)
    context.close()


def test_a_picture_is_enlarged_and_flipped_by_keys(watched, scored):
    page = watched.open(scored.page)
    first = page.locator(".card figure:visible button").first
    first.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog")
    assert dialog.is_visible()
    kinds = []
    for _ in range(4):
        kinds.append(dialog.locator("[aria-pressed=true]").text_content())
        page.keyboard.press("ArrowRight")
    assert kinds == ["input", "target", "output", "error"]
    name = dialog.locator("#viewer-name").text_content()
    page.keyboard.press("ArrowDown")
    assert dialog.locator("#viewer-name").text_content() != name
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert first.evaluate("(one) => one === document.activeElement")
    assert watched.errors == []


def test_a_phone_needs_no_scrolling_to_the_side(browser, scored):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = browsers.Watched(context.new_page()).open(scored.page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def held(page, kind):
    """The pictures of a kind that a page holds."""
    found = re.findall(rf'data:image/jpeg;base64,([^"]+)"[^>]+alt="{kind} of', page)
    return [Image.open(io.BytesIO(base64.b64decode(text))) for text in found]


def test_the_error_of_equal_pictures_is_black(tmp_path):
    data = pairs.write_vidit(tmp_path / "set", 2, size=600)
    page = tmp_path / "same.html"
    invoke("eval", data, data, "--report", page)
    text = page.read_text("utf-8")
    errors, outputs = held(text, "error"), held(text, "output")
    assert len(errors) == len(outputs) == 6
    assert all(max(high for _, high in one.getextrema()) == 0 for one in errors)
    assert all(max(one.size) == gallery.SIDE for one in (*errors, *outputs))
    assert not held(text, "input")
    assert "gain" not in re.sub(
        r"<script.*?</script>|<style.*?</style>", "", text, flags=re.S
    )


def test_the_error_map_is_brighter_where_a_picture_is_further_off():
    target = torch.zeros(3, 8, 40)
    output = target.clone()
    for place in range(5):
        output[:, :, place * 8 : place * 8 + 8] = place * 0.06
    image = gallery.error_map(output, target).convert("L")
    levels = [image.getpixel((place * 8 + 4, 4)) for place in range(5)]
    assert levels[0] == 0
    assert levels == sorted(set(levels))
    assert levels[4] > 200


def test_many_pictures_lie_beside_the_page_and_older_ones_go(
    watched, scored, tmp_path, monkeypatch
):
    monkeypatch.setattr(gallery, "_MOST_BYTES", 4000)
    page, folder = tmp_path / "my #1.html", tmp_path / "my #1_files"
    arguments = ("eval", "--data", scored.data, "--fit-data", scored.data)
    arguments += ("--weights", identity(tmp_path), "--report", page)
    invoke(*arguments)
    first = {path.name for path in folder.iterdir()}
    assert first == set(BESIDE.findall(page.read_text("utf-8")))
    opened = watched.open(page)
    opened.locator(".card").last.scroll_into_view_if_needed()
    lazy = "[...document.images].filter((one) => one.loading === 'lazy').length"
    assert opened.evaluate(lazy) == len(ODD) * 6
    shown = "[...document.images].filter((one) => !one.closest('[hidden]'))"
    browsers.until(opened, f"{shown}.every((one) => one.naturalWidth)")
    assert watched.errors == []
    assert watched.asked
    assert all(url.startswith(folder.as_uri()) for url in watched.asked)
    invoke(*arguments, "--limit", "2")
    second = {path.name for path in folder.iterdir()}
    assert second == set(BESIDE.findall(page.read_text("utf-8")))
    assert first - second
    monkeypatch.setattr(gallery, "_MOST_BYTES", 1 << 30)
    invoke(*arguments)
    assert not folder.exists()


def test_pictures_beside_a_page_are_inputs_of_nothing(
    program, tmp_path, monkeypatch, identity_file
):
    monkeypatch.setattr(gallery, "_MOST_BYTES", 0)
    pairs.write_vidit(tmp_path / "set", 1, size=48)
    before = sorted(path.name for path in (tmp_path / "set").rglob("*.png"))
    arguments = ("eval", "set", "set", "--report", "set/page.html")
    scored = program.run(*arguments).out
    assert any((tmp_path / "set/page_files").iterdir())
    assert program.run(*arguments).out == scored
    relit = ("relight", "set", "out", "--recursive", "--weights", identity_file)
    program.run(*relit)
    made = (tmp_path / "out").rglob("*.[pj][np]g")
    assert sorted(path.name for path in made) == before
    # Its name is free for another kind of page, which takes the pictures away.
    program.run("report", "out", "--html", "set/page.html")
    assert not (tmp_path / "set/page_files").exists()


def test_pictures_that_cannot_be_written_cost_the_page_not_the_scores(
    program, scored, tmp_path, monkeypatch
):
    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gallery, "_MOST_BYTES", 0)
    monkeypatch.setattr(sinks, "write_whole", full)
    arguments = ("eval", "--data", scored.data, "--weights", identity(tmp_path))
    done = program.run(*arguments, "--report", "p.html", code=2, says="No space left")
    assert COPY in done.out.decode()
    assert not (tmp_path / "p.html").exists()


# --- what must not be replaced ------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--report", "p.png"), "must end in .html"),
        (("--report", "c.html/p.html"), "nothing can be written"),
        (("--report", "folder.html"), "not a regular file"),
        (("--report", "w.html", "--weights", "w.html"), "would overwrite the input"),
        (("--report", "linked.html", "--config", "c.html"), "would overwrite the in"),
        (("--report", "c.html"), "not a page that msrnet made"),
        (("--report", "free.html"), "is a symbolic link"),
        (("--report", "mine.html"), "among others"),
        (("--report", "a.html", "--csv", "./a.html"), "name one file"),
        (("--csv", "set/Image000_4500_E.png"), "would replace a file"),
        (("--csv", "w.html", "--weights", "w.html"), "would replace a file"),
        (("--csv", "set"), "is a folder"),
        (("--csv", "c.html"), "not a table that msrnet wrote"),
        (("--csv", "mine_files/notes.csv"), "not a table that msrnet wrote"),
    ],
)
def test_places_that_would_do_harm_are_refused_before_any_work(
    program, tmp_path, options, says, monkeypatch
):
    pairs.write_vidit(tmp_path / "set", 1, size=48)
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "mine_files").mkdir()
    (tmp_path / "mine_files/holiday.jpg").touch()
    (tmp_path / "mine_files/notes.csv").write_text("name,method\n")
    (tmp_path / "w.html").write_bytes(b"weights")
    (tmp_path / "c.html").write_text("{}")
    (tmp_path / "linked.html").symlink_to("c.html")
    (tmp_path / "free.html").symlink_to("page.html")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    monkeypatch.setattr("msrnet_cli.evaluate.pairs.evaluate", pytest.fail)
    done = program.run("eval", "--data", "set", *options, code=2, says=says)
    assert len(done.lines) == 1
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_tables_and_pages_of_an_earlier_run_are_replaced(program, tmp_path):
    pairs.write_vidit(tmp_path / "set", 1, size=48)
    for _ in range(2):
        arguments = ("--csv", "set/all.csv", "--report", "set/page.html")
        program.run("eval", "set", "set", *arguments)
    assert (tmp_path / "set/all.csv").read_text().startswith("method,name,psnr")


def test_a_pipe_is_written_to_and_a_link_stays_one(tmp_path):
    pipe, file, link = (tmp_path / name for name in ("pipe", "file", "link"))
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_result("--csv", pipe, b"rows")
    reader.join()
    assert got == [b"rows"]
    assert not pipe.is_file()
    file.touch()
    link.symlink_to(file)
    write_result("--csv", link, b"rows")
    assert link.is_symlink()
    assert file.read_bytes() == b"rows"


# --- scenes whose lights are all known ----------------------------------------------


@pytest.fixture(scope="module")
def lit(tmp_path_factory):
    """A page about scenes, and the document of the same run."""
    folder = tmp_path_factory.mktemp("lit")
    network = lightstage.LightStage(12)
    lightstage.start_as_identity(network)
    weights = folder / "stage.safetensors"
    card = WeightsCard(model=ModelConfig(arch="lightstage", channels=12))
    save_weights(weights, network.state_dict(), card)
    data, page = smooth.write(folder / "scenes", 2), folder / "page.html"
    arguments = ("eval", "--layers", data, "--weights", weights, "--dtype", "fp32")
    done = invoke(*arguments, "--json", "--report", page)
    return SimpleNamespace(page=page, found=json.loads(done.stdout))


def test_each_scene_and_row_has_its_gain(watched, lit):
    page = watched.open(lit.page)
    copy, ours, _ = lit.found["methods"]
    baseline = {row["name"]: row["scenes"] for row in copy["rows"]}
    part = page.locator("section").nth(1)
    part.locator("summary", has_text="Each scene").click()
    table = part.locator("table").last
    heads = table.locator("thead th").all_text_contents()
    for row in table.locator("tbody tr").all():
        scene = row.locator("th").text_content()
        cells = dict(zip(heads[1:], row.locator("td").all_text_contents(), strict=True))
        for each in ours["rows"]:
            name, psnr = each["name"], each["scenes"][scene]
            assert cells[name].startswith(f"{psnr:.2f}")
            if each["over_copy"]:
                alike = {"night, fitted": "night", "day, bare": "day"}.get(name, name)
                gain = psnr - baseline[alike][scene]
                assert cells[name].endswith(f"({gain:+.2f})")
            else:
                assert "(" not in cells[name]
    told = [row for row in ours["rows"] if row["over_copy"]]
    assert part.locator(".chart").count() == len(told)
    assert page.locator(".card").count() == 2 * 4
    assert watched.asked == []
    assert watched.errors == []


def test_what_is_wanted_of_scenes_is_told(watched, lit):
    page = watched.open(lit.page)
    bars = [bar for method in lit.found["methods"] for bar in method["bars"]]
    remarks = page.locator(".remarks li").all_text_contents()
    assert sum("wanted:" in remark for remark in remarks) == len(bars) > 0
    assert browsers.axe(page) == []
