"""Pairs are found in every layout."""

import unicodedata
import zipfile
from itertools import pairwise

import pytest
import torch

import pairs
from msrnet_cli.errors import DataError, UsageError
from msrnet_cli.pairs.find import find_pairs, sort_out, spread
from msrnet_cli.pairs.options import PairOptions

MIRROR = PairOptions(mirror=True)


def test_vidit_names_make_pairs_with_mirrored_twins(tmp_path):
    pairs.write_vidit(tmp_path / "train", 3)
    found = find_pairs(tmp_path, MIRROR).pairs
    assert [pair.name for pair in found] == ["Image000", "Image001", "Image002"]
    source, target = found[0].mirrored
    assert source == found[0].source, "N stays N in a mirror"
    assert target.path.name == "Image000_4500_W.png"


def test_any_of_the_forty_lights_can_be_either_end(tmp_path):
    lights = ("2500_SE", "5500_NW", "2500_SW")
    for light in lights:
        pairs.save(pairs.albedo(0), tmp_path / f"Image000_{light}.png")
    options = PairOptions(from_light="2500_SE", to_light="5500_NW")
    (pair,) = sort_out(tmp_path, options).pairs
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
    plain, zipped = find_pairs(folder).pairs, find_pairs(archive).pairs
    assert len(plain) == len(zipped) == 2
    assert torch.equal(plain[0].target.decode(), zipped[0].target.decode())


@pytest.mark.parametrize("light", ["6500_X", "6600_N", "N", "6500"])
def test_unknown_lights_are_refused(tmp_path, light):
    with pytest.raises(UsageError, match="unknown light"):
        find_pairs(tmp_path, PairOptions(from_light=light))


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


def test_lights_of_a_scene_in_folders_of_their_own_are_told(tmp_path):
    """As in examples/, whose truth is in examples/truth/."""
    pairs.write_vidit(tmp_path, 2, size=8, lights=("6500_N",))
    pairs.write_vidit(tmp_path / "truth", 2, size=8, lights=("4500_E",))
    with pytest.raises(DataError) as refused:
        find_pairs(tmp_path)
    says = str(refused.value)
    assert f"lies in {tmp_path} under 6500_N, in {tmp_path}/truth under 4500_E" in says
    assert f"msrnet eval OUTPUTS {tmp_path}/truth" in says


def test_mirroring_needs_pictures_lit_from_the_other_side(tmp_path):
    pairs.write_vidit(tmp_path, 1, lights=("6500_N", "4500_E"))
    with pytest.raises(DataError, match="4500_W"):
        find_pairs(tmp_path, MIRROR)


def test_two_pictures_of_a_scene_on_one_side_are_a_fault(tmp_path):
    folder = pairs.write_folders(tmp_path, 1, size=16)
    (source,) = (folder / "input").iterdir()
    for light in ("4500_W", "6500_N"):
        source.with_name(f"{source.stem}_{light}.png").write_bytes(source.read_bytes())
    source.unlink()
    (pair,) = find_pairs(folder).pairs
    assert pair.source.path.stem.endswith("6500_N"), "the light asked for counts"
    (fault,) = find_pairs(folder).faults
    assert "4500_W" in fault.name


@pytest.mark.parametrize("light", ["6500_N", "4500_E", "2500_S"])
def test_two_pictures_of_one_light_are_a_fault(tmp_path, light):
    pairs.write_vidit(tmp_path, 2, size=8, lights=("6500_N", "4500_E", "2500_S"))
    picture = tmp_path / f"Image001_{light}.png"
    picture.with_suffix(".jpg").write_bytes(picture.read_bytes())
    found = sort_out(tmp_path)
    assert len(found.pairs) == 2
    (fault,) = found.faults
    assert (fault.kind, fault.name) == ("second", str(picture.with_suffix(".jpg")))
    assert found.left_out[0].startswith("second pictures of a scene: 1, left out")
    assert str(picture) in fault.reason


def archived(folder, archive, rename):
    """Every picture below a folder under another name in a .zip."""
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*.png")):
            entry = zipfile.ZipInfo("entry")
            entry.filename = rename(path.relative_to(folder))
            file.writestr(entry, path.read_bytes())
    return archive


@pytest.mark.parametrize("write", [pairs.write_vidit, pairs.write_folders])
@pytest.mark.parametrize("top", [(), ("set",), (".", "a", "b")])
def test_backslashes_in_an_archive_part_folders(tmp_path, write, top):
    folder = write(tmp_path / "made", 2, size=8)
    plain = find_pairs(folder).pairs
    archive = archived(
        folder, tmp_path / "windows.zip", lambda path: "\\".join((*top, *path.parts))
    )
    found = find_pairs(archive).pairs
    assert [pair.name for pair in found] == [pair.name for pair in plain]
    for ours, theirs in zip(found, plain, strict=True):
        assert torch.equal(ours.target.decode(), theirs.target.decode())
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(archive) as file:  # a tool that knows no backslashes
        unpacked.mkdir()
        for name in file.namelist():
            (unpacked / name).write_bytes(file.read(name))
    assert len(find_pairs(unpacked).pairs) == 2


def renamed(folder, old, new):
    (folder / old).rename(folder / new)


def test_letters_case_and_unicode_forms_do_not_part_pairs(tmp_path):
    vidit = pairs.write_vidit(tmp_path / "vidit", 1, size=8)
    renamed(vidit, "Image000_4500_E.png", "IMAGE000_4500_e.PNG")
    sides = pairs.write_folders(tmp_path / "sides", 1, size=8)
    renamed(sides, "input", "Input")
    renamed(sides, "target", "TARGET")
    for side, form in (("Input", "NFC"), ("TARGET", "NFD")):
        name = unicodedata.normalize(form, "Köln.png")
        renamed(sides / side, "Image000.png", name)
    for folder in (vidit, sides):
        found = sort_out(folder)
        assert (len(found.pairs), found.faults) == (1, ())


@pytest.mark.parametrize("write", [pairs.write_vidit, pairs.write_folders])
def test_names_that_differ_only_in_case_stay_apart(tmp_path, write):
    folder = write(tmp_path, 1, size=8)
    for path in list(folder.rglob("*.png")):
        other = path.with_name(path.name.replace("Image", "IMAGE"))
        other.write_bytes(path.read_bytes())
        if other.samefile(path):
            pytest.skip("this file system does not tell such names apart")
    found = sort_out(folder)
    assert ([pair.name for pair in found.pairs], found.faults) == (
        ["IMAGE000", "Image000"],
        (),
    )


def test_pictures_to_mirror_are_kept_only_where_they_are_wanted(tmp_path):
    pairs.write_vidit(tmp_path, 1)
    (plain,), (both,) = (
        find_pairs(tmp_path, PairOptions(mirror=mirror)).pairs
        for mirror in (False, True)
    )
    assert len(set(both.files)) == 3
    assert plain.files == both.files[:2]


def test_pictures_without_partner_are_at_fault_and_counted(tmp_path):
    pairs.write_vidit(tmp_path / "vidit", 2)
    (tmp_path / "vidit" / "Image000_4500_E.png").unlink()
    folder = pairs.write_folders(tmp_path / "folders", 2)
    (folder / "input" / "Image001.png").unlink()
    found = find_pairs(tmp_path)
    assert [pair.name for pair in found.pairs] == ["Image000", "Image001"]
    assert {fault.name.removeprefix(f"{tmp_path}/") for fault in found.faults} == {
        "vidit/Image000_6500_N.png",
        "folders/target/Image001.png",
    }
    (note,) = found.left_out
    assert note.startswith("pictures without partner: 2,")
    (tmp_path / "folders" / "target" / "Image001.png").unlink()
    (tmp_path / "vidit" / "Image000_6500_N.png").unlink()
    assert find_pairs(tmp_path).left_out == (), "other lights need no partner"


def test_scenes_of_one_name_have_one_order(tmp_path):
    for name in "fbdaec":
        pairs.write_folders(tmp_path / name, 1, size=8)
    found = find_pairs(tmp_path).pairs
    assert [pair.source.path.parts[-3] for pair in found] == list("abcdef")


@pytest.mark.parametrize("name", ["..", ".hidden"])
def test_a_folder_that_is_named_is_never_passed_over(tmp_path, monkeypatch, name):
    (tmp_path / ".hidden" / "below").mkdir(parents=True)
    pairs.write_vidit((tmp_path / ".hidden" / "below" / name).resolve(), 1, size=8)
    monkeypatch.chdir(tmp_path / ".hidden" / "below")
    assert len(find_pairs(name).pairs) == 1


@pytest.mark.parametrize(
    "hidden", [".trash/", "__MACOSX/", "._", ".trash/a/b/", "__MACOSX/a/b/c/"]
)
def test_hidden_pictures_below_it_are_passed_over(tmp_path, hidden):
    pairs.write_vidit(tmp_path, 1, size=8)
    source = (tmp_path / "Image000_6500_N.png").read_bytes()
    clutter = tmp_path / f"{hidden}Image001_6500_N.png"
    clutter.parent.mkdir(exist_ok=True, parents=True)
    clutter.write_bytes(source)
    assert len(sort_out(tmp_path).files) == 3


@pytest.mark.parametrize(("count", "most"), [(10, 3), (7, 7), (5, 9), (100, 40)])
def test_some_are_spread_evenly_over_all(count, most):
    chosen = spread(range(count), most)
    assert len(chosen) == min(count, most)
    edges = (*chosen, count)
    gaps = {after - before for before, after in pairwise(edges)}
    assert edges[0] == 0
    assert max(gaps) - min(gaps) <= 1
