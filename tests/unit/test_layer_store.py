"""Folders of scenes, and batches that depend on their numbers alone."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch

from msrnet_cli.errors import DataError
from msrnet_cli.layers import scene as scenes
from msrnet_cli.layers.compose import compose
from msrnet_cli.layers.draw import Distributions, draw
from msrnet_cli.layers.store import Composer, open_store
from smooth import drawn

SIZES = ((32, 32), (24, 40), (48, 36), (20, 20))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("scenes")
    for number, size in reversed(list(enumerate(SIZES))):
        whole = drawn(number, size)
        scenes.write(path / f"Image{number:03d}.safetensors", whole)
    (path / ".msrnet-1-2-3.part").write_bytes(b"half of a scene")
    (path / ".hidden.safetensors").write_bytes(b"not a scene")
    (path / "README.md").write_text("not a scene")
    return path


def test_a_store_holds_the_scenes_of_a_folder_by_name(folder):
    store = open_store(folder)
    assert [path.stem for path in store.paths] == [f"Image{n:03d}" for n in range(4)]
    assert len(store) == 4
    assert store[2].name == "Image002"
    assert store[2].size == (48, 36)
    assert store[2].light.dtype == torch.float16


def test_scenes_are_chosen_by_their_shorter_side(folder):
    store = open_store(folder)
    for size, names in ((20, "0123"), (24, "012"), (25, "02"), (36, "2")):
        found = store.at_least(size)
        assert [path.stem[-1] for path in found.paths] == list(names)
    with pytest.raises(DataError, match=r"37 px.*largest 36.*larger scenes"):
        store.at_least(37)


@pytest.mark.parametrize("name", ["", "missing"])
def test_a_folder_without_scenes_is_told(tmp_path, name):
    (tmp_path / ".hidden.safetensors").write_bytes(b"")
    with pytest.raises(DataError, match=str(tmp_path)):
        open_store(tmp_path / name)


@pytest.mark.parametrize("read", [lambda s: s[1], lambda s: s.at_least(8)])
def test_a_damaged_scene_is_told_when_it_is_needed(folder, tmp_path, read):
    good = (folder / "Image000.safetensors").read_bytes()
    (tmp_path / "Image000.safetensors").write_bytes(good)
    (tmp_path / "Image001.safetensors").write_bytes(good[:100])
    store = open_store(tmp_path)
    assert store[0].size == (32, 32)
    with pytest.raises(DataError, match=r"Image001.*render it again"):
        read(store)


def test_a_batch_holds_what_was_drawn(folder):
    composer = Composer(open_store(folder), seed=4)
    batch = composer.batch(range(10, 16), 16)
    for place, number in enumerate(range(10, 16)):
        one = draw(4, number, 4)
        made = compose(composer.store[one.scene], one, 16)
        assert batch.draws[place] == composer.draw(number) == one
        assert batch.kinds[place] == one.kind
        assert batch.names[place] == f"Image00{one.scene}"
        for name in ("picture", "layers", "normal"):
            assert torch.equal(getattr(batch, name)[place], getattr(made, name))
    assert batch.layers.shape == (6, 9, 3, 16, 16)


def test_batches_depend_on_their_numbers_alone(folder):
    """In any order, in any thread, in a process that was sent the composer."""
    composer = Composer(open_store(folder), seed=1)
    whole = composer.batch(range(8), 20)
    sent = pickle.loads(pickle.dumps(composer))
    with ThreadPoolExecutor(3) as pool:
        parts = list(pool.map(lambda n: sent.batch([n], 20), reversed(range(8))))
    for name in ("picture", "layers", "normal"):
        found = torch.cat([getattr(part, name) for part in reversed(parts)])
        assert torch.equal(found, getattr(whole, name))
    other = replace(composer, seed=2).batch(range(8), 20)
    assert not torch.equal(other.picture, whole.picture)


def test_a_composer_draws_from_its_distributions(folder):
    nights = Distributions(task=1.0, night=0.0, overcast=0.0, even=0.0)
    composer = Composer(open_store(folder), distributions=nights)
    assert set(composer.batch(range(6), 16).kinds) == {"task"}


def test_a_batch_larger_than_a_scene_is_refused(folder):
    composer = Composer(open_store(folder))
    with pytest.raises(DataError, match="Image003 has 20 px"):
        composer.batch(range(4), 24)
