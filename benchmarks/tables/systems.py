"""The rows of both tables, and what the paper prints in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from msrnet_cli.networks import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable

Training = Literal["l2", "sobel", "combined", "layers"]

INPUTS = ("6500_N", "6500_S")
"""Lights of the two inputs, where a network sees two."""

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
        decimals: Of SSIM and LPIPS.
    """

    psnr: float
    ssim: float
    lpips: float
    seconds: float | None = None
    decimals: int = 4

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
        differs: In what the row departs from the paper's, apart from the protocol that
            all rows share.
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
    def words(self) -> tuple[str, ...]:
        """What `msrnet train` is told of its loss, and of a second input."""
        inputs = ("--inputs", ",".join(INPUTS)) if self.arch == "two_views" else ()
        return (*_WORDS[self.training], *inputs)

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


_AS_TOLD = "nothing"
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
        f"{_NO_RECIPE}, nor which of its three variants; here that in colour, without"
        " LSTM, which learns from the pictures of its three scales",
    ),
    "drn": (
        "DRN",
        Printed(17.59, 0.596, 0.440, 0.5, decimals=3),
        "one network from the start, no discriminator, whole pictures; the paper's line"
        " is probably quoted from DRN's own paper: three stages, four tiles a picture",
    ),
    "dmshn": ("DMSHN", Printed(17.20, 0.5696, 0.3712, 0.0058), _AS_TOLD),
    "stacked": ("Stacked DMSHN", Printed(17.89, 0.5899, 0.4088, 0.0116), _AS_TOLD),
}
"""Table 1: title, line and difference of each network, in the paper's order."""

_BESIDE: dict[str, tuple[str, Training, str]] = {
    "srn_lstm": (
        "SRN, ConvLSTM",
        "combined",
        "not a line of its own in the paper; as SRN, with its memory across scales",
    ),
    "two_views": (
        "DMSHN, two inputs",
        "combined",
        "not in the paper, which leaves it to the future; sees a second picture, lit"
        " from S; our own wiring",
    ),
    "lightstage": (
        "light stage",
        "layers",
        "not in the paper; learns every light, from layers of the same scenes, composed"
        " anew for each step, by its own recipe: Muon, batch 8, starts as the identity",
    ),
}
"""Further rows of Table 1: title, training and difference of each network."""


def table1(names: Iterable[str] = NAMES) -> Table:
    """The networks that there are, those of the paper trained alike.

    Args:
        names: Of networks, in any order.
    """
    there = tuple(names)
    compared = [
        System(title, arch, "combined", printed, differs)
        for arch, (title, printed, differs) in _PAPER.items()
        if arch in there
    ]
    beside = [
        System(title, arch, training, None, differs)
        for arch, (title, training, differs) in _BESIDE.items()
        if arch in there
    ]
    unknown = [
        System(arch, arch, "combined", None, "not in the paper")
        for arch in there
        if arch not in _PAPER and arch not in _BESIDE
    ]
    return Table(1, "networks", (*compared, *beside, *unknown), is_timed=True)


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
    return Table(2, "losses and stages", tuple(systems))
