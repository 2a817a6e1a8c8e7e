"""EXIF: a small TIFF file whose bytes are changed in place, and never moved.

Maker notes hold offsets into the block in formats that only the makers of cameras know,
and the encoding of text is not declared. So every other byte stays as it is.

Source: Exif 2.32 (CIPA DC-008) section 4.6.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from msrnet_cli.images.metadata.tiff_directory import (
    DamagedError,
    directory_at,
    directory_in,
    exchanged,
    form_of,
    number_of,
    replaced,
    with_number,
    without,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from msrnet_cli.images.metadata.tiff_directory import Directory, Entry, Form

EXIF_DIRECTORY = 34665
GPS_DIRECTORY = 34853
INTEROP_DIRECTORY = 40965
MAKER_NOTE = 37500

_ORIENTATION, _COLOUR_SPACE, _GAMMA = 274, 40961, 42240
_WIDTH_AND_HEIGHT = {(): ((256, 257), (282, 283)), (EXIF_DIRECTORY,): ((40962, 40963),)}
_PRIMARIES = {301, 318, 319}  # and transfer curve, white point
_SRGB, _ADOBE_RGB = 1, 2
_QUARTER_TURNS = range(5, 9)
_INCH = 2.54  # centimetres


def is_sound(block: bytes) -> bool:
    """Whether all directories and values lie within the block."""
    for tags in _PLACES:
        found = directory_in(block, *tags)
        if found is None and _promised(block, tags):
            return False
        if found and any(entry.size < 0 for entry in found.entries):
            return False
    return True


_PLACES: tuple[tuple[int, ...], ...] = (
    (),
    (EXIF_DIRECTORY,),
    (GPS_DIRECTORY,),
    (EXIF_DIRECTORY, INTEROP_DIRECTORY),
)


def _promised(block: bytes, tags: tuple[int, ...]) -> bool:
    if not tags:
        return True
    above = directory_in(block, *tags[:-1])
    return above is not None and above.find(tags[-1]) is not None


def orientation(block: bytes) -> int:
    """1 to 8 as Exif counts them; 1 where the block does not say."""
    value = number_of(block, (), _ORIENTATION)
    return value if value and value in range(1, 9) else 1


def upright(block: bytes) -> bytes:
    """The block for the picture after its turn by `orientation`."""
    turned = orientation(block) in _QUARTER_TURNS
    block = with_number(block, (), _ORIENTATION, 1)
    if turned:
        for place, pairs in _WIDTH_AND_HEIGHT.items():
            for pair in pairs:
                block = exchanged(block, directory_in(block, *place), pair)
    return block


def is_adobe_rgb(block: bytes) -> bool:
    """Whether the block says that pixels are Adobe RGB.

    Cameras write a number for Adobe RGB, or the rule R03 (DCF 2.0), which counts unless
    the number is that of sRGB.
    """
    space = number_of(block, (EXIF_DIRECTORY,), _COLOUR_SPACE)
    return space == _ADOBE_RGB or (space != _SRGB and _rule(block) is not None)


def as_srgb(block: bytes) -> bytes:
    """The block for the picture after its conversion to sRGB."""
    block = with_number(block, (EXIF_DIRECTORY,), _COLOUR_SPACE, _SRGB)
    rule = _rule(block)
    if rule is not None:
        block = replaced(block, rule.start, b"R98")
    block = without(block, (), _PRIMARIES)
    return without(block, (EXIF_DIRECTORY,), {_GAMMA})


def _rule(block: bytes) -> Entry | None:
    """The entry of the interop directory that names Adobe RGB, if it does."""
    interop = directory_in(block, EXIF_DIRECTORY, INTEROP_DIRECTORY)
    index = interop.find(1) if interop else None
    named = index is not None and index.value(block).startswith(b"R03")
    return index if named else None


def resolution(block: bytes) -> tuple[float, float] | None:
    """Dots per inch across and down; None where the block does not say."""
    unit = number_of(block, (), 296) or 2
    main = directory_in(block)
    both = [_ratio(block, main.find(tag)) if main else None for tag in (282, 283)]
    if both[0] is None or both[1] is None or unit not in (2, 3):
        return None
    scale = _INCH if unit == 3 else 1.0
    return both[0] * scale, both[1] * scale


def _ratio(block: bytes, entry: Entry | None) -> float | None:
    if entry is None or entry.kind != 5 or entry.size < 8:
        return None
    order = form_of(block).order
    above, below = struct.unpack_from(order + "II", block, entry.start)
    return above / below if below else None


def without_thumbnail(block: bytes) -> tuple[bytes, bool]:
    """Take out the second directory, which holds a thumbnail; nothing else moves.

    Returns:
        The block, and whether there was one.
    """
    form, main = form_of(block), directory_in(block)
    if main is None or main.next < 0:
        return block, False
    (at,) = struct.unpack_from(form.offset_format, block, main.next)
    if not at:
        return block, False
    others = [*_used(block)]
    try:
        second = directory_at(block, form, at)
    except DamagedError:
        second = None
    block = replaced(block, main.next, bytes(form.inline))
    if second is None:
        return block, False
    head = form.head + len(second.entries) * form.entry_size + form.inline
    for start, size in [*_pictures(block, form, second), (at, head)]:
        block = _erased(block, start, size, others)
    return block, True


def _pictures(
    block: bytes, form: Form, directory: Directory
) -> Iterator[tuple[int, int]]:
    """Start and size of the thumbnail: a JPEG, or one strip."""
    for place, length in ((513, 514), (273, 279)):
        pair = (directory.find(place), directory.find(length))
        start, size = (entry.number(block, form) if entry else None for entry in pair)
        if start and size:
            yield start, size


def _used(block: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of the parts that must stay."""
    form = form_of(block)
    yield 0, 8
    for tags in _PLACES:
        found = directory_in(block, *tags)
        if found is None:
            continue
        yield found.at, found.at + form.head + len(found.entries) * form.entry_size + 4
        for entry in found.entries:
            yield entry.start, entry.start + max(entry.size, 0)


def _erased(
    block: bytes, start: int, size: int, others: list[tuple[int, int]]
) -> bytes:
    """Blank a part, or cut it off at the end of the block; not where others lie."""
    end = min(start + size, len(block))
    if start <= 0 or any(a < end and start < b for a, b in others):
        return block
    if end == len(block):
        return block[:start]
    return replaced(block, start, bytes(end - start))
