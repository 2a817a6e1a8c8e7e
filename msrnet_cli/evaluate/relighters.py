"""The weights to evaluate, ready to relight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msrnet_cli.errors import WeightsError
from msrnet_cli.relight.options import SessionOptions
from msrnet_cli.relight.relighter import Relighter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from msrnet_cli.config import WorkSize
    from msrnet_cli.evaluate.options import EvalOptions
    from msrnet_cli.pairs.check import Size


def load(options: EvalOptions) -> tuple[dict[str, Relighter], tuple[str, ...]]:
    """All weights at all working sizes, by the names of their rows, and notes.

    Raises:
        WeightsError: Weights named in the options are missing or malformed.
    """
    try:
        found = {
            _row_name(spec, size): Relighter.load(
                spec or None, SessionOptions(**vars(options.session), work_size=size)
            )
            for spec in options.weights or ("",)
            for size in options.work_sizes or (None,)
        }
    except WeightsError as error:
        if options.weights:
            raise
        return {}, (f"baselines only: {error}",)
    notes = (f"{name}: {note}" for name, one in found.items() for note in one.notes)
    return found, tuple(notes)


def seen_whole(relighter: Relighter, sizes: Sequence[Size]) -> int:
    """How many pictures of these sizes the network sees whole, not reduced."""
    return sum(relighter.working_size(*size) is None for size in sizes)


def notes_on_whole(
    relighters: Mapping[str, Relighter], sizes: Sequence[Size]
) -> tuple[str, ...]:
    """Notes on working sizes that do not reduce some of the pictures.

    Args:
        relighters: By name.
        sizes: Width and height of each picture.
    """
    notes = []
    for name, relighter in relighters.items():
        whole = seen_whole(relighter, sizes)
        if whole and relighter.work_size != "full":
            notes.append(f"{name}: {whole} of {len(sizes)} pictures are seen whole")
    return tuple(notes)


def _row_name(spec: str, size: WorkSize | None) -> str:
    name = spec or "built-in default"
    return f"{name}, work size {size}" if size else name
