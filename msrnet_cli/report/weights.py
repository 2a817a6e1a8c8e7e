"""What `msrnet weights` tells of weights and their cards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msrnet_cli import documents
from msrnet_cli.config import WORK_SIZE, WeightsCard
from msrnet_cli.report.terminal import Table, show
from msrnet_cli.weights.card import change_of_light

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEADS = ("name", "light", "network", "seen at", "sha256")


@dataclass(frozen=True)
class Listed:
    """Weights that are part of the package.

    Attributes:
        name: The name to give as ``--weights``.
        default: Whether they are used if none are named.
        sha256: Of the whole file.
        path: The file.
        card: What the file says about itself.
    """

    name: str
    default: bool
    sha256: str
    path: Path
    card: WeightsCard


@dataclass(frozen=True)
class Verified:
    """Weights that were found sound.

    Attributes:
        weights: Name, file or hub address, as it was given.
        sha256: Of the whole file.
        card: What the file says about itself.
    """

    weights: str
    sha256: str
    card: WeightsCard


def table(entries: Sequence[Listed]) -> None:
    """Built-in weights as a table on standard output."""
    rows = [
        (
            f"{entry.name} (default)" if entry.default else entry.name,
            *_columns(entry.card),
            entry.sha256[:12],
        )
        for entry in entries
    ]
    if rows:
        rows.insert(0, _HEADS)
        Table(rows, left=len(_HEADS)).show(rows)


def sound(found: Verified) -> None:
    """One line on standard output for weights that are sound."""
    columns = ", ".join(_columns(found.card))
    show(f"{found.weights}: sound; {columns}; sha256 {found.sha256}")


def flat(entry: Listed | Verified) -> dict[str, Any]:
    """The entry as an object of JSON, the fields of its card beside its own."""
    fields = documents.to_document(entry)
    card = fields.pop("card")
    return {**fields, **card}


def _columns(card: WeightsCard) -> tuple[str, str, str]:
    """Light, network and working size, for people."""
    network = f"{card.model.arch}, {card.model.channels} channels"
    return change_of_light(card), network, f"{card.work_size or WORK_SIZE} px"
