"""What the rows learn from and are scored on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.tables.program import msrnet
from benchmarks.tables.systems import INPUTS
from msrnet_cli.errors import UsageError
from msrnet_cli.pairs.files import bytes_of
from msrnet_cli.pairs.find import find_pairs
from msrnet_cli.train import inventory

if TYPE_CHECKING:
    from collections.abc import Collection

    from benchmarks.tables.protocol import Protocol

Part = Literal["train", "val", "layers"]

_LIGHTS = (*INPUTS, "4500_E")


@dataclass(frozen=True)
class Data:
    """Folders, each as `msrnet train` reads it.

    Attributes:
        train: Pairs to learn from.
        val: Pairs to score on.
        layers: The training scenes, light by light; "" where there are none.
        is_rendered: Whether `render` makes them.
    """

    train: str
    val: str
    layers: str
    is_rendered: bool


def data_of(protocol: Protocol, out: Path) -> Data:
    """Where the data of a protocol lies.

    Args:
        protocol: Names the data, or leaves it to be rendered.
        out: Rendered scenes lie in it.

    Raises:
        UsageError: Only a part of the data is named.
    """
    if protocol.data and protocol.val:
        return Data(protocol.data, protocol.val, protocol.layers, is_rendered=False)
    if protocol.data or protocol.val or protocol.layers:
        raise UsageError(
            "only a part of the data is named",
            "give --data and --val, and --layers for the light stage; or none of them,"
            " to render scenes",
        )
    folder = out / "data"
    train, val, layers = (folder / name for name in ("train", "validation", "layers"))
    return Data(str(train), str(val), str(layers), is_rendered=True)


def render(data: Data, protocol: Protocol, wanted: Collection[Part]) -> None:
    """Render what is missing.

    Args:
        data: Where to.
        protocol: How much.
        wanted: Pairs to learn from, pairs to score on, or the scenes to learn from
            light by light: the same as in pairs.

    Raises:
        MSRNetError: As `msrnet synth` raises.
        SystemExit: A signal stopped it.
    """
    size = ("--size", str(protocol.size))
    lights = ("--lights", ",".join(_LIGHTS))
    train, val = protocol.scenes, protocol.val_scenes
    sets: dict[Part, tuple[str, int, str, int, tuple[str, ...]]] = {
        "train": (data.train, train, "*.png", len(_LIGHTS), lights),
        "val": (
            data.val, val, "*.png", len(_LIGHTS), (*lights, "--split", "validation")
        ),
        "layers": (data.layers, train, "*.safetensors", 1, ("--layers",)),
    }  # fmt: skip
    for part, (folder, scenes, names, files, words) in sets.items():
        if part not in wanted or len(list(Path(folder).glob(names))) >= files * scenes:
            continue
        msrnet("synth", folder, "--scenes", str(scenes), *size, *words)


def sources(data: Data, protocol: Protocol) -> tuple[dict[str, Any], dict[str, Any]]:
    """What decides the pictures to learn from, and those to score on, as JSON.

    Rendered ones agree between machines to rounding, but not in their bytes.

    Raises:
        DataError: There are no pairs.
    """
    if not data.is_rendered:
        return listed(data.train), listed(data.val)
    scenes = (protocol.scenes, protocol.val_scenes)
    train, val = ({"rendered": each, "size": protocol.size} for each in scenes)
    return train, val


def listed(folder: str) -> dict[str, int]:
    """Bytes of the pictures in pairs of a folder or .zip, by name.

    Raises:
        DataError: There are no pairs.
    """
    files = [file for pair in find_pairs(folder).pairs for file in pair.files]
    names = [file.name for file in files]
    return inventory.listed(zip(names, bytes_of(files), strict=True))
