"""The page of `msrnet serve`: a picture goes up, its light table comes back."""

from __future__ import annotations

from importlib.util import find_spec

from msrnet_cli.images import PICTURE_SUFFIXES
from msrnet_cli.images.extras import EXTRAS, Extra
from msrnet_cli.pages.assemble import assemble


def upload(
    *, megabytes: float, megapixels: float, minutes: float, failure: str = ""
) -> str:
    """The page as HTML. It works at the address of the service alone.

    Args:
        megabytes: The largest file that is taken.
        megapixels: The largest picture that is taken.
        minutes: How long a table is kept.
        failure: What went wrong with a form, in one line; "" for nothing.
    """
    data = {"bytes": int(megabytes * 1e6), "seconds": minutes * 60}
    values = {
        "megabytes": f"{megabytes:g}",
        "megapixels": f"{megapixels:g}",
        "minutes": f"{minutes:g}",
        "failure": failure,
        "formats": _formats(),
        "accept": ",".join(("image/*", *sorted(PICTURE_SUFFIXES))),
    }
    return assemble("serve", "Move the light", values, data, served=True)


def _formats() -> str:
    """The formats that this installation reads, for people."""
    further: dict[Extra, str] = {"heic": "HEIC", "raw": "camera raw"}
    there = [
        word for extra, word in further.items() if find_spec(EXTRAS[extra].package)
    ]
    return ", ".join(("JPEG", "PNG", "WebP", "TIFF", "AVIF", "GIF", "BMP", *there))
