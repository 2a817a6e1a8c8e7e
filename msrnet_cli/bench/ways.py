"""The ways to run the network: as its authors' script does, and as msrnet does.

A new engine of msrnet is added in `ours`, another program in `rivals`.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

import torch

from msrnet_cli import hardware
from msrnet_cli.bench.ceilings import ceiling_name
from msrnet_cli.relight import session
from msrnet_cli.relight.options import SessionOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from msrnet_cli.bench.subject import Subject
    from msrnet_cli.config import Dtype, Engine
    from msrnet_cli.relight.session import Session

REFERENCE = "reference"


@dataclass(frozen=True)
class Runner:
    """A network made ready for pictures of one shape, and these pictures with it.

    Attributes:
        run: Starts a pass; its result may still be in computation.
        fetch: Waits for a result of `run`, and gives B C H W, float32 on the CPU.
        on_stream: Whether all its work is on torch's current CUDA stream.
    """

    run: Callable[[], Any]
    fetch: Callable[[Any], Tensor]
    on_stream: bool = True


@dataclass(frozen=True)
class Way:
    """One way to run the network.

    Attributes:
        name: ``reference``, an engine of msrnet, or a rival.
        dtype: Its number format.
        ceiling: Which ceiling counts for its arithmetic.
        prepare: Makes the network ready for pictures, B 3 H W in [0, 1] on the CPU.
        kind: The authors' way, msrnet's own, or another program's.
        notes: What ``auto`` would have preferred, and why that was not taken.
    """

    name: str
    dtype: Dtype
    ceiling: str
    prepare: Callable[[Tensor], Runner]
    kind: Literal["reference", "own", "rival"]
    notes: tuple[str, ...] = ()


def reference(subject: Subject, device: torch.device) -> Way:
    """The network as its authors' script runs it: eager, fp32, NCHW."""
    return Way(
        name=REFERENCE,
        dtype="fp32",
        ceiling=ceiling_name(torch.float32, device),
        prepare=lambda images: _as_authors(subject, device, images),
        kind="reference",
    )


def ours(
    subject: Subject,
    device: torch.device,
    dtypes: Sequence[Dtype],
    engines: Sequence[Engine],
) -> list[Way]:
    """The network as `msrnet relight` runs it, once for each format and engine.

    Raises:
        DeviceError: The device cannot compute in a format, or does not have an engine.
    """
    found: dict[tuple[Dtype, str], Way] = {}
    for asked, engine in product(dtypes, engines):
        # What `auto` chooses depends on the network and the device.
        chosen = chosen_for(subject, device, asked, engine)
        plain = hardware.dtype_name(chosen.dtype)
        found[plain, chosen.engine] = Way(
            name=chosen.engine,
            dtype=plain,
            ceiling=ceiling_name(chosen.dtype, device),
            prepare=_own(subject, device, plain, chosen.engine),
            kind="own",
            notes=chosen.notes,
        )
    return list(found.values())


def chosen_for(
    subject: Subject, device: torch.device, dtype: Dtype, engine: Engine
) -> Session:
    """What `msrnet relight` would choose."""
    options = SessionOptions(device=str(device), dtype=dtype, engine=engine)
    return session.choose(subject.network, subject.card, options)


def _as_authors(subject: Subject, device: torch.device, images: Tensor) -> Runner:
    network = copy.deepcopy(subject.network).to(device)
    inputs = subject.inputs(images.to(device))

    def run() -> Tensor:
        with torch.no_grad():
            return network(*inputs.tensors)

    return Runner(run, _fetch)


def _own(
    subject: Subject, device: torch.device, dtype: Dtype, engine: Engine
) -> Callable[[Tensor], Runner]:
    def prepare(images: Tensor) -> Runner:
        network = chosen_for(subject, device, dtype, engine).forwards.chosen.network
        inputs = subject.inputs(images.to(device))

        def run() -> Tensor:
            with torch.no_grad():
                return network(*inputs.tensors)

        return Runner(run, _fetch)

    return prepare


def _fetch(output: Tensor) -> Tensor:
    return output.float().cpu()
