"""Scores, as they are reported. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from msrnet_cli.config import WorkSize

COPY, AFFINE = "copy of the input", "affine colour map"
"""The names of baselines."""
TRUTH = "true layers"
"""The name of layers that no network painted: what mixing alone loses."""


@dataclass(frozen=True)
class ImageScores:
    """How good one picture is.

    Attributes:
        name: The scene.
        psnr: In dB; at most 58.92, what rounding to 8 bits does on average.
        ssim: 7x7 uniform window on 8 bits, as the authors scored.
        ssim_gaussian: 11x11 Gaussian window.
        detail: Mean gradient magnitude, as a part of the target's; None if the target
            is flat and the picture differs from it.
        lpips: With AlexNet; None if its weights are missing.
        mps: (SSIM + 1 - LPIPS) / 2; None without LPIPS.
        seconds: Time to relight it; None if it was not relit.
    """

    name: str
    psnr: float
    ssim: float
    ssim_gaussian: float
    detail: float | None
    lpips: float | None = None
    mps: float | None = None
    seconds: float | None = None


SCORES = ("psnr", "ssim", "ssim_gaussian", "lpips", "mps", "detail", "seconds")


@dataclass(frozen=True)
class Estimate:
    """A mean over pictures.

    Attributes:
        mean: The mean.
        margin: The 95 % confidence interval is the mean plus or minus this; None for
            fewer than three pictures.
    """

    mean: float
    margin: float | None


@dataclass(frozen=True)
class MethodScores:
    """How good one method is on all pictures.

    Attributes:
        name: Weights, or the baseline.
        images: Picture by picture.
        means: By score, over the pictures that have it.
        worst_gain: Smallest gain in PSNR over the copy of the input, in dB; None if
            the input is unknown.
        work_size: Longer side at which weights saw the pictures, or ``full``; None if
            nothing was relit.
        whole: How many pictures were not larger than that, and were seen whole.
    """

    name: str
    images: tuple[ImageScores, ...]
    means: dict[str, Estimate]
    worst_gain: float | None = None
    work_size: WorkSize | None = None
    whole: int = 0


@dataclass(frozen=True)
class EvalResult:
    """What `msrnet eval` found.

    Attributes:
        data: What was scored on.
        pictures: How many.
        device: The device, for people; "" if nothing was relit.
        methods: Baselines first.
        notes: What the user must know.
    """

    data: str
    pictures: int
    device: str
    methods: tuple[MethodScores, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gain:
    """By how much a method is better than another; means over scenes.

    Attributes:
        psnr: In dB.
        ssim: 7x7 uniform window.
    """

    psnr: Estimate
    ssim: Estimate


@dataclass(frozen=True)
class Bearing:
    """How well the azimuth of the key light of pictures is found.

    Attributes:
        median: Error in degrees; by chance 90.
        near: Share within 60 degrees; by chance a third.
    """

    median: float
    near: float


@dataclass(frozen=True)
class RowScores:
    """How good one method is at one kind of change of light.

    Attributes:
        name: The kind of change.
        psnr: In dB, of 8 bits. Intervals are over scenes here and below: changes of one
            scene are averaged first.
        ssim: 7x7 uniform window.
        detail: Mean gradient magnitude, as a part of the target's; None if all targets
            are flat.
        over_copy: Gain over a copy of the input; None for a baseline, and if the input
            is the target.
        over_better: Gain over the copy or the affine colour map, whichever has the
            higher mean PSNR; None if no map was fitted.
        bearing: How well the light was fitted; None if it was not fitted.
        read: How well the network read the light; None if the network does not.
        scenes: Mean PSNR of each scene, by name: two results on the same scenes can be
            compared scene by scene.
        flat: How many pictures are left out of `detail`, because their targets are
            flat.
    """

    name: str
    psnr: Estimate
    ssim: Estimate
    detail: Estimate | None
    over_copy: Gain | None
    over_better: Gain | None
    bearing: Bearing | None
    read: Bearing | None
    scenes: dict[str, float]
    flat: int = 0


@dataclass(frozen=True)
class Evenness:
    """Errors of painted layers of even surfaces, in 1/255.

    Errors wider than 49 pixels do not count.

    Attributes:
        deviation: Standard deviation of the errors.
        edge: Largest error within 8 pixels of an edge of the picture.
    """

    deviation: Estimate
    edge: float


@dataclass(frozen=True)
class Bar:
    """A figure that is wanted of a light stage, and what it is.

    Attributes:
        name: What is measured.
        found: The figure.
        wanted: The bound that it should keep.
        is_least: Whether `found` should be at least `wanted`; else, at most.
        unit: ``dB``, ``°`` or ``%``.
        count: Over how many scenes or pictures.
    """

    name: str
    found: float
    wanted: float
    is_least: bool
    unit: Literal["dB", "°", "%"]
    count: int

    @property
    def is_kept(self) -> bool:
        """Whether the figure keeps its bound."""
        if self.is_least:
            return self.found >= self.wanted
        return self.found <= self.wanted


@dataclass(frozen=True)
class StageScores:
    """How good one method is on scenes whose lights are all known.

    Attributes:
        name: Weights, or the baseline.
        rows: A row for each kind of change that the method can make.
        work_size: Longer side at which weights saw the pictures, or ``full``; None for
            baselines.
        even: Errors on even surfaces; None if the method paints no layers.
        whole: How many scenes were not larger than that, and were seen whole.
        bars: Figures that are wanted of weights that paint layers, and of true layers.
    """

    name: str
    rows: tuple[RowScores, ...]
    work_size: WorkSize | None = None
    even: Evenness | None = None
    whole: int = 0
    bars: tuple[Bar, ...] = ()


@dataclass(frozen=True)
class StageResult:
    """What `msrnet eval --layers` found.

    Attributes:
        data: Folder of the scenes.
        scenes: How many.
        size: Side of the pictures that are scored, in pixels: the shorter side of the
            smallest scene; larger scenes are reduced to it.
        device: The device, for people; "" if nothing was relit.
        methods: Baselines first, true layers last.
        notes: What the user must know.
        largest: The shorter side of the largest scene, in pixels.
    """

    data: str
    scenes: int
    size: int
    device: str
    methods: tuple[StageScores, ...]
    notes: tuple[str, ...] = ()
    largest: int = 0
