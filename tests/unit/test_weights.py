"""Weights files: what is written comes back, and nothing malformed is ever loaded."""

import json
import math
import os
import struct

import pytest
import torch

from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.errors import UsageError, WeightsError
from msrnet_cli.folder.options import LightFindOptions, RelightOptions
from msrnet_cli.networks.dmshn import DMSHN
from msrnet_cli.networks.stacked import StackedDMSHN
from msrnet_cli.options import asked
from msrnet_cli.weights import find
from msrnet_cli.weights.file import load_network, load_weights, save_weights
from msrnet_cli.weights.published import import_published, require_new_target
from networks import published

CARD = WeightsCard(
    model=ModelConfig("dmshn", 4),
    from_light="6500_N",
    to_light="4500_E",
    training_data="noise",
    licence="MIT",
    scores={"psnr": 20.5},
)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(path, DMSHN(4).state_dict(), CARD)
    return path


def parts(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def rebuild(path, header, body):
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + body)


def refusal(path):
    with pytest.raises(WeightsError) as caught:
        load_weights(path)
    assert caught.value.exit_code == 5
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_what_is_saved_comes_back_bit_for_bit(tmp_path, dtype):
    state = StackedDMSHN(4).state_dict()
    path = tmp_path / "w.safetensors"
    card = WeightsCard(model=ModelConfig("stacked", 4), notes="ü")
    save_weights(path, state, card, dtype)
    found = load_weights(path)
    assert found.card == card
    assert found.state.keys() == state.keys()
    assert all(
        torch.equal(found.state[k], v.to(dtype).float()) for k, v in state.items()
    )


def test_the_library_s_own_reader_agrees(file):
    from safetensors.torch import load_file

    theirs = load_file(file)
    assert all(torch.equal(theirs[k], v) for k, v in load_weights(file).state.items())


def test_a_file_rebuilds_its_own_network(file):
    network = load_network(file)
    image = torch.rand(1, 3, 16, 16)
    reference = DMSHN(4)
    reference.load_state_dict(load_weights(file).state)
    assert torch.allclose(network(image), reference(image), atol=1e-6)


def test_saving_leaves_nothing_half_written(tmp_path, monkeypatch, file):
    before = file.read_bytes()

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WeightsError, match="No space left"):
        save_weights(file, DMSHN(4).state_dict(), CARD)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_every_truncation_is_refused(file):
    data = file.read_bytes()
    for percent in range(0, 100, 3):
        file.write_bytes(data[: len(data) * percent // 100])
        refusal(file)


def test_trailing_bytes_are_refused(file):
    file.write_bytes(file.read_bytes() + b"x")
    refusal(file)


def never(*_, **__):
    raise AssertionError("the file was read")


@pytest.fixture
def unread(monkeypatch):
    """Weights of which nothing but the header may be read."""
    monkeypatch.setattr("msrnet_cli.weights.file.load_file", never)
    monkeypatch.setattr("msrnet_cli.weights.file._sha256", never)


@pytest.mark.parametrize("more", [1, -1, 1 << 29])
def test_a_size_that_contradicts_the_header_is_refused_before_the_file_is_read(
    file, unread, more
):
    size = file.stat().st_size
    os.truncate(file, size + more)
    assert f"it has {size + more} bytes, {size} by its header" in refusal(file)


def test_a_large_file_of_nothing_is_refused_before_it_is_read(tmp_path, unread):
    path = tmp_path / "w.safetensors"
    path.touch()
    os.truncate(path, 1 << 30)
    assert "not a safetensors file" in refusal(path)


def test_a_header_longer_than_the_file_is_refused(file, unread):
    data = file.read_bytes()
    file.write_bytes(struct.pack("<Q", 9 << 20) + data[8:])
    assert "ends within its header" in refusal(file)


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [3, 5]},
        {"shape": [-1]},
        {"shape": ["4"]},
        {"shape": None},
        {"data_offsets": [0, 4]},
        {"data_offsets": [0]},
        {"data_offsets": None},
        {"data_offsets": ["0", "16"]},
        {"data_offsets": [1 << 40, (1 << 40) + 16]},
    ],
)
def test_a_header_that_contradicts_itself_is_refused_before_the_file_is_read(
    file, unread, change
):
    header, body = parts(file)
    header["encoder1.0.bias"].update(change)
    rebuild(file, header, body)
    assert str(file) in refusal(file)


def test_a_tensor_that_does_not_belong_is_refused_before_the_file_is_read(
    tmp_path, unread
):
    path = tmp_path / "w.safetensors"
    save_weights(path, DMSHN(4).state_dict() | {"huge": torch.ones(1 << 20)}, CARD)
    assert "huge" in refusal(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_what_is_not_a_regular_file_is_refused_and_not_opened(tmp_path):
    fifo = tmp_path / "w.safetensors"
    os.mkfifo(fifo)
    assert "is not a regular file" in refusal(fifo)
    assert "is not a regular file" in refusal("/dev/zero")
    for source in (fifo, tmp_path / "w.pth"):
        if not source.exists():
            os.mkfifo(source)
        with pytest.raises(WeightsError, match="not a regular file"):
            import_published(source, tmp_path / "o.safetensors", CARD)


@pytest.mark.parametrize("name", ["best", "last"])
def test_the_folder_of_a_run_is_told_which_file_could_be_meant(file, tmp_path, name):
    run = tmp_path / "run"
    run.mkdir()
    assert "built-in name" in refusal(run)
    file.rename(run / f"{name}.safetensors")
    assert str(run / f"{name}.safetensors") in refusal(run)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(tmp_path, bad):
    state = DMSHN(4).state_dict()
    state["encoder2.3.weight"][0, 0, 0, 0] = bad
    path = tmp_path / "w.safetensors"
    save_weights(path, state, CARD)
    assert "encoder2.3.weight" in refusal(path)


def test_a_missing_tensor_is_named(tmp_path):
    state = DMSHN(4).state_dict()
    del state["decoder1.8.bias"]
    path = tmp_path / "w.safetensors"
    save_weights(path, state, CARD)
    assert "decoder1.8.bias" in refusal(path)


def test_an_unknown_tensor_is_named(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(path, DMSHN(4).state_dict() | {"extra": torch.ones(1)}, CARD)
    assert "extra" in refusal(path)


def test_a_wrong_shape_is_named(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(path, DMSHN(5).state_dict(), CARD)
    assert "shape" in refusal(path)


def test_a_wrong_type_is_refused(file):
    header, body = parts(file)
    header["encoder1.0.bias"]["dtype"] = "I32"
    rebuild(file, header, body)
    assert "I32" in refusal(file)


def test_a_name_that_occurs_twice_is_refused(file):
    header, body = parts(file)
    text = json.dumps(header)
    twice = text[:-1] + ', "encoder1.0.bias": ' + json.dumps(header["encoder1.0.bias"])
    rebuild(file, (twice + "}").encode(), body)
    assert "twice" in refusal(file)


@pytest.mark.parametrize(
    "change",
    [
        {"format_version": 99},
        {"model": {"arch": "unet", "channels": 4}},
        {"model": {"arch": "dmshn", "channels": 10**9}},
        {"model": {"arch": "dmshn", "channels": "4"}},
        {"model": {"arch": "dmshn", "channels": 4, "value_range": "odd"}},
        {"model": 3},
        {"scores": "abc"},
        *({"scores": {"psnr": x}} for x in (math.nan, math.inf, True, "1", 10**400)),
        {"scores": {"\ud800": 1.0}},
        *({key: "half \udc80"} for key in ("from_light", "notes", "licence")),
        *({"work_size": size} for size in (65537, 10**30, 15, -1, True)),
        {"from_light": 7},
        {"surprise": 1},
    ],
)
def test_a_card_that_makes_no_sense_is_refused(file, change):
    header, body = parts(file)
    card = json.loads(header["__metadata__"]["msrnet"])
    header["__metadata__"]["msrnet"] = json.dumps(card | change)
    rebuild(file, header, body)
    refusal(file)


def test_more_channels_or_a_longer_header_than_any_network_has_are_refused(file):
    header, body = parts(file)
    card = json.loads(header["__metadata__"]["msrnet"])
    card["model"]["channels"] = 1025
    header["__metadata__"]["msrnet"] = json.dumps(card)
    rebuild(file, header, body)
    assert "1025 channels" in refusal(file)
    whole = json.dumps(parts(file)[0]).encode()
    rebuild(file, whole.ljust((10 << 20) + 8), body)
    assert "a safetensors file; " in refusal(file)


def test_a_header_may_have_any_length(tmp_path):
    # Some lengths begin like a zip file or a pickle.
    path = tmp_path / "w.safetensors"
    for length in (0x4B50, 0x0280, 0x0480):
        card = WeightsCard(model=CARD.model)
        save_weights(path, DMSHN(4).state_dict(), card)
        header, body = parts(path)
        text = json.dumps(header)
        blanks = (length - len(text)) % 65536
        rebuild(path, (text + " " * blanks).encode(), body)
        assert path.read_bytes()[:2] == length.to_bytes(2, "little")
        assert load_weights(path).card == card


@pytest.mark.parametrize(
    "header",
    [
        b"[" * 200_000,
        b'{"a": {"dtype": ["F32"]}}',
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"a": 1}',
        b"null",
    ],
)
def test_a_broken_header_is_refused(file, header):
    rebuild(file, header, b"")
    refusal(file)


def test_files_of_other_programs_are_told_how_to_come_in(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(path, {"encoder_lv1.layer1.weight": torch.ones(1)}, CARD)
    header, body = parts(path)
    del header["__metadata__"]
    rebuild(path, header, body)
    assert "msrnet weights import" in refusal(path)


def test_a_pickle_is_refused_with_the_way_out(tmp_path):
    path = tmp_path / "w.safetensors"
    torch.save({"a": torch.ones(1)}, path)
    assert "msrnet weights import" in refusal(path)


def test_a_file_too_large_is_not_opened(file, monkeypatch):
    monkeypatch.setattr("msrnet_cli.weights.header.MAX_FILE_BYTES", 1000)
    monkeypatch.setattr("msrnet_cli.weights.file.load_file", None)
    assert "more than any" in refusal(file)


def test_a_damaged_built_in_file_is_refused(file, monkeypatch):
    entry = find.BuiltIn("default", file, "0" * 64, True)
    monkeypatch.setattr(find, "built_in", lambda: [entry])
    assert "damaged" in refusal(None)


def test_help_names_the_weights_that_are_built_in():
    usual, any_light = find.default(), find.for_light()
    fields = {field.path: field for field in asked(RelightOptions())}
    said = fields["weights",].option.default
    assert said == f"{usual.name} in nights lit from N, else {any_light.name}"
    assert LightFindOptions().weights == any_light.name


def test_built_in_files_match_their_checksums():
    entries = find.built_in()
    assert entries
    for entry in entries:
        assert load_weights(entry.name).sha256 == entry.sha256


@pytest.mark.parametrize("spec", ["nowhere.safetensors", ".", "unknown-name"])
def test_a_missing_file_is_named(spec):
    with pytest.raises(WeightsError, match=spec.replace(".", r"\.")):
        load_weights(spec)


@pytest.mark.parametrize("layout", ["folder", "pth", "module.pth", "safetensors"])
def test_every_published_layout_is_imported(tmp_path, layout):
    network = DMSHN(4)
    state = published(network)
    source = tmp_path / layout
    if layout == "folder":
        source.mkdir()
        for half in ("encoder", "decoder"):
            for level in "123":
                prefix = f"{half}_lv{level}."
                part = {
                    "module." + k.removeprefix(prefix): v
                    for k, v in state.items()
                    if k.startswith(prefix)
                }
                torch.save(part, source / f"{half}_lv{level}.pkl")
    elif layout == "safetensors":
        source = tmp_path / "theirs.safetensors"
        save_weights(source, state, CARD)
    else:
        prefix = "module." if "module" in layout else ""
        torch.save({prefix + k: v for k, v in state.items()}, source)
    target = tmp_path / "ours.safetensors"
    card = import_published(source, target, CARD)
    assert (card.model.arch, card.model.channels) == ("dmshn", 4)
    ours = load_weights(target).state
    assert all(torch.equal(ours[k], v) for k, v in network.state_dict().items())


def test_a_published_stack_is_imported(tmp_path):
    networks = [DMSHN(4), DMSHN(4)]
    state = {
        f"net{i}.{name}": value
        for i, network in enumerate(networks, 1)
        for name, value in published(network).items()
    }
    torch.save({"state_dict": state}, tmp_path / "stack.pth")
    target = tmp_path / "ours.safetensors"
    card = import_published(tmp_path / "stack.pth", target, CARD)
    assert card.model.arch == "stacked"
    second = load_weights(target).state["1.encoder1.0.weight"]
    assert torch.equal(second, networks[1].encoder1[0].weight)


class Bomb:
    def __reduce__(self):
        return (open, ("exploded", "w"))


def test_a_hostile_pickle_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"a": Bomb()}, "bomb.pth")
    with pytest.raises(WeightsError, match="safely"):
        import_published(tmp_path / "bomb.pth", tmp_path / "o.safetensors", CARD)
    assert not (tmp_path / "exploded").exists()
    assert not (tmp_path / "o.safetensors").exists()


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 no zip", b"text", b"\x80\x02}q\x00."], ids=repr
)
def test_damaged_pickles_are_refused(tmp_path, content):
    source = tmp_path / "x.pth"
    source.write_bytes(content)
    with pytest.raises(WeightsError, match=r"x\.pth.*; "):
        import_published(source, tmp_path / "o.safetensors", CARD)


def test_foreign_layers_are_refused(tmp_path):
    torch.save({"conv.weight": torch.ones(1)}, tmp_path / "x.pth")
    with pytest.raises(WeightsError, match=r"conv\.weight"):
        import_published(tmp_path / "x.pth", tmp_path / "o.safetensors", CARD)


def test_import_never_overwrites(tmp_path, file):
    with pytest.raises(UsageError, match="exists"):
        require_new_target(file)
    with pytest.raises(UsageError, match="safetensors"):
        require_new_target(tmp_path / "x.pth")
