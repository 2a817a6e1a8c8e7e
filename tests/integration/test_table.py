"""The light table in a real browser: it shows what the tool makes, and its manners."""

import base64
import io
import math
import random
import re
import shlex
import statistics
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from browsers import axe, until
from conftest import opened, photo
from msrnet_cli.images.pixels import quantise, to_tensor
from msrnet_cli.layers import mix, wanted
from msrnet_cli.lights import UNSURE, kelvin_gains, weights_of_eight
from msrnet_cli.lights.looks import BUILT_IN, Look
from msrnet_cli.lights.options import LightOptions
from msrnet_cli.lights.wish import Beam, Wish
from msrnet_cli.metrics import psnr
from msrnet_cli.pages.table import _told, table
from msrnet_cli.relight.options import SessionOptions
from msrnet_cli.relight.relighter import Relighter

EXAMPLES = Path(__file__).parents[2] / "examples"
ENOUGH = 36  # dB
TIMES = "\N{MULTIPLICATION SIGN}"
SETTINGS = {
    "to=W": {"to": "W"},
    "to=3200_E": {"to": "3200_E"},
    "to=S&softness=30": {"to": "S", "softness": 30},
    "light=W:3200&light=NE:7500:0.4": {"light": ["W:3200", "NE:7500:0.4"]},
    "light=63::1.5&ambient=0.3": {"light": "63::1.5", "ambient": 0.3},
    "even": {"even": True},
    "even&kelvin=9000&keep=brightness": {
        "even": True,
        "kelvin": 9000,
        "keep": "brightness",
    },
    "kelvin=3000": {"kelvin": 3000},
    "key=1.5&ambient=0.5": {"key": 1.5, "ambient": 0.5},
    "softness=40&fill=0.3": {"softness": 40, "fill": 0.3},
    "to=63&fill=0.4&amount=0.5": {"to": 63, "fill": 0.4, "amount": 0.5},
    "to=2700_W&keep=colour": {"to": "2700_W", "keep": "colour"},
}
FEW = [*SETTINGS][2:4] + [*SETTINGS][-2:]


@pytest.fixture(scope="module")
def relighter():
    return Relighter.load("lightstage", device="cpu", dtype="fp32")


@pytest.fixture(scope="module")
def night():
    """A picture that is larger than what the network sees."""
    with Image.open(EXAMPLES / "Image016_6500_N.jpg") as image:
        return image.resize((300, 224))


@pytest.fixture(scope="module")
def layers(relighter, night):
    return relighter.layers(to_tensor(night))


@pytest.fixture(scope="module")
def page(layers, night, tmp_path_factory):
    """The folder of a picture, ``photo.png``, and its table, ``table.html``."""
    folder = tmp_path_factory.mktemp("table")
    night.save(folder / "photo.png")
    (folder / "table.html").write_text(table(layers, "photo.png"), "utf-8")
    return folder


def show(watched, file, ending=""):
    """Open a table; the ending of its address may name a way to paint, and a light."""
    shown = watched.page
    shown.goto("about:blank")  # else another light would not load the page anew
    watched.open(file, ending)
    shown.evaluate("table.ready")
    return shown


def pixels_of(shown, mode="RGB"):
    """What the canvas shows, 3 H W in [0, 1]."""
    address = shown.evaluate(
        "(table.paint(), document.getElementById('canvas').toDataURL())"
    )
    image = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    return to_tensor(image.convert(mode)) / 255


def command(shown):
    """The command that the page shows, as words."""
    return shlex.split(shown.locator("#command").text_content())


def quiet(watched):
    """Nothing was asked for, and nothing went wrong."""
    others = [
        address for address in watched.asked if not address.startswith("file:///tmp")
    ]
    # Reading back from imitated graphics is slow, as Chromium tells.
    errors = [text for text in watched.errors if "GPU stall" not in text]
    assert not others
    assert not errors


def made(relighter, pixels, **light):
    return quantise(relighter.layers(pixels).mix(**light), 8) / 255


@pytest.mark.parametrize(
    "way", ["canvas", pytest.param("webgl", marks=pytest.mark.slow)]
)
def test_the_page_shows_what_the_tool_makes(watched, page, layers, way):
    for text in FEW:
        shown = show(watched, page / "table.html", f"?{way}#{text}")
        assert shown.evaluate("table.painter.constructor.kind") == way
        expected = layers.mix(**SETTINGS[text]) / 255
        assert psnr(pixels_of(shown), expected) > ENOUGH, text
    quiet(watched)


@pytest.mark.slow
def test_many_photographs_under_many_lights(watched, relighter, tmp_path):
    data = pytest.importorskip("skimage").data_dir
    names = (
        "coffee.png chelsea.png rocket.jpg motorcycle_left.png astronaut.png ihc.png"
        " retina.jpg hubble_deep_field.jpg camera.png coins.png moon.png brick.png"
    )
    files = [Path(data, name) for name in names.split()]
    files += sorted(EXAMPLES.glob("*.jpg")) + sorted((EXAMPLES / "truth").glob("*.jpg"))
    scores = []
    for file in files:
        with Image.open(file) as image:
            image.thumbnail((768, 768))
            pixels = to_tensor(image.convert("RGB"))
        found = relighter.layers(pixels)
        text = table(found, file.name)
        assert len(text) < 1.2e6
        (tmp_path / "table.html").write_text(text, "utf-8")
        shown = show(watched, tmp_path / "table.html", "?canvas")
        for ending, light in SETTINGS.items():
            shown.evaluate(
                """ending => new Promise((done) => {
                  addEventListener("hashchange", () => done(), { once: true });
                  location.hash = ending;
                })""",
                ending,
            )
            expected = found.mix(**light) / 255
            scores.append(psnr(pixels_of(shown), expected))
    print(
        f"{len(scores)} pictures: {statistics.fmean(scores):.1f} dB, {min(scores):.1f}"
    )
    assert statistics.fmean(scores) > ENOUGH


def wishes(count):
    """Random lights of every kind."""
    draw = random.Random(0)
    kelvin = lambda: draw.choice([None, draw.uniform(1000, 40000)])  # noqa: E731
    for place in range(count):
        kind = place % 3
        beams = tuple(
            Beam(
                azimuth=draw.uniform(0, 360),
                kelvin=kelvin(),
                strength=draw.uniform(0, 3),
            )
            for _ in range(draw.randint(1, 4))
        )
        yield Wish(
            beams=beams if kind == 0 else None,
            even=kind == 1,
            kelvin=None if kind == 0 else kelvin(),
            key=draw.uniform(0, 3),
            ambient=draw.uniform(0, 3),
            fill=draw.choice([0, draw.uniform(0, 2)]),
            softness=None if kind == 1 else draw.choice([None, draw.uniform(0, 180)]),
        )


def test_weights_are_those_of_the_tool(watched, page, layers):
    lit = layers.source()
    lights = [
        lit,
        replace(lit, azimuth=None),
        replace(lit, key=lit.ambient / 10),
        replace(lit, weights=lit.weights.flip(0)),
    ]
    shown = show(watched, page / "table.html")
    told = [
        {
            "azimuth": each.azimuth,
            "key": each.key,
            "ambient": each.ambient,
            "explained": each.explained,
            "weights": each.weights.tolist(),
            "means": each.means.tolist(),
            "casts": each.casts.tolist(),
        }
        for each in lights
    ]
    wished = list(wishes(60))
    found = shown.evaluate(
        """([lights, wishes]) => lights.map((light) => wishes.map((wish) => {
          const weights = mixing.weights(wish, light);
          return [weights, mixing.kept(light, weights)];
        }))""",
        [told, [asdict(wish) for wish in wished]],
    )
    for light, row in zip(lights, found, strict=True):
        for wish, (weights, kept) in zip(wished, row, strict=True):
            expected = wanted.weights(wish, light)
            close = torch.tensor(weights)
            torch.testing.assert_close(close, expected, rtol=1e-4, atol=1e-4)
            assert kept == pytest.approx(float(mix.kept(light, expected)), abs=1e-4)


def test_directions_and_colours_are_those_of_the_tool(watched, page):
    shown = show(watched, page / "table.html")
    spreads = [(a, s) for a in (0, 17.5, 200, 359) for s in (0, 3, 30, 90, 180)]
    found = shown.evaluate(
        "(all) => all.map((one) => mixing.weightsOfEight(...one))", spreads
    )
    for (azimuth, spread), shares in zip(spreads, found, strict=True):
        assert shares == pytest.approx(weights_of_eight(azimuth, spread), abs=1e-7)
    kelvins = [1000, 2700, 6500, 40000]
    found = shown.evaluate("(all) => all.map(mixing.kelvinGains)", kelvins)
    for kelvin, gains in zip(kelvins, found, strict=True):
        assert gains == pytest.approx(kelvin_gains(kelvin), rel=1e-6)


def compass_point(shown, azimuth):
    box = shown.locator("#compass").bounding_box()
    angle = math.radians(azimuth)
    reach = 0.28 * box["width"]
    x = box["x"] + box["width"] / 2 + reach * math.sin(angle)
    return x, box["y"] + box["height"] / 2 - reach * math.cos(angle)


def test_a_light_is_dragged_around_the_picture(watched, page):
    shown = show(watched, page / "table.html")
    before = pixels_of(shown)
    handle = shown.get_by_role("slider", name="Direction of the light")
    shown.mouse.move(*compass_point(shown, 200))
    shown.mouse.down()
    for azimuth in (230, 250, 270):
        shown.mouse.move(*compass_point(shown, azimuth))
    shown.mouse.up()
    assert handle.get_attribute("aria-valuenow") == "270"
    assert handle.get_attribute("aria-valuetext") == "left, 270 degrees"
    assert command(shown)[-2:] == ["--to", "W"]
    assert (pixels_of(shown) - before).abs().mean() > 0.01
    shown.mouse.move(*compass_point(shown, 90))  # no longer held
    assert handle.get_attribute("aria-valuenow") == "270"
    quiet(watched)


def test_keys_turn_and_reset_a_light(watched, page, layers):
    shown = show(watched, page / "table.html", "#to=W")
    handle = shown.get_by_role("slider", name="Direction of the light")
    handle.focus()
    for key, azimuth in {
        "ArrowRight": 275,
        "Shift+ArrowLeft": 274,
        "PageDown": 229,
        "Home": 0,
        "ArrowDown": 355,
        "Delete": round(layers.source().azimuth),
    }.items():
        shown.keyboard.press(key)
        assert handle.get_attribute("aria-valuenow") == str(azimuth)
    quiet(watched)


def test_a_control_is_reset_in_three_ways(watched, page):
    shown = show(watched, page / "table.html", "#to=W")
    slider, value = shown.locator("#ambient"), shown.locator("#ambient-value")

    def move():
        slider.focus()
        shown.keyboard.press("ArrowRight")
        assert value.text_content() == f"{TIMES} 1.05"
        assert command(shown)[-2:] == ["--ambient", "1.05"]

    move()
    slider.dblclick()
    assert value.text_content() == f"{TIMES} 1"
    move()
    shown.get_by_role("button", name="Reset ambient").click()
    assert value.text_content() == f"{TIMES} 1"
    move()
    shown.keyboard.press("Delete")
    assert command(shown)[-2:] == ["--to", "W"]
    quiet(watched)


@pytest.mark.slow
def test_the_temperature_is_the_own_colour_until_it_is_set(watched, page):
    shown = show(watched, page / "table.html", "#to=W")
    assert shown.locator("#kelvin-value").text_content() == "own colour"
    shown.locator("#kelvin").fill("0")
    assert command(shown)[-2:] == ["--to", "1500_W"]
    shown.get_by_role("button", name="Reset temperature").click()
    assert command(shown)[-2:] == ["--to", "W"]


def test_looks_set_all_that_they_name(watched, page, layers):
    shown = show(
        watched, page / "table.html", "#light=N&light=E&amount=0.5&keep=colour"
    )
    for look in BUILT_IN:
        button = shown.get_by_role("button", name=look.name, exact=True)
        button.click()
        assert button.get_attribute("aria-pressed") == "true"
        assert shown.locator("[data-look][aria-pressed=true]").count() == 1
        expected = layers.mix(look=look.name) / 255
        assert psnr(pixels_of(shown), expected) > ENOUGH, look.name
    shown.get_by_role("button", name="Reset all").click()
    assert shown.locator("[data-look][aria-pressed=true]").count() == 0
    quiet(watched)


@pytest.mark.slow
def test_an_own_look_may_keep_colours_and_show_half(watched, layers, tmp_path):
    light = LightOptions(to="260", kelvin=3100, amount=0.5, keep="colour", key=7)
    own = Look(name="</script>&", about='late "sun"', light=light)
    (tmp_path / "table.html").write_text(table(layers, "a.png", looks=[own]), "utf-8")
    shown = show(watched, tmp_path / "table.html")
    shown.get_by_role("button", name="</script>&").click()
    assert (
        " ".join(command(shown)[4:])
        == "--to 3100_260 --key 7 --amount 0.5 --keep colour"
    )
    quiet(watched)


@pytest.mark.slow
def test_lights_are_added_and_removed(watched, page):
    shown = show(watched, page / "table.html", "#to=3200_W")
    shown.get_by_role("button", name="Add a light").click()
    assert command(shown)[4:] == ["--light", "W:3200", "--light", "NE::0.5"]
    shown.keyboard.press("PageUp")  # the new light has the focus
    shown.locator("#strength").fill("0.8")
    assert command(shown)[4:] == ["--light", "W:3200", "--light", "E::0.8"]
    shown.get_by_role("button", name="Light 1", exact=True).click()
    shown.get_by_role("button", name="Remove light 1").click()
    assert command(shown)[4:] == ["--light", "E::0.8"]
    quiet(watched)


def test_the_copied_command_makes_the_picture(watched, page, program, monkeypatch):
    watched.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown = show(watched, page / "table.html", "#even&kelvin=9000&key=1.3&amount=0.8")
    shown.get_by_role("button", name="Copy command").click()
    shown.get_by_role("button", name="Copied").wait_for()
    copied = shown.evaluate("navigator.clipboard.readText()")
    assert copied == shown.locator("#command").text_content()
    name, *arguments = shlex.split(copied)
    assert name == "msrnet"
    program.folder = page
    program.run(*arguments, "--dtype", "fp32", "--device", "cpu")
    result = to_tensor(opened((page / "photo-relit.png").read_bytes())) / 255
    (page / "photo-relit.png").unlink()
    assert psnr(pixels_of(shown), result) > ENOUGH
    quiet(watched)


@pytest.mark.slow
def test_the_picture_as_it_came_has_a_command_too(watched, page, layers, night):
    shown = show(watched, page / "table.html")
    assert command(shown)[4:] == ["--key", "1"]
    assert psnr(pixels_of(shown), to_tensor(night) / 255) > ENOUGH


@pytest.mark.parametrize(
    "way", ["canvas", pytest.param("webgl", marks=pytest.mark.slow)]
)
def test_the_saved_picture_is_that_of_the_tool(watched, page, layers, way):
    shown = show(watched, page / "table.html", f"?{way}#to=3200_W&ambient=0.5")
    with shown.expect_download() as download:
        shown.get_by_role("button", name="Save as PNG").click()
    assert download.value.suggested_filename == "photo, W 3200 K ambient 0.5.png"
    saved = opened(Path(download.value.path()).read_bytes())
    assert saved.format == "PNG"
    expected = layers.mix("W", kelvin=3200, ambient=0.5) / 255
    assert psnr(to_tensor(saved.convert("RGB")) / 255, expected) > ENOUGH
    quiet(watched)


def test_the_original_shows_while_it_is_held(watched, page, night):
    shown = show(watched, page / "table.html", "#to=W&key=2")
    lit, original = pixels_of(shown), to_tensor(night) / 255
    assert psnr(lit, original) < 30
    button = shown.get_by_role("button", name="Hold to see the original")
    for start, end in (
        (lambda: shown.keyboard.down("o"), lambda: shown.keyboard.up("o")),
        (lambda: (button.hover(), shown.mouse.down()), shown.mouse.up),
        (lambda: (shown.hover("#canvas"), shown.mouse.down()), shown.mouse.up),
    ):
        start()
        assert psnr(pixels_of(shown), original) > ENOUGH
        assert shown.locator("#badge").is_visible()
        end()
        assert torch.equal(pixels_of(shown), lit)
        assert shown.locator("#badge").is_hidden()
    quiet(watched)


def test_the_address_keeps_the_light(watched, page):
    shown = show(watched, page / "table.html", "#to=W")
    shown.get_by_role("button", name="From everywhere").click()
    until(shown, "location.hash === '#even'")
    shown.get_by_role("button", name="studio").click()
    until(shown, "location.hash.startsWith('#light=')")
    before = command(shown)
    shown.reload()
    shown.evaluate("table.ready")
    assert command(shown) == before
    shown.evaluate("location.hash = '#to=north&key=1e9&light=a:b:c&fill=0.5&<b>=1'")
    until(shown, "document.getElementById('fill-value').textContent === '\u00d7 0.5'")
    assert command(shown)[4:] == ["--fill", "0.5"]
    torn = show(watched, page / "table.html", "#fill=0.5&to=95%")
    assert command(torn)[4:] == ["--fill", "0.5"]
    quiet(watched)


def test_an_address_that_is_put_in_is_not_replaced_before_it_is_read(
    watched_alone, page
):
    watched = watched_alone
    watched.page.add_init_script(
        """const later = window.setTimeout;
        window.setTimeout = (call, delay) => {
          if (delay === 400) window.keep = call;
          return later(call, delay);
        };"""
    )
    shown = show(watched, page / "table.html")
    shown.evaluate(
        """() => {
          document.querySelector("[data-lit=even]").click();
          location.hash = "#to=W";
          keep(); // the address of the last change is due before the new one is read
        }"""
    )
    until(shown, "document.getElementById('command').textContent.endsWith('--to W')")


@pytest.mark.parametrize("name", ["-a b.png", "'; $(x) \"<b>&`.png", "é \udcff.jpg"])
def test_odd_names_stay_names(watched, layers, tmp_path, name):
    (tmp_path / "table.html").write_text(table(layers, name), "utf-8")
    shown = show(watched, tmp_path / "table.html")
    printable = name.replace("\udcff", "?")
    assert shown.title() == printable
    expected = f"./{printable}" if name.startswith("-") else printable
    assert command(shown)[2] == expected
    quiet(watched)


def test_a_light_that_was_found_is_told_as_an_estimate(layers):
    found = replace(layers.source(), azimuth=93.0, kelvin=4449.0)
    own = "Its own light, by estimate: "
    assert _told(replace(found, sure=UNSURE)) == (
        f"{own}roughly from the right (E), about 4400 K."
    )
    assert _told(replace(found, sure=UNSURE - 0.01)) == (
        f"{own}perhaps from the right (E), not sure; about 4400 K."
    )
    assert "No direction" in _told(replace(found, azimuth=None))


def test_weights_and_working_size_stand_in_the_command(watched, layers, tmp_path):
    asked = SessionOptions(work_size=96, self_ensemble=False)
    text = table(layers, "a.CR2", weights="my own.safetensors", session=asked)
    (tmp_path / "table.html").write_text(text, "utf-8")
    shown = show(watched, tmp_path / "table.html", "#even")
    more = ["--weights", "my own.safetensors", "--work-size", "96"]
    more += ["--no-self-ensemble", "--even"]
    assert command(shown)[2:] == ["a.CR2", "a-relit.tif", *more]


@pytest.mark.slow
def test_transparency_is_kept(watched, relighter, tmp_path):
    image = photo(200, 160, mode="RGBA")
    pixels = to_tensor(image)
    found = relighter.layers(pixels[:3])
    for way in ("canvas", "webgl"):
        text = table(found, "a.png", alpha=pixels[3:], quality=100)
        (tmp_path / "table.html").write_text(text, "utf-8")
        shown = show(watched, tmp_path / "table.html", f"?{way}#to=W")
        alpha = pixels_of(shown, "RGBA")[3]
        assert (alpha * 255 - pixels[3]).abs().max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("size", [(40, 30), (1, 90), (161, 7)])
def test_small_and_thin_pictures(watched, relighter, tmp_path, size):
    pixels = to_tensor(photo(*size))
    found = relighter.layers(pixels)
    (tmp_path / "table.html").write_text(table(found, "a.png", quality=100), "utf-8")
    for way in ("canvas", "webgl"):
        shown = show(watched, tmp_path / "table.html", f"?{way}#to=W")
        assert psnr(pixels_of(shown), found.mix("W") / 255) > ENOUGH
    quiet(watched)


def test_large_layers_are_reduced(relighter, night):
    small = table(relighter.layers(to_tensor(night)), "a.png")
    big = Relighter.load("lightstage", device="cpu", dtype="fp32", work_size="full")
    assert len(table(big.layers(to_tensor(night)), "a.png")) < 2 * len(small)


@pytest.mark.slow
def test_a_larger_picture_is_reduced_to_the_page(watched, layers, tmp_path):
    (tmp_path / "table.html").write_text(table(layers, "a.png", size=150), "utf-8")
    shown = show(watched, tmp_path / "table.html", "#to=W")
    assert pixels_of(shown).shape == (3, 112, 150)
    full = layers.mix("W") / 255
    reduced = torch.nn.functional.interpolate(
        full[None], (112, 150), mode="bilinear", antialias=True
    )[0]
    assert psnr(pixels_of(shown), reduced) > 33


def test_without_scripts_the_picture_is_there(browser, page):
    context = browser.new_context(java_script_enabled=False)
    shown = context.new_page()
    shown.goto((page / "table.html").as_uri())
    assert shown.get_by_alt_text("photo.png, as it came").is_visible()
    assert shown.get_by_text("JavaScript, which is off").is_visible()
    assert shown.locator("button:visible, input:visible").count() == 0
    context.close()


def test_print_shows_the_picture_and_how_it_was_made(watched, page):
    shown = show(watched, page / "table.html", "#to=W")
    shown.emulate_media(media="print")
    assert shown.locator("#canvas").is_visible()
    assert shown.locator("button:visible, input:visible").count() == 0
    assert shown.locator("#printed").is_visible()
    assert shlex.split(shown.locator("#printed").inner_text()) == command(shown)


def test_a_phone_shows_all_without_scrolling_sideways(browser, page):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    shown = context.new_page()
    shown.goto(f"{(page / 'table.html').as_uri()}#light=N&light=E&light=S")
    shown.evaluate("table.ready")
    assert shown.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_every_control_has_a_name_and_is_reached_by_tab(watched, page):
    shown = show(watched, page / "table.html", "#light=N&light=E")
    nameless = shown.evaluate(
        """() => [...document.querySelectorAll("button, input, select, [role=slider]")]
          .filter((each) => each.checkVisibility())
          .filter((each) => !each.ariaLabel && !each.textContent.trim())
          .filter((each) => !each.labels?.length).map((each) => each.outerHTML)"""
    )
    assert not nameless
    assert shown.get_by_role("slider").count() == 2 + 7
    seen = set()
    for _ in range(50):
        shown.keyboard.press("Tab")
        seen.add(
            shown.evaluate(
                """document.activeElement.getAttribute('aria-label')
                  ?? document.activeElement.id"""
            )
        )
    assert {"Direction of light 1", "Direction of light 2", "amount", "copy"} <= seen


def test_nothing_on_it_is_hard_to_reach(watched, page):
    assert axe(show(watched, page / "table.html", "#light=W:3200&light=NE")) == []


@pytest.mark.slow
def test_a_lost_graphics_card_is_replaced_by_a_canvas(watched, page, layers):
    shown = show(watched, page / "table.html", "?webgl#to=W")
    shown.evaluate("table.painter.gl.getExtension('WEBGL_lose_context').loseContext()")
    until(shown, "table.painter.constructor.kind === 'canvas'")
    assert psnr(pixels_of(shown), layers.mix("W") / 255) > ENOUGH


@pytest.mark.slow
def test_a_browser_without_what_is_needed_shows_the_picture(watched_alone, page):
    watched = watched_alone
    watched.page.add_init_script("delete window.DecompressionStream")
    shown = show(watched, page / "table.html")
    assert shown.locator("#trouble").is_visible()
    assert shown.get_by_alt_text("photo.png, as it came").is_visible()


@pytest.mark.slow
def test_a_dragged_light_keeps_up(watched, relighter, tmp_path):
    with Image.open(EXAMPLES / "Image016_6500_N.jpg") as image:
        pixels = to_tensor(image.resize((768, 576)))
    text = table(relighter.layers(pixels), "a.png")
    (tmp_path / "table.html").write_text(text, "utf-8")
    shown = show(watched, tmp_path / "table.html", "?canvas#to=W")
    median = shown.evaluate(
        """async () => {
          const times = [], handle = document.querySelector(".handle");
          handle.focus();
          for (let frame = 0, last = performance.now(); frame < 60; frame++) {
            handle.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
            await new Promise(requestAnimationFrame);
            times.push(performance.now() - last);
            last = performance.now();
          }
          return times.sort((a, b) => a - b)[30];
        }"""
    )
    assert median < 200  # 50 where nothing else is at work: 20 frames a second


def test_the_command_makes_the_page(watched, page, program):
    night = (page / "photo.png").read_bytes()
    (program.folder / "a & b.png").write_bytes(night)
    done = program.run("table", "a & b.png", "table.html", "--size", 256)
    assert re.search(r"table.html: 0\.\d MB", done.err)
    shown = show(watched, program.folder / "table.html")
    assert shown.title() == "a & b.png"
    assert max(pixels_of(shown).shape) == 256
    program.run("table", "a & b.png", "table.html")  # its own page may be made anew
    quiet(watched)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("", "a.html"), 2, "a path is empty"),
        (("no.png", "a.html"), 2, "no.png cannot be read"),
        (("a.png", "a.png"), 2, "a.png is the picture itself"),
        (("a.png", "a.txt"), 2, "must end in .html"),
        (("a.png", "other.html/a.html"), 2, "nothing can be written"),
        (("a.png", "other.html"), 2, "is not a page that msrnet made"),
        (("a.png", "folder.html"), 2, "not a regular file"),
        (("a.png", "link.html"), 2, "is a symbolic link"),
        (("other.html", "a.html"), 4, "not a picture"),
        (("a.png", "a.html", "--weights", "n6500-e4500"), 2, "paint one light only"),
        (("-", "a.html"), 2, "reads and writes no pipe"),
        (("a.png", "a.html", "--size", 8), 2, "give 64 to 4096"),
    ],
)
def test_refusals_are_one_line_and_write_nothing(program, arguments, code, says):
    photo().save(program.folder / "a.png")
    (program.folder / "other.html").write_text("mine")
    (program.folder / "folder.html").mkdir()
    (program.folder / "link.html").symlink_to("new.html")
    before = sorted(program.folder.iterdir())
    done = program.run("table", *arguments, code=code, says=says)
    assert len(done.lines) == 1
    assert sorted(program.folder.iterdir()) == before
    assert (program.folder / "other.html").read_text() == "mine"
