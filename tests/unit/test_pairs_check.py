"""All that is wrong with a set of pairs is told."""

import pytest

import pairs
from msrnet_cli.errors import DataError
from msrnet_cli.pairs.check import check_pairs, require_one_size, size_fault


def test_check_names_every_fault(tmp_path):
    pairs.write_vidit(tmp_path, 4)
    (tmp_path / "Image000_4500_E.png").unlink()
    (tmp_path / "Image001_4500_E.png").write_bytes(b"no picture")
    pairs.save(pairs.albedo(2, 32), tmp_path / "Image002_4500_E.png")
    report = check_pairs(tmp_path)
    assert report.pairs == 1, "only what can be trained on counts"
    found = {(fault.kind, fault.name.rpartition("/")[2]) for fault in report.faults}
    assert found == {
        ("partner", "Image000_6500_N.png"),
        ("broken", "Image001_4500_E.png"),
        ("size", "Image002"),
    }


def test_a_twin_that_is_broken_costs_the_mirror_but_not_the_pair(tmp_path):
    pairs.write_vidit(tmp_path, 2)
    (tmp_path / "Image000_4500_W.png").write_bytes(b"no picture")
    report = check_pairs(tmp_path)
    assert (report.pairs, report.mirrored, len(report.faults)) == (2, 1, 1)


def test_a_sound_set_has_no_faults(tmp_path):
    report = check_pairs(pairs.write_folders(tmp_path, 2))
    assert (report.pairs, report.files, report.faults) == (2, 4, ())
    assert report.sizes == ((64, 64),)


def test_check_decodes_what_belongs_to_no_pair(tmp_path):
    pairs.write_vidit(tmp_path, 1)
    (tmp_path / "junk.png").write_bytes(b"junk")
    (tmp_path / "Image009_2500_N.png").write_bytes(b"junk")
    report = check_pairs(tmp_path)
    broken = {fault.name for fault in report.faults if fault.kind == "broken"}
    assert broken == {str(tmp_path / n) for n in ("junk.png", "Image009_2500_N.png")}
    assert not any(str(tmp_path) in fault.reason for fault in report.faults)


@pytest.mark.parametrize("sizes", [[], [(8, 6)], [(8, 6)] * 3])
def test_one_size_is_as_it_should_be(sizes):
    assert size_fault("scene", sizes) is None
    require_one_size("scene", sizes)


def test_sizes_that_differ_are_refused_by_the_words_of_the_report():
    sizes = [(8, 6), (6, 8), (8, 6)]
    fault = size_fault("scene", sizes)
    assert fault.reason == "its pictures differ in size (6x8 and 8x6)"
    with pytest.raises(DataError) as refused:
        require_one_size("scene", sizes)
    assert refused.value.reason == f"scene: {fault.reason}"
