"""GIF: the first frame, and how much of its canvas it covers (GIF89a)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from msrnet_cli.images.coding.webp import covers_little, part_note

if TYPE_CHECKING:
    from PIL.GifImagePlugin import GifImageFile


_HALF = 128


def has_more_frames(image: GifImageFile) -> bool:
    """Whether anything follows the first frame, even if damaged."""
    try:
        return bool(image.is_animated)
    except Exception:  # the decoder throws anything; the first frame is unaffected
        image.seek(0)
        return True


def trimmed(image: GifImageFile) -> tuple[str, ...]:
    """Leave out the canvas around a frame that covers a small part of it.

    A few bytes can declare a canvas of any size, which would cost time and memory.

    Args:
        image: Opened, not loaded; its size becomes the frame's.

    Returns:
        A note where something is left out.
    """
    left, top, right, bottom = frame_of(image)
    canvas, size = image.size, (right - left, bottom - top)
    if not covers_little(size, canvas) or 0 in size:
        return ()
    image._size = size
    image.tile = [tile._replace(extents=(0, 0, *size)) for tile in image.tile]
    return (part_note(size, canvas),)


def frame_of(image: GifImageFile) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the first frame on the canvas."""
    extents = image.tile[0].extents if image.tile else None
    return extents or (0, 0, *image.size)


def on_clear_canvas(
    image: Image.Image, frame: tuple[int, int, int, int]
) -> Image.Image:
    """A decoded first frame with nothing around it, as browsers show it.

    Pillow paints what the frame does not cover in the palette's first colour.
    """
    if frame == (0, 0, *image.size):
        return image
    inner = image.convert("RGBA").crop(frame)
    canvas = Image.new("RGBA", image.size, (0, 0, 0, 0))
    canvas.paste(inner, frame[:2])
    canvas.info = {k: v for k, v in image.info.items() if k != "transparency"}
    return canvas


def as_palette(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """A picture as GIF holds it: 256 colours, each pixel opaque or transparent.

    Args:
        image: L, LA, RGB or RGBA.

    Returns:
        The picture, and notes on what is lost.
    """
    notes = []
    clear = None
    if image.mode in ("LA", "RGBA"):
        alpha = image.getchannel("A")
        levels = {level for _, level in alpha.getcolors(256) or []}
        if levels - {0, 255}:
            notes.append("half-transparent pixels are seen or not: GIF holds no more")
        clear = alpha.point([255 * (level < _HALF) for level in range(256)])
        image = image.convert("RGB") if image.mode == "RGBA" else image.convert("L")
    most = 256 if clear is None else 255
    if image.mode == "RGB":
        if image.getcolors(most) is None:
            notes.append(f"reduced to {most} colours: GIF holds no more")
        image = image.quantize(most)
    elif clear is not None:
        image = image.convert("RGB").quantize(most)
    if clear is not None:
        image.paste(most, (0, 0), clear)
        image.info["transparency"] = most
    return image, tuple(notes)
