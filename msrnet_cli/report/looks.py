"""The named lights, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msrnet_cli.lights.looks import sets
from msrnet_cli.report.terminal import Table, show

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from msrnet_cli.lights.looks import Look


def table(looks: Sequence[Look], own: Path) -> None:
    """Looks on standard output, what each sets below it; then the user's own file."""
    rows = []
    for look in looks:
        rows.append((look.name, look.about))
        rows.append(("", flags(look)))
    Table(rows, left=2).show(rows)
    show()
    are_own = any(look.own for look in looks)
    show(f"yours are from {own}" if are_own else f"your own go into {own}:")
    for line in () if are_own else ("[my-look]", 'to = "W"', "kelvin = 3200"):
        show(f"    {line}")


def flags(look: Look) -> str:
    """What a look sets, as it would be typed."""
    return " ".join(
        part for name, value in sets(look).items() for part in _typed(name, value)
    )


def _typed(name: str, value: Any) -> list[str]:  # noqa: ANN401 of any field
    if value is True:
        return [f"--{name}"]
    values = value if isinstance(value, tuple) else (value,)
    return [
        f"--{name} {v:g}" if isinstance(v, float | int) else f"--{name} {v}"
        for v in values
    ]
