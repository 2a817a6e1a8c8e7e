"""One picture file to its light table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from msrnet_cli import images
from msrnet_cli.errors import MSRNetError
from msrnet_cli.folder.reasons import as_picture_error
from msrnet_cli.pages.table import table
from msrnet_cli.relight.options import DEFAULTS

if TYPE_CHECKING:
    from msrnet_cli.relight.options import SessionOptions
    from msrnet_cli.relight.relighter import Relighter


@dataclass(frozen=True)
class Painted:
    """A light table.

    Attributes:
        name: Of the picture, as it is shown.
        page: HTML in UTF-8.
        notes: What a user must know of the picture.
    """

    name: str
    page: bytes
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Painter:
    """Paints light tables.

    Attributes:
        relighter: With weights that paint layers.
        max_megapixels: A larger picture is refused before it is decoded.
        weights: Name of its weights, for the command that a table shows; "" where they
            are the built-in ones.
        session: Where and how they run, for the same command.
    """

    relighter: Relighter
    max_megapixels: float
    weights: str = ""
    session: SessionOptions = DEFAULTS

    def paint(self, data: bytes, name: str) -> Painted:
        """The light table of a picture.

        Args:
            data: The file.
            name: Of the file; its suffix tells camera raw files from TIFF.

        Raises:
            MSRNetError: The file is not a picture, or is damaged, too large or odd.
        """
        try:
            picture = images.read(data, PurePath(name).suffix, self.max_megapixels)
            layers = self.relighter.layers(picture.pixels)
            page = table(
                layers,
                name,
                weights=self.weights,
                session=self.session,
                alpha=picture.alpha,
            )
            return Painted(name, page.encode(), picture.notes)
        except MSRNetError:
            raise
        except Exception as error:  # also a bug must cost one picture, not the service
            raise as_picture_error(error) from error
