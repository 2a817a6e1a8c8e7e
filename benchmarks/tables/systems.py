"""The rows of both tables, and what the paper prints in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from msrnet_cli.networks import NAMES, architecture

if TYPE_CHECKING:
    from collections.abc import Iterable

Training = Literal["l2", "sobel", "combined", "layers"]

_WORDS: dict[Training, tuple[str, ...]] = {
    "l2": (),
    "sobel": ("--loss", "sobel"),
    "combined": ("--stage", "all"),
    "layers": (),
}
_TOLD: dict[Training, str] = {
    "l2": "L2",
    "sobel": "combined Sobel loss",
    "combined": "combined loss",
    "layers": "layers",
}


@dataclass(frozen=True)
class Printed:
    """A line of the paper: VIDIT's 45 validation scenes, a GTX 1080 Ti.

    Attributes:
        psnr: In dB.
        ssim: Window not told.
        lpips: Network not told.
        seconds: For a picture of 1024x1024; None in Table 2.
    """

    psnr: float
    ssim: float
    lpips: float
    seconds: float | None = None

    @property
    def mps(self) -> float:
        """(SSIM + 1 - LPIPS) / 2, which the paper does not print."""
        return (self.ssim + 1 - self.lpips) / 2


@dataclass(frozen=True)
class System:
    """A row: a network and how it is trained.

    Attributes:
        title: As the paper writes it.
        arch: The network, one of `networks.NAMES`.
        training: What is made small; ``combined`` has two stages.
        printed: The paper's line; None where it has none.
        differs: In what the row is trained otherwise than the paper's, apart from the
            protocol that all rows share.
    """

    title: str
    arch: str
    training: Training
    printed: Printed | None
    differs: str

    @property
    def key(self) -> str:
        """Names its runs; equal in both tables where both train the same."""
        return f"{self.arch}-{self.training}"

    @property
    def label(self) -> str:
        """Short, for pictures."""
        return self.title.partition(",")[0] if self.training == "layers" else self.title

    @property
    def words(self) -> tuple[str, ...]:
        """What `msrnet train` is told of its loss."""
        return _WORDS[self.training]

    @property
    def last_stage(self) -> str:
        """Its weights are those at the end of this stage."""
        return "2" if self.training == "combined" else "1"


@dataclass(frozen=True)
class Table:
    """A table of the paper.

    Attributes:
        number: In the paper.
        title: What it compares.
        systems: Its rows, in the paper's order; further ones behind them.
        is_timed: Whether it has a column of times.
    """

    number: int
    title: str
    systems: tuple[System, ...]
    is_timed: bool = False


_AS_TOLD = "nothing else"
_NO_RECIPE = "the paper does not tell how it was trained"
_PAPER: dict[str, tuple[str, Printed, str]] = {
    "griddehazenet": (
        "Dense-GridNet",
        Printed(16.67, 0.2811, 0.3691, 0.9326),
        f"{_NO_RECIPE}; the SSIM that it prints is suspect",
    ),
    "srn": (
        "SRN",
        Printed(16.94, 0.5660, 0.4319, 0.87),
        f"{_NO_RECIPE}, nor which of the three variants",
    ),
    "drn": (
        "DRN",
        Printed(17.59, 0.596, 0.440, 0.5),
        "one network from the start, no discriminator, whole pictures; the paper's line"
        " is probably quoted from DRN's own paper: three stages, four tiles a picture",
    ),
    "dmshn": ("DMSHN", Printed(17.20, 0.5696, 0.3712, 0.0058), _AS_TOLD),
    "stacked": ("Stacked DMSHN", Printed(17.89, 0.5899, 0.4088, 0.0116), _AS_TOLD),
}
"""Table 1: title, line and difference of each network, in the paper's order."""

_LIGHTSTAGE = (
    "not in the paper; learns every light, from layers of the same scenes, composed"
    " anew for each step, by its own recipe: Muon, batch 8, starts as the identity"
)
# Two lights as input, which the paper leaves to the future, would be further systems
# here: the same networks with a title, a training and words of their own.


def table1(names: Iterable[str] = NAMES) -> Table:
    """The networks that there are, all trained alike: L2, then the combined loss."""
    there = tuple(names)
    compared = [
        System(title, arch, "combined", printed, differs)
        for arch, (title, printed, differs) in _PAPER.items()
        if arch in there
    ]
    further = [_further(arch) for arch in there if arch not in _PAPER]
    return Table(1, "Networks", (*compared, *further), is_timed=True)


def _further(arch: str) -> System:
    """A network that the paper does not have."""
    if arch == "lightstage":
        return System(
            "light stage, not told its light", arch, "layers", None, _LIGHTSTAGE
        )
    layers = architecture(arch).paints_layers
    training: Training = "layers" if layers else "combined"
    return System(arch, arch, training, None, "not in the paper")


def table2() -> Table:
    """DMSHN and its stack, by loss."""
    lines: tuple[tuple[str, Training, Printed], ...] = (
        ("dmshn", "sobel", Printed(17.09, 0.5928, 0.4428)),
        ("dmshn", "l2", Printed(16.94, 0.5659, 0.4933)),
        ("dmshn", "combined", Printed(17.20, 0.5696, 0.3712)),
        ("stacked", "l2", Printed(17.53, 0.5673, 0.4253)),
        ("stacked", "combined", Printed(17.89, 0.5899, 0.4088)),
    )
    systems = [
        System(
            f"{_PAPER[arch][0]}, {_TOLD[training]}", arch, training, printed,
            "the weight of its Sobel term, 0.25, is not in the paper"
            if training == "sobel" else _AS_TOLD,
        )
        for arch, training, printed in lines
    ]  # fmt: skip
    return Table(2, "Losses and stages", tuple(systems))
