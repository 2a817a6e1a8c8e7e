"""What is told of paths that were passed over while pictures were collected."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from msrnet_cli.folder.events import Ignored

_NAMED = 3  # paths that are named of each usual reason
_UNNAMED = ("hidden",)
_USUAL = (*_UNNAMED, "a mask", "a second picture", "not a picture", "subfolder")


def lines(ignored: Iterable[Ignored]) -> list[str]:
    """Paths that were passed over, by reason, as lines.

    Paths with a usual reason are counted, and a few are named. Links and special files
    have a line each.
    """
    groups: dict[str, list[str]] = {}
    for entry in ignored:
        groups.setdefault(entry.reason, []).append(entry.path)
    told = [
        f"passed over: {path}: {reason}"
        for reason, paths in groups.items()
        if reason not in _USUAL
        for path in paths
    ]
    counted = [
        f"{reason} ({len(groups[reason])}){_some(reason, groups[reason])}"
        for reason in _USUAL
        if reason in groups
    ]
    if counted:
        told.append(f"passed over: {'; '.join(counted)}")
    return told


def _some(reason: str, paths: list[str]) -> str:
    if reason in _UNNAMED:
        return ""
    more = ", ..." if len(paths) > _NAMED else ""
    return f": {', '.join(paths[:_NAMED])}{more}"
