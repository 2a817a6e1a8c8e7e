"""What `msrnet doctor` found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msrnet_cli.report.terminal import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from msrnet_cli.doctor import Check


def table(checks: Iterable[Check]) -> None:
    """Checks as lines on standard output, each remedy below its check."""
    rows = []
    for check in checks:
        mark = "!!" if check.remedy else "--" if check.absent else "ok"
        rows.append((mark, check.name, check.finding))
        if check.remedy:
            rows.append(("", "", f"-> {check.remedy}"))
    Table(rows, left=3).show(rows)
