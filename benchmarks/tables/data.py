"""What the rows learn from and are scored on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.tables.program import msrnet
from benchmarks.tables.systems import INPUTS
from msrnet_cli.errors import UsageError
from msrnet_cli.pairs.files import bytes_of
from msrnet_cli.pairs.find import find_pairs
from msrnet_cli.train import inventory

if TYPE_CHECKING:
    from benchmarks.tables.protocol import Protocol

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


def render(data: Data, protocol: Protocol, *, layers: bool) -> None:
    """Render what is missing.

    Args:
        data: Where to.
        protocol: How much.
        layers: Also the training scenes light by light: the same as in pairs.

    Raises:
        MSRNetError: As `msrnet synth` raises.
        SystemExit: A signal stopped it.
    """
    size = ("--size", str(protocol.size))
    lights = ("--lights", ",".join(_LIGHTS))
    train, val = protocol.scenes, protocol.val_scenes
    sets: list[tuple[str, int, str, int, tuple[str, ...]]] = [
        (data.train, train, "*.png", len(_LIGHTS), lights),
        (data.val, val, "*.png", len(_LIGHTS), (*lights, "--split", "validation")),
    ]
    if layers:
        sets.append((data.layers, train, "*.safetensors", 1, ("--layers",)))
    for folder, scenes, names, files, words in sets:
        if len(list(Path(folder).glob(names))) < files * scenes:
            msrnet("synth", folder, "--scenes", str(scenes), *size, *words)


def listed(folder: str) -> dict[str, int]:
    """Bytes of the pictures in pairs of a folder or .zip, by name.

    Raises:
        DataError: There are no pairs.
    """
    files = [file for pair in find_pairs(folder).pairs for file in pair.files]
    names = [file.name for file in files]
    return inventory.listed(zip(names, bytes_of(files), strict=True))
