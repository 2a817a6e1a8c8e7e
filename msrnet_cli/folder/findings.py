"""What a search finds: pictures, and what cannot be read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from msrnet_cli.folder.events import Ignored
from msrnet_cli.folder.lists import ROOT_MARK
from msrnet_cli.places import Place, place
from msrnet_cli.stores.address import Address


@dataclass(frozen=True, slots=True)
class Found:
    """A file that is, or claims to be, a picture. There may be millions: it is small.

    Attributes:
        root: The folder whose tree is mirrored in the output.
        text: The path of the file, or its address.
    """

    root: Place
    text: str

    @property
    def path(self) -> Place:
        """The file."""
        return place(self.text) if isinstance(self.root, Address) else Path(self.text)

    @property
    def relative(self) -> str:
        """The file below the root, with forward slashes; ``..`` leads out of it."""
        if isinstance(self.root, Address):
            return self.text.removeprefix(f"{self.root}/")
        rest = self.text.removeprefix(beginning(str(self.root)))
        is_below = len(rest) < len(self.text) or not self.root.parts
        if not is_below or ".." in rest or rest[0] == os.sep or rest[1:2] == ":":
            rest = os.path.relpath(self.text, self.root)
        return rest if os.sep == "/" else rest.replace(os.sep, "/")

    @property
    def listing(self) -> str:
        """The file as a line for --files-from that leads to the same target."""
        return listing(self.root, self.path)


@dataclass(frozen=True)
class Fault:
    """A path that cannot be read, or is not a regular file.

    Attributes:
        path: As the user would write it.
        reason: For people.
        remedy: What to do about it.
        listing: The path as a line for --files-from.
    """

    path: str
    reason: str
    remedy: str
    listing: str

    @property
    def relative(self) -> str:
        """As `mirrored`."""
        return mirrored(self.listing)


Finding = Found | Fault | Ignored


def listing(root: Place, path: Place) -> str:
    """A path as a line for --files-from that mirrors the tree below a root."""
    if isinstance(root, Address) or isinstance(path, Address):
        return f"{root}{ROOT_MARK}{str(path).removeprefix(f'{root}/')}"
    within = path.relative_to(root) if root.parts else path
    return f"{root.absolute().as_posix()}{ROOT_MARK}{within.as_posix()}"


def mirrored(listing: str) -> str:
    """The path below the folder that is mirrored, with forward slashes.

    Args:
        listing: As from `listing`.
    """
    return listing.rpartition(ROOT_MARK)[2]


def beginning(folder: str) -> str:
    """What the paths below a folder begin with, as a Path writes them."""
    if folder in ("", os.curdir):
        return ""
    return folder if folder.endswith(os.sep) else folder + os.sep
