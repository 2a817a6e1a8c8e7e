"""The pictures of pairs, in memory where they fit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import torch

from msrnet_cli import hardware
from msrnet_cli.allowance import usable_cores
from msrnet_cli.pairs.check import require_one_size, size_of
from msrnet_cli.pairs.resample import resize

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from concurrent.futures import Future

    from torch import Tensor

    from msrnet_cli.pairs.check import Size
    from msrnet_cli.pairs.files import PictureFile
    from msrnet_cli.pairs.find import Pair

_MEMORY_SHARE = 0.5  # of the free memory: the network needs the rest
_CPU = torch.device("cpu")


class PairStore:
    """All pictures of some pairs, decoded once where memory allows.

    Pictures are kept as uint8, no larger than necessary. Where they do not fit into
    main memory, they are decoded ahead of their use.

    Args:
        pairs: The pairs, at least one.
        side: The shorter side of a picture is reduced to this; None keeps all.
        device: Where batches are wanted.
        memory: Bytes that may be used; None asks the system.

    Raises:
        PictureError: A picture cannot be read.
        DataError: Two pictures of a scene differ in size.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        side: int | None = None,
        device: torch.device | None = None,
        memory: int | None = None,
    ) -> None:
        self.pairs = list(pairs)
        self.side = side
        self.device = device or _CPU
        files = list(dict.fromkeys(file for pair in pairs for file in pair.files))
        needed = len(files) * self._bytes(files[0])
        self.in_memory = _fits(needed, _CPU, memory)
        self._home = self.device if _fits(needed, self.device, memory) else _CPU
        self._pool = ThreadPoolExecutor(min(8, usable_cores()))
        self._kept: dict[PictureFile, Tensor] = {}
        self._ahead: dict[PictureFile, Future[Tensor]] = {}
        self._sizes: dict[PictureFile, Size] = {}
        if self.in_memory:
            decoded = self._pool.map(self._decode, files)
            self._kept = dict(zip(files, decoded, strict=True))
            for pair in self.pairs:
                self._require_one_size(pair)

    def __len__(self) -> int:
        return len(self.pairs)

    def pictures(self, pair: Pair, files: Sequence[PictureFile]) -> list[Tensor]:
        """Pictures of a pair: each 3 H W, uint8, on any device.

        Raises:
            PictureError: A picture cannot be read.
            DataError: The pictures differ in size.
        """
        found = [self._picture(file) for file in files]
        self._require_one_size(pair)
        return found

    def prefetch(self, files: Iterable[PictureFile]) -> None:
        """Start decoding pictures that are needed soon, unless all are in memory."""
        for file in files:
            if not self.in_memory and file not in self._ahead:
                self._ahead[file] = self._pool.submit(self._decode, file)

    def close(self) -> None:
        """Stop the threads that decode."""
        self._pool.shutdown(cancel_futures=True)

    def _picture(self, file: PictureFile) -> Tensor:
        if file in self._kept:
            return self._kept[file]
        future = self._ahead.pop(file, None)
        return future.result() if future else self._decode(file)

    def _decode(self, file: PictureFile) -> Tensor:
        pixels = file.decode()
        self._sizes[file] = size_of(pixels)
        if self.side is not None and min(pixels.shape[-2:]) > self.side:
            pixels = resize(pixels[None].float(), self.side)[0].round_().to(torch.uint8)
        return pixels.contiguous().to(self._home)

    def _require_one_size(self, pair: Pair) -> None:
        # Sizes before reduction: different ones can be reduced to the same.
        sizes = (self._sizes[file] for file in pair.files if file in self._sizes)
        require_one_size(pair.name, sizes)

    def _bytes(self, file: PictureFile) -> int:
        width, height = file.size()
        scale = min(1.0, (self.side or width) / min(width, height))
        return int(3 * width * height * scale**2)


def _fits(needed: int, device: torch.device, memory: int | None) -> bool:
    free = memory if memory is not None else hardware.free_bytes(device)
    return free is None or needed < _MEMORY_SHARE * free
