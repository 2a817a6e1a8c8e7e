"""Scores, as they are reported. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ImageScores:
    """How good one picture is.

    Attributes:
        name: The scene.
        psnr: In dB; at most 58.92, what rounding to 8 bits does on average.
        ssim: 7x7 uniform window on 8 bits, as the authors scored.
        ssim_gaussian: 11x11 Gaussian window.
        detail: Mean gradient magnitude, as a part of the target's; None for a flat
            target that the picture does not equal.
        lpips: AlexNet; None where its weights are not at hand.
        mps: (SSIM + 1 - LPIPS) / 2; None without LPIPS.
        seconds: Time to relight it; None for pictures that were there.
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
        worst_gain: Smallest gain in PSNR over the copy of the input, in dB; None
            where there is no input.
        work_size: Longer side at which weights saw the pictures, or ``full``; None
            where nothing was relit.
        whole: How many pictures were seen whole because they are no larger than that.
    """

    name: str
    images: tuple[ImageScores, ...]
    means: dict[str, Estimate]
    worst_gain: float | None = None
    work_size: int | Literal["full"] | None = None
    whole: int = 0


@dataclass(frozen=True)
class EvalResult:
    """What `msrnet eval` found.

    Attributes:
        data: What was scored on.
        pictures: How many.
        device: The device, for people; "" where nothing was relit.
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
    """By how much a method is better than another, over scenes.

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
        detail: Mean gradient magnitude, as a part of the target's; None where all
            targets are flat.
        over_copy: Gain over a copy of the input; None for a baseline, and where the
            input is the target.
        over_better: Gain over the better of the copy and the affine colour map by their
            mean PSNR; None where no map was fitted.
        bearing: How well the light was fitted; None where it was not looked for.
        read: How well the network read it; None where it does not.
        scenes: Mean PSNR of each scene, by name: two results on the same scenes can be
            compared scene by scene.
        flat: How many pictures are left out of `detail`: their targets are flat.
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
    """What layers of even surfaces have that they should not have, in 1/255.

    Attributes:
        deviation: Standard deviation of what is finer than 49 pixels.
        edge: Largest value of that within 8 pixels of an edge.
    """

    deviation: Estimate
    edge: float


@dataclass(frozen=True)
class StageScores:
    """How good one method is on scenes whose every light is known.

    Attributes:
        name: Weights, or the baseline.
        rows: By kind of change, as far as the method knows them.
        work_size: Longer side at which weights saw the pictures, or ``full``; None for
            baselines.
        even: None where no layers are painted.
        whole: How many scenes were seen whole because they are no larger than that.
    """

    name: str
    rows: tuple[RowScores, ...]
    work_size: int | Literal["full"] | None = None
    even: Evenness | None = None
    whole: int = 0


@dataclass(frozen=True)
class StageResult:
    """What `msrnet eval --layers` found.

    Attributes:
        data: Folder of the scenes.
        scenes: How many.
        size: Side of the pictures that are scored, in pixels: the shorter side of the
            smallest scene; larger scenes are reduced to it.
        device: The device, for people; "" where nothing was relit.
        methods: Baselines first.
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
