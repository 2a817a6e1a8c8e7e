"""The weights to evaluate, ready to relight."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from msrnet_cli.errors import UsageError, WeightsError
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


def with_inputs(
    options: EvalOptions, relighters: Mapping[str, Relighter]
) -> EvalOptions:
    """The options with both lights of weights that see two pictures, by their card.

    Raises:
        UsageError: Not all weights are for the same lights, or a card tells too little.
    """
    seeing = {
        name: (one.card.from_light, one.card.second_light)
        for name, one in relighters.items()
        if one.sees_two
    }
    if options.inputs or not seeing:
        return options
    first = options.from_light
    for name, (source, second) in seeing.items():
        if source != first or not second:
            lights = f"{source or 'unknown'} and {second or 'unknown'}"
            raise UsageError(
                f"{name} sees two pictures, lit by {lights}, and --from is {first}",
                "say what to show: --inputs LIGHT,LIGHT",
            )
    both = set(seeing.values())
    if len(both) > 1:
        lights = " and ".join(sorted(second for _, second in both))
        raise UsageError(
            f"the second pictures of these weights are lit by {lights}",
            "score them one after the other",
        )
    return replace(options, inputs=both.pop())


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
