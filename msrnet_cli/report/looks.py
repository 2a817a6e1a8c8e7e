"""The named lights, for people."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from msrnet_cli.lights.looks import sets
from msrnet_cli.report.terminal import Table, say, show

if TYPE_CHECKING:
    from msrnet_cli.lights.looks import Look, Looks


def table(found: Looks) -> None:
    """Looks on standard output, what each sets below it; then the user's own file."""
    rows = []
    for look in found.looks:
        rows.append((look.name, _about(look)))
        rows.append(("", flags(look)))
    Table(rows, left=2).show(rows)
    show()
    are_own = any(look.own for look in found.looks)
    where = found.own_file
    show(f"yours are from {where}" if are_own else f"your own go into {where}:")
    for line in () if are_own else ("[my-look]", 'to = "W"', "kelvin = 3200"):
        show(f"    {line}")


def faults(found: Looks) -> None:
    """What is wrong in the user's file, a line each on standard error."""
    for fault in found.faults:
        say(f"msrnet: failed: {fault.reason}; {fault.remedy}")


def flags(look: Look) -> str:
    """What a look sets, as it would be typed."""
    return " ".join(
        part for name, value in sets(look).items() for part in _typed(name, value)
    )


def _about(look: Look) -> str:
    """What it looks like; and whether it hides a built-in one."""
    mark = "(yours, in place of the built-in one)" if look.replaces else ""
    return " ".join(filter(None, (look.about, mark)))


def _typed(name: str, value: Any) -> list[str]:  # noqa: ANN401 of any field
    if value is True:
        return [f"--{name}"]
    values = value if isinstance(value, tuple) else (value,)
    texts = (f"{v:g}" if isinstance(v, float | int) else str(v) for v in values)
    return [f"--{name} {shlex.quote(text)}" for text in texts]
