"""Between pictures in [0, 1] and the values that a network sees and paints.

Who calls a network asks here what to show it, and what its answer means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from torch import Tensor

    from msrnet_cli.config import ModelConfig, ValueRange
    from msrnet_cli.networks.spec import Inputs

_Values = TypeVar("_Values", "Tensor", float)


@dataclass(frozen=True)
class Line:
    """A straight line from values of a picture to those of a network.

    Attributes:
        gain: What white is above black.
        shift: What black is below 0.
    """

    gain: float = 1.0
    shift: float = 0.0

    def there(self, values: _Values) -> _Values:
        """A picture's values as the network's."""
        scaled = values if self.gain == 1 else values * self.gain
        return scaled - self.shift

    def back(self, values: _Values) -> _Values:
        """The network's values as a picture's."""
        shifted = values + self.shift
        return shifted if self.gain == 1 else shifted / self.gain


@dataclass(frozen=True)
class Scale:
    """What a network sees of a picture in [0, 1], and how it paints one.

    Attributes:
        sees: What it is shown.
        paints: What it answers with.
    """

    sees: Line = Line()
    paints: Line = Line()

    @property
    def identity(self) -> Line:
        """What a network that changes no picture makes of the values that it sees."""
        gain = self.paints.gain / self.sees.gain
        return Line(gain, self.paints.shift - gain * self.sees.shift)

    def seen(self, picture: Tensor) -> Tensor:
        """What to show a network for a picture in [0, 1], of any shape."""
        return self.sees.there(picture)

    def inputs(self, given: Inputs) -> Inputs:
        """What to call a network with for a picture, and a guide, in [0, 1]."""
        return given.map(self.seen)

    def painted(self, output: Tensor) -> Tensor:
        """The picture, in about [0, 1], that a network's output stands for."""
        return self.paints.back(output)


_CENTRED, _SIGNED = Line(shift=0.5), Line(gain=2, shift=1)

SCALES: dict[ValueRange, Scale] = {
    "zero_one": Scale(),
    "centred": Scale(_CENTRED, _CENTRED),
    "signed": Scale(_SIGNED, _SIGNED),
    "signed_in": Scale(sees=_SIGNED),
}
"""Each value range: [0, 1]; [-0.5, 0.5]; [-1, 1]; [-1, 1] in, [0, 1] out."""

UNSCALED = SCALES["zero_one"]


def of(model: ModelConfig) -> Scale:
    """The scale of the network that a config describes."""
    return SCALES[model.value_range]
