"""Pictures on their way to a device and back.

To and from CUDA they pass through pinned memory, in their own type, and nobody waits
for a single one. Each thread has a stream of its own there: while the batch of one is
computed, that of another is copied. For other devices these are plain copies, or none.
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
_MOST_PINNED = 1 << 27  # bytes in a piece: 44 megapixels; torch keeps what it pinned


class _Own(threading.local):
    """What each thread has for itself."""

    def __init__(self) -> None:
        self.streams: dict[torch.device, torch.cuda.Stream] = {}


_own = _Own()


def lanes(device: torch.device) -> int:
    """How many threads a device is worth feeding from."""
    return _LANES if device.type == "cuda" else 1


def lane(device: torch.device) -> AbstractContextManager[object]:
    """The stream of this thread on a device, after all that was begun there before."""
    if device.type != "cuda":
        return nullcontext()
    stream = _own.streams.get(device)
    if stream is None:
        stream = _own.streams[device] = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    return torch.cuda.stream(stream)


def settle(device: torch.device) -> None:
    """Wait for what this thread began on a device: other lanes are to use it."""
    if device.type == "cuda":
        torch.cuda.current_stream(device).synchronize()


def stacked(pictures: Sequence[Tensor], device: torch.device) -> Tensor:
    """B 3 H W of pictures that lie in one place; ready to be copied to a device."""
    shape = (len(pictures), *pictures[0].shape)
    place = _pinned(shape, pictures[0], device)
    if place is None:
        return torch.stack(list(pictures))
    return torch.stack(list(pictures), out=place)


def upload(pictures: Sequence[Tensor], device: torch.device) -> list[Tensor]:
    """Pictures on a device; what is begun there in this lane finds them whole.

    Raises:
        torch.OutOfMemoryError: They do not fit.
    """
    return [_upload(picture, device) for picture in pictures]


def download(pictures: Sequence[Tensor]) -> list[Tensor]:
    """Pictures in main memory, whole when this returns."""
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
    """Pinned memory for what goes to a device; None where none is needed, or to be had.

    Args:
        shape: What it is to hold.
        like: Of the same type, and where that comes from.
        device: Where it goes.
    """
    crosses = like.is_cuda != (device.type == "cuda")
    size = torch.Size(shape).numel() * like.element_size()
    if not crosses or size > _MOST_PINNED:
        return None
    try:
        return torch.empty(shape, dtype=like.dtype, pin_memory=True)
    except RuntimeError:  # some systems allow little of it
        return None
