"""Networks that look at pictures as people do: VGG16 features, and LPIPS.

Plain stacks of layers with torchvision's key names. Weights are downloaded only
through `hub`.

Sources: Simonyan & Zisserman 2015 (VGG16); Krizhevsky 2014, as torchvision builds it
(AlexNet); Zhang et al. 2018 (LPIPS).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from msrnet_cli.errors import DownloadError, WeightsError
from msrnet_cli.files import require_regular
from msrnet_cli.hub import cache
from msrnet_cli.hub.address import HubAddress

if TYPE_CHECKING:
    from torch import Tensor

VGG16_HUB = HubAddress("timm/vgg16.tv_in1k")
VGG16_LAYERS = 31
_VGG16_PLAN = (
    64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0,
)  # fmt: skip
_GET_VGG = (
    "get model.safetensors from huggingface.co/timm/vgg16.tv_in1k, or torchvision's"
    " vgg16 .pth, and pass it as --vgg FILE; or train with --no-perceptual"
)

_ALEXNET_LAYERS = (1, 4, 7, 9, 11)
_ALEXNET_CHANNELS = (64, 192, 384, 256, 256)
_HEADS = Path(__file__).parent / "lpips_heads" / "alex.safetensors"
_ALEXNET_FILE = "alexnet-owt-7be5be79.pth"
_GET_ALEXNET = (
    f"get download.pytorch.org/models/{_ALEXNET_FILE} and pass it as --alexnet FILE"
)
# Zhang et al. 2018: ImageNet's mean and deviation, for pictures in [-1, 1].
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


class VGG16Features(nn.Module):
    """The first layers of VGG16: B 3 H W in [0, 1] to features.

    Args:
        layers: Counted as torchvision does, 1 to 31; 31 ends with the last pooling
            and gives B 512 H/32 W/32. Pictures go in as they are, as the authors feed
            them, without ImageNet's normalisation.
    """

    def __init__(self, layers: int = VGG16_LAYERS) -> None:
        super().__init__()
        stack: list[nn.Module] = []
        channels = 3
        for width in _VGG16_PLAN:  # 0 stands for pooling
            if width:
                stack += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            else:
                stack.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*stack[:layers])

    def forward(self, image: Tensor) -> Tensor:
        return self.features(image)


def load_vgg16(
    path: str = "", layers: int = VGG16_LAYERS, *, offline: bool = False
) -> VGG16Features:
    """VGG16 features with trained weights, frozen.

    Args:
        path: A .safetensors or .pth with torchvision's names; "" fetches from the hub.
        layers: As for `VGG16Features`.
        offline: Use the hub's cache only.

    Raises:
        WeightsError: There are no such weights, with how to get them.
    """
    try:
        file = Path(path) if path else cache.fetch(VGG16_HUB, offline=offline)
    except DownloadError as error:
        raise DownloadError(f"no VGG16 weights: {error.reason}", _GET_VGG) from error
    network = VGG16Features(layers)
    _fill(network, file, "VGG16", _GET_VGG)
    return network.eval().requires_grad_(False)


class LPIPS(nn.Module):
    """Distance of two pictures as people see it: AlexNet features, weighted.

    A small distance means alike. The weights, version 0.1, lie in `lpips_heads`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
        )
        self.heads = nn.ParameterList(torch.zeros(n) for n in _ALEXNET_CHANNELS)

    def forward(self, image: Tensor, reference: Tensor) -> Tensor:
        """Distances of B 3 H W in [0, 1], both sides at least 64; B values."""
        shift, scale = (image.new_tensor(v)[:, None, None] for v in (_SHIFT, _SCALE))
        x, y = ((2 * p - 1 - shift) / scale for p in (image, reference))
        total = image.new_zeros(len(image))
        heads = iter(self.heads)
        for index, layer in enumerate(self.features):
            x, y = layer(x), layer(y)
            if index in _ALEXNET_LAYERS:
                difference = (_unit(x) - _unit(y)).square()
                weighted = difference * next(heads)[:, None, None]
                total = total + weighted.sum(1).mean((-1, -2))
        return total


def load_lpips(alexnet: str = "") -> LPIPS:
    """LPIPS with trained weights, frozen.

    Args:
        alexnet: A .pth or .safetensors with torchvision's names; "" looks into
            torch's cache.

    Raises:
        WeightsError: There are no such weights, with how to get them.
    """
    cached = Path(torch.hub.get_dir()) / "checkpoints" / _ALEXNET_FILE
    file = Path(alexnet) if alexnet else cached
    if not file.exists():
        raise WeightsError(f"no AlexNet weights: {file} does not exist", _GET_ALEXNET)
    network = LPIPS()
    _fill(network.features, file, "AlexNet", _GET_ALEXNET, prefix="features.")
    _fill_heads(network)
    return network.eval().requires_grad_(False)


def _fill_heads(network: LPIPS) -> None:
    """Load the five learnt weightings from the file in this package."""
    state = _read_state(_HEADS, "LPIPS", "install msrnet again")
    with torch.no_grad():
        for index, head in enumerate(network.heads):
            head.copy_(state[f"lin{index}"])


def _unit(features: Tensor) -> Tensor:
    """Features scaled to length 1 at each place."""
    return features / (features.square().sum(1, keepdim=True).sqrt() + 1e-10)


def _fill(
    network: nn.Module, file: Path, name: str, remedy: str, prefix: str = ""
) -> None:
    """Load a network's weights out of a file that may hold more."""
    state = _read_state(file, name, remedy)
    wanted = network.state_dict()
    for key, value in wanted.items():
        found = state.get(prefix + key)
        if not _is_dense(found) or found.shape != value.shape:
            raise WeightsError(f"{file} holds no {name}: {key} does not fit", remedy)
    network.load_state_dict({key: state[prefix + key].float() for key in wanted})


def _is_dense(value: object) -> TypeGuard[Tensor]:
    """Whether this is an ordinary tensor of floats; a pickle may hold anything."""
    return (
        isinstance(value, torch.Tensor)
        and value.layout == torch.strided
        and value.is_floating_point()
        and value.device.type == "cpu"
    )


def _read_state(file: Path, name: str, remedy: str) -> dict[str, Any]:
    try:
        require_regular(file.stat().st_mode)  # opening a FIFO would wait
        if file.suffix == ".safetensors":
            return load_file(file)
        state = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise WeightsError(f"{name} weights {file}: {reason}", remedy) from error
    except Exception as error:  # unpickling damaged bytes throws anything
        raise WeightsError(
            f"{name} weights {file} cannot be opened safely", remedy
        ) from error
    if not isinstance(state, dict):
        raise WeightsError(f"{name} weights {file}: not a state dict", remedy)
    return state
