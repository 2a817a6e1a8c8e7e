"""Golden values: what the shipped weights paint, and how a network learns.

They pin what no property can: a wrong constant that still converges. To write them
anew, after a change that is meant to change them: `python tests/golden.py`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import pairs
import training
from msrnet_cli.config import ModelConfig
from msrnet_cli.images.pixels import to_tensor
from msrnet_cli.relight.relighter import Relighter
from msrnet_cli.train.events import TrainProgress
from msrnet_cli.train.loop import train
from msrnet_cli.weights.file import load_network

FILE = Path(__file__).parent / "golden" / "golden.safetensors"
EXAMPLES = Path(__file__).parents[1] / "examples"
STEPS = 20
SHIPPED = ("n6500-e4500", "lightstage")
_PICTURES = ("Image008_6500_N.jpg", "Image038_6500_N.jpg")
_PART = (300, 400, 508, 576)  # larger than the working size: light is carried

RUNS = {
    "stage 1": {"loss": "l2", "optimizer": "adam", "init": "small"},
    "scores": {"loss": "scores", "optimizer": "muon", "init": "identity"},
    "combined": {"loss": "combined", "optimizer": "adam", "init": "identity"},
}
"""Settings of the training runs that are pinned."""


def sources() -> list[torch.Tensor]:
    """Parts of two examples, 3 176 208, uint8."""
    found = []
    for name in _PICTURES:
        with Image.open(EXAMPLES / name) as picture:
            found.append(to_tensor(picture.convert("RGB").crop(_PART)).contiguous())
    return found


def painted(source: torch.Tensor, name: str) -> dict[str, torch.Tensor]:
    """What shipped weights make of a part, in float32, operator by operator.

    Returns:
        ``relit``: through the whole pipeline, uint8; ``network``: the network's own
        output for every fourth pixel of the upper left corner, float32.
    """
    relighter = Relighter.load(name, device="cpu", dtype="fp32", engine="eager")
    (relit,) = relighter.run([source]).pictures()
    network = load_network(name)
    with torch.no_grad():
        corner = network(source[None, :, :64, :96].float() / 255)
    return {"relit": relit, "network": corner[0, :, ::4, ::4]}


def learnt(name: str) -> dict[str, torch.Tensor]:
    """What a run of `RUNS` reports, and what it ends with.

    Returns:
        ``loss``: mean loss and largest norm of the gradient of each report, R 2;
        ``norms``: the norm of each tensor of the weights, by their sorted names.
    """
    with tempfile.TemporaryDirectory() as folder:
        data = pairs.write_vidit(Path(folder) / "data", 4, size=48)
        config = training.settings(
            data=str(data),
            out=str(Path(folder) / "run"),
            model=ModelConfig(arch="stacked", channels=12),
            steps=STEPS,
            sizes=(32, 48),
            batch=(2, 1),
            warmup=5,
            ema=0.9,
            device="cpu",
            dtype="fp32",
            validations=1,
            val_pairs=1,
            mirror=True,
            exposure=0.3,
            tint=0.1,
            zoom=0.4,
            perceptual=False,
            **RUNS[name],
        )
        found: list[list[float]] = []

        def note(event: object) -> None:
            if isinstance(event, TrainProgress):
                found.append([event.loss, event.gradient])

        train(config, note)
        last = load_file(Path(folder) / "run" / "last.safetensors")
    norms = torch.stack([last[key].norm() for key in sorted(last)])
    return {"loss": torch.tensor(found), "norms": norms}


def measure() -> dict[str, torch.Tensor]:
    """All golden values, by name."""
    torch.set_num_threads(1)
    found = {}
    for index, source in enumerate(sources()):
        found[f"source {index}"] = source
        for name in SHIPPED:
            found |= {
                f"{name} {k} {index}": v for k, v in painted(source, name).items()
            }
    for name in RUNS:
        found |= {f"{name} {k}": v for k, v in learnt(name).items()}
    return found


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else FILE
    save_file({k: v.contiguous() for k, v in measure().items()}, target)
