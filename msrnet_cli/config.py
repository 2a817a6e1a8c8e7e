"""What goes in: the settings of a network and of a job. Loads no torch.

Each record holds the defaults of its job.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, cast, get_args

from msrnet_cli.options import Option

Arch = Literal[
    "dmshn", "stacked", "lightstage", "griddehazenet", "srn", "srn_lstm", "drn",
    "two_views",
]  # fmt: skip
"""The networks, each a file in `networks/`."""

ValueRange = Literal["zero_one", "centred", "signed", "signed_in"]
"""What networks see and paint; `networks.ranges` says what each does."""

OWN_RANGES: dict[Arch, ValueRange] = {"griddehazenet": "signed_in", "drn": "signed"}
"""The range that the authors of a network used, where it is not ``zero_one``."""

_OWN = cast("ValueRange", "")  # until a `ModelConfig` knows its network

Dtype = Literal["auto", "fp32", "bf16", "fp16"]
Engine = Literal["auto", "eager", "fused", "graph", "tuned", "compiled"]
Format = Literal["png", "jpeg", "webp", "tiff", "bmp", "heic", "avif", "gif"]

WorkSize = int | Literal["full"]
"""Longer side, in pixels, at which the network sees a picture; ``full``: as it is."""

MAX_MEGAPIXELS = 179.0
"""Larger pictures are refused, unless a user asks for more."""

MegapixelLimit = Annotated[
    float,
    Option(
        "Refuse larger pictures before they are decoded.",
        least=0,
        above=True,
        endless=True,
    ),
]
"""Of pictures that are read."""

WORK_SIZE = 1024
"""Where neither the user nor the weights say: the size that the network is made for."""

SMALLEST_WORK_SIZE = 16
LARGEST_WORK_SIZE = 65536
"""The most that a card may ask for."""


def read_work_size(text: str) -> WorkSize:
    """A working size as people write it.

    Raises:
        ValueError: It is neither ``full`` nor a size; says what is expected.
    """
    if text == "full":
        return "full"
    if not text.isdecimal() or int(text) < SMALLEST_WORK_SIZE:
        raise ValueError(
            f"full, or pixels from {SMALLEST_WORK_SIZE} on, such as {WORK_SIZE}"
        )
    return int(text)


def read_format(text: str) -> Format:
    """A format in any letter case, or a suffix such as ``.jpg``.

    Raises:
        ValueError: It is neither; says what is expected.
    """
    name = text.lower().removeprefix(".")
    name = {"jpg": "jpeg", "jpe": "jpeg", "tif": "tiff", "heif": "heic"}.get(name, name)
    if name not in get_args(Format):
        raise ValueError(f"one of {', '.join(get_args(Format))}")
    return cast("Format", name)


@dataclass(frozen=True, kw_only=True)
class OfflineOption:
    """Whether weights may be fetched."""

    offline: Annotated[
        bool, Option("Never use the internet: weights must be on this machine.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class DeviceOptions(OfflineOption):
    """Where a network runs."""

    device: Annotated[
        str, Option("auto, cpu, cuda, cuda:N or mps.", metavar="DEVICE")
    ] = "auto"


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A change of light; the default is the one that the paper learns."""

    from_light: Annotated[
        str,
        Option(
            "Light of the inputs, in VIDIT's names.", flags=("--from",), metavar="LIGHT"
        ),
    ] = "6500_N"
    to_light: Annotated[
        str, Option("Light of the targets.", flags=("--to",), metavar="LIGHT")
    ] = "4500_E"


@dataclass(frozen=True)
class ModelConfig:
    """What rebuilds a network.

    Attributes:
        arch: The kind of network, see `Arch`.
        channels: Channels at full resolution; 32 in the paper.
        value_range: What the network sees for a picture in [0, 1], and how it paints
            one: as it is; ``centred``, minus 0.5; ``signed``, in [-1, 1]; or
            ``signed_in``, which sees [-1, 1] and paints [0, 1]. Where none is given, it
            is that of the network's authors.
    """

    arch: Annotated[Arch, Option("The network.")] = "stacked"
    channels: Annotated[
        int,
        Option("Channels of the network at full resolution.", least=1, most=2**20),
    ] = 32
    value_range: Annotated[
        ValueRange,
        Option(
            "What the network sees: pictures in [0, 1], minus 0.5, or in [-1, 1];"
            " signed_in paints in [0, 1].",
            default="its authors'",
        ),
    ] = _OWN

    def __post_init__(self) -> None:
        if not self.value_range:
            own = OWN_RANGES.get(self.arch, "zero_one")
            object.__setattr__(self, "value_range", own)

    def of_arch(self, arch: Arch) -> ModelConfig:
        """The config with another network.

        Its value range is that of its own authors, unless this config departs from that
        of its authors.
        """
        own = ModelConfig(self.arch).value_range
        if self.value_range == own:
            return ModelConfig(arch, self.channels)
        return replace(self, arch=arch)


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
        second_light: Light of the second picture that it takes, as ``6500_S``; "" if it
            takes one, or if unknown.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    from_light: str = ""
    to_light: str = ""
    training_data: str = ""
    licence: str = ""
    work_size: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    notes: str = ""
    second_light: str = ""


@dataclass(frozen=True)
class WriteOptions:
    """How a relit picture is written."""

    format: Annotated[
        Format | None,
        Option(
            "Output format; jpg and tif do, too.",
            default="the input's",
            read=read_format,
        ),
    ] = None
    quality: Annotated[
        int | None,
        Option(
            "For JPEG, WebP, HEIC, AVIF.",
            least=1,
            most=100,
            default="the input's tables in JPEG, else high",
        ),
    ] = None
    lossless: Annotated[bool, Option("WebP, HEIC without loss; AVIF at its best.")] = (
        False
    )
    # Never the colour profile: without it the colours would change.
    strip_metadata: Annotated[bool, Option("Leave out EXIF, XMP, IPTC, text.")] = False
