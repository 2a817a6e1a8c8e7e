"""Contact sheets: many pictures of a set on one page."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from msrnet_cli.errors import UsageError
from msrnet_cli.synth.jobs import write_picture

_MARK = ("Software", "msrnet contact sheet")
_MOST_SCENES = 60
_MOST_LIGHTS = 4


def require_sheet(path: Path) -> None:
    """Refuse a sheet that would take another file's place, before scenes are rendered.

    Raises:
        UsageError: It does not end in .png, has no folder, or exists and is not a
            sheet.
    """
    if path.suffix.lower() != ".png":
        raise UsageError(f"--sheet {path} must end in .png", "rename it")
    if not path.parent.is_dir():
        raise UsageError(f"--sheet {path}: no such folder", "make it first")
    if path.exists() and not _is_sheet(path):
        raise UsageError(
            f"--sheet {path} exists and is not a contact sheet",
            "remove it, or choose another name",
        )


def _is_sheet(path: Path) -> bool:
    key, value = _MARK
    try:
        with Image.open(path) as picture:
            return bool(picture.info.get(key) == value)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


def write_sheet(path: Path, rows: list[list[Path]]) -> None:
    """Write a contact sheet as PNG, whole or not at all.

    Args:
        path: The PNG file.
        rows: The pictures of each scene.

    Raises:
        UsageError: It could not be written.
    """
    mark = PngInfo()
    mark.add_text(*_MARK)
    write_picture(path, contact_sheet(rows), about=mark)


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
