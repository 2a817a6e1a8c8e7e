"""What `msrnet data check` found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msrnet_cli.report.terminal import count, show

if TYPE_CHECKING:
    from msrnet_cli.pairs.records import DataReport


def faults(report: DataReport) -> None:
    """A set of pairs and its faults, one a line, on standard output."""
    sizes = ", ".join(f"{width}x{height}" for width, height in report.sizes)
    show(
        f"{report.data}: {count(report.pairs, 'pair')}"
        f" ({report.mirrored} with pictures to mirror),"
        f" {count(report.files, 'picture')}, {sizes or 'none readable'}"
    )
    for fault in report.faults:
        show(f"{fault.kind}: {fault.name}: {fault.reason}")
    show(count(len(report.faults), "fault"))
