"""The colour profile in a JPEG file, in any of its segments.

Pillow does not see a profile behind the frame header, and refuses a whole picture for a
piece of a profile without its number. Source: ICC.1:2022 annex B.4 (pieces in APP2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msrnet_cli.images.colour.claims import UNUSABLE_PROFILE, Claim, from_profile, void

if TYPE_CHECKING:
    from collections.abc import Iterator

_APP2, _END, _SCAN = 0xE2, 0xD9, 0xDA
_BARE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers without content
_NAME = b"ICC_PROFILE\0"
_HEAD = 4  # marker and size
_NUMBERED = len(_NAME) + 2  # the number of the piece, and of all pieces


def jpeg_claims(data: bytes) -> tuple[Claim, ...]:
    """The claim of the profile in a JPEG file, if it has one."""
    pieces = [data[start + _HEAD : end] for start, end in _pieces(data)]
    if not pieces:
        return ()
    numbered = {piece[12]: piece[_NUMBERED:] for piece in pieces if len(piece) > 13}
    counts = {piece[13] for piece in pieces if len(piece) > 13}
    whole = len(pieces) == len(numbered) and counts == {len(pieces)}
    if not whole or set(numbered) != set(range(1, len(pieces) + 1)):
        return (void(UNUSABLE_PROFILE),)
    return (from_profile(b"".join(numbered[i] for i in sorted(numbered))),)


def without_stubs(data: bytes) -> bytes:
    """The file without pieces of a profile that are too short for their number."""
    for start, end in reversed(list(_pieces(data))):
        if end - start < _HEAD + _NUMBERED:
            data = data[:start] + data[end:]
    return data


def _pieces(data: bytes) -> Iterator[tuple[int, int]]:
    """Start (at the marker) and end of the segments with pieces of the profile."""
    place = 2
    while 0 <= place < len(data) - 3:
        marker = data[place + 1]
        if data[place] != 0xFF or marker == 0xFF:
            place = data.find(b"\xff", place + 1)  # filling, or junk
        elif marker in _BARE:
            place += 2
        elif marker in (_END, _SCAN):
            return
        else:
            end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
            if marker == _APP2 and data.startswith(_NAME, place + _HEAD, end):
                yield place, end
            place = max(end, place + 2)
