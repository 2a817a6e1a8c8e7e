"""Fans: a folder for each picture, with all eight directions, a sheet and lights.lp."""

import math
import os
import signal
import threading
import time
import weakref

import pytest
import torch
from PIL import Image, ImageChops

from conftest import largest_difference, opened, photo, picture_at
from msrnet_cli import images
from msrnet_cli.config import WriteOptions
from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.files import Folder
from msrnet_cli.folder import fan as fans
from msrnet_cli.folder import scheduler
from msrnet_cli.folder.events import FileDone
from msrnet_cli.folder.foresight import foresee
from msrnet_cli.folder.job import relight_folder
from msrnet_cli.folder.journal import Journal
from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.plan import make_plan
from msrnet_cli.folder.relights import FakeRelighter
from msrnet_cli.lights import DIRECTIONS
from msrnet_cli.lights.options import LightOptions
from msrnet_cli.signals import Stopped
from stages import Pointwise, stage

SIZE = (60, 40)
FILES = {f"{direction}.png" for direction in DIRECTIONS} | {"sheet.jpg", "lights.lp"}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in/sub").mkdir(parents=True)
    for index, name in enumerate(("a", "sub/b")):
        photo(*SIZE, index).save(f"in/{name}.png")
    return tmp_path


def planned(inputs=("in",), output="out", **options):
    options = FolderOptions(**({"recursive": True} | options))
    return make_plan(list(inputs), output, options, is_fan=True), options


def done(*arguments, relighter=None, notify=None, **options):
    plan, options = planned(*arguments, **options)
    told = []

    def tell(event):
        told.append(event)
        if notify:
            notify(event)

    relight_folder(plan, relighter or FakeRelighter(), options, tell)
    return told


def statuses(told):
    return {
        os.path.basename(one.input): one.status
        for one in told
        if isinstance(one, FileDone)
    }


def expected(name, direction):
    """What the fake makes of a picture: darker by an eighth for each direction."""
    factor = 1 - DIRECTIONS.index(direction) / len(DIRECTIONS)
    return picture_at(f"in/{name}.png").point(lambda value: int(value * factor))


# --- what is written ----------------------------------------------------------------


def test_each_picture_becomes_a_folder_with_eight_directions(tree):
    told = done()
    assert statuses(told) == {"a.png": "relit", "b.png": "relit"}
    for name in ("a", "sub/b"):
        assert {*os.listdir(f"out/{name}")} == FILES
        for direction in DIRECTIONS:
            found = picture_at(f"out/{name}/{direction}.png")
            assert largest_difference(found, expected(name, direction)) <= 1
    outputs = {one.output for one in told if isinstance(one, FileDone)}
    assert outputs == {os.path.join("out", "a"), os.path.join("out", "sub", "b")}


def test_names_and_formats_follow_the_options(tree):
    done(name="{stem}_lit{ext}", write=WriteOptions(format="jpeg"), compare=True)
    there = {*os.listdir("out/a_lit")}
    assert there == {
        *(f"{direction}.jpg" for direction in DIRECTIONS),
        *(f"{direction}_compare.jpg" for direction in DIRECTIONS),
        "sheet.jpg",
        "lights.lp",
    }
    assert picture_at("out/a_lit/W.jpg").format == "JPEG"
    assert picture_at("out/a_lit/W_compare.jpg").size == (
        2 * SIZE[0],
        SIZE[1],
    )
    assert "W.jpg" in (tree / "out/a_lit/lights.lp").read_text()


def test_two_pictures_of_one_stem_are_refused(tree):
    photo(*SIZE).save("in/a.jpg")
    with pytest.raises(UsageError, match="would both become"):
        planned(write=WriteOptions(format="png"))


def test_a_fan_needs_a_folder(tree):
    with pytest.raises(UsageError, match="is one file; name a folder"):
        planned(["in/a.png"], "result.png")
    (event,) = (one for one in done(["in/a.png"], "new") if isinstance(one, FileDone))
    assert event.output == os.path.join("new", "a")


def test_lights_stand_on_the_compass_45_degrees_high(tree):
    done()
    first, *lines = (tree / "out/a/lights.lp").read_text().splitlines()
    assert first == "8"
    found = {}
    for line in lines:
        name, *numbers = line.split(" ")
        found[name.removesuffix(".png")] = tuple(map(float, numbers))
    assert tuple(found) == DIRECTIONS
    for x, y, z in found.values():
        assert math.hypot(x, y, z) == pytest.approx(1, abs=1e-6)
        assert z == pytest.approx(math.sin(math.pi / 4), abs=1e-6)
    half, root = 0.5, math.sqrt(0.5)
    wanted = {"N": (0, root), "E": (root, 0), "S": (0, -root), "SW": (-half, -half)}
    for name, place in wanted.items():
        assert found[name][:2] == pytest.approx(place, abs=1e-6)
    assert "-0.000000" not in (tree / "out/a/lights.lp").read_text()


def test_the_sheet_is_a_compass_around_the_input(tree):
    done()
    sheet = picture_at("out/a/sheet.jpg").convert("RGB")
    across, down = sheet.width / 3, sheet.height / 3
    compass = (("NW", "N", "NE"), ("W", None, "E"), ("SW", "S", "SE"))
    for row, names in enumerate(compass):
        for column, direction in enumerate(names):
            left, top = round(column * across), round(row * down)
            cell = sheet.crop((left, top, round(left + across), round(top + down)))
            x, y = cell.width // 2, (cell.height - 30) // 2
            seen = brightness(cell.crop((x - 20, y - 10, x + 20, y + 10)))
            whole = expected("a", direction) if direction else picture_at("in/a.png")
            wanted = brightness(whole.crop((10, 10, 50, 30)))
            assert seen == pytest.approx(wanted, abs=12), direction


def brightness(image):
    """The sum of the mean red, green and blue."""
    return sum(image.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))


@pytest.mark.parametrize("size", [(3, 2), (2000, 40), (40, 2000), (1500, 1000)])
def test_a_sheet_has_room_for_labels_whatever_the_pictures(size):
    small = images.thumbnail(torch.rand(3, *size[::-1]), 480)
    cells = [("a", small), ("a longer label", small), ("W", small)]
    sheet = opened(images.contact_sheet(cells, 2))
    assert sheet.width >= 2 * 100
    assert max(sheet.size) < 1200
    sheets = [opened(images.contact_sheet([(text, small)], 1)) for text in (" ", "W")]
    sizes = {(one.width, one.height) for one in sheets}
    assert len(sizes) == 2 or ImageChops.difference(*sheets).getbbox()


# --- with other options -------------------------------------------------------------


def test_black_parts_of_a_mask_stay_in_every_direction(tree):
    (tree / "masks").mkdir()
    mask = Image.new("L", SIZE)
    mask.paste(255, (0, 0, 30, 40))
    mask.save("masks/a.png")
    done(["in/a.png"], "out", mask="masks", recursive=False)
    original = picture_at("in/a.png")
    for direction in DIRECTIONS:
        found = picture_at(f"out/a/{direction}.png")
        right = (30, 0, *SIZE)
        assert largest_difference(found.crop(right), original.crop(right)) == 0


def test_a_real_relighter_paints_once_and_finishes_every_direction(tree, monkeypatch):
    relighter = stage(Pointwise(), work_size=32).with_light(
        LightOptions(to="all", amount=0.5)
    )
    whole = relighter.with_light(LightOptions(to="all"))
    painted = []
    paint = type(relighter._painter).paint
    monkeypatch.setattr(
        type(relighter._painter),
        "paint",
        lambda *a, **k: painted.append(1) or paint(*a, **k),
    )
    done(["in/a.png"], "half", relighter=relighter, recursive=False)
    done(["in/a.png"], "whole", relighter=whole, recursive=False)
    assert len(painted) == 2
    original = picture_at("in/a.png")
    single = relighter.with_light(LightOptions(to="W", amount=0.5))
    west = single(original)
    assert largest_difference(picture_at("half/a/W.png"), west) <= 1
    changes = [
        largest_difference(picture_at(f"{folder}/a/W.png"), original)
        for folder in ("half", "whole")
    ]
    assert 0 < changes[0] < changes[1]
    east = picture_at("whole/a/E.png")
    assert largest_difference(east, picture_at("whole/a/W.png")) > 5


# --- again --------------------------------------------------------------------------


def test_a_second_run_skips_and_mends(tree):
    done()
    assert set(statuses(done()).values()) == {"skipped"}
    os.remove("out/a/SE.png")
    before = {name: os.stat(f"out/a/{name}").st_mtime_ns for name in FILES - {"SE.png"}}
    assert statuses(done()) == {"a.png": "relit", "b.png": "skipped"}
    after = {name: os.stat(f"out/a/{name}").st_mtime_ns for name in FILES - {"SE.png"}}
    assert before == after
    assert largest_difference(picture_at("out/a/SE.png"), expected("a", "SE")) <= 1


def test_a_sheet_that_is_missing_is_made_again(tree):
    done()
    whole = (tree / "out/a/sheet.jpg").read_bytes()
    os.remove("out/a/sheet.jpg")
    os.remove("out/a/lights.lp")
    assert statuses(done())["a.png"] == "relit"
    assert (tree / "out/a/sheet.jpg").read_bytes() == whole
    assert (tree / "out/a/lights.lp").is_file()


class StopsAt:
    """A fake whose fan breaks at a direction, as a full disk or a signal would."""

    def __init__(self, direction, error):
        self.direction, self.error = direction, error

    def __call__(self, fan):
        def under(direction):
            if direction == self.direction:
                raise self.error
            return fan(direction)

        return under


class Breaking(FakeRelighter):
    def __init__(self, breaks, **more):
        super().__init__(**more)
        self.breaks = breaks

    def fan(self, picture, **more):
        return self.breaks(super().fan(picture, **more))


def test_what_was_made_before_a_failure_is_kept_and_not_made_again(tree):
    breaking = Breaking(StopsAt("S", PictureError("no memory", "close programs")))
    told = done(relighter=breaking)
    assert set(statuses(told).values()) == {"failed"}
    assert {*os.listdir("out/a")} == {"N.png", "NE.png", "E.png", "SE.png"}
    before = os.stat("out/a/NE.png").st_mtime_ns
    assert set(statuses(done()).values()) == {"relit"}
    assert {*os.listdir("out/a")} == FILES
    assert os.stat("out/a/NE.png").st_mtime_ns == before


def test_another_light_makes_all_of_a_fan_anew(tree):
    done()
    other = FakeRelighter()
    other.light_recipe = {"wish": {"kelvin": 3200}}
    told = done(relighter=other)
    assert {one.anew for one in told if isinstance(one, FileDone)} == {True}
    assert set(statuses(done(relighter=other)).values()) == {"skipped"}


def test_a_fan_and_a_single_light_are_never_taken_for_each_other(tree):
    (tree / "deep/a").mkdir(parents=True)
    photo(*SIZE).save("deep/a/N.png")
    photo(*SIZE).save("in/a.png")
    done(["in/a.png"], "out", recursive=False)
    plan = make_plan(["deep"], "out", FolderOptions(recursive=True))
    told = []
    relight_folder(plan, FakeRelighter(), FolderOptions(), told.append)
    assert told[1].status == "relit"
    assert told[1].anew


def test_somebody_else_s_file_in_a_fan_s_folder_is_kept(tree):
    (tree / "out/a").mkdir(parents=True)
    (tree / "out/a/W.png").write_bytes(b"mine")
    told = done()
    assert statuses(told)["a.png"] == "failed"
    assert os.listdir("out/a") == ["W.png"]
    assert (tree / "out/a/W.png").read_bytes() == b"mine"


def test_a_fan_is_foreseen(tree):
    plan, options = planned()
    told = []
    foresee(plan, FakeRelighter(), options, told.append)
    assert not (tree / "out").exists()
    assert {len(one.outputs) for one in told[1:-1]} == {10}
    assert told[1].output == os.path.join("out", "a")
    assert (told[-1].write, told[-1].files) == (2, 20)
    done()
    told.clear()
    foresee(plan, FakeRelighter(), options, told.append)
    assert told[-1].skip == 2


def test_every_file_of_a_fan_stands_in_the_journal(tree):
    done()
    with Folder(tree / "out") as folder:
        journal = Journal(folder, to_read=True)
    assert {*journal._entries} == {
        f"{name}/{file}" for name in ("a", "sub/b") for file in FILES
    }
    journal.close()


# --- memory -------------------------------------------------------------------------


def test_only_one_direction_is_in_memory_at_a_time(tree):
    alive, most = [0], [0]
    lock = threading.Lock()

    class Counting(FakeRelighter):
        def fan(self, picture, **more):
            under = super().fan(picture, **more)

            def counted(direction):
                pixels = under(direction).clone()
                with lock:
                    alive[0] += 1
                    most[0] = max(most[0], alive[0])
                weakref.finalize(pixels, lambda: alive.__setitem__(0, alive[0] - 1))
                return pixels

            return counted

    done(["in/a.png"], "out", relighter=Counting(), recursive=False)
    assert most[0] <= 2


def test_the_layers_of_a_fan_count_in_the_budget(tree, monkeypatch):
    pixels = SIZE[0] * SIZE[1]
    monkeypatch.setattr(scheduler, "_IN_FLIGHT_MEGAPIXELS", 8 * pixels / 1e6)
    together, most = [0], [0]
    take, give = scheduler.Budget.take, scheduler.Budget.give_back

    def count(step, method):
        def counted(self, number):
            together[0] += step
            most[0] = max(most[0], together[0])
            return method(self, number)

        return counted

    monkeypatch.setattr(scheduler.Budget, "take", count(1, take))
    monkeypatch.setattr(scheduler.Budget, "give_back", count(-1, give))
    done()
    assert most[0] == 1
    assert together[0] == 0


def test_a_job_that_is_stopped_in_a_fan_is_finished_by_the_next(tree):
    stops = iter([Stopped("SIGTERM")])

    def stop(event):
        if isinstance(event, FileDone):
            for one in stops:
                raise one

    told = done(notify=stop)
    assert told[-1].stopped_by == "SIGTERM"
    assert set(statuses(done()).values()) <= {"relit", "skipped"}
    assert {*os.listdir("out/a")} == {*os.listdir("out/sub/b")} == FILES


class StopsTheJob(FakeRelighter):
    """Sends the signal while the first fan has its third direction in work."""

    def fan(self, picture, **more):
        under = super().fan(picture, **more)

        def stopping(direction):
            self.begun.append(direction)
            if direction == "E":
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.3)  # so that the main thread has its turn
            return under(direction)

        return stopping

    def __init__(self):
        super().__init__()
        self.begun = []


def test_a_signal_abandons_a_fan_after_the_file_in_work(tree):
    relighter = StopsTheJob()
    told = done(["in/a.png"], "out", relighter=relighter)
    assert relighter.begun == ["N", "NE", "E"]
    assert {*os.listdir("out/a")} == {"N.png", "NE.png", "E.png"}
    assert not statuses(told)
    assert (told[-1].stopped_by, told[-1].unfinished) == ("SIGINT", 1)
    for name in ("N", "NE", "E"):
        found = picture_at(f"out/a/{name}.png")
        assert largest_difference(found, expected("a", name)) <= 1
    before = os.stat("out/a/NE.png").st_mtime_ns
    assert statuses(done(["in/a.png"], "out")) == {"a.png": "relit"}
    assert {*os.listdir("out/a")} == FILES
    assert os.stat("out/a/NE.png").st_mtime_ns == before


def test_fans_that_wait_for_an_encoder_are_abandoned_before_they_begin(tree):
    for index in range(8):
        photo(*SIZE, index).save(f"in/{index}.png")
    relighter = StopsTheJob()
    told = done(relighter=relighter)
    assert told[-1].stopped_by == "SIGINT"
    # Two encoders; each of them has begun one file more at most.
    assert len(relighter.begun) <= 3 + 8 + 2


def test_fail_fast_abandons_the_fans_in_work(tree):
    for index in range(6):
        photo(*SIZE, index).save(f"in/{index}.png")
    breaking = Breaking(StopsAt("NE", PictureError("no memory", "close programs")))
    told = done(relighter=breaking, fail_fast=True)
    assert 1 <= told[-1].failed < 8
    assert told[-1].failed + told[-1].unfinished == 8


def test_names_on_the_compass_say_where_the_light_is():
    small = dict.fromkeys((*DIRECTIONS, fans.INPUT), Image.new("RGB", (4, 4)))
    cells, columns = fans.laid_out(small)
    assert columns == 3
    assert [label for label, _ in cells] == [
        "NW", "N, back", "NE",
        "W, left", "input", "E, right",
        "SW", "S, front", "SE",
    ]  # fmt: skip
