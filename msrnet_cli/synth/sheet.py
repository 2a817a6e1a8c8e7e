"""Contact sheets: many pictures of a set on one page."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

_MOST_SCENES = 60
_MOST_LIGHTS = 4


def contact_sheet(
    rows: list[list[Path]], side: int = 192, width: int = 8
) -> Image.Image:
    """A page of thumbnails, the pictures of one scene next to one another.

    Args:
        rows: The pictures of each scene. The page shows the first few pictures of
            scenes that are spread evenly over the set.
        side: Thumbnail size in pixels.
        width: Thumbnails in a line.
    """
    step = max(1, -(-len(rows) // _MOST_SCENES))
    shown = [row[:_MOST_LIGHTS] for row in rows[::step]]
    each = max(len(row) for row in shown)
    across = max(1, width // each)
    lines = -(-len(shown) // across)
    page = Image.new("RGB", (across * each * side, lines * side))
    for place, row in enumerate(shown):
        for k, path in enumerate(row):
            x = (place % across * each + k) * side
            with Image.open(path) as picture:
                small = picture.convert("RGB").resize(
                    (side, side), Image.Resampling.BOX
                )
            page.paste(small, (x, place // across * side))
    return page
