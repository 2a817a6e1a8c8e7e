"""Files that a job reads beside its pictures, as a user names them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli.folder.targets import Read
from msrnet_cli.hub.address import SCHEME
from msrnet_cli.lights import looks
from msrnet_cli.weights import find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from msrnet_cli.folder.options import RelightOptions


def named(options: RelightOptions, config: Path | None = None) -> Iterator[Read]:
    """The files that options name, or stand for; they need not exist.

    Args:
        options: Of the whole command.
        config: The file that options were read from.
    """
    if config is not None:
        yield Read("file of --config", config)
    if options.light.like is not None:
        yield Read("picture of --like", Path(options.light.like))
    if options.light.look is not None:
        yield Read("file of your looks", looks.own_file())
    for entry in find.built_in():
        yield Read("weights", entry.path)
    if options.weights is not None and not options.weights.startswith(SCHEME):
        yield Read("weights", _home(Path(options.weights)))


def _home(path: Path) -> Path:
    """The path with ~ written out, where there is such a user."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path
