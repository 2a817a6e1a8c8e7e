"""Why a picture fails, whatever went wrong."""

from __future__ import annotations

from msrnet_cli import hardware
from msrnet_cli.errors import PictureError


def as_picture_error(error: Exception) -> PictureError:
    """What a user is told of any error that cost a picture."""
    if isinstance(error, PictureError):
        return error
    if hardware.is_out_of_memory(error):
        return PictureError("there is not enough memory for it", "close other programs")
    return PictureError(f"a bug: {type(error).__name__}: {error}", "please report it")
