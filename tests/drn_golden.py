"""Thins golden data of DRN: `python tests/drn_golden.py FOLDER`.

The folder holds what the published module gave, whole, in `drn.safetensors` and
`drn_losses_tiles.safetensors`. A part of each tensor is enough for the tests.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from safetensors.torch import load_file, save_file

FILE = Path(__file__).parent / "golden" / "baselines" / "drn.safetensors"
_STEP = 4  # of the pixels that are kept
_CHANNELS = 32  # about as many statistics of each part are kept
_OF_GRADIENTS = 16
_OURS = (
    ("toHDR_channel", "widen_scene"),
    ("estLight_channel", "widen_shadow"),
    (r"toHDR\.shortconect", "scene.skip"),
    (r"toHDR\.", "scene.body."),
    (r"estLight\.", "shadow.body."),
    (r"\.inlayer\.1", ".stem.0"),
    (r"\.inlayer", ".stem"),
    (r"\.manipulate", ".middle"),
    (r"comb\.fusion\.fc", "renderer.gate"),
    (r"comb\.fusion\.mergeFeather", "renderer.gate.merge"),
    (r"comb\.fusion\.outlayer", "renderer.mix"),
    (r"comb\.branch(\d)", lambda found: f"renderer.scales.{int(found[1]) - 1}"),
    (r"comb\.", "renderer."),
    (r"grad\.out\.1", "grad.head.0"),
)


def pixels(picture):
    """The pixels that are kept of a picture, B C H W."""
    return picture[..., ::_STEP, ::_STEP]


def channels(values):
    """The channels that are kept of a statistic."""
    return values.flatten()[:: max(1, values.numel() // _CHANNELS)]


def gradient(values):
    """The values that are kept of a gradient."""
    return values.flatten()[::_OF_GRADIENTS]


def our_name(key):
    """The name by which our modules call what the published module calls otherwise."""
    for theirs, ours in _OURS:
        key = re.sub(theirs, ours, key)
    return key


def thinned(folder):
    """What is kept, by our names."""
    found = {}
    for key, value in load_file(folder / "drn.safetensors").items():
        if key.endswith((".output", "_head")):
            found[key] = pixels(value)
        elif key.startswith("a.grad."):
            found[our_name(key)] = gradient(value)
        elif key.startswith("a.stage."):
            found[our_name(key)] = channels(value)
        elif key == "a.grad_norm_per_param":
            found[key] = value
    for key, value in load_file(folder / "drn_losses_tiles.safetensors").items():
        if key.startswith("loss.") and not key.endswith((".x", ".y")):
            found[key] = value
    return {key: value.contiguous() for key, value in found.items()}


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    save_file(thinned(Path(sys.argv[1])), FILE)
    FILE.chmod(0o644)
