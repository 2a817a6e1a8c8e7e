"""Lights, scenes, what is composed of them, and scores need no NumPy."""

import subprocess
import sys

import pytest

import pairs
import smooth

BLOCKED = """
import sys, warnings
sys.modules["numpy"] = None  # importing it fails
warnings.filterwarnings("ignore", message="Failed to initialize NumPy")
"""
COMPOSES = """
from pathlib import Path
from msrnet_cli.layers import found
from msrnet_cli.layers.store import Composer, open_store
batch = Composer(open_store(Path(sys.argv[1]))).batch(range(3), 32)
found.find(batch.picture[0], batch.layers[0])
print(tuple(batch.layers.shape))
"""
LIGHTS = """
from msrnet_cli import lights
lights.weights_of_eight(63, 20), lights.kelvin_gains(4500), lights.read_light("6500_N")
assert "torch" not in sys.modules
print("well")
"""
SCORES = """
import torch
from pathlib import Path
from msrnet_cli import perceptual
from msrnet_cli.evaluate.options import EvalOptions
from msrnet_cli.evaluate.pairs import compare
state = perceptual.LPIPS().features.state_dict()
alexnet = Path(sys.argv[1]) / "alexnet.pth"
torch.save({f"features.{name}": value for name, value in state.items()}, alexnet)
folders = (f"{sys.argv[1]}/pairs/{name}" for name in ("input", "target"))
found = compare(*folders, EvalOptions(alexnet=str(alexnet)))
print(*found.methods[0].means)
"""


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (LIGHTS, "well"),
        (COMPOSES, "(3, 9, 3, 32, 32)"),
        (SCORES, "psnr ssim ssim_gaussian lpips mps detail"),
    ],
)
def test_it_runs_where_numpy_cannot_be_imported(code, told, tmp_path):
    smooth.write(tmp_path, 2, size=40)
    pairs.write_folders(tmp_path / "pairs", 1, size=64)
    command = [sys.executable, "-c", BLOCKED + code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == told
