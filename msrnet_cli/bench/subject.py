"""What is measured: a network, and pictures for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from msrnet_cli import images
from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.errors import PictureError, UsageError
from msrnet_cli.networks import architecture, build, ranges
from msrnet_cli.networks.spec import Inputs
from msrnet_cli.pairs.resample import resize
from msrnet_cli.weights import find
from msrnet_cli.weights.file import load_weights

if TYPE_CHECKING:
    from torch import Tensor, nn

    from msrnet_cli.bench.options import BenchOptions
    from msrnet_cli.config import Arch

MADE = "made by the bench"
_SEED = 0
_CALIBRATION_SIDE = 128
_MEAN, _DEVIATION = 0.45, 0.2  # those of an ordinary photograph
_TURNS, _CLOSE = 12, 0.02  # to come there: how often at most, and how near
_MOST_PICTURES = 4  # decoded to run the network on


@dataclass(frozen=True)
class Subject:
    """The network that is measured.

    Attributes:
        network: float32 on the CPU, in evaluation mode.
        card: Its architecture and value range.
        weights: Which weights, or how they were drawn, for people.
    """

    network: nn.Module
    card: WeightsCard
    weights: str

    def inputs(self, images: Tensor) -> Inputs:
        """What the network is called with for B 3 H W in [0, 1]; a guide is black."""
        guide = architecture(self.card.model.arch).guide
        count, _, height, width = images.shape
        black = images.new_zeros(count, guide, height, width) if guide else None
        return ranges.of(self.card.model).inputs(Inputs(images, black))


@dataclass(frozen=True)
class Pictures:
    """What the network is run on.

    Attributes:
        source: Where they come from, for people.
        files: Picture files; empty if the bench makes pictures.
        decoded: Some of the files, each 3 H W in [0, 1].
    """

    source: str = MADE
    files: tuple[Path, ...] = ()
    decoded: tuple[Tensor, ...] = ()

    def batch(self, size: int, count: int) -> Tensor:
        """B 3 S S in [0, 1]: different pictures, as far as there are enough."""
        return torch.stack([self._picture(index, size) for index in range(count)])

    def _picture(self, index: int, size: int) -> Tensor:
        if not self.decoded:
            return make_picture(size, size, seed=index)
        turn, which = divmod(index, len(self.decoded))
        picture = resize(self.decoded[which][None], size)[0]
        top, left = ((side - size) // 2 for side in picture.shape[1:])
        square = picture[:, top : top + size, left : left + size].clamp(0, 1)
        return square.rot90(turn, (1, 2)).contiguous()


def load_subject(options: BenchOptions) -> Subject:
    """The network that the options ask for.

    Raises:
        WeightsError: Weights are missing or malformed.
        UsageError: They are of another architecture.
    """
    spec = options.weights or _default()
    if not spec:
        return seeded(ModelConfig(options.arch or ModelConfig.arch))
    found = load_weights(spec, offline=options.where.offline)
    arch: Arch = found.card.model.arch
    if options.arch in (None, arch):
        return Subject(found.network(), found.card, spec)
    if options.weights:
        raise UsageError(
            f"--weights {spec} is {arch}, not {options.arch}", "drop one of the two"
        )
    return seeded(ModelConfig(options.arch or arch))


@torch.no_grad()
def seeded(config: ModelConfig) -> Subject:
    """A network drawn from a fixed seed, its output like a picture.

    The output of a freshly drawn network is a thousand times weaker than a picture. Its
    rounding would not show in decibels, and a number format that ruins pictures would
    pass. So the last convolution is scaled until mean and deviation are a photograph's.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        network = build(config).eval().requires_grad_(False)
    told = f"none: drawn from seed {_SEED}, scaled to a picture's mean and deviation"
    subject = Subject(network, WeightsCard(model=config), told)
    image = make_picture(_CALIBRATION_SIDE, _CALIBRATION_SIDE, seed=_SEED)[None]
    painter = network.get_submodule(architecture(config.arch).painter)
    painted: list[Tensor] = []
    paints = ranges.of(config).paints
    weight, bias = painter.parameters()
    for turn in range(_TURNS):
        with painter.register_forward_hook(lambda *found: painted.append(found[-1])):
            network(*subject.inputs(image).tensors)
        deviation, mean = torch.std_mean(painted[-1])
        gain = paints.gain * _DEVIATION / deviation
        wanted = paints.there(_MEAN)
        # A network that sees what it painted at a smaller size then sees other values.
        if turn and abs(gain - 1) < _CLOSE and abs(mean - wanted) < _CLOSE * _MEAN:
            break
        weight.mul_(gain)
        bias.copy_(wanted - gain * (mean - bias))
    return subject


def load_pictures(folder: str) -> Pictures:
    """The pictures of a folder; if none is named, the bench makes pictures.

    Raises:
        UsageError: The folder holds no picture.
        PictureError: One cannot be read.
    """
    if not folder:
        return Pictures()
    path = Path(folder)
    try:
        files = sorted(
            entry
            for entry in path.iterdir()
            if entry.suffix.lower() in images.PICTURE_SUFFIXES and entry.is_file()
        )
    except OSError as error:
        raise UsageError(
            f"--pictures {folder}: {error.strerror}", "name a folder"
        ) from error
    if not files:
        raise UsageError(f"--pictures {folder} holds no picture", "name another folder")
    decoded = tuple(_decode(file) for file in files[:_MOST_PICTURES])
    return Pictures(f"{len(files)} in {path.name or folder}", tuple(files), decoded)


def make_picture(width: int, height: int, seed: int) -> Tensor:
    """3 H W in [0, 1]: smooth colour, hard edges, fine grain, deep shadow.

    The same for a seed, on every machine but for rounding.
    """
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 6, 6, generator=generator)
    picture = F.interpolate(coarse, (height, width), mode="bicubic")[0]
    tiles = torch.rand(1, 1, 9, 9, generator=generator)
    edges = F.interpolate(tiles, (height, width), mode="nearest")[0]
    grain = torch.rand(1, height, width, generator=generator)
    shadow = torch.linspace(0.15, 1, width)
    return ((0.7 * picture + 0.2 * edges + 0.1 * grain) * shadow).clamp(0, 1)


def _decode(file: Path) -> Tensor:
    try:
        return images.read(file.read_bytes(), file.suffix).rgb
    except OSError as error:
        raise PictureError(f"{file}: {error.strerror or error}") from error
    except PictureError as error:
        raise PictureError(f"{file}: {error.reason}", error.remedy) from error


def _default() -> str:
    found = find.default()
    return found.name if found else ""
