"""Where the pictures of a page go: into the page, or into the folder beside it.

From that folder a browser loads those that come into view. That works from a disk too:
there every file is an origin of its own, so a script may not read pictures. A page asks
for none to be read: it only shows them, which its policy allows by the word `file:`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from msrnet_cli.files import write_whole
from msrnet_cli.images.previews import preview_name
from msrnet_cli.pages.assemble import BESIDE, EMBEDDED
from msrnet_cli.pages.jpegs import embedded

if TYPE_CHECKING:
    from collections.abc import Collection

    from msrnet_cli.pages.place import Page


class Sink(Protocol):
    """Where the pictures of a page go.

    Attributes:
        sources: Where the page finds them, for its policy.
        names: Of files in the folder of the page.
    """

    @property
    def sources(self) -> tuple[str, ...]: ...

    @property
    def names(self) -> Collection[str]: ...

    def put(self, data: bytes) -> str:
        """Take the bytes of a JPEG file; gives its address.

        Raises:
            OSError: It cannot be written.
        """
        ...


class Within:
    """In the page itself."""

    sources = EMBEDDED
    names: Collection[str] = ()

    def put(self, data: bytes) -> str:
        return embedded(data)


class Beside:
    """In the folder beside a page.

    Files are named by what they hold. So an older page keeps its pictures until the new
    one is in its place, and those that only the older page had go afterwards.
    """

    sources = BESIDE

    def __init__(self, page: Page) -> None:
        self.names: set[str] = set()
        self._folder = page.folder

    def put(self, data: bytes) -> str:
        name = preview_name(data)
        self.names.add(name)
        path = self._folder / name
        if not path.is_file() or path.stat().st_size != len(data):
            write_whole(path, data)
        return f"{quote(os.fsencode(self._folder.name))}/{name}"
