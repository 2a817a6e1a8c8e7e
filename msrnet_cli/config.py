"""What goes in: the settings of a network and of a job. Loads no torch.

Each record holds the defaults of its job.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Arch = Literal["dmshn", "stacked", "lightstage"]
"""The networks, each a file in `networks/`."""

ValueRange = Literal["zero_one", "centred"]
Dtype = Literal["auto", "fp32", "bf16", "fp16"]
Exist = Literal["skip", "overwrite", "error"]
Split = Literal["train", "validation", "test"]
Layout = Literal["vidit", "pairs", "layers"]
Engine = Literal["auto", "eager", "fused", "graph", "tuned", "compiled"]
Format = Literal["png", "jpeg", "webp", "tiff", "bmp", "avif", "gif"]

WorkSize = int | Literal["full"]
"""Longer side, in pixels, at which the network sees a picture; ``full``: as it is."""

WORK_SIZE = 1024
"""Where neither the user nor the weights say: the size that the network is made for."""

SMALLEST_WORK_SIZE = 16
LARGEST_WORK_SIZE = 65536
"""The most that a card may ask for."""


@dataclass(frozen=True)
class ModelConfig:
    """What rebuilds a network.

    Attributes:
        arch: The kind of network, see `Arch`.
        channels: Channels at full resolution; 32 in the paper.
        value_range: What the network sees for a picture in [0, 1]: the picture
            itself, or, ``centred``, the picture minus 0.5.
    """

    arch: Arch = "stacked"
    channels: int = 32
    value_range: ValueRange = "zero_one"

    @property
    def offset(self) -> float:
        """What is taken from a picture in [0, 1] before the network sees it."""
        return 0.5 if self.value_range == "centred" else 0.0


@dataclass(frozen=True)
class WeightsCard:
    """What a weights file says about itself, stored in its header.

    Attributes:
        model: Rebuilds the network.
        from_light: Light of the pictures it takes, as ``6500_N``; "" if unknown.
        to_light: Light of the pictures it gives, as ``4500_E``; "" if unknown.
        training_data: What it was trained on.
        licence: Licence of the weights.
        work_size: Longer side, in pixels, at which the network should see a picture;
            the change of light is then carried to its full size. 0 for `WORK_SIZE`.
        scores: Scores on held-out data, by name.
        notes: Anything else a user should know.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    from_light: str = ""
    to_light: str = ""
    training_data: str = ""
    licence: str = ""
    work_size: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    notes: str = ""


@dataclass(frozen=True)
class WriteOptions:
    """How a relit picture is written.

    Attributes:
        format: Output format; None keeps the input's.
        quality: 1 to 100 for JPEG, WebP and AVIF; None keeps the input's JPEG tables
            or takes a high default.
        lossless: Write WebP and AVIF without loss.
        strip_metadata: Leave out EXIF, XMP, IPTC, text and comments (never the
            colour profile: without it the colours would change).
    """

    format: Format | None = None
    quality: int | None = None
    lossless: bool = False
    strip_metadata: bool = False


@dataclass(frozen=True)
class FolderOptions:
    """How `msrnet relight` treats a folder.

    Attributes:
        recursive: Enter subfolders.
        name: Template for output names with the fields {stem} and {ext}.
        exist: What to do where an output exists.
        batch_size: Pictures of one size that share a batch; None chooses.
        compare: Also write input and output side by side.
        fail_fast: Stop at the first failure.
        max_megapixels: Larger pictures are refused before they are decoded.
        write: How a relit picture is written.
    """

    recursive: bool = False
    name: str = "{stem}{ext}"
    exist: Exist = "skip"
    batch_size: int | None = None
    compare: bool = False
    fail_fast: bool = False
    max_megapixels: float = 179.0
    write: WriteOptions = field(default_factory=WriteOptions)


@dataclass(frozen=True)
class SynthOptions:
    """What `msrnet synth` renders.

    Attributes:
        scenes: How many scenes.
        size: Side of the pictures in pixels.
        lights: Lights of each scene, as ``6500_N``; ``all`` is all forty.
        seed: Another seed gives other scenes.
        split: Scenes of one split are never those of another.
        layout: ``vidit`` names files ``Image000_6500_N.png``; ``pairs`` makes
            ``input/Image000.png`` and ``target/Image000.png``; ``layers`` writes the
            linear light of a scene into ``Image00000.safetensors``, each direction on
            its own, see `layers.scene.Scene`.
        azimuths: Lights of each scene beside the eight directions, for ``layers``:
            degrees clockwise from N, from 0 up to 360.
        from_light: Light of the input, for ``pairs``.
        to_light: Light of the target, for ``pairs``.
        depth: Also write ``depth/Image000.png``: 16 bits, centimetres from the
            camera, 0 where there is nothing.
        sheet: Where to put a contact sheet; None makes none.
        workers: Scenes rendered side by side; 0 takes one for each core.
        samples: Rays a pixel.
    """

    scenes: int = 300
    size: int = 512
    lights: tuple[str, ...] = ("6500_N", "4500_E")
    seed: int = 0
    split: Split = "train"
    layout: Layout = "vidit"
    azimuths: tuple[float, ...] = ()
    from_light: str = "6500_N"
    to_light: str = "4500_E"
    depth: bool = False
    sheet: str | None = None
    workers: int = 0
    samples: int = 16


StageName = Literal["1", "2", "all"]
LossName = Literal["l2", "l1", "combined", "sobel", "psnr", "scores", "layers"]
Recipe = Literal["paper", "lightstage"]
OptimizerName = Literal["adam", "muon"]
Shape = Literal["cosine", "linear", "exponential", "constant"]


@dataclass(frozen=True)
class DataOptions:
    """Which pictures are trained on, and what is done to them.

    Attributes:
        from_light: Light of the inputs where files are named as VIDIT's are, as
            ``6500_N``.
        to_light: Light of the targets.
        mirror: Also show each pair as in a mirror, which swaps E and W; needs the
            pictures lit from the other side. Not in the paper.
        exposure: Brighten or darken input and target alike by up to this many stops.
            Not in the paper.
        tint: The same for each colour channel on its own. Not in the paper.
        zoom: Show a random part of each picture, its sides shortened by up to this
            share, and mostly by little. Not in the paper.
    """

    from_light: str = "6500_N"
    to_light: str = "4500_E"
    mirror: bool = False
    exposure: float = 0.0
    tint: float = 0.0
    zoom: float = 0.0


@dataclass(frozen=True)
class LossOptions:
    """Weights and choices inside the losses (paper, section 3, equation 1).

    Attributes:
        l1: Weight of the mean absolute error.
        ssim: Weight of 1 - SSIM. The paper prints 5e-3 for an SSIM loss without a
            sign; its authors' earlier code adds SSIM with -5e-3, which has the same
            gradient.
        perceptual: Weight of the VGG16 feature distance; 0 leaves it out.
        tv: Weight of the total variation.
        sobel: Weight of the Advanced Sobel loss beside L2; the paper gives none, 0.25
            is MBCNN's, where that loss comes from.
        structure: Weight of 1 - SSIM in the loss ``scores``; at 1, 0.1 of SSIM counts
            as much as 1 dB of PSNR.
        vgg: File with VGG16 weights; "" fetches ``timm/vgg16.tv_in1k`` from the hub.
        vgg_layer: Features up to this layer of VGG16 are compared; 31 is the whole
            stack with its last pooling, as in the authors' code.
    """

    l1: float = 1.0
    ssim: float = 5e-3
    perceptual: float = 0.006
    tv: float = 2e-8
    sobel: float = 0.25
    structure: float = 1.0
    vgg: str = ""
    vgg_layer: int = 31


@dataclass(frozen=True)
class TrainConfig:
    """A training run. The defaults are the paper's (section 4.1).

    Attributes:
        data: Training pairs, a folder or a .zip; for a network that paints layers, a
            folder of scenes.
        val: The same to validate on; "" tries some of the training data instead.
        out: Folder of the run; "" makes a new one under ``runs/``.
        stage: ``1`` (L2), ``2`` (combined loss, from stage 1's result) or ``all``.
        loss: Replaces the loss of every stage; None keeps the paper's, or ``layers``
            where the network paints layers.
        model: The network.
        init: ``small`` (N(0, s), see `model.initialise`), ``identity`` (see
            `model.initialise_identity`), or a weights file. A stack that starts from
            the weights of a DMSHN has these in its first half; the second starts as
            the identity, so that it begins where the DMSHN ended.
        epochs: Passes over the training pairs; ``all`` gives each stage half, and
            several sizes share them. The paper's 2500 does not say per what.
        steps: Number of steps instead of epochs.
        minutes: Wall time instead of epochs: the schedule fits itself to it.
        optimizer: ``adam`` or ``muon``, which is not in the paper.
        lr: Highest learning rate.
        lr_end: Learning rate at the end of each stage.
        shape: How the rate falls in between; the paper says only "gradually".
        warmup: Steps in which the rate rises from 0 at the start of each stage, at
            most a tenth of the stage.
        clip: Gradients with a larger norm are scaled down to it; 0 for never.
        sizes: Sides in pixels to which whole pictures are resized, one after the
            other, coarse to fine.
        shares: Share of the run for each size; empty: each size gets half of the one
            before it.
        batch: Pairs a step on each process, one number for each size or one for all.
        crop: Side of a random window of the resized picture; 0 for all of it.
        ema: Decay of the running mean of the weights that is validated and saved; 0
            for none.
        seed: Order of pairs, augmentation, initialisation.
        processes: How many learn together on this machine's CPU, each with its share
            of the cores; `torchrun` starts them itself.
        device: As for `msrnet relight`.
        dtype: Number format of the forward pass and of the optimizer's products;
            weights are always fp32. ``auto`` on a CPU is what a short trial finds to
            be faster.
        compile: Compile the network with torch.compile.
        validations: How often to validate during the run.
        val_pairs: At most this many validation pairs, evenly spread.
        save_minutes: Time between checkpoints.
        offline: Never use the network: weights must be on this machine.
        data_options: Which pictures, and augmentation.
        loss_options: Weights inside the losses.
    """

    data: str = ""
    val: str = ""
    out: str = ""
    stage: StageName = "1"
    loss: LossName | None = None
    model: ModelConfig = field(default_factory=ModelConfig)
    init: str = "small"
    epochs: float = 2500
    steps: int | None = None
    minutes: float | None = None
    optimizer: OptimizerName = "adam"
    lr: float = 2e-3
    lr_end: float = 5e-5
    shape: Shape = "cosine"
    warmup: int = 200
    clip: float = 1.0
    sizes: tuple[int, ...] = (512,)
    shares: tuple[float, ...] = ()
    batch: tuple[int, ...] = (2,)
    crop: int = 0
    ema: float = 0.0
    seed: int = 0
    processes: int = 1
    device: str = "auto"
    dtype: Dtype = "auto"
    compile: bool = False
    validations: int = 50
    val_pairs: int = 16
    save_minutes: float = 5.0
    offline: bool = False
    data_options: DataOptions = field(default_factory=DataOptions)
    loss_options: LossOptions = field(default_factory=LossOptions)


@dataclass(frozen=True)
class EvalOptions:
    """How `msrnet eval` scores.

    Attributes:
        data: Pairs: a folder or a .zip; "" where two folders are compared, or scenes
            are relit.
        layers: Scenes in layers of linear light: a folder; "" where there are none.
        weights: Weights to score, each a name, file or hub address.
        fit_data: Pairs on which the affine colour map is fitted; "" leaves it out.
        fit: Scenes on which the affine colour maps are fitted; "" leaves them out.
        from_light: Light of the inputs where files are named as VIDIT's are.
        to_light: Light of the targets.
        limit: Score at most this many pairs or scenes, evenly spread; 0 for all.
        alexnet: AlexNet's weights for LPIPS; "" looks into torch's cache.
        device: As for `msrnet relight`.
        dtype: As for `msrnet relight`.
        engine: As for `msrnet relight`.
        work_sizes: Score the weights at each of these; empty: as they are shipped.
        enlarged: Also score the network's own pixels at the working size, enlarged.
        offline: Never use the network.
    """

    data: str = ""
    layers: str = ""
    weights: tuple[str, ...] = ()
    fit_data: str = ""
    fit: str = ""
    from_light: str = "6500_N"
    to_light: str = "4500_E"
    limit: int = 0
    alexnet: str = ""
    device: str = "auto"
    dtype: Dtype = "auto"
    engine: Engine = "auto"
    work_sizes: tuple[WorkSize, ...] = ()
    enlarged: bool = False
    offline: bool = False


@dataclass(frozen=True)
class BenchOptions:
    """What `msrnet bench` measures.

    Attributes:
        device: As for `msrnet relight`.
        arch: The network; None takes that of the weights, else ``stacked``.
        weights: As for `msrnet relight`; "" takes the built-in default where it has
            this architecture, else a network drawn from a fixed seed.
        sizes: Sides of the pictures in pixels; empty chooses by device.
        batches: Pictures in a pass, at each size. Empty: one, and at one size twice as
            many again and again while that pays.
        dtypes: Number formats of msrnet's own rows.
        engines: How msrnet runs the network: a row of its own for each.
        rivals: Also measure other programs that are installed.
        train: Also measure a step of training.
        pictures: Folder of pictures to measure on; "" makes some.
        seconds: Time to spend on a row, with at least three runs; one, where it takes
            more than half a minute.
        runs: Exactly so many runs a row instead.
        offline: Never use the network.
    """

    device: str = "auto"
    arch: Arch | None = None
    weights: str = ""
    sizes: tuple[int, ...] = ()
    batches: tuple[int, ...] = ()
    dtypes: tuple[Dtype, ...] = ("auto",)
    engines: tuple[Engine, ...] = ("auto",)
    rivals: bool = False
    train: bool = False
    pictures: str = ""
    seconds: float = 2.0
    runs: int | None = None
    offline: bool = False
