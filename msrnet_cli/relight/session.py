"""The choice of device, number format and engine, as a value."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from msrnet_cli import engines, hardware
from msrnet_cli.config import WORK_SIZE
from msrnet_cli.errors import DeviceError
from msrnet_cli.networks import architecture, ranges
from msrnet_cli.networks.spec import COLOURS
from msrnet_cli.relight.forward import Forward, Forwards
from msrnet_cli.relight.options import DEFAULTS
from msrnet_cli.relight.soundness import probe_picture

if TYPE_CHECKING:
    from torch import nn

    from msrnet_cli.config import Dtype, Engine, WeightsCard, WorkSize
    from msrnet_cli.relight.options import SessionOptions

_SLOW = 1.5  # times as long as fp32
_FLOAT = 4  # bytes


@dataclass(frozen=True)
class Session:
    """A network on its device, in the number format and with the engine chosen for it.

    Attributes:
        plain: The network as it was given: a copy, on the device that it came from.
        device: Where the network runs.
        work_size: The working size that applies.
        engine: The engine that was chosen.
        forwards: The network ready to run: as chosen, and in float32.
        keeps_format: Whether the number format was asked for by name.
        keeps_engine: Whether the engine was asked for by name.
        probe: A small picture, and the plain network's answer to it in float32.
        notes: Notes for the user on the chosen format and engine.
    """

    plain: nn.Module
    device: torch.device
    work_size: WorkSize
    engine: Engine
    forwards: Forwards
    keeps_format: bool
    keeps_engine: bool
    probe: engines.Probe
    notes: tuple[str, ...]

    @property
    def self_ensemble(self) -> bool:
        """Whether the network sees mirror images, too, and the mean counts."""
        return self.forwards.chosen.from_mirror is not None

    @property
    def dtype(self) -> torch.dtype:
        """The number format that was chosen."""
        return self.forwards.chosen.dtype

    def suited(self, *, deep: bool) -> tuple[Forward, tuple[str, ...]]:
        """The form of the network whose number format is fine enough for pictures.

        Args:
            deep: Whether the pictures have more than 8 bits.

        Returns:
            The form, and a note where a format asked for by name is too coarse.
        """
        if not deep or self.dtype == torch.float32:
            return self.forwards.chosen, ()
        if not self.keeps_format:
            return self.forwards.exact(), ()
        name = hardware.dtype_name(self.dtype)
        note = f"computed in {name}: only about 8 bits of its depth count"
        return self.forwards.chosen, (note,)


def choose(
    network: nn.Module,
    card: WeightsCard,
    options: SessionOptions = DEFAULTS,
    pictures: int = 1,
) -> Session:
    """Choose how a network runs on this machine, and make it ready.

    Args:
        network: From `msrnet_cli.networks`, any floating type; it is copied.
        card: The card of its weights: architecture, value range, working size.
        options: What the user asks for.
        pictures: About how many pictures will be relit.

    Raises:
        DeviceError: The device does not exist, cannot compute in this format, does not
            have this engine, or does not have enough memory.
    """
    work_size = options.work_size or card.work_size or WORK_SIZE
    device = hardware.choose_device(options.device)
    with torch.inference_mode(False):  # else the copies are inference tensors
        plain = copy.deepcopy(network).eval().requires_grad_(False)
    side = WORK_SIZE if work_size == "full" else work_size
    probe = _probe(plain, card, device)
    seen = pictures * side**2
    maker = _Maker(plain, card, device, probe, seen, twice=options.self_ensemble)
    try:
        dtype, ready, refused = _choose_format(maker, options)
    except (RuntimeError, MemoryError) as error:
        if not hardware.is_out_of_memory(error):
            raise
        raise DeviceError(
            f"{device} does not have enough memory free for the network",
            "close other programs, or use another device",
        ) from error
    # The float32 form runs rarely, so it is not compiled.
    engine: Engine = "auto" if options.engine == "compiled" else options.engine
    notes = (
        refused,
        ready.note,
        _slowness(device, options.dtype, dtype),
        _wait(ready.engine),
    )
    return Session(
        plain=plain,
        device=device,
        work_size=work_size,
        engine=ready.engine,
        forwards=Forwards(
            maker.forward(dtype, ready),
            lambda: maker.forward(torch.float32, maker.make(torch.float32, engine)),
        ),
        keeps_format=options.dtype != "auto",
        keeps_engine=options.engine != "auto",
        probe=probe,
        notes=tuple(filter(None, notes)),
    )


@dataclass(frozen=True)
class _Maker:
    """Makes a network ready to run in any number format.

    Attributes:
        plain: The network.
        card: The card of its weights.
        device: Where it will run.
        probe: What engines are tried on.
        pixels: About how many pixels the network will see.
        twice: Whether it sees mirror images, too, if it can.
    """

    plain: nn.Module
    card: WeightsCard
    device: torch.device
    probe: engines.Probe
    pixels: float
    twice: bool

    def make(self, dtype: torch.dtype, engine: Engine) -> engines.Ready:
        with torch.inference_mode(False), torch.no_grad():
            plain = _placed(self.plain, self.device, dtype)
            return engines.make(plain, engine, self.probe, self.pixels)

    def forward(self, dtype: torch.dtype, ready: engines.Ready) -> Forward:
        model = self.card.model
        facts = architecture(model.arch)
        memory = facts.bytes_per_pixel_at(
            hardware.dtype_name(dtype), model.channels, ready.engine
        )
        from_mirror = facts.from_mirror if self.twice else None
        if from_mirror:
            memory += _FLOAT * COLOURS * len(facts.outputs)  # of the picture, kept
        return Forward(
            ready.network,
            self.device,
            dtype,
            facts,
            ranges.of(model),
            memory,
            from_mirror,
        )


def _choose_format(
    maker: _Maker, options: SessionOptions
) -> tuple[torch.dtype, engines.Ready, str]:
    """The number format, the network in it, and why a faster format was refused."""
    asked = options.dtype
    wanted = (
        hardware.preferred_dtype(maker.device)
        if asked == "auto"
        else hardware.DTYPES[asked]
    )
    name = hardware.dtype_name(wanted)
    if wanted == torch.float32:
        return wanted, maker.make(wanted, options.engine), ""
    try:
        ready = maker.make(wanted, options.engine)
        agreement = ready.agreement
        if agreement is None:
            agreement = maker.probe.agreement(ready.network)
    except RuntimeError as error:
        if hardware.is_out_of_memory(error):
            raise
        line = next(iter(str(error).strip().splitlines()), type(error).__name__)
        reason = f"{maker.device} cannot compute in {name} ({line})"
        if asked != "auto":
            raise DeviceError(reason, "use --dtype fp32") from error
    else:
        if asked != "auto" or agreement >= engines.AGREEMENT_DB:
            return wanted, ready, ""
        reason = _disagreement(name, agreement)
    exact = maker.make(torch.float32, options.engine)
    return torch.float32, exact, f"running in fp32 instead of {name}: {reason}"


def _disagreement(name: str, agreement: float) -> str:
    """What an agreement below `engines.AGREEMENT_DB` says about a number format."""
    if math.isnan(agreement):
        return f"the output in {name} is not finite"
    return f"{name} agrees with fp32 only to {agreement:.1f} dB"


def _probe(plain: nn.Module, card: WeightsCard, device: torch.device) -> engines.Probe:
    facts = architecture(card.model.arch)
    picture = probe_picture(facts.multiple, facts.guide)
    scale = ranges.of(card.model)
    seen = scale.inputs(picture)
    return engines.Probe(
        lambda: _placed(plain, device, torch.float32),
        seen.map(lambda x: x.to(device)),
        scale.paints.gain,
    )


def _placed(plain: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """A network on a device and in a number format; copied where it must change."""
    first = next(plain.parameters())
    if (first.device, first.dtype) == (device, dtype):
        return plain
    return copy.deepcopy(plain).to(device, dtype)


def _slowness(device: torch.device, asked: Dtype, dtype: torch.dtype) -> str:
    """A note where the number format that was asked for is slow here; else ""."""
    if device.type != "cpu" or asked == "auto" or dtype == torch.float32:
        return ""
    times = hardware.times_as_long(dtype)
    if times < _SLOW:
        return ""
    return (
        f"{asked} takes about {times:.0f} times as long as fp32 on this CPU:"
        " --dtype auto takes the faster"
    )


def _wait(engine: Engine) -> str:
    """A note where the engine that was chosen has a long start; else ""."""
    if engine != "compiled":
        return ""
    return "the first picture of each size waits about a minute for the compiler"
