"""Pairs are found in every layout, and checked whole."""

import zipfile

import pytest
import torch
from PIL import Image

import pairs
from msrnet_cli import data
from msrnet_cli.config import DataOptions
from msrnet_cli.cutting import Cutter
from msrnet_cli.data import PairStore, find_pairs
from msrnet_cli.errors import DataError, PictureError, UsageError

MIRROR = DataOptions(mirror=True)


def test_vidit_names_make_pairs_with_mirrored_twins(tmp_path):
    pairs.write_vidit(tmp_path / "train", 3)
    found = find_pairs(tmp_path, MIRROR)
    assert [pair.name for pair in found] == ["Image000", "Image001", "Image002"]
    source, target = found[0].mirrored
    assert source == found[0].source, "N stays N in a mirror"
    assert target.path.name == "Image000_4500_W.png"


def test_any_of_the_forty_lights_can_be_either_end(tmp_path):
    lights = ("2500_SE", "5500_NW", "2500_SW")
    for light in lights:
        pairs.save(pairs.albedo(0), tmp_path / f"Image000_{light}.png")
    options = DataOptions(from_light="2500_SE", to_light="5500_NW")
    (pair,) = find_pairs(tmp_path, options)
    assert pair.target.path.name == "Image000_5500_NW.png"
    assert pair.mirrored is None, "5500_NE is not there"


@pytest.mark.parametrize("inside", ["", "train/", "AIM/track1/"])
def test_input_and_target_folders_make_pairs_zipped_or_not(tmp_path, inside):
    folder = pairs.write_folders(tmp_path / "made" / inside, 2)
    archive = tmp_path / "pairs.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in (tmp_path / "made").rglob("*.png"):
            file.write(path, path.relative_to(tmp_path / "made"))
        file.writestr("__MACOSX/input/._Image000.png", b"clutter")
        file.writestr("guide/Image000.npy", b"depth")
    plain, zipped = find_pairs(folder), find_pairs(archive)
    assert len(plain) == len(zipped) == 2
    assert torch.equal(plain[0].target.decode(), zipped[0].target.decode())


@pytest.mark.parametrize("light", ["6500_X", "6600_N", "N", "6500"])
def test_unknown_lights_are_refused(tmp_path, light):
    with pytest.raises(UsageError, match="unknown light"):
        find_pairs(tmp_path, DataOptions(from_light=light))


def test_a_folder_without_pairs_says_what_it_wants(tmp_path):
    with pytest.raises(DataError, match="holds no picture"):
        find_pairs(tmp_path)
    pairs.write_vidit(tmp_path, 1, lights=("6500_N",))
    with pytest.raises(
        DataError, match=r"pictures \(1\) but no pairs.*Image000_6500_N"
    ):
        find_pairs(tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        find_pairs(tmp_path / "nowhere")
    (tmp_path / "file.zip").write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"readable \.zip"):
        find_pairs(tmp_path / "file.zip")


def test_mirroring_needs_pictures_lit_from_the_other_side(tmp_path):
    pairs.write_vidit(tmp_path, 1, lights=("6500_N", "4500_E"))
    with pytest.raises(DataError, match="4500_W"):
        find_pairs(tmp_path, MIRROR)


def test_check_names_every_fault(tmp_path):
    pairs.write_vidit(tmp_path, 4)
    (tmp_path / "Image000_4500_E.png").unlink()
    (tmp_path / "Image001_4500_E.png").write_bytes(b"no picture")
    pairs.save(pairs.albedo(2, 32), tmp_path / "Image002_4500_E.png")
    report = data.check(tmp_path)
    assert report.pairs == 3
    found = {(fault.kind, fault.name.rpartition("/")[2]) for fault in report.faults}
    assert found == {
        ("partner", "Image000_6500_N.png"),
        ("broken", "Image001_4500_E.png"),
        ("size", "Image002"),
    }


def test_a_sound_set_has_no_faults(tmp_path):
    report = data.check(pairs.write_folders(tmp_path, 2))
    assert (report.pairs, report.files, report.faults) == (2, 4, ())
    assert report.sizes == ((64, 64),)


def test_sizes_that_differ_are_refused_when_read(tmp_path):
    pairs.write_vidit(tmp_path, 1)
    pairs.save(pairs.albedo(2, 32), tmp_path / "Image000_4500_E.png")
    with pytest.raises(DataError, match="differ in size"):
        PairStore(find_pairs(tmp_path))


def test_a_damaged_picture_is_named(tmp_path):
    pairs.write_vidit(tmp_path, 2)
    path = tmp_path / "Image001_4500_E.png"
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(PictureError, match="Image001_4500_E"):
        PairStore(find_pairs(tmp_path))


def test_pictures_are_read_ahead_where_memory_is_short(tmp_path):
    pairs.write_vidit(tmp_path, 3)
    found = find_pairs(tmp_path)
    roomy, short = PairStore(found), PairStore(found, memory=1000)
    assert roomy.in_memory
    assert not short.in_memory
    cutters = [Cutter(store, DataOptions()) for store in (roomy, short)]
    short.prefetch(cutters[1].files(range(3)))
    batches = [cutter.batch(range(3), 32) for cutter in cutters]
    assert torch.equal(batches[0].source, batches[1].source)
    for store in (roomy, short):
        store.close()


@pytest.mark.parametrize(("height", "width", "side"), [(64, 64, 16), (50, 70, 24)])
def test_shrinking_keeps_the_mean_and_the_shape(height, width, side):
    picture = torch.rand(1, 3, height, width)
    small = data.shrink(picture, side)
    assert min(small.shape[-2:]) == side
    assert small.mean().item() == pytest.approx(picture.mean().item(), abs=0.02)


def test_sizes_are_compared_as_they_are_in_the_files(tmp_path):
    # Reduced to one size, these two would fit each other.
    folder = pairs.write_folders(tmp_path, 1, size=64)
    target = next((folder / "target").iterdir())
    with Image.open(target) as image:
        half = image.resize((32, 32))
    half.save(target)
    with pytest.raises(DataError, match="32x32 and 64x64"):
        PairStore(find_pairs(folder), 16)
    ahead = PairStore(find_pairs(folder), 16, memory=0)
    with pytest.raises(DataError, match="32x32 and 64x64"):
        Cutter(ahead, DataOptions()).batch([0], 16)
    ahead.close()


def test_check_decodes_what_belongs_to_no_pair(tmp_path):
    pairs.write_vidit(tmp_path, 1)
    (tmp_path / "junk.png").write_bytes(b"junk")
    (tmp_path / "Image009_2500_N.png").write_bytes(b"junk")
    report = data.check(tmp_path)
    broken = {fault.name for fault in report.faults if fault.kind == "broken"}
    assert broken == {str(tmp_path / n) for n in ("junk.png", "Image009_2500_N.png")}
    assert not any(str(tmp_path) in fault.reason for fault in report.faults)


def test_two_pictures_of_a_scene_on_one_side_are_a_fault(tmp_path):
    folder = pairs.write_folders(tmp_path, 1, size=16)
    (source,) = (folder / "input").iterdir()
    for light in ("4500_W", "6500_N"):
        source.with_name(f"{source.stem}_{light}.png").write_bytes(source.read_bytes())
    source.unlink()
    (pair,) = find_pairs(folder)
    assert pair.source.path.stem.endswith("6500_N"), "the light asked for counts"
    (fault,) = data.check(folder).faults
    assert "4500_W" in fault.name
