"""Pictures are kept as small as they are needed, or read ahead."""

import pytest
import torch
from PIL import Image

import pairs
from msrnet_cli.errors import DataError, PictureError
from msrnet_cli.pairs.cut import Cutter
from msrnet_cli.pairs.find import find_pairs
from msrnet_cli.pairs.options import PairOptions
from msrnet_cli.pairs.store import PairStore


def test_sizes_that_differ_are_refused_when_read(tmp_path):
    pairs.write_vidit(tmp_path, 1)
    pairs.save(pairs.albedo(2, 32), tmp_path / "Image000_4500_E.png")
    with pytest.raises(DataError, match="differ in size"):
        PairStore(find_pairs(tmp_path).pairs)


def test_a_damaged_picture_is_named(tmp_path):
    pairs.write_vidit(tmp_path, 2)
    path = tmp_path / "Image001_4500_E.png"
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(PictureError, match="Image001_4500_E"):
        PairStore(find_pairs(tmp_path).pairs)


def test_pictures_are_read_ahead_where_memory_is_short(tmp_path):
    pairs.write_vidit(tmp_path, 3)
    found = find_pairs(tmp_path).pairs
    roomy, short = PairStore(found), PairStore(found, memory=1000)
    assert roomy.in_memory
    assert not short.in_memory
    cutters = [Cutter(store, PairOptions()) for store in (roomy, short)]
    short.prefetch(cutters[1].files(range(3)))
    batches = [cutter.batch(range(3), 32) for cutter in cutters]
    assert torch.equal(batches[0].source, batches[1].source)
    for store in (roomy, short):
        store.close()


def test_pictures_take_at_most_half_of_the_memory_that_is_free(tmp_path):
    pairs.write_vidit(tmp_path, 2, size=64, lights=("6500_N", "4500_E"))
    needed = 4 * 3 * 64 * 64
    for share, in_memory in ((0.49, True), (0.51, False)):
        store = PairStore(find_pairs(tmp_path).pairs, memory=int(needed / share))
        assert store.in_memory == in_memory
        store.close()


def test_sizes_are_compared_as_they_are_in_the_files(tmp_path):
    # Reduced to one size, these two would fit each other.
    folder = pairs.write_folders(tmp_path, 1, size=64)
    target = next((folder / "target").iterdir())
    with Image.open(target) as image:
        half = image.resize((32, 32))
    half.save(target)
    with pytest.raises(DataError, match="32x32 and 64x64"):
        PairStore(find_pairs(folder).pairs, 16)
    ahead = PairStore(find_pairs(folder).pairs, 16, memory=0)
    with pytest.raises(DataError, match="32x32 and 64x64"):
        Cutter(ahead, PairOptions()).batch([0], 16)
    ahead.close()
