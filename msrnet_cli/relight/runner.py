"""A network on a device, and the facts of how it runs there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from msrnet_cli.networks import architecture
from msrnet_cli.networks.spec import Inputs
from msrnet_cli.relight import device_copy, session
from msrnet_cli.relight.options import DEFAULTS
from msrnet_cli.relight.painter import Painter
from msrnet_cli.relight.records import UNNAMED, WeightsName

if TYPE_CHECKING:
    from typing import Unpack

    from torch import Tensor, nn

    from msrnet_cli.config import WeightsCard, WorkSize
    from msrnet_cli.relight.options import SessionKeywords, SessionOptions


class Runner:
    """A network on a device, ready to run.

    Args:
        network: From `msrnet_cli.networks`, any floating type; it is copied.
        card: The card of its weights.
        options: Where and how it runs.
        weights: What names the weights.
        pictures: About how many pictures will be relit, for the engine ``auto``.
        **keywords: Fields of `SessionOptions`, in place of those in `options`.

    Attributes:
        card: The card of the weights.
        weights: What names the weights.
        digest: Names them in journals: `weights.sha256`.
        architecture: Facts about the network.
        sees_two: Whether it sees two pictures of a scene.
        second_light: Light of the second ones, as ``6500_S``; "" for none or unknown.
        device: Where the network runs.
        dtype: The number format that was chosen.
        keeps_format: Whether the number format was asked for by name.
        engine: The engine that was chosen.
        keeps_engine: Whether the engine was asked for by name.
        work_size: Longer side that the network sees, or ``full``.
        others_work_size: As `work_size`, of the weights for pictures that these do not
            know, see `relight.suited`; None where these relight all.
        self_ensemble: Whether it sees mirror images, too, and the mean counts.
        notes: Notes for the user on the chosen format and engine.

    Raises:
        DeviceError: The device does not exist, cannot compute in this format, does not
            have this engine, or does not have enough memory.
        UsageError: The working size is not valid.
    """

    def __init__(
        self,
        network: nn.Module,
        card: WeightsCard,
        options: SessionOptions = DEFAULTS,
        *,
        weights: WeightsName = UNNAMED,
        pictures: int = 1,
        **keywords: Unpack[SessionKeywords],
    ) -> None:
        self.card = card
        self.weights = weights
        self.digest = weights.sha256
        self._options = replace(options, **keywords)
        self._pictures = pictures
        self._session = session.choose(network, card, self._options, pictures)
        self.architecture = architecture(card.model.arch)
        self.sees_two = self.architecture.sees_two
        self.second_light = card.second_light
        self.device = self._session.device
        self.dtype = self._session.dtype
        self.keeps_format = self._session.keeps_format
        self.engine = self._session.engine
        self.keeps_engine = self._session.keeps_engine
        self.work_size = self._session.work_size
        self.others_work_size: WorkSize | None = None
        self.self_ensemble = self._session.self_ensemble
        self.notes = self._session.notes
        self._painter = Painter(self._session, self.architecture, weights)

    def paint(self, pictures: Tensor) -> Tensor:
        """All outputs of the network, at the size of the pictures.

        Args:
            pictures: B 3 H W in [0, 1].

        Returns:
            B C H W in [0, 1] on the CPU, as the architecture orders its outputs.
        """
        painted = self._session.forwards.chosen.paint(Inputs(pictures))
        return painted.clamp_(0, 1).cpu()

    @property
    def network(self) -> nn.Module:
        """The network as it runs here: `Inputs` to B C H W, float32 on the device.

        There are three channels for each of its outputs. For computing only: most
        engines give no gradients.
        """
        return self._session.forwards.chosen.network

    @property
    def lanes(self) -> int:
        """From how many threads to call `Relighter.run` at a time."""
        return device_copy.lanes(self.device)

    def working_size(self, width: int, height: int) -> tuple[int, int] | None:
        """Width and height at which the network sees a picture.

        None where the network sees the picture unreduced. See `sizes.working_size`.
        """
        return self._painter.working_size(width, height)

    def batch_size(self, width: int, height: int) -> int:
        """How many pictures of a size to run together on this device."""
        return self._painter.batch_size(width, height)
