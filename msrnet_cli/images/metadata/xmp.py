"""XMP packets: properties that are false for a relit picture are removed.

Packets are searched as text, not parsed, so all other bytes survive, and even a damaged
packet can be carried.

Sources: XMP specification parts 1 (2012) and 3 (2020, section 1.1.3 for JPEG); Ultra
HDR image format 1.1 and Motion Photo format 1.0 (Android); ISO 21496-1.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_TIFF = "http://ns.adobe.com/tiff/1.0/"
_EXIF = "http://ns.adobe.com/exif/1.0/"
_DEVELOPMENT = "http://ns.adobe.com/camera-raw-settings/1.0/"
_NOTE = "http://ns.adobe.com/xmp/note/"
_GAIN_MAP = (
    "http://ns.adobe.com/hdr-gain-map/1.0/",
    "http://ns.apple.com/HDRGainMap/1.0/",
    "http://ns.apple.com/pixeldatainfo/1.0/",
)
_CONTAINER = (
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.google.com/photos/dd/1.0/device/",
)
_CAMERA = "http://ns.google.com/photos/1.0/camera/"
_MOTION = r"(?:MotionPhoto|MicroVideo)\w*"
_ANY = r"[\w.-]+"
_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
    ' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
    ' rdf:about="" xmlns:xmpNote="http://ns.adobe.com/xmp/note/"'
    ' xmpNote:HasExtendedXMP="{guid}"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)


@dataclass(frozen=True)
class Cleared:
    """A packet without the properties that are no longer true.

    Attributes:
        packet: The rest, byte for byte.
        gain_map: Whether it named a gain map.
        video: Whether it named a video.
        thumbnail: Whether it held a thumbnail.
    """

    packet: bytes
    gain_map: bool = False
    video: bool = False
    thumbnail: bool = False


def cleared(packet: bytes) -> Cleared:
    """Take out gain map, video, thumbnails and the signature of the old picture."""
    text, encoding = _decoded(packet)
    without_map = text
    for space in _GAIN_MAP:
        without_map = _without(without_map, space, _ANY)
    rest = _without(without_map, _CAMERA, _MOTION)
    listed = "".join(_values(rest, _CONTAINER))
    for space in _CONTAINER:
        rest = _without(rest, space, "Directory|Container|Version")
    if rest != text:
        rest = _unused(rest, _CONTAINER[0] + "item/")
    small = _without(rest, "http://ns.adobe.com/xap/1.0/", "Thumbnails")
    out = _replaced(small, "http://purl.org/dc/terms/", "provenance", _unsigned)
    return Cleared(
        packet if out == text else _encoded(out, encoding),
        gain_map=without_map != text or "GainMap" in listed,
        video="MotionPhoto" in listed or _claims_video(text),
        thumbnail=small != rest,
    )


def orientation(packet: bytes) -> int:
    """1 to 8 as Exif counts them; 1 where the packet does not say."""
    text, _ = _decoded(packet)
    for value in _values(text, (_TIFF,), "Orientation"):
        if value.strip() in set("12345678"):
            return int(value)
    return 1


def upright(packet: bytes, turned: bool) -> bytes:
    """The packet for the picture after its turn.

    Args:
        packet: Any.
        turned: Whether width and height have changed places.
    """
    text, encoding = _decoded(packet)
    out = text
    if orientation(packet) != 1:
        out = _without(out, _TIFF, "Orientation")
    if turned:
        out = _exchanged(out, _EXIF, "PixelXDimension", "PixelYDimension")
        out = _exchanged(out, _TIFF, "ImageWidth", "ImageLength")
    return packet if out == text else _encoded(out, encoding)


def as_srgb(packet: bytes) -> bytes:
    """The packet for the picture after its conversion to sRGB."""
    text, encoding = _decoded(packet)
    out = _without(text, "http://ns.adobe.com/photoshop/1.0/", "ICCProfile")
    out = _replaced(out, _EXIF, "ColorSpace", lambda _: "1")
    return packet if out == text else _encoded(out, encoding)


def developed(packet: bytes) -> bytes:
    """The packet of a raw file for the picture that is developed from it.

    Settings of Camera Raw would be applied to the picture a second time.
    """
    text, encoding = _decoded(packet)
    out = _without(text, _DEVELOPMENT, _ANY)
    return packet if out == text else _encoded(out, encoding)


def extended_name(packet: bytes) -> str | None:
    """The name of the rest of a packet that a JPEG holds in parts; None if whole."""
    text, _ = _decoded(packet)
    return next(iter(_values(text, (_NOTE,), "HasExtendedXMP")), None)


def alone(packet: bytes) -> bytes:
    """The packet without the name of a rest."""
    text, encoding = _decoded(packet)
    return _encoded(_without(text, _NOTE, "HasExtendedXMP"), encoding)


def joined(packet: bytes, rest: bytes) -> bytes | None:
    """A packet and its rest as one; None where they do not fit together."""
    text, encoding = _decoded(alone(packet))
    more, _ = _decoded(rest)
    begin = re.search(r"<rdf:RDF\b[^>]*[^/>]>", more)
    end, place = more.rfind("</rdf:RDF>"), text.rfind("</rdf:RDF>")
    if begin is None or end < begin.end() or place < 0:
        return None
    names = re.findall(
        r"""xmlns:([\w.-]+)\s*=\s*("[^"<]*"|'[^'<]*')""", more[: begin.end()]
    )
    missing = "".join(
        f" xmlns:{name}={value}" for name, value in names if f"xmlns:{name}" not in text
    )
    out = text[:place] + more[begin.end() : end] + text[place:]
    out = re.sub(r"<rdf:RDF\b", lambda found: found[0] + missing, out, count=1)
    return _encoded(out, encoding)


def divided(packet: bytes) -> tuple[bytes, bytes]:
    """A packet too large for a JPEG segment, as one that names its rest, and the rest.

    Returns:
        Both in UTF-8, as JPEG demands.
    """
    text, _ = _decoded(packet)
    whole = re.sub(r"<\?xpacket\b[^<>]*\?>", "", text).strip("\ufeff \t\r\n\0")
    rest = _encoded(whole, "utf-8")
    return _PACKET.format(guid=name_of(rest)).encode(), rest


def name_of(rest: bytes) -> str:
    """The name that a packet gives its rest."""
    return hashlib.md5(rest, usedforsecurity=False).hexdigest().upper()


def unpadded(packet: bytes) -> bytes:
    """The packet without the white space that leaves room for changes in place."""
    end = packet.rfind(b"<?xpacket end")
    return packet if end < 0 else packet[:end].rstrip() + packet[end:].rstrip()


def in_utf8(packet: bytes) -> bytes:
    """The packet in the encoding that JPEG, PNG and WebP demand."""
    text, encoding = _decoded(packet)
    return packet if encoding == "utf-8" else _encoded(text.lstrip("\ufeff"), "utf-8")


def _decoded(packet: bytes) -> tuple[str, str]:
    """The packet as text, lossless, and the name of its encoding."""
    encoding = "utf-8"
    if b"\0" in packet[:4]:
        guess = packet[:4].lstrip(b"\xff\xfe")
        wide = packet[:4].count(0) >= 2
        encoding = "utf-32" if wide else "utf-16"
        encoding += "-be" if guess[:1] == b"\0" or packet[:2] == b"\xfe\xff" else "-le"
    if len(packet) % {"utf-8": 1, "utf-16": 2}.get(encoding[:6].rstrip("-"), 4):
        encoding = "utf-8"
    try:
        return packet.decode(encoding, "surrogateescape"), encoding
    except UnicodeDecodeError:
        return packet.decode("utf-8", "surrogateescape"), "utf-8"


def _encoded(text: str, encoding: str) -> bytes:
    errors = "surrogateescape" if encoding == "utf-8" else "replace"
    return text.encode(encoding, errors)


def _prefixes(text: str, space: str) -> set[str]:
    """The prefixes of a namespace in a packet."""
    quoted = rf"""xmlns:([\w.-]+)\s*=\s*["']{re.escape(space)}["']"""
    return {re.escape(name) for name in re.findall(quoted, text)}


def _values(text: str, spaces: tuple[str, ...], names: str = _ANY) -> list[str]:
    """The values of properties of some namespaces, mark-up included."""
    found: list[str] = []

    def note(value: str) -> str:
        found.append(value)
        return value

    for space in spaces:
        _replaced(text, space, names, note)
    return found


def _claims_video(text: str) -> bool:
    return any(
        value.strip() not in ("", "0")
        for value in _values(text, (_CAMERA,), "MotionPhoto|MicroVideo")
    )


def _without(text: str, space: str, names: str) -> str:
    """Take out all properties of a namespace, and its declaration if none is left."""
    for prefix in _prefixes(text, space):
        out = _each(text, prefix, names, lambda _: None)
        if out != text:
            text = _undeclared(out, prefix, space)
    return text


def _unused(text: str, space: str) -> str:
    """Take out the declaration of a namespace that nothing uses."""
    for prefix in _prefixes(text, space):
        text = _undeclared(text, prefix, space)
    return text


def _unsigned(source: str) -> str | None:
    """A source, unless it is the signature within the old file."""
    return None if "jumbf" in source or "c2pa" in source else source


def _undeclared(text: str, prefix: str, space: str) -> str:
    if re.search(rf"(?:[\s<]|</){prefix}:", text):
        return text
    return re.sub(rf"""\sxmlns:{prefix}\s*=\s*["']{re.escape(space)}["']""", "", text)


def _replaced(
    text: str, space: str, names: str, change: Callable[[str], str | None]
) -> str:
    for prefix in _prefixes(text, space):
        text = _each(text, prefix, names, change)
    return text


def _exchanged(text: str, space: str, first: str, second: str) -> str:
    values = [_values(text, (space,), name) for name in (first, second)]
    if not (values[0] and values[1]):
        return text
    text = _replaced(text, space, first, partial(_constant, values[1][0]))
    return _replaced(text, space, second, partial(_constant, values[0][0]))


def _constant(value: str, _: str) -> str:
    return value


def _each(
    text: str, prefix: str, names: str, change: Callable[[str], str | None]
) -> str:
    """Change the value of each property, written as attribute or as element.

    Args:
        text: The packet.
        prefix: Of the namespace, escaped.
        names: Pattern of property names.
        change: Gives the new value, or None to take the property out.
    """
    pattern = re.compile(
        rf"""(?P<attribute>\s{prefix}:(?:{names})\s*=\s*)"""
        rf"""(?:"(?P<double>[^"<]*)"|'(?P<single>[^'<]*)')"""
        rf"""|<(?P<name>{prefix}:(?:{names}))(?=[\s/>])[^<>]*>"""
    )
    parts: list[str] = []
    place = 0
    while found := pattern.search(text, place):
        end, new = _changed(text, found, change)
        parts += text[place : found.start()], new
        place = end
    return "".join(parts) + text[place:]


def _changed(
    text: str, found: re.Match[str], change: Callable[[str], str | None]
) -> tuple[int, str]:
    """Where a property ends, and the text that replaces it."""
    whole, end = found[0], found.end()
    if found["attribute"]:
        value = found["double"] if found["single"] is None else found["single"]
        new, quote = change(value), whole[-1]
        return end, "" if new is None else found["attribute"] + quote + new + quote
    if whole.endswith("/>"):
        return end, "" if change("") is None else whole
    close = f"</{found['name']}>"
    place = text.find(close, end)
    if place < 0:  # damaged: the rest stays as it is
        return len(text), text[found.start() :]
    new = change(text[end:place])
    return place + len(close), "" if new is None else whole + new + close
