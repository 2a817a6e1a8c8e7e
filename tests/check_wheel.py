"""Check an installed msrnet: its files are inside, and it brings no NumPy.

In an environment that holds msrnet and what it depends on, nothing else.
"""

import importlib.util
import tempfile
from pathlib import Path

import torch

import msrnet_cli
from msrnet_cli import perceptual
from msrnet_cli.weights import find
from msrnet_cli.weights.file import load_weights

UNWANTED = ("numpy", "torchmetrics", "lightning_utilities", "torchvision")
UNWANTED += ("pillow_heif", "rawpy")  # extras

folder = Path(msrnet_cli.__file__).parent
assert "site-packages" in folder.parts, f"this is a checkout: {folder}"
present = [name for name in UNWANTED if importlib.util.find_spec(name)]
assert not present, f"installed, but no dependency: {present}"
assert (folder / "py.typed").is_file()
entries = find.built_in()
assert any(entry.default for entry in entries), "no default weights"
for entry in entries:
    assert load_weights(entry.name).path.is_relative_to(folder)

assert (folder / "lpips_heads" / "LICENSE").is_file(), "LPIPS without its licence"
drawn = perceptual.LPIPS().features.state_dict()
with tempfile.TemporaryDirectory() as name:
    alexnet = Path(name) / "alexnet.pth"
    torch.save({f"features.{key}": value for key, value in drawn.items()}, alexnet)
    lpips = perceptual.load_lpips(str(alexnet))
x, y = torch.rand(2, 1, 3, 64, 64)
assert lpips(x, x).item() == 0 < lpips(x, y).item()
print(f"{len(entries)} weights inside {folder}, and no NumPy beside it")
