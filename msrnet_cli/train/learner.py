"""A network that learns: one step, and everything that a checkpoint must hold.

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
from msrnet_cli.networks import architecture
from msrnet_cli.networks.ranges import UNSCALED
from msrnet_cli.train import optimizers
from msrnet_cli.train.processes import ALONE
from msrnet_cli.train.restoring import fitting, of_network

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from torch import Tensor

    from msrnet_cli.config import Arch, Dtype
    from msrnet_cli.networks.ranges import Scale
    from msrnet_cli.networks.spec import Inputs, Sketches
    from msrnet_cli.train.material import Batch, Loss
    from msrnet_cli.train.options import OptimizerOptions
    from msrnet_cli.train.processes import Processes

    Painted = Tensor | tuple[Tensor, ...]


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
    """A network, its optimizers, and the running mean of its weights.

    Args:
        network: Freshly initialised or loaded, float32.
        options: Optimizer, clipping, running mean.
        device: Where to learn.
        dtype: Number format of the forward pass, see `training_dtype`.
        scale: Between pictures in [0, 1] and what the network sees and paints.
        sketches: What it paints on the way to its result, where it learns from that.
        compiled: Compile the forward pass.
        processes: Which learn together, each on its own part of a batch.
    """

    def __init__(
        self,
        network: nn.Module,
        options: OptimizerOptions,
        device: torch.device,
        dtype: torch.dtype,
        *,
        scale: Scale = UNSCALED,
        sketches: Sketches | None = None,
        compiled: bool = False,
        processes: Processes = ALONE,
    ) -> None:
        self.device, self.dtype = device, dtype
        self._options, self._scale, self._sketches = options, scale, sketches
        self.network = network.to(device).train()
        # torch's stubs do not know this form of Module.to
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._processes = processes
        self._forward = self._wrapped(compiled)
        self._average = copy.deepcopy(self.network) if options.ema else None
        self._weights: list[Tensor] = list(self.network.parameters())
        self._means: list[Tensor] = []
        if self._average is not None:
            self._means.extend(self._average.parameters())
        self.start_stage()

    @property
    def result(self) -> nn.Module:
        """The network to validate and save: the running mean where there is one."""
        return self.network if self._average is None else self._average

    @property
    def steps_in_stage(self) -> int:
        """Steps taken since the stage began."""
        return self._steps

    @property
    def is_finite(self) -> bool:
        """Whether all weights are finite, and all of their running mean."""
        networks = dict.fromkeys((self.network, self.result))  # may be the same
        tensors = [value for one in networks for value in one.state_dict().values()]
        # In one pass over all tensors, which may be hundreds of small ones.
        largest = nn.utils.get_total_norm(
            [value for value in tensors if value.is_floating_point()], math.inf
        )
        return bool(largest.isfinite())

    def start_stage(self) -> None:
        """Go on from the result so far, with fresh optimizer state."""
        if self._average is not None:
            self.network.load_state_dict(self._average.state_dict())
        self._optimizers = optimizers.build(
            self._options.optimizer, self.network, self.dtype, self._processes
        )
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
            value = self._loss(loss, batch)
            value.backward()
        norm = nn.utils.clip_grad_norm_(self._weights, self._options.clip or math.inf)
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

    def relight(self, forward: Callable[..., Tensor], inputs: Inputs) -> Tensor:
        """Pictures in [0, 1] through a network: float32, not clamped."""
        return self._painted(forward, inputs)[-1]

    def tensors(self) -> dict[str, Tensor]:
        """Everything that was learnt, by name, for a checkpoint."""
        found = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        if self._average is not None:
            found |= {f"mean.{k}": v for k, v in self._average.state_dict().items()}
        found |= optimizers.state_of(self._optimizers, self.network)
        return found | {"steps": torch.tensor(self._steps)}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `tensors` gave; exactly the same learning follows.

        Raises:
            ValueError: A tensor is missing or has another shape: they belong to
                another network. What was learnt here is then lost.
        """
        self._steps = int(fitting("steps", tensors, torch.tensor(0)))
        if self._steps:
            optimizers.restore(self._optimizers, self.network, tensors, self._steps)
        self.network.load_state_dict(of_network("network.", tensors, self.network))
        if self._average is not None:
            self._average.load_state_dict(of_network("mean.", tensors, self._average))

    def _loss(self, loss: Loss, batch: Batch) -> Tensor:
        """The loss of the result, and of each sketch against a target of its size."""
        *sketches, result = self._painted(self._forward, batch.inputs)
        value = loss(result, batch)
        for sketch in sketches:
            value = value + loss(sketch, self._fitted(batch, sketch))
        return value

    def _fitted(self, batch: Batch, sketch: Tensor) -> Batch:
        """A batch whose targets have the size of a sketch."""
        height, width = sketch.shape[-2:]
        if self._sketches is None or batch.target.shape[-2:] == (height, width):
            return batch
        return batch.with_target(self._sketches.resize(batch.target, (height, width)))

    def _painted(self, forward: Callable[..., Painted], inputs: Inputs) -> list[Tensor]:
        """All pictures that a forward pass gives; the last is the result."""
        laid_out = inputs.map(lambda x: x.contiguous(memory_format=torch.channels_last))
        with self._reduced():
            found = forward(*self._scale.inputs(laid_out).tensors)
        outputs = (found,) if isinstance(found, torch.Tensor) else found
        return [self._scale.painted(output.float()) for output in outputs]

    def _wrapped(self, compiled: bool) -> Callable[..., Painted]:
        forward: nn.Module = self.network
        if self._sketches is not None:
            forward = _Sketching(forward, self._sketches)
        if self._processes.count > 1:
            ids = [self.device] if self.device.type == "cuda" else None
            forward = DistributedDataParallel(forward, device_ids=ids)
        if compiled:
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
        decay = min(self._options.ema, (1 + self._steps) / (10 + self._steps))
        with torch.no_grad():
            torch._foreach_lerp_(self._means, self._weights, 1 - decay)


class _Sketching(nn.Module):
    """A network whose call gives its sketches, too."""

    def __init__(self, network: nn.Module, sketches: Sketches) -> None:
        super().__init__()
        self.network = network
        self._paint = sketches.paint

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(self._paint(self.network, *inputs))


def training_dtype(name: Dtype, device: torch.device, arch: Arch) -> torch.dtype:
    """The number format of the forward pass.

    Args:
        name: ``auto`` on a CPU is what a short trial finds to be faster.
        device: Where to learn.
        arch: What learns; some networks need float32.

    Raises:
        DeviceError: It is fp16, whose range the gradients leave.
    """
    if name == "fp16":
        raise DeviceError("gradients leave the range of fp16", "use --dtype bf16")
    if name != "auto":
        return hardware.DTYPES[name]
    if architecture(arch).needs_fp32:
        return torch.float32
    preferred = hardware.preferred_dtype(device)
    is_reduced = preferred != torch.float32
    if is_reduced and device.type == "cpu" and not hardware.bfloat16_trains_faster():
        return torch.float32
    return preferred
