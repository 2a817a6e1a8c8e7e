"""Outputs find their targets, by name or by scene, and nothing is passed in silence."""

import zipfile

import pytest
from PIL import Image

from msrnet_cli.errors import DataError, UsageError
from msrnet_cli.pairs.match import match_folders


@pytest.fixture
def folders(tmp_path):
    """Makes pictures of some names in two folders, and gives what belongs together."""

    def match(outputs, targets, light=""):
        for folder, names in (("ours", outputs), ("theirs", targets)):
            for name in names.split():
                path = tmp_path / folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (2, 2)).save(path)
        return match_folders(tmp_path / "ours", tmp_path / "theirs", light)

    return match


def names(matched, tmp_path):
    return [
        (
            name,
            ours.path.relative_to(tmp_path / "ours").as_posix(),
            theirs.path.relative_to(tmp_path / "theirs").as_posix(),
        )
        for name, ours, theirs in matched.pictures
    ]


@pytest.mark.parametrize(
    ("outputs", "targets", "light", "expected"),
    [
        ("b.jpg a/c.jpg", "b.png a/c.png", "", [("a/c", "c"), ("b", "b")]),
        ("S_6500_N.jpg", "S_4500_E.png", "", [("S_6500_N", "S_4500_E")]),
        ("d/S_6500_N.jpg", "d/S_3500_W.png", "", [("d/S_6500_N", "S_3500_W")]),
        ("S_6500_N.jpg", "S_2500_W.png S_4500_E.png", "", [("S_6500_N", "S_4500_E")]),
        (
            "S_6500_N.jpg",
            "S_2500_W.png S_4500_E.png",
            "2500_W",
            [("S_6500_N", "S_2500_W")],
        ),
        (
            "S_6500_N.jpg",
            "S_6500_N.png S_4500_E.png",
            "4500_E",
            [("S_6500_N", "S_4500_E")],
        ),
        ("S.jpg", "S_4500_E.png", "", [("S", "S_4500_E")]),
        ("S_6500_N.jpg", "S.png", "4500_E", [("S_6500_N", "S")]),
        ("a.jpg a.png", "a.jpg a.png", "", [("a.jpg", "a"), ("a.png", "a")]),
    ],
)
def test_an_output_has_the_target_of_its_name_or_else_of_its_scene(
    folders, tmp_path, outputs, targets, light, expected
):
    found = names(folders(outputs, targets, light), tmp_path)
    stems = [(name, target.rpartition("/")[2][:-4]) for name, _, target in found]
    assert stems == expected
    for _, ours, theirs in found:
        if f"{ours}" in targets.split():
            assert ours == theirs, "the same suffix is the nearer one"


@pytest.mark.parametrize(
    ("outputs", "targets", "light", "says"),
    [
        ("a.jpg b.jpg", "a.png", "", r"b\.jpg has no picture.*1 of 2"),
        ("S_6500_N.jpg", "T_4500_E.png", "", "no picture of its name or scene"),
        ("S_6500_N.jpg", "S_4500_E.png", "3500_W", "lit by 3500_W"),
        ("d/S_6500_N.jpg", "S_4500_E.png", "", "no picture"),
        ("S_6500_N.jpg", "S_2500_W.png S_3500_W.png", "", r"several.*--to"),
        ("a.jpg", "a.png a.webp", "", "several"),
        ("a.txt.jpg", "a.png", "", "no picture"),
    ],
)
def test_an_output_without_one_target_is_refused(
    folders, outputs, targets, light, says
):
    with pytest.raises(DataError, match=says):
        folders(outputs, targets, light)


def test_a_light_that_does_not_exist_is_refused(folders):
    with pytest.raises(UsageError, match="unknown light"):
        folders("S_6500_N.jpg", "S_4500_E.png", "east")


def test_pictures_side_by_side_are_passed_over_and_counted(folders, tmp_path):
    found = folders(
        "a.png a_compare.jpg d/b.jpg d/b_compare.jpg c_compare.jpg",
        "a.png d/b.png c_compare.png",
    )
    assert [name for name, *_ in names(found, tmp_path)] == ["a", "c_compare", "d/b"]
    assert found.notes == ("side-by-side pictures of --compare: 2, passed over",)


def test_targets_without_an_output_are_counted_by_scene(folders):
    found = folders("S_6500_N.jpg", "S_4500_E.png S_2500_W.png T_4500_E.png U.png")
    assert found.notes == ("targets without an output: 2, left out",)
    assert folders("S_6500_N.jpg T_6500_N.jpg U.png", "").notes == ()


def test_an_output_that_kept_its_input_s_name_beside_that_input_is_told(folders):
    """`relight` names outputs as inputs: their truth is the other picture."""
    found = folders("S_6500_N.jpg", "S_6500_N.png S_4500_E.png")
    (note,) = found.notes
    assert "own name: 1; give --to 4500_E" in note
    assert not folders("S_6500_N.jpg", "", "4500_E").notes
    assert not folders("S_4500_E.jpg", "").notes, "the set itself has both"


def test_archives_are_matched_as_folders_are(tmp_path):
    for archive, name in (("ours.zip", "d/a.jpg"), ("theirs.zip", "d/a.png")):
        with zipfile.ZipFile(tmp_path / archive, "w") as file:
            file.writestr(name, b"not looked at")
    matched = match_folders(tmp_path / "ours.zip", tmp_path / "theirs.zip")
    ((name, ours, theirs),) = matched.pictures
    assert (name, ours.member, theirs.member) == ("d/a", "d/a.jpg", "d/a.png")


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds no picture"):
        match_folders(tmp_path, tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        match_folders(tmp_path / "nowhere", tmp_path)
