"""What the headers of an AV1 frame say: its size, and how finely it is quantised.

Source: the AV1 bitstream specification, sections 5.5 (sequence header), 5.9 (frame
header) and 5.9.12 (quantization). Only the headers of still pictures are read to
the end; of other frames, as in AVIF sequences, only the size is read.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_START = b"\x12\0\x0a"  # a temporal delimiter, then a sequence header with its length
_FRAME = (0x32, 0x1A)  # a frame, or its header alone, with a length
_MOST_HEADER = 64


@dataclass(frozen=True)
class Frame:
    """A coded picture, or its transparency.

    Attributes:
        width: In pixels.
        height: In pixels.
        quantizer: The base index, 0 (without loss) to 255; None where it is not read.
    """

    width: int
    height: int
    quantizer: int | None = None


def frames(data: bytes) -> Iterator[Frame]:
    """All frames of a file that begin with a sequence header, in file order."""
    start = data.find(_START)
    while start >= 0:
        start += len(_START)
        length = data[start] if start < len(data) else 0
        with suppress(IndexError):
            head = _Sequence(_Bits(data[start + 1 : start + 1 + _MOST_HEADER]))
            rest = data[start + 1 + length : start + 1 + length + _MOST_HEADER]
            quantizer = None
            with suppress(IndexError):
                quantizer = _quantizer(head, rest)
            yield Frame(head.width, head.height, quantizer)
        start = data.find(_START, start)


class _Bits:
    """Numbers from bits, the highest first; an IndexError where they end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def take(self, count: int) -> int:
        value = 0
        for place in range(self._place, self._place + count):
            value = value << 1 | self._data[place >> 3] >> (7 - place % 8) & 1
        self._place += count
        return value


class _Sequence:
    """The parts of a sequence header that are needed to find the quantizer."""

    def __init__(self, bits: _Bits) -> None:
        self._profile = bits.take(3)
        bits.take(1)
        self.is_still = bool(bits.take(1))  # the reduced header of still pictures
        if self.is_still:
            bits.take(5)
        else:
            _skip_operating_points(bits)
        wide, high = bits.take(4) + 1, bits.take(4) + 1
        self.width, self.height = bits.take(wide) + 1, bits.take(high) + 1
        self.large_blocks = self.has_superres = False
        if self.is_still:
            self.large_blocks = bool(bits.take(1))
            bits.take(2)
            self.has_superres = bool(bits.take(1))


def _skip_operating_points(bits: _Bits) -> None:
    timing, delay, points = bits.take(1), bits.take(1), bits.take(5)
    if timing:
        raise IndexError("a timing is not expected in a picture")
    for _ in range(points + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delay and bits.take(1):
            bits.take(4)


def _quantizer(head: _Sequence, data: bytes) -> int | None:
    if not head.is_still or not data or data[0] not in _FRAME:
        return None
    length = next(i for i in range(1, len(data)) if data[i] < 0x80)  # LEB128
    bits = _Bits(data[length + 1 :])
    bits.take(1)  # the probabilities stay
    screen = bits.take(1)
    if screen:
        bits.take(1)  # whole-pixel motion
    if head.has_superres and bits.take(1):
        return None
    if bits.take(1):
        bits.take(32)  # the size to show it at
    if screen:
        bits.take(1)  # copies within the picture
    _skip_tiles(bits, head)
    return bits.take(8)


def _skip_tiles(bits: _Bits, head: _Sequence) -> None:
    """The layout of tiles, section 5.9.15."""
    shift = 7 if head.large_blocks else 6
    columns, rows = -(-head.width >> shift), -(-head.height >> shift)
    widest, most = 4096 >> shift, 4096 * 2304 >> 2 * shift
    if not bits.take(1):
        raise IndexError("tiles of different sizes are not followed")
    least_columns = _log2(widest, columns)
    least = max(least_columns, _log2(most, rows * columns))
    across = least_columns
    while across < _log2(1, min(columns, 64)) and bits.take(1):
        across += 1
    down = max(least - across, 0)
    while down < _log2(1, min(rows, 64)) and bits.take(1):
        down += 1
    if across or down:
        bits.take(across + down + 2)


def _log2(unit: int, target: int) -> int:
    """The least power of two by which a unit reaches a target."""
    power = 0
    while unit << power < target:
        power += 1
    return power
