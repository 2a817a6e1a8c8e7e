"""A network that learns: one step, and everything a checkpoint must hold.

Knows no files, no schedule and no data set.
"""

from __future__ import annotations

import copy
import math
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from msrnet_cli import hardware
from msrnet_cli.errors import DeviceError
from msrnet_cli.train.muon import Muon
from msrnet_cli.train.processes import ALONE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from torch import Tensor

    from msrnet_cli.train.material import Batch, Loss
    from msrnet_cli.train.options import TrainOptions
    from msrnet_cli.train.processes import Processes

_MOMENTS: dict[type[torch.optim.Optimizer], tuple[str, ...]] = {
    torch.optim.Adam: ("exp_avg", "exp_avg_sq"),
    Muon: ("momentum",),
}


@dataclass(frozen=True)
class Step:
    """What one step found.

    Attributes:
        loss: Before the step.
        gradient: Norm of the gradient before clipping.
        taken: False where a value was not finite: nothing was changed.
    """

    loss: float
    gradient: float
    taken: bool


class Learner:
    """A network, its optimizer, and the running mean of its weights.

    Args:
        network: Freshly initialised or loaded, float32.
        config: Its rates, clipping, running mean, number format.
        device: Where to learn.
        processes: Which learn together, each on its own part of a batch.
    """

    def __init__(
        self,
        network: nn.Module,
        config: TrainOptions,
        device: torch.device,
        processes: Processes = ALONE,
    ) -> None:
        self.device = device
        self.dtype = training_dtype(config, device)
        self._config = config
        self._offset = config.network.model.offset
        self.network = network.to(device).train()
        # torch's stubs do not know this form of Module.to
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._processes = processes
        self._forward = self._wrapped()
        self._average = copy.deepcopy(self.network) if config.optimizer.ema else None
        self.start_stage()

    @property
    def result(self) -> nn.Module:
        """The network to validate and save: the running mean where there is one."""
        return self.network if self._average is None else self._average

    def start_stage(self) -> None:
        """Go on from the result so far, with fresh optimizer state."""
        if self._average is not None:
            self.network.load_state_dict(self._average.state_dict())
        self._optimizers = self._fresh_optimizers()
        self._steps = 0

    def step(
        self,
        batch: Batch,
        loss: Loss,
        rate: float,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Step:
        """Take one step, unless the loss or its gradient is not finite.

        Args:
            batch: On this device.
            loss: What to make small.
            rate: Learning rate.
            meanwhile: What can be done while the device works.
        """
        self.network.zero_grad(set_to_none=True)
        with hardware.searching():  # a size comes again thousands of times
            value = loss(self.relight(self._forward, batch.source), batch)
            value.backward()
        norm = nn.utils.clip_grad_norm_(
            self.network.parameters(), self._config.optimizer.clip or float("inf")
        )
        meanwhile()
        # Waits for the device, once.
        before, gradient = torch.stack((value.detach(), norm)).tolist()
        if not (math.isfinite(before) and math.isfinite(gradient)):
            return Step(before, gradient, taken=False)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
        self._follow()
        return Step(before, gradient, taken=True)

    def relight(self, forward: Callable[[Tensor], Tensor], source: Tensor) -> Tensor:
        """Pictures in [0, 1] through a network: float32, not clamped."""
        source = source.contiguous(memory_format=torch.channels_last)
        with self._reduced():
            output = forward(source - self._offset)
        return output.float() + self._offset

    def tensors(self) -> dict[str, Tensor]:
        """Everything that was learnt, by name, for a checkpoint."""
        found = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        if self._average is not None:
            found |= {f"mean.{k}": v for k, v in self._average.state_dict().items()}
        names = self._names()
        for optimizer in self._optimizers:
            for parameter, state in optimizer.state.items():
                for moment in _MOMENTS[type(optimizer)]:
                    found[f"{moment}.{names[parameter]}"] = state[moment]
        return found | {"steps": torch.tensor(self._steps)}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `tensors` gave; exactly the same learning follows.

        Raises:
            ValueError: A tensor is missing or has another shape: they belong to
                another network. What was learnt here is then lost.
        """
        self.network.load_state_dict(_below("network.", tensors, self.network))
        if self._average is not None:
            self._average.load_state_dict(_below("mean.", tensors, self._average))
        self._steps = int(_found("steps", tensors, torch.tensor(0)))
        if not self._steps:
            return
        names = self._names()
        for optimizer in self._optimizers:
            for parameter in optimizer.param_groups[0]["params"]:
                state = optimizer.state[parameter]
                if not isinstance(optimizer, Muon):
                    state["step"] = torch.tensor(float(self._steps), device=self.device)
                for moment in _MOMENTS[type(optimizer)]:
                    name = f"{moment}.{names[parameter]}"
                    # Copied into the parameter's own memory format.
                    blank = torch.empty_like(parameter, requires_grad=False)
                    state[moment] = blank.copy_(_found(name, tensors, parameter))

    @property
    def steps_in_stage(self) -> int:
        """Steps taken since the stage began."""
        return self._steps

    def _fresh_optimizers(self) -> list[torch.optim.Optimizer]:
        rate, parameters = self._config.rate.lr, list(self.network.parameters())
        if self._config.optimizer.optimizer == "adam":
            return [torch.optim.Adam(parameters, lr=rate, fused=True)]
        weights = [p for p in parameters if p.ndim > 1]
        biases = [p for p in parameters if p.ndim == 1]
        return [
            Muon(weights, rate, self.dtype, self._processes),
            torch.optim.Adam(biases, lr=rate, fused=True),
        ]

    def _names(self) -> dict[Tensor, str]:
        return {parameter: name for name, parameter in self.network.named_parameters()}

    def _wrapped(self) -> Callable[[Tensor], Tensor]:
        forward: nn.Module = self.network
        if self._processes.count > 1:
            ids = [self.device] if self.device.type == "cuda" else None
            forward = DistributedDataParallel(forward, device_ids=ids)
        if self._config.run.compile:
            forward.compile()
        return forward

    def _reduced(self) -> AbstractContextManager[object]:
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    def _follow(self) -> None:
        """Move the running mean; faster at first, while its start still shows."""
        self._steps += 1
        if self._average is None:
            return
        decay = min(self._config.optimizer.ema, (1 + self._steps) / (10 + self._steps))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self._average.parameters()),
                list(self.network.parameters()),
                1 - decay,
            )


def training_dtype(config: TrainOptions, device: torch.device) -> torch.dtype:
    """The number format of the forward pass.

    Raises:
        DeviceError: It is fp16, whose range the gradients leave.
    """
    if config.run.dtype == "fp16":
        raise DeviceError("gradients leave the range of fp16", "use --dtype bf16")
    if config.run.dtype == "auto":
        preferred = hardware.preferred_dtype(device)
        reduced = preferred != torch.float32
        if reduced and device.type == "cpu" and not hardware.bfloat16_trains_faster():
            return torch.float32
        return preferred
    return hardware.DTYPES[config.run.dtype]


def _below(
    prefix: str, tensors: Mapping[str, Tensor], network: nn.Module
) -> dict[str, Tensor]:
    """The tensors of a network, out of those of a checkpoint.

    Raises:
        ValueError: It holds others.
    """
    wanted = network.state_dict()
    for name in tensors:
        if name.startswith(prefix) and name.removeprefix(prefix) not in wanted:
            raise ValueError(f"{name} is of another network")
    return {name: _found(prefix + name, tensors, v) for name, v in wanted.items()}


def _found(name: str, tensors: Mapping[str, Tensor], like: Tensor) -> Tensor:
    """A tensor of a checkpoint, of the shape of another.

    Raises:
        ValueError: It is missing, or has another shape.
    """
    found = tensors.get(name)
    if found is None:
        raise ValueError(f"{name} is missing")
    if found.shape != like.shape:
        shapes = f"{list(found.shape)} instead of {list(like.shape)}"
        raise ValueError(f"{name} has the shape {shapes}")
    return found
