"""Tensors into a safetensors file, completely or not at all.

The writer of the safetensors library needs NumPy, which only rendering may require.

Source of the format: https://github.com/huggingface/safetensors, "Format".
"""

from __future__ import annotations

import ctypes
import json
import struct
import zlib
from typing import TYPE_CHECKING, Any

import torch

from msrnet_cli.files import writing_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

DTYPE_NAMES = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.uint8: "U8",
}


def write(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> None:
    """Write tensors by name; the old file stays until the new one is complete.

    Args:
        path: Where to.
        tensors: Of the types in `DTYPE_NAMES`, on any device.
        metadata: Texts by name, for the header.

    Raises:
        OSError: It could not be written; the old content is still there.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    position = 0
    for name, value in sorted(tensors.items()):
        end = position + value.nbytes
        header[name] = {
            "dtype": DTYPE_NAMES[value.dtype],
            "shape": list(value.shape),
            "data_offsets": [position, end],
        }
        position = end
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with writing_whole(path) as file:
        file.write(struct.pack("<Q", len(head)) + head)
        for _, value in sorted(tensors.items()):
            file.write(_bytes(value))


def checksum(tensors: Mapping[str, Tensor]) -> int:
    """CRC-32 of the memory of all tensors, in the order of their names."""
    found = 0
    for _, value in sorted(tensors.items()):
        found = zlib.crc32(_bytes(value), found)
    return found


def _bytes(value: Tensor) -> bytes:
    """The memory of a tensor, row-major."""
    value = value.detach().cpu().contiguous()
    return ctypes.string_at(value.data_ptr(), value.nbytes)
