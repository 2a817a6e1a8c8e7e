"""The settings of a training run: one record for each part of it. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from msrnet_cli.config import DeviceOptions, Dtype, ModelConfig
from msrnet_cli.options import Group, Option, Range
from msrnet_cli.pairs.options import PairOptions

Stage = Literal["1", "2"]
StageName = Literal["1", "2", "all"]
Recipe = Literal["paper", "lightstage"]
OptimizerName = Literal["adam", "muon"]
Shape = Literal["cosine", "linear", "exponential", "constant"]
LossName = Literal["l2", "l1", "combined", "sobel", "psnr", "scores", "drn", "layers"]

_MOST_PIXELS = _MOST_IN_BATCH = 2**20
_MOST_EPOCHS = _MOST_MINUTES = 1e9  # beyond, a product with them could overflow
_SEEDS = 2**63
_SIZES = "pixels, such as 512, or 128:6,256:3,512:1"


@dataclass(frozen=True)
class Size:
    """A size at which a part of a run trains.

    Attributes:
        side: To which whole pictures are resized, in pixels.
        share: Of the run, in proportion to the other sizes' shares; None where no size
            has one: each then gets half of the one before it.
    """

    side: Annotated[int, Range(least=1, most=_MOST_PIXELS)]
    share: Annotated[float | None, Range(least=0, above=True)] = None

    def __str__(self) -> str:
        """As it is typed: ``512`` or ``128:6``."""
        return f"{self.side}" if self.share is None else f"{self.side}:{self.share:g}"


def read_sizes(text: str) -> tuple[Size, ...]:
    """Read ``512`` or ``128:6,256:3``.

    Raises:
        ValueError: It is something else.
    """
    entries = [entry.strip().partition(":") for entry in text.split(",")]
    try:
        sizes = [
            Size(int(side), float(share) if colon else None)
            for side, colon, share in entries
        ]
    except ValueError:
        raise ValueError(_SIZES) from None
    if not all(0 < size.side <= _MOST_PIXELS for size in sizes):
        raise ValueError(_SIZES)
    return tuple(sizes)


@dataclass(frozen=True)
class DataOptions:
    """What a run learns from, and what it is tried on.

    Attributes:
        data: Training pairs, a folder or a .zip; for a network that paints layers, a
            folder of scenes.
        val: The same to validate on; "" tries some of the training data instead.
        val_pairs: At most this many pairs or scenes to validate on, evenly spread.
        pairs: Which pictures make pairs, and how they are varied.
    """

    data: Annotated[
        str,
        Option(
            "Pairs (VIDIT's names, or input/ and target/), or a folder of scenes.",
            metavar="DIR|ZIP",
            default="",
        ),
    ] = ""
    val: Annotated[
        str,
        Option(
            "Pairs or scenes to validate on.",
            metavar="DIR|ZIP",
            default="some of the training data",
        ),
    ] = ""
    val_pairs: Annotated[
        int, Option("Validate on at most this many pairs or scenes.", least=1)
    ] = 16
    pairs: PairOptions = field(default_factory=PairOptions)


@dataclass(frozen=True)
class NetworkOptions:
    """The network that learns, and what it begins with.

    Attributes:
        model: Its kind and size.
        init: ``small`` (drawn as the authors of the network did; N(0, s) in DMSHN),
            ``identity`` where the network can start so, or a weights file. A stack that
            starts from the weights of a DMSHN has these in its first half; the second
            starts as the identity, so that the stack begins where the DMSHN ended.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    init: Annotated[
        str, Option("Weights to start from.", metavar="small|identity|WEIGHTS")
    ] = "small"


@dataclass(frozen=True)
class LossOptions:
    """What is made small (paper, section 3, equation 1).

    Attributes:
        loss: Replaces the loss of every stage; None keeps the paper's, or ``layers``
            where the network paints layers.
        perceptual: Whether the combined loss compares features of VGG16.
        vgg: File with VGG16 weights; "" fetches ``timm/vgg16.tv_in1k`` from the hub.
        vgg_layer: Features up to this layer of VGG16 are compared; 31 is the whole
            stack with its last pooling, as in the authors' code.
        sobel_weight: Weight of the Advanced Sobel loss beside L2; the paper gives none,
            0.25 is MBCNN's, where that loss comes from.
        structure_weight: Weight of 1 - SSIM in the loss ``scores``; at 1, 0.1 of SSIM
            counts as much as 1 dB of PSNR.
        l1_weight: Weight of the mean absolute error in the combined loss.
        ssim_weight: Weight of 1 - SSIM there. The paper prints 5e-3 for an SSIM loss
            without a sign; its authors' earlier code adds SSIM with -5e-3, which has
            the same gradient.
        perceptual_weight: Weight of the distance between features there.
        tv_weight: Weight of the total variation there.
    """

    loss: Annotated[
        LossName | None,
        Option("Loss, instead of the stage's own.", default="by stage"),
    ] = None
    perceptual: Annotated[
        bool,
        Option(
            "Whether stage 2 compares VGG16 features.",
            flags=("--perceptual/--no-perceptual",),
        ),
    ] = True
    vgg: Annotated[
        str, Option("VGG16's weights.", metavar="FILE", default="from the hub")
    ] = ""
    vgg_layer: Annotated[
        int,
        Option(
            "Compare VGG16's features after this layer; 31 is all of them.",
            least=1,
            most=31,
        ),
    ] = 31
    sobel_weight: Annotated[
        float, Option("Weight of the Sobel loss beside L2.", least=0)
    ] = 0.25
    structure_weight: Annotated[
        float, Option("Weight of SSIM beside PSNR, with --loss scores.", least=0)
    ] = 1.0
    l1_weight: Annotated[float, Range(least=0)] = 1.0
    ssim_weight: Annotated[float, Range(least=0)] = 5e-3
    perceptual_weight: Annotated[float, Range(least=0, above=True)] = 0.006
    tv_weight: Annotated[float, Range(least=0)] = 2e-8


@dataclass(frozen=True)
class OptimizerOptions:
    """How a network takes a step.

    Attributes:
        optimizer: ``adam`` or ``muon``, which is not in the paper.
        clip: Gradients with a larger norm are scaled down to it; 0 for never.
        ema: Decay of the running mean of the weights that is validated and saved; 0
            for none.
    """

    optimizer: Annotated[
        OptimizerName,
        Option(
            "muon: orthogonalised momentum for convolution weights, Adam for the rest."
        ),
    ] = "adam"
    clip: Annotated[
        float, Option("Gradients are scaled down to this norm; 0: never.", least=0)
    ] = 1.0
    ema: Annotated[
        float,
        Option(
            "Decay of a running mean of the weights, which is then the result.",
            least=0,
            most=1,
            below=True,
            default="none",
        ),
    ] = 0.0


@dataclass(frozen=True)
class RateOptions:
    """The learning rate over a stage.

    Attributes:
        lr: The highest.
        lr_end: At the end of each stage.
        shape: How the rate falls in between; the paper says only "gradually".
        warmup: Steps in which the rate rises from 0 at the start of each stage, at
            most a tenth of the stage.
    """

    lr: Annotated[float, Option("Highest learning rate.", least=0, above=True)] = 2e-3
    lr_end: Annotated[
        float, Option("Learning rate at the end of a stage.", least=0)
    ] = 5e-5
    shape: Annotated[Shape, Option("How the learning rate falls.")] = "cosine"
    warmup: Annotated[
        int,
        Option(
            "Steps in which the rate rises at first, at most a tenth of a stage.",
            least=0,
        ),
    ] = 200


@dataclass(frozen=True)
class ScheduleOptions:
    """What happens when in a run.

    Attributes:
        stage: ``1`` (L2), ``2`` (combined loss, from stage 1's result) or ``all``.
        epochs: Passes over the training data; ``all`` gives each stage half, and
            several sizes share them. The paper's 2500 does not say per what.
        steps: Number of steps instead of epochs.
        minutes: Wall time instead of epochs: the schedule fits itself to it.
        sizes: One after the other, coarse to fine.
        batch: Pairs or scenes a step on each process, one number for each size or one
            for all.
        validations: How often to validate during the run.
        save_minutes: Time between checkpoints.
    """

    stage: Annotated[
        StageName,
        Option(
            "1: L2. 2: L1, SSIM, perceptual, TV, from stage 1's result. all: 1, then 2."
        ),
    ] = "1"
    epochs: Annotated[
        float,
        Option(
            "Passes over all pairs or scenes.", least=0, above=True, most=_MOST_EPOCHS
        ),
    ] = 2500
    steps: Annotated[
        int | None, Option("Number of steps, instead of epochs.", least=1, default="")
    ] = None
    minutes: Annotated[
        float | None,
        Option(
            "Instead of epochs: the schedule fits itself to this time.",
            least=0,
            above=True,
            most=_MOST_MINUTES,
            default="",
        ),
    ] = None
    sizes: Annotated[
        tuple[Size, ...],
        Option(
            "Whole pictures are resized to this; several run one after the other, each"
            " for its share of the run.",
            flags=("--size",),
            metavar="PX[:SHARE],...",
            several=True,
            read=read_sizes,
        ),
    ] = (Size(512),)
    batch: Annotated[
        tuple[int, ...],
        Option(
            "Pairs or scenes per step, for all sizes or for each.",
            metavar="N,...",
            least=1,
            most=_MOST_IN_BATCH,
            several=True,
        ),
    ] = (2,)
    validations: Annotated[
        int, Option("How often to validate during the run.", least=1)
    ] = 50
    save_minutes: Annotated[float, Option("Minutes between checkpoints.", least=0)] = (
        5.0
    )

    @property
    def stages(self) -> tuple[Stage, ...]:
        """In order."""
        return ("1", "2") if self.stage == "all" else (self.stage,)

    @property
    def largest(self) -> int:
        """The largest side, in pixels."""
        return max(size.side for size in self.sizes)


@dataclass(frozen=True, kw_only=True)
class RunOptions(DeviceOptions):
    """Where a run learns, and where it writes.

    Attributes:
        out: Folder of the run; "" makes a new one under ``runs/``.
        report: The page about the run; "" for ``report.html`` in its folder.
        seed: Order of pairs, augmentation, initialisation.
        processes: How many learn together on this machine's CPU, each with its share
            of the cores; `torchrun` starts them itself.
        dtype: Number format of the forward pass and of the optimizer's products;
            weights are always fp32. ``auto`` on a CPU is what a short trial finds to
            be faster.
        compile: Compile the network with torch.compile.
    """

    out: Annotated[
        str,
        Option(
            "Folder of the run.",
            metavar="RUN",
            default="a new one under runs/, or the newest to go on with",
        ),
    ] = ""
    report: Annotated[
        str,
        Option(
            "The page with curves and previews, written anew at each validation.",
            metavar="FILE.html",
            default="report.html in RUN",
        ),
    ] = ""
    seed: Annotated[
        int,
        Option(
            "Seed of first weights, order and augmentation.",
            least=-_SEEDS,
            most=_SEEDS - 1,
        ),
    ] = 0
    processes: Annotated[
        int,
        Option("Train in this many processes on this machine's CPU.", least=1, most=64),
    ] = 1
    dtype: Annotated[Dtype, Option("Number format of the forward pass.")] = "auto"
    compile: Annotated[bool, Option("Compile the network.")] = False


@dataclass(frozen=True)
class TrainOptions:
    """A training run. The defaults are the paper's (section 4.1).

    Attributes:
        data: What it learns from, and what it is tried on.
        network: What learns.
        loss: What is made small.
        optimizer: How a step is taken.
        rate: How large it is.
        schedule: What happens when.
        run: Where it happens.
    """

    data: Annotated[DataOptions, Group("Data")] = field(default_factory=DataOptions)
    network: Annotated[NetworkOptions, Group("Recipe")] = field(
        default_factory=NetworkOptions
    )
    loss: Annotated[LossOptions, Group("Recipe")] = field(default_factory=LossOptions)
    optimizer: Annotated[OptimizerOptions, Group("Recipe")] = field(
        default_factory=OptimizerOptions
    )
    rate: Annotated[RateOptions, Group("Recipe")] = field(default_factory=RateOptions)
    schedule: Annotated[ScheduleOptions, Group("Schedule")] = field(
        default_factory=ScheduleOptions
    )
    run: Annotated[RunOptions, Group("Where to")] = field(default_factory=RunOptions)
