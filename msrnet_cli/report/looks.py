"""The named lights, for people."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from msrnet_cli.lights.looks import sets
from msrnet_cli.report.terminal import Table, show

if TYPE_CHECKING:
    from msrnet_cli.lights.looks import Look, Looks


def table(found: Looks) -> None:
    """Looks on standard output, what each sets below it; then the user's own file."""
    rows = []
    for look in found.looks:
        rows.append((look.name, look.about))
        rows.append(("", flags(look)))
    Table(rows, left=2).show(rows)
    show()
    are_own = any(look.own for look in found.looks)
    where = found.own_file
    show(f"yours are from {where}" if are_own else f"your own go into {where}:")
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
    texts = (f"{v:g}" if isinstance(v, float | int) else str(v) for v in values)
    return [f"--{name} {shlex.quote(text)}" for text in texts]
