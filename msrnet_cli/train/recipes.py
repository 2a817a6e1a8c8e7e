"""Named settings of training runs. Loads no torch."""

from __future__ import annotations

from msrnet_cli.config import ModelConfig
from msrnet_cli.train.options import Recipe, TrainConfig

RECIPES: dict[Recipe, TrainConfig] = {
    "paper": TrainConfig(),
    "lightstage": TrainConfig(
        model=ModelConfig(arch="lightstage"),
        init="identity",
        epochs=16,
        optimizer="muon",
        warmup=50,
        sizes=(96,),
        batch=(8,),
        ema=0.995,
        validations=8,
        val_pairs=8,
    ),
}
"""The paper's (section 4.1), and the light stage's, measured in weights/TRAINING.md."""
