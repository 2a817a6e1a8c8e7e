"""The header of a safetensors file, checked before the rest of the file is read.

Little of a file is read here, whatever the file is.

Source of the format: https://github.com/huggingface/safetensors, "Format".
"""

from __future__ import annotations

import json
import math
import struct
from typing import TYPE_CHECKING, Any

from msrnet_cli.errors import WeightsError
from msrnet_cli.weights.find import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_FILE_BYTES = 1 << 30
MAX_HEADER_BYTES = 10 << 20
IMPORT_HINT = "convert it first: msrnet weights import SRC DST"
METADATA = "__metadata__"

_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
# How zip files and pickles begin.
_PICKLES = (b"PK\x03\x04", b"\x80", b"(d")


def read_header(path: Path) -> dict[str, Any]:
    """A header that describes the whole file: no gap, no overlap, nothing behind.

    Returns:
        Tables of ``dtype``, ``shape`` and ``data_offsets`` by the names of the tensors,
        and the table `METADATA` where there is one.

    Raises:
        WeightsError: The file is malformed, or of a type that weights never have.
        OSError: The file cannot be read.
    """
    if path.exists() and not path.is_file():
        raise malformed(path, kind_of(path))  # opening a FIFO could wait for ever
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise WeightsError(
            f"weights {path}: {size / 1e9:.1f} GB is more than any MSR-Net needs",
            "check that it is the right file",
        )
    head = _head(path, size)
    header = _parsed(path, head)
    try:
        told = 8 + len(head) + _body_bytes(header)
    except (LookupError, TypeError, ValueError) as error:
        raise _unreadable(path, error) from error
    if told != size:
        raise malformed(path, f"it has {size} bytes, {told} by its header")
    return header


def shapes(header: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shapes of the tensors that a header describes.

    Raises:
        ValueError: A side is negative or not a whole number.
    """
    found = {name: entry["shape"] for name, entry in header.items() if name != METADATA}
    for name, shape in found.items():
        if any(type(side) is not int or side < 0 for side in shape):
            raise ValueError(f"{name} has the shape {shape}")
    return {name: tuple(shape) for name, shape in found.items()}


def malformed(path: Path, why: str) -> WeightsError:
    """The error for a file that is not as it should be."""
    return WeightsError(f"weights {path}: {why}", "fetch or export the file again")


def _unreadable(path: Path, error: Exception) -> WeightsError:
    return malformed(path, f"its header is not readable ({error})")


def _head(path: Path, size: int) -> bytes:
    """The bytes of the header of a file of a size."""
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        # A plausible length rules out a pickle: its first bytes are a huge number.
        if not 2 <= length <= MAX_HEADER_BYTES:
            if start.startswith(_PICKLES):
                raise WeightsError(
                    f"weights {path}: a pickle can run any program when it is opened",
                    IMPORT_HINT,
                )
            raise malformed(path, "it is not a safetensors file")
        if 8 + length > size:
            raise malformed(path, f"it ends within its header of {length} bytes")
        return file.read(length)


def _parsed(path: Path, head: bytes) -> dict[str, Any]:
    """The tables in a header: of float tensors, and `METADATA`."""
    try:
        header = json.loads(head, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(header, dict):
        raise malformed(path, "its header is not a table")
    for name, entry in header.items():
        if not isinstance(entry, dict):
            raise malformed(path, f"its entry {name} is not a table")
        if name != METADATA and str(entry.get("dtype")) not in _BYTES:
            raise malformed(path, f"{name} is {entry.get('dtype')}, not a float type")
    return header


def _body_bytes(header: Mapping[str, Any]) -> int:
    """How many bytes the tensors of a header take.

    Raises:
        LookupError: An entry is missing.
        TypeError: An entry has another type.
        ValueError: The tensors do not lie one after the other, or one does not have
            the room that its shape needs.
    """
    places = []
    for name, shape in shapes(header).items():
        begin, end = header[name]["data_offsets"]
        wanted = math.prod(shape) * _BYTES[header[name]["dtype"]]
        if end - begin != wanted:
            raise ValueError(f"{name} has {end - begin} bytes, not {wanted}")
        places.append((begin, end))
    position = 0
    for begin, end in sorted(places):
        if begin != position:
            raise ValueError(f"nothing is said of byte {min(begin, position)}")
        position = end
    return position


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name occurs twice")
    return table
