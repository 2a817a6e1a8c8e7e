"""Copies of pictures between main memory and a device.

To and from CUDA, pictures are copied asynchronously through pinned memory, as uint8 or
float32. Each thread has its own stream, so one batch is copied while another batch is
computed. For other devices these are plain copies, or none.
"""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

_LANES = 2  # one batch is copied while another is computed
_MAIN = torch.device("cpu")
_MOST_PINNED = 1 << 27  # bytes of one block: 44 megapixels; torch caches pinned memory


class _ThreadStreams(threading.local):
    """The CUDA streams of each thread."""

    def __init__(self) -> None:
        self.by_device: dict[torch.device, torch.cuda.Stream] = {}


_streams = _ThreadStreams()


def lanes(device: torch.device) -> int:
    """How many threads should feed a device at a time."""
    return _LANES if device.type == "cuda" else 1


def lane(device: torch.device) -> AbstractContextManager[object]:
    """Use this thread's stream on a device, after the work of the current stream."""
    if device.type != "cuda":
        return nullcontext()
    stream = _streams.by_device.get(device)
    if stream is None:
        stream = _streams.by_device[device] = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    return torch.cuda.stream(stream)


def settle(device: torch.device) -> None:
    """Wait for this thread's stream, so that other lanes can use its results."""
    if device.type == "cuda":
        torch.cuda.current_stream(device).synchronize()


def stacked(pictures: Sequence[Tensor], device: torch.device) -> Tensor:
    """Pictures as one B 3 H W, in memory that can be copied to a device at once."""
    shape = (len(pictures), *pictures[0].shape)
    place = _pinned(shape, pictures[0], device)
    if place is None:
        return torch.stack(list(pictures))
    return torch.stack(list(pictures), out=place)


def upload(pictures: Sequence[Tensor], device: torch.device) -> list[Tensor]:
    """Copy pictures to a device; later work in this lane waits for the copies.

    Raises:
        torch.OutOfMemoryError: The pictures do not fit.
    """
    return [_upload(picture, device) for picture in pictures]


def download(pictures: Sequence[Tensor]) -> list[Tensor]:
    """Copy pictures to main memory; the copies are complete when this returns."""
    found = list(map(_download, pictures))
    for device in {picture.device for picture in pictures}:
        settle(device)
    return found


def _upload(picture: Tensor, device: torch.device) -> Tensor:
    place = _pinned(picture.shape, picture, device)
    if place is None:
        return picture.to(device)
    return place.copy_(picture).to(device, non_blocking=True)


def _download(picture: Tensor) -> Tensor:
    place = _pinned(picture.shape, picture, _MAIN)
    if place is None:
        return picture.cpu()
    return place.copy_(picture, non_blocking=True)


def _pinned(shape: Sequence[int], like: Tensor, device: torch.device) -> Tensor | None:
    """Pinned memory for a copy; None where it is not needed or not available.

    Args:
        shape: Of the copy.
        like: The tensor to copy, or one of the same type in the same place.
        device: Where the copy goes.
    """
    crosses = like.is_cuda != (device.type == "cuda")
    size = torch.Size(shape).numel() * like.element_size()
    if not crosses or size > _MOST_PINNED:
        return None
    try:
        return torch.empty(shape, dtype=like.dtype, pin_memory=True)
    except RuntimeError:  # some systems limit pinned memory
        return None
