"""Keeps the C libraries below Pillow from writing to standard error on their own.

Their lines do not name the file ("tempfile.tif: Using code not yet in table.") and mix
with the lines of the program, even with --quiet. Nothing is lost: the decoder fails,
and its failure becomes a PictureError.
"""

from __future__ import annotations

import ctypes
import logging
from functools import cache

from PIL import _imaging


@cache
def hush() -> None:
    """Remove libtiff's handlers of errors and warnings, once for the process.

    Pillow keeps the handlers that print. Where libtiff is linked into Pillow without
    exported names, as on Windows, nothing is changed.
    """
    # Without a handler, logging itself would print the record.
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
        handler = _libtiff(name)
        if handler is not None:
            handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            handler(None)


@cache
def has_tiff_codec(compression: int) -> bool:
    """Whether libtiff was built with a compression; True where it cannot be asked."""
    asked = _libtiff("TIFFIsCODECConfigured")
    if asked is None:
        return True
    asked.argtypes, asked.restype = [ctypes.c_uint16], ctypes.c_int
    return not 0 <= compression <= 0xFFFF or bool(asked(compression))


def _libtiff(name: str) -> ctypes._NamedFuncPointer | None:
    """A function of the libtiff that Pillow uses; None where it is out of reach."""
    path = getattr(_imaging, "__file__", None)
    try:
        # The look-up includes the libraries that Pillow's own depends on.
        return getattr(ctypes.CDLL(path), name, None) if path else None
    except OSError:
        return None
