"""Masks: which picture has which, what their pixels mean, and what they keep."""

import io
import os
from pathlib import Path

import pytest
import torch
from PIL import Image

from conftest import encoded, largest_difference, opened, photo, picture_at
from msrnet_cli import images
from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.folder import masks
from msrnet_cli.folder.events import FileDone, JobStarted
from msrnet_cli.folder.foresight import foresee
from msrnet_cli.folder.job import relight_folder, started
from msrnet_cli.folder.options import FolderOptions
from msrnet_cli.folder.plan import make_plan
from msrnet_cli.folder.relights import FakeRelighter
from msrnet_cli.folder.stream import relight_stream
from msrnet_cli.images.colour.spaces import srgb_from_linear
from test_colour import profile

SIZE = (20, 10)


def half(mode="L", size=SIZE, white=255):
    """A mask that is white on the left and black on the right."""
    mask = Image.new(mode, size)
    mask.paste(white, (0, 0, size[0] // 2, size[1]))
    return mask


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for folder in ("in/sub", "masks/sub"):
        (tmp_path / folder).mkdir(parents=True)
    for index, name in enumerate(("a", "b", "sub/c")):
        photo(*SIZE, index).save(f"in/{name}.png")
        half().save(f"masks/{name}.png")
    return tmp_path


def planned(inputs=("in",), output="out", mask="masks", **options):
    options = FolderOptions(**({"recursive": True, "mask": mask} | options))
    return make_plan(list(inputs), output, options), options


def done(*arguments, relighter=None, **options):
    plan, options = planned(*arguments, **options)
    told = []
    relight_folder(plan, relighter or FakeRelighter(gain=0.5), options, told.append)
    return {one.input: one for one in told if isinstance(one, FileDone)}


def statuses(events):
    return {os.path.basename(name): one.status for name, one in events.items()}


def test_the_start_tells_of_masks(tree):
    for mask, shown in (("masks", "within masks"), (None, "")):
        plan, _ = planned(mask=mask)
        assert started(plan, FakeRelighter(), "w").shown == shown


# --- what pixels mean ---------------------------------------------------------------


def read(image, size=None, format="png", **settings):
    data = encoded(image, format, **settings)
    return masks.read(data, Path(f"m.{format}"), size or image.size, 1)


def test_black_is_exactly_nothing_white_exactly_all_and_grey_its_share():
    ramp = Image.frombytes("L", (256, 1), bytes(range(256)))
    wanted = torch.arange(256) / 255
    for mode in ("L", "RGB", "P", "RGBA", "LA"):
        found = read(ramp.convert(mode))
        assert found.dtype == torch.float32
        assert found.shape == (1, 256)
        torch.testing.assert_close(found[0], wanted, atol=1e-6, rtol=0)
        assert (float(found[0, 0]), float(found[0, -1])) == (0.0, 1.0)
    assert read(ramp.convert("1")).unique().tolist() == [0.0, 1.0]


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_sixteen_bits_count(format):
    levels = [0, 1, 257, 32768, 65534, 65535]
    image = Image.new("I;16", (6, 1))
    for place, level in enumerate(levels):
        image.putpixel((place, 0), level)
    found = read(image, format=format)
    torch.testing.assert_close(
        found[0], torch.tensor(levels) / 65535, atol=1e-7, rtol=0
    )


def test_transparency_darkens_whatever_colour_it_hides():
    image = Image.new("RGBA", (3, 1))
    for place, colour in enumerate(
        [(255, 255, 255, 51), (255, 0, 0, 0), (128, 128, 128, 255)]
    ):
        image.putpixel((place, 0), colour)
    wanted = torch.tensor([[0.2, 0, 128 / 255]])
    torch.testing.assert_close(read(image), wanted)


@pytest.mark.parametrize("colour", ["red", "green", "blue", (255, 235, 235)])
@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_a_mask_with_colours_is_refused(colour, format):
    image = half("RGB", white=(255, 255, 255))
    image.paste(colour, (0, 0, 4, 4))
    with pytest.raises(PictureError, match=r"has colours.*; save it as grey"):
        read(image, format=format)


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif"])
@pytest.mark.parametrize("quality", [5, 50, 95])
def test_grey_stays_grey_however_it_was_compressed(format, quality):
    noise = Image.effect_noise((64, 48), 90)
    for image in (noise, half(size=(64, 48)), Image.linear_gradient("L")):
        found = read(image.convert("RGB"), format=format, quality=quality)
        assert 0 <= float(found.min()) <= float(found.max()) <= 1


def test_a_mask_with_a_profile_counts_as_it_looks():
    image = Image.new("L", (2, 2), 128)
    linear = profile(curve="linear", space=b"GRAY")
    found = read(image, icc_profile=linear)
    looks = srgb_from_linear(torch.full((2, 2), 128 / 255))
    torch.testing.assert_close(found, looks, atol=1e-3, rtol=0)


def test_a_mask_is_read_upright():
    image = half("RGB", (6, 4), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    turned = encoded(image.rotate(180), "jpeg", exif=exif, quality=100)
    found = masks.read(turned, Path("m.jpg"), (6, 4), 1)
    torch.testing.assert_close(found, read(image), atol=0.05, rtol=0)


def test_a_large_mask_is_read_in_strips_as_a_small_one_is():
    small = Image.effect_noise((64, 48), 90)
    large = Image.new("L", (64 * 40, 48 * 20))
    for x in range(40):
        for y in range(20):
            large.paste(small, (64 * x, 48 * y))
    found = masks.read(encoded(large), Path("m.png"), large.size, 10)
    assert torch.equal(found, read(small).repeat(20, 40))


def test_another_size_and_rubbish_are_refused_with_their_reason():
    with pytest.raises(PictureError, match="is 20x10, the picture 21x10"):
        read(half(), (21, 10))
    with pytest.raises(PictureError, match=r"its mask m.png: .* is not read"):
        masks.read(b"GIF no more", Path("m.png"), SIZE, 1)
    with pytest.raises(PictureError, match="megapixels"):
        read(Image.new("L", (2000, 1000)))


# --- which mask ---------------------------------------------------------------------


def test_masks_have_the_stem_and_the_subfolder_of_their_pictures(tree):
    half().save("masks/b.tif")
    os.remove("masks/b.png")
    plan, _ = planned()
    found = {job.source.as_posix(): job.mask.as_posix() for job in plan.jobs}
    assert found == {
        "in/a.png": "masks/a.png",
        "in/b.png": "masks/b.tif",
        "in/sub/c.png": "masks/sub/c.png",
    }


def test_of_two_masks_none_is_chosen_unless_the_other_has_its_own_picture(tree):
    half().save("masks/a.bmp")
    photo(*SIZE).save("in/b.jpg")
    half().save("masks/b.jpg")
    half().save("masks/sub/c.bmp")
    half().save("masks/sub/c.webp")
    os.remove("masks/sub/c.png")
    plan, _ = planned()
    found = {job.source.as_posix(): job.mask.as_posix() for job in plan.jobs}
    assert found == {"in/b.png": "masks/b.png", "in/b.jpg": "masks/b.jpg"}
    reasons = {fault.path: fault.reason for fault in plan.faults}
    assert reasons == {
        "in/a.png": "has 2 masks: masks/a.png, masks/a.bmp",
        "in/sub/c.png": "has 2 masks: masks/sub/c.bmp, masks/sub/c.webp",
    }


def test_two_pictures_of_one_stem_may_share_a_mask(tree):
    photo(*SIZE).save("in/a.jpg")
    plan, _ = planned()
    found = {job.source.name: job.mask.as_posix() for job in plan.jobs}
    assert (found["a.jpg"], found["a.png"]) == ("masks/a.png", "masks/a.png")


def test_names_are_the_same_in_all_unicode_forms(tree):
    photo(*SIZE).save("in/e\u0301.png")
    half().save("masks/\u00e9.png")
    plan, _ = planned()
    assert {job.mask.name for job in plan.jobs} >= {"\u00e9.png"}


def test_a_missing_mask_and_one_of_another_size_are_failed_pictures(tree):
    os.remove("masks/a.png")
    half(size=(21, 10)).save("masks/b.png")
    events = done()
    assert statuses(events) == {"a.png": "failed", "b.png": "failed", "c.png": "relit"}
    reasons = {os.path.basename(name): one.reason for name, one in events.items()}
    assert reasons["a.png"].startswith("has no mask: there is no picture a.* in masks")
    assert "is 21x10, the picture 20x10" in reasons["b.png"]
    assert os.listdir("out/sub") == ["c.png"]
    listed = (tree / "out/failures.txt").read_text().splitlines()
    assert sum(not line.startswith("#") for line in listed) == 2


def test_a_dry_run_tells_of_masks_that_do_not_fit(tree):
    os.remove("masks/a.png")
    half(size=(21, 10)).save("masks/b.png")
    plan, options = planned()
    told = []
    foresee(plan, FakeRelighter(), options, told.append)
    assert (told[0].pictures, told[0].unreadable) == (1, 2)
    assert (told[-1].write, told[-1].refuse) == (1, 2)


def test_a_dry_run_tells_of_masks_that_their_headers_show_to_be_unreadable(tree):
    Image.new("F", SIZE).save("masks/a.tif")
    os.remove("masks/a.png")
    (tree / "masks/b.png").write_bytes(b"no picture")
    plan, options = planned()
    told = []
    foresee(plan, FakeRelighter(), options, told.append)
    reasons = {os.path.basename(one.input): one.reason for one in told[1:-1]}
    events = {os.path.basename(name): one.reason for name, one in done().items()}
    assert reasons == events
    assert reasons["a.png"].startswith("its mask masks/a.tif: 32-bit float")
    assert reasons["b.png"].startswith("its mask masks/b.png: ")


def test_a_picture_on_its_side_takes_an_upright_mask(tree):
    exif = Image.Exif()
    exif[0x0112] = 6
    photo(*SIZE).save("in/a.jpg", exif=exif)
    os.remove("in/a.png")
    half(size=SIZE[::-1]).save("masks/a.png")
    assert statuses(done())["a.jpg"] == "relit"
    half(size=SIZE).save("masks/a.png")
    failure = done(exist="overwrite")[os.path.join("in", "a.jpg")]
    assert "is 20x10, the picture 10x20" in failure.reason


@pytest.mark.parametrize("output", ["out", "out.png"])
def test_where_every_mask_is_missing_each_picture_fails(tree, output):
    (tree / "empty").mkdir()
    inputs = ["in"] if output == "out" else ["in/a.png"]
    plan, options = planned(inputs, output, mask="empty")
    told = []
    foresee(plan, FakeRelighter(), options, told.append)
    assert {one.action for one in told[1:-1]} == {"refuse"}
    assert all("has no mask" in one.reason for one in told[1:-1])
    assert not (tree / output).exists()
    events = done(inputs, output, mask="empty")
    wanted = {"a.png", "b.png", "c.png"} if output == "out" else {"a.png"}
    assert statuses(events) == dict.fromkeys(wanted, "failed")
    if output == "out":
        listed = (tree / "out/failures.txt").read_text()
        assert listed.count("has no mask") == 3


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        ("gone", "--mask gone does not exist"),
        ("", "--mask names no folder and no file; look at the shell variable"),
        ("masks/a.png", "is one file for 3 pictures"),
        ("in", "--mask in is also the folder of the pictures"),
        ("in/../in", "is also the folder of the pictures"),
    ],
)
def test_masks_that_cannot_be_meant_are_refused(tree, mask, says):
    with pytest.raises(UsageError, match=says):
        planned(mask=mask)


def test_results_are_not_put_among_masks_that_have_other_names(tree):
    for name in ("a", "b", "sub/c"):
        os.rename(f"masks/{name}.png", f"masks/{name}.tif")
    with pytest.raises(UsageError, match="--mask masks is also the output folder"):
        planned(output="masks")


def test_masks_may_lie_above_the_pictures(tree):
    for name in ("a.png", "b.png", "sub"):
        os.rename(f"masks/{name}", name)
    plan, _ = planned(mask=".")
    assert len(plan.jobs) == 3
    assert not plan.ignored


def test_masks_among_the_pictures_are_no_pictures(tree):
    os.rename("masks", "in/masks")
    plan, _ = planned(mask="in/masks")
    assert len(plan.jobs) == 3
    assert {one.reason for one in plan.ignored} == {"a mask"}
    assert len(plan.ignored) == 3


# --- what masks do ------------------------------------------------------------------


@pytest.mark.parametrize("format", ["png", "tiff", "webp", "bmp"])
def test_black_leaves_the_pixels_of_the_file_exactly(tree, format):
    suffix = images.SUFFIXES[format]
    settings = {"lossless": True, "exact": True} if format == "webp" else {}
    original = photo(*SIZE)
    os.remove("in/a.png")
    original.save(f"in/a{suffix}", **settings)
    assert statuses(done())[f"a{suffix}"] == "relit"
    result = picture_at(f"out/a{suffix}").convert("RGB")
    right, left = (10, 0, *SIZE), (0, 0, 10, 10)
    assert largest_difference(result.crop(right), original.crop(right)) == 0
    assert largest_difference(result.crop(left), original.crop(left)) > 20


def test_pictures_with_and_without_masks_run_together():
    white, black = torch.ones(10, 20), torch.zeros(10, 20)
    batch = [torch.rand(3, 10, 20) for _ in range(3)]
    relit = FakeRelighter(gain=0.5).run(batch, masks=[white, None, black]).outputs
    assert torch.equal(relit[0], batch[0] * 0.5)
    assert torch.equal(relit[1], batch[1] * 0.5)
    assert torch.equal(relit[2], batch[2])


def test_a_mask_that_changes_makes_its_picture_anew_and_no_other(tree):
    assert set(statuses(done()).values()) == {"relit"}
    assert set(statuses(done()).values()) == {"skipped"}
    half(white=128).save("masks/a.png")
    events = done()
    assert statuses(events) == {
        "a.png": "relit",
        "b.png": "skipped",
        "c.png": "skipped",
    }
    assert events[os.path.join("in", "a.png")].anew
    without = done(mask=None)
    assert {one.anew for one in without.values()} == {True}


def test_results_from_before_there_were_masks_are_known(tree):
    done(mask=None)
    assert set(statuses(done(mask=None)).values()) == {"skipped"}


def test_one_mask_for_one_picture(tree):
    (event,) = done(["in/a.png"], "result.png", mask="masks/a.png").values()
    assert event.status == "relit"
    result, original = (
        picture_at("result.png"),
        picture_at("in/a.png"),
    )
    right = (10, 0, *SIZE)
    assert largest_difference(result.crop(right), original.crop(right)) == 0


def test_the_opening_counts_pictures_without_masks(tree):
    os.remove("masks/a.png")
    plan, options = planned()
    told = []
    relight_folder(plan, FakeRelighter(), options, told.append)
    assert isinstance(told[0], JobStarted)
    assert (told[0].pictures, told[0].unreadable) == (2, 1)


# --- streams ------------------------------------------------------------------------


class Standard:
    """A standard stream with bytes in it."""

    def __init__(self, data=b""):
        self.buffer = io.BytesIO(data)


def streamed(monkeypatch, source, target, mask):
    monkeypatch.setattr("sys.stdin", Standard((source.parent / "a.png").read_bytes()))
    out = Standard()
    monkeypatch.setattr("sys.stdout", out)
    name = "-" if source.name == "-" else str(source)
    options, told = FolderOptions(mask=mask), []
    relighter = FakeRelighter(gain=0.5)
    relight_stream(name, target, lambda: relighter, options, told.append)
    start, file, summary = told
    assert (start.pictures, start.output) == (1, target)
    assert (file.input, file.output) == (name, target)
    assert summary.failures == ((file,) if file.status == "failed" else ())
    return out.buffer.getvalue() or file.reason


@pytest.mark.parametrize(
    ("source", "mask"),
    [("-", "masks/a.png"), ("a.png", "masks/a.png"), ("a.png", "masks")],
)
def test_a_picture_through_a_pipe_takes_a_mask(tree, monkeypatch, source, mask):
    data = streamed(monkeypatch, tree / "in" / source, "-", mask)
    result, original = opened(data), picture_at("in/a.png")
    right, left = (10, 0, *SIZE), (0, 0, 10, 10)
    assert largest_difference(result.crop(right), original.crop(right)) == 0
    assert largest_difference(result.crop(left), original.crop(left)) > 20


def test_a_pipe_needs_a_mask_by_its_name(tree, monkeypatch):
    with pytest.raises(UsageError, match="--mask masks is a folder"):
        streamed(monkeypatch, tree / "in/-", "-", "masks")
    reason = streamed(monkeypatch, tree / "in/sub/../a.png", "-", "masks/sub")
    assert reason.startswith("has no mask")


def test_a_file_made_through_a_pipe_is_made_anew_with_another_mask(tree, monkeypatch):
    streamed(monkeypatch, tree / "in/-", "result.png", "masks/a.png")
    first = (tree / "result.png").read_bytes()
    Image.new("L", SIZE).save("masks/b.png")
    streamed(monkeypatch, tree / "in/-", "result.png", "masks/b.png")
    second = (tree / "result.png").read_bytes()
    assert first != second
    original = picture_at("in/a.png")
    assert largest_difference(opened(second), original) == 0
