"""What goes in: the settings of a network and of a job. Loads no torch.

Every default that the command line shows is written here, once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

Arch = Literal["dmshn", "stacked"]
ValueRange = Literal["zero_one", "centred"]
Dtype = Literal["auto", "fp32", "bf16", "fp16"]
Exist = Literal["skip", "overwrite", "error"]
Split = Literal["train", "validation", "test"]
Layout = Literal["vidit", "pairs"]
Format = Literal["png", "jpeg", "webp", "tiff", "bmp", "avif", "gif"]

FORMATS: tuple[str, ...] = get_args(Format)


@dataclass(frozen=True)
class ModelConfig:
    """What rebuilds a network.

    Attributes:
        arch: ``dmshn`` or ``stacked``, two DMSHNs in a row.
        channels: Channels at full resolution; 32 in the paper.
        value_range: What the network sees for a picture in [0, 1]: the picture
            itself, or, ``centred``, the picture minus 0.5.
    """

    arch: Arch = "stacked"
    channels: int = 32
    value_range: ValueRange = "zero_one"


@dataclass(frozen=True)
class WeightsCard:
    """What a weights file says about itself, stored in its header.

    Attributes:
        model: Rebuilds the network.
        from_light: Light of the pictures it takes, as ``6500_N``; "" if unknown.
        to_light: Light of the pictures it gives, as ``4500_E``; "" if unknown.
        training_data: What it was trained on.
        licence: Licence of the weights.
        scores: Scores on held-out data, by name.
        notes: Anything else a user should know.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    from_light: str = ""
    to_light: str = ""
    training_data: str = ""
    licence: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    notes: str = ""


@dataclass(frozen=True)
class WriteOptions:
    """How a relit picture is written.

    Attributes:
        format: Output format; None keeps the input's.
        quality: 1 to 100 for JPEG, WebP and AVIF; None keeps the input's JPEG tables
            or takes a high default.
        lossless: Write WebP and AVIF without loss.
        strip_metadata: Leave out EXIF, XMP, IPTC, text and comments (never the
            colour profile: without it the colours would change).
    """

    format: Format | None = None
    quality: int | None = None
    lossless: bool = False
    strip_metadata: bool = False


@dataclass(frozen=True)
class FolderOptions:
    """How `msrnet relight` treats a folder.

    Attributes:
        recursive: Enter subfolders.
        name: Template for output names with the fields {stem} and {ext}.
        exist: What to do where an output exists.
        batch_size: Pictures of one size that share a batch; None chooses.
        compare: Also write input and output side by side.
        fail_fast: Stop at the first failure.
        max_megapixels: Larger pictures are refused before they are decoded.
        write: How a relit picture is written.
    """

    recursive: bool = False
    name: str = "{stem}{ext}"
    exist: Exist = "skip"
    batch_size: int | None = None
    compare: bool = False
    fail_fast: bool = False
    max_megapixels: float = 179.0
    write: WriteOptions = field(default_factory=WriteOptions)


@dataclass(frozen=True)
class SynthOptions:
    """What `msrnet synth` renders.

    Attributes:
        scenes: How many scenes.
        size: Side of the pictures in pixels.
        lights: Lights of each scene, as ``6500_N``; ``all`` is all forty.
        seed: Another seed gives other scenes.
        split: Scenes of one split are never those of another.
        layout: ``vidit`` names files ``Image000_6500_N.png``; ``pairs`` makes
            ``input/Image000.png`` and ``target/Image000.png``.
        from_light: Light of the input, for ``pairs``.
        to_light: Light of the target, for ``pairs``.
        depth: Also write ``depth/Image000.png``: 16 bits, centimetres from the
            camera, 0 where there is nothing.
        sheet: Where to put a contact sheet; None makes none.
        workers: Scenes rendered side by side; 0 takes one for each core.
        samples: Rays a pixel.
    """

    scenes: int = 300
    size: int = 512
    lights: tuple[str, ...] = ("6500_N", "4500_E")
    seed: int = 0
    split: Split = "train"
    layout: Layout = "vidit"
    from_light: str = "6500_N"
    to_light: str = "4500_E"
    depth: bool = False
    sheet: str | None = None
    workers: int = 0
    samples: int = 16
