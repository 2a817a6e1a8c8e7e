"""Scenes in layers of linear light as material: every light at once."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from msrnet_cli.evaluate import layers as evaluation
from msrnet_cli.layers import reading
from msrnet_cli.layers.store import Composer, LayerStore
from msrnet_cli.networks.spec import COLOURS, Inputs
from msrnet_cli.train import losses
from msrnet_cli.train.material import About, Trial

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch import Tensor

    from msrnet_cli.layers import store
    from msrnet_cli.train.inventory import Inventory
    from msrnet_cli.train.material import Loss, Paint
    from msrnet_cli.train.options import LossName, LossOptions
    from msrnet_cli.train.schedule import Phase

_COMPOSERS = 8  # threads, where a GPU learns meanwhile


@dataclass(frozen=True)
class Batch:
    """The examples of one step.

    Attributes:
        source: B 3 S S, float32, sRGB in [0, 1].
        target: B 30 S S: the layers, then normals in [0, 1].
        light: B 3: the light of each picture, see `layers.reading`.
        even: B, bool: pictures whose layers are smooth everywhere.
        names: The scenes, for messages.
    """

    source: Tensor
    target: Tensor
    light: Tensor
    even: Tensor
    names: tuple[str, ...]

    @property
    def inputs(self) -> Inputs:
        """What the network sees."""
        return Inputs(self.source)

    def with_target(self, target: Tensor) -> Batch:
        """The same examples with other targets, B C h w."""
        return replace(self, target=target)

    @classmethod
    def of(cls, composed: store.Batch, device: torch.device) -> Batch:
        """Composed pictures, with targets as a network of layers paints them."""
        normals = composed.normal.add(1).div_(2)
        target = torch.cat((composed.layers.flatten(1, 2), normals), 1)
        light = torch.tensor([reading.of_draw(draw) for draw in composed.draws])
        even = torch.tensor([kind == "even" for kind in composed.kinds])
        parts = (composed.picture, target, light, even)
        source, target, light, even = (
            part.to(device, non_blocking=True) for part in parts
        )
        return cls(source, target, light, even, composed.names)


@dataclass(frozen=True)
class Scenes:
    """The scenes of a run, found but not yet read.

    Attributes:
        training: Scenes to learn from.
        validation: Scenes to try the network on.
        about: For people.
        files: Identify the data.
    """

    training: LayerStore
    validation: LayerStore
    about: About
    files: Inventory

    def losses(
        self,
        names: Collection[LossName],
        _options: LossOptions,
        _device: torch.device,
        *,
        offline: bool = False,  # noqa: ARG002 nothing is fetched
    ) -> dict[LossName, Loss]:
        """The one loss of layers."""
        return dict.fromkeys(names, of_layers)

    def open(self, _largest: int, seed: int, device: torch.device) -> LayerMaterial:
        """Get ready to compose; scenes are read when they are needed."""
        return LayerMaterial(self, seed, device)


class LayerMaterial:
    """Pictures composed of scenes, and their layers; see `Material`.

    Args:
        scenes: What was found.
        seed: Of all that is drawn.
        device: Where batches are wanted.
    """

    def __init__(self, scenes: Scenes, seed: int, device: torch.device) -> None:
        self.about = scenes.about
        self._device = device
        self._composer = Composer(scenes.training, seed)
        self._tried = scenes.validation
        # On a CPU, composing takes its time from learning: threads gain nothing.
        self._pool = ThreadPoolExecutor(_COMPOSERS) if device.type != "cpu" else None
        self._ahead: dict[tuple[range, int], Future[store.Batch]] = {}

    def batch(self, numbers: range, size: int) -> Batch:
        """The examples of these numbers, at a size in pixels.

        Raises:
            DataError: A scene is damaged, or smaller than that.
        """
        begun = self._ahead.pop((numbers, size), None)
        made = begun.result() if begun else self._composer.batch(numbers, size)
        return Batch.of(made, self._device)

    def prefetch(self, numbers: range, size: int) -> None:
        """Start to compose examples that will be needed soon, where a GPU learns."""
        if self._pool is not None and (numbers, size) not in self._ahead:
            compose = self._pool.submit(self._composer.batch, numbers, size)
            self._ahead[numbers, size] = compose

    def try_out(self, paint: Paint, phase: Phase) -> Trial:
        """Score relit pictures under other lights, by the protocol of `msrnet eval`."""

        def outputs_of(pictures: Tensor) -> Tensor:
            painted = paint(Inputs(pictures.to(self._device))).clamp_(0, 1)
            return painted.unflatten(1, (-1, COLOURS)).cpu()

        scenes = len(self._tried)
        found = evaluation.try_out(outputs_of, self._tried, phase.size, scenes)
        return Trial(
            found.psnr, found.psnr_copy, found.detail, found.rows, found.scores
        )

    def close(self) -> None:
        """Stop threads."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def of_layers(output: Tensor, batch: Batch) -> Tensor:
    """The loss of a network's output for a batch."""
    return losses.layers(output, batch.target, batch.light, batch.even)
