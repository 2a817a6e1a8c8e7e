"""The choice of device, number format and engine."""

import copy
import math
import re
import subprocess
import sys
import time
from typing import ClassVar, get_type_hints

import pytest
import torch

from msrnet_cli import engines, hardware
from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.errors import DeviceError, UsageError
from msrnet_cli.metrics import psnr
from msrnet_cli.networks.dmshn import DMSHN
from msrnet_cli.relight import session
from msrnet_cli.relight.options import SessionKeywords, SessionOptions
from msrnet_cli.relight.relighter import Relighter
from msrnet_cli.weights.published import import_published
from networks import constant_network, tinted_identity
from relighters import SMALL, relighter


@pytest.mark.parametrize("size", [0, -1, 15, 3.5, True, "FULL", "128", [128]])
def test_a_working_size_that_is_not_valid_is_refused_at_once(size):
    with pytest.raises(UsageError, match="working size"):
        Relighter(DMSHN(4), SMALL, device="cpu", dtype="fp32", work_size=size)


def test_auto_takes_bfloat16_only_where_it_agrees(monkeypatch):
    monkeypatch.setattr(hardware, "preferred_dtype", lambda _: torch.bfloat16)
    tame = relighter(constant_network(0.5), dtype="auto")
    assert (tame.dtype, tame.notes) == (torch.bfloat16, ())
    # A network that amplifies small differences is beyond bfloat16.
    wild = tinted_identity((1, 1, 1))
    with torch.no_grad():
        wild.decoder1[8].weight.mul_(100)
        wild.decoder1[8].bias.fill_(-50)
    card = WeightsCard(model=ModelConfig("dmshn", 12))
    exact = relighter(wild, card, "auto")
    assert exact.dtype == torch.float32
    said = (
        r"running in fp32 instead of bf16: bf16 agrees with fp32 only to -?\d+\.\d dB"
    )
    assert re.fullmatch(said, *exact.notes)


class WithoutBfloat16(torch.nn.Module):
    """The identity, which fails in bfloat16 as it is told to."""

    def __init__(self, error):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.error = error

    def forward(self, x):
        if self.weight.dtype == torch.bfloat16:
            raise self.error
        return x


def test_auto_falls_back_to_float32_where_less_cannot_be_computed(monkeypatch):
    monkeypatch.setattr(hardware, "preferred_dtype", lambda _: torch.bfloat16)
    network = WithoutBfloat16(RuntimeError("no kernel\nat line 3"))
    subject = relighter(network, dtype="auto", engine="eager")
    assert subject.dtype == torch.float32
    reason = "cpu cannot compute in bf16 (no kernel)"
    assert subject.notes == (f"running in fp32 instead of bf16: {reason}",)
    with pytest.raises(DeviceError, match=re.escape(f"{reason}; use --dtype fp32")):
        relighter(network, dtype="bf16", engine="eager")


@pytest.mark.parametrize("dtype", ["auto", "bf16"])
@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()],
    ids=["device", "main"],
)
def test_a_network_beyond_memory_is_said_to_be_that(monkeypatch, dtype, error):
    monkeypatch.setattr(hardware, "preferred_dtype", lambda _: torch.bfloat16)
    with pytest.raises(DeviceError, match="cpu does not have enough memory") as caught:
        relighter(WithoutBfloat16(error), dtype=dtype, engine="eager")
    assert "bf16" not in str(caught.value)


def test_an_output_in_bfloat16_that_is_not_finite_is_noted(monkeypatch):
    monkeypatch.setattr(hardware, "preferred_dtype", lambda _: torch.bfloat16)
    monkeypatch.setattr(engines.Probe, "agreement", lambda *_: math.nan)
    (note,) = relighter(DMSHN(4), dtype="auto", engine="eager").notes
    assert note == ("running in fp32 instead of bf16: the output in bf16 is not finite")


def test_auto_is_float32_without_hardware_for_less(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert relighter(DMSHN(4), dtype="auto").dtype == torch.float32


@pytest.mark.parametrize(("times", "chosen"), [(0.5, "bf16"), (1.2, "fp32")])
def test_on_a_cpu_the_format_is_chosen_by_a_trial_and_not_by_a_flag(
    monkeypatch, times, chosen
):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(hardware, "times_as_long", lambda *_, **__: times)
    found = hardware.preferred_dtype(torch.device("cpu"))
    assert hardware.dtype_name(found) == chosen


@pytest.mark.parametrize("training", [False, True])
def test_the_trial_is_short_and_finds_float32_no_slower_than_itself(training):
    hardware.times_as_long.cache_clear()
    begin = time.process_time()
    found = hardware.times_as_long(torch.float32, training=training)
    assert time.process_time() - begin < 1
    assert 0.1 < found < 10


@pytest.mark.parametrize("times", [0.7, 14])
@pytest.mark.parametrize("dtype", ["fp16", "bf16"])
def test_a_format_that_is_slow_here_is_noted(monkeypatch, times, dtype):
    monkeypatch.setattr(hardware, "times_as_long", lambda *_, **__: times)
    notes = " ".join(relighter(DMSHN(4), dtype=dtype).notes)
    assert (f"{dtype} takes about 14 times as long as fp32" in notes) == (times == 14)


@pytest.mark.parametrize("asked", ["auto", "compiled"])
def test_a_wait_for_the_compiler_is_noted_whoever_chose_it(monkeypatch, asked):
    def make(_network, engine, *_):
        engine = "compiled" if engine == "auto" else engine
        return engines.Ready(engine, torch.nn.Identity(), 99.0)

    monkeypatch.setattr(engines, "make", make)
    wait = "the first picture of each size waits about a minute for the compiler"
    assert relighter(DMSHN(4), engine=asked).notes == (wait,)
    assert not relighter(DMSHN(4), engine="eager").notes


def test_reduced_formats_agree_with_float32(shared, tmp_path):
    from msrnet_cli import images

    file = tmp_path / "w.safetensors"
    source = shared / "reference" / "dmshn_dehaze_published.safetensors"
    card = WeightsCard(model=ModelConfig(value_range="centred"))
    import_published(source, file, card)
    picture = images.read((shared / "real" / "vidit318.png").read_bytes())
    crop = picture.rgb[:, 400:656, 300:556]
    exact = Relighter.load(file, device="cpu", dtype="fp32").relight(crop)
    reduced = Relighter.load(file, device="cpu", dtype="bf16").relight(crop)
    assert psnr(reduced, exact) >= engines.AGREEMENT_DB


class Counting(torch.nn.Module):
    """The identity, which tells in which formats it was run."""

    seen: ClassVar[list[torch.dtype]] = []

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, x):
        self.seen.append(x.dtype)
        return x


def test_starting_takes_one_pass_in_each_format():
    Counting.seen.clear()
    subject = relighter(Counting(), dtype="bf16", engine="eager")
    assert Counting.seen == [torch.bfloat16, torch.float32]
    subject.run([torch.rand(3, 16, 16)])
    assert Counting.seen == [torch.bfloat16, torch.float32, torch.bfloat16]


def test_float32_is_made_when_a_deep_picture_asks_for_it(monkeypatch):
    monkeypatch.setattr(hardware, "preferred_dtype", lambda _: torch.bfloat16)
    subject = relighter(DMSHN(4), dtype="auto")
    made = []
    make = engines.make
    monkeypatch.setattr(
        engines, "make", lambda *given: made.append(given) or make(*given)
    )
    picture = torch.rand(3, 16, 16)
    subject.run([picture])
    assert not made
    with torch.inference_mode():  # the float32 form made here must also serve outside
        inside = subject.run([picture], deep=True).outputs[0]
    outside = subject.run([picture], deep=True).outputs[0]
    assert len(made) == 1
    assert torch.equal(inside, outside)
    exact = relighter(subject._session.plain).run([picture]).outputs[0]
    assert torch.equal(outside, exact)


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "meta", "xpu", ""])
def test_unknown_devices_are_refused(name):
    with pytest.raises(DeviceError, match="; use auto, cpu, cuda, cuda:N or mps"):
        hardware.choose_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_is_not_there_is_refused_with_the_reason():
    with pytest.raises(DeviceError, match="torch") as caught:
        hardware.choose_device("cuda")
    assert caught.value.exit_code == 2


def test_the_network_given_is_left_alone():
    network = DMSHN(4)
    before = copy.deepcopy(network.state_dict())
    relighter(network, dtype="bf16").relight(torch.rand(3, 16, 16))
    assert network.encoder1[0].weight.dtype == torch.float32
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())


def test_the_choice_can_be_asked_for_without_a_relighter(monkeypatch):
    monkeypatch.setattr(hardware, "times_as_long", lambda *_, **__: 14)
    network = DMSHN(4)
    options = SessionOptions(device="cpu", dtype="bf16", engine="eager")
    chosen = session.choose(network, SMALL, options)
    same = Relighter(network, SMALL, options)
    for found in (chosen, same):
        assert (found.dtype, found.engine) == (torch.bfloat16, "eager")
    assert chosen.notes == same.notes != ()


def test_keywords_take_the_place_of_options():
    options = SessionOptions(device="cpu", dtype="bf16", engine="eager")
    subject = Relighter(DMSHN(4), SMALL, options, dtype="fp32")
    assert (subject.dtype, subject.engine) == (torch.float32, "eager")
    assert options.dtype == "bf16"


@pytest.mark.parametrize("dtype", ["auto", "fp32"])
@pytest.mark.parametrize("engine", ["auto", "eager"])
def test_a_relighter_tells_what_was_asked_for_by_name(dtype, engine):
    subject = relighter(DMSHN(4), dtype=dtype, engine=engine)
    assert subject.keeps_format == (dtype == "fp32")
    assert subject.keeps_engine == (engine == "eager")


def test_every_option_is_a_keyword_of_the_same_type():
    assert get_type_hints(SessionOptions) == get_type_hints(SessionKeywords)


def test_options_and_results_load_no_torch():
    code = "import sys, msrnet_cli.relight.options, msrnet_cli.relight.records"
    check = "assert not {'torch', 'PIL', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", f"{code}; {check}"], check=True)
