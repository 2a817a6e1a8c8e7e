"""The settings of a training run. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from msrnet_cli.config import Dtype, LossName, LossOptions, ModelConfig
from msrnet_cli.pairs.options import DataOptions

StageName = Literal["1", "2", "all"]


Recipe = Literal["paper", "lightstage"]


OptimizerName = Literal["adam", "muon"]


Shape = Literal["cosine", "linear", "exponential", "constant"]


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
