"""Named settings of training runs. Loads no torch."""

from __future__ import annotations

from msrnet_cli.config import ModelConfig
from msrnet_cli.train.options import (
    DataOptions,
    NetworkOptions,
    OptimizerOptions,
    RateOptions,
    Recipe,
    ScheduleOptions,
    Size,
    TrainOptions,
)

RECIPES: dict[Recipe, TrainOptions] = {
    "paper": TrainOptions(),
    "lightstage": TrainOptions(
        data=DataOptions(val_pairs=8),
        network=NetworkOptions(ModelConfig(arch="lightstage"), init="identity"),
        optimizer=OptimizerOptions("muon", ema=0.995),
        rate=RateOptions(warmup=50),
        schedule=ScheduleOptions(
            epochs=16, sizes=(Size(96),), batch=(8,), validations=8
        ),
    ),
}
"""The paper's (section 4.1), and the light stage's, measured in weights/TRAINING.md."""
