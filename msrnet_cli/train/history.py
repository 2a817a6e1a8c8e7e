"""metrics.csv: what a run has measured, row by row.

A killed run may leave half a row, and rows of steps that are taken again when the run
is resumed. Anything else in the file is kept under another name.
"""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

from msrnet_cli.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

COLUMNS = (
    "step", "progress", "stage", "size", "lr", "loss", "gradient",
    "images_per_second", "seconds", "val_psnr", "val_psnr_copy", "val_detail",
    "val_task", "val_night", "val_day", "val_ambient", "val_azimuth", "val_read",
)  # fmt: skip
_WORDS = ("stage",)  # all other columns hold numbers
_NEEDED = ("step", "stage", "size")
_MOST = 1e30  # larger numbers would overflow when curves are scaled


class History:
    """The rows of metrics.csv.

    Args:
        path: The file.
        step: Rows beyond this step are dropped; 0 begins a new file, and keeps an
            earlier one under another name.

    Attributes:
        rows: By column; the text of the file.
        note: For the user, where an earlier file was not usable; else "".

    Raises:
        OSError: The file cannot be read or written.
    """

    def __init__(self, path: Path, step: int = 0) -> None:
        self._path = path
        self.rows: list[dict[str, str]] = []
        self.note = ""
        if step and path.exists() and not path.is_file():
            self._keep_aside("is not a regular file")
        elif step and path.exists():
            self._take_up(path.read_bytes(), step)
        elif path.exists():
            _put_aside(path)
        self._write()

    def add(self, row: Mapping[str, object]) -> None:
        """Add a row, in the file too.

        Raises:
            OSError: It could not be written.
        """
        self.rows.append({key: _text(value) for key, value in row.items()})
        with self._path.open("a", newline="") as file:
            csv.DictWriter(file, COLUMNS).writerow(self.rows[-1])

    def _take_up(self, data: bytes, step: int) -> None:
        whole = data[: data.rfind(b"\n") + 1]  # a kill may leave half a row
        text = whole.decode("utf-8", "replace")
        lines = [line.split(",") for line in text.splitlines()]  # nothing is quoted
        names, rows = (lines or [[]])[0], lines[1:]
        twice = len(set(names)) < len(names)
        if twice or not set(_NEEDED) <= set(names) <= set(COLUMNS):
            what = f"has other columns ({', '.join(names)[:60]})"
            self._keep_aside(what)
            return
        sound = [row for row in rows if _is_sound(names, row)]
        if len(sound) < len(rows):
            self._keep_aside(f"has damaged rows ({len(rows) - len(sound)}), left out")
        found = [dict(zip(names, row, strict=True)) for row in sound]
        self.rows = [row for row in found if int(row["step"]) <= step]

    def _keep_aside(self, what: str) -> None:
        self.note = f"{self._path} {what}: kept as {_put_aside(self._path).name}"

    def _write(self) -> None:
        out = io.StringIO()
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerows(self.rows)
        write_whole(self._path, out.getvalue().encode())


def read(path: Path) -> list[dict[str, str]]:
    """The sound rows of a metrics.csv, by column; none where there is no such file.

    Raises:
        OSError: The file cannot be read.
    """
    if not path.is_file():
        return []
    lines = [
        line.split(",") for line in path.read_text("utf-8", "replace").splitlines()
    ]
    names, rows = (lines or [[]])[0], lines[1:]
    return [dict(zip(names, row, strict=True)) for row in rows if _is_sound(names, row)]


def _is_sound(names: Sequence[str], row: Sequence[str]) -> bool:
    """Whether a row has all columns, and numbers in those of numbers."""
    if len(row) != len(names):
        return False
    values = dict(zip(names, row, strict=True))
    try:
        for name, value in values.items():
            if value and name not in _WORDS and not _is_usual(name, float(value)):
                return False
        return int(values["step"]) >= 0
    except ValueError:
        return False


def _is_usual(name: str, value: float) -> bool:
    """Whether a run can measure this: equal pictures have an infinite PSNR."""
    return abs(value) < _MOST or (name.startswith("val_") and not math.isfinite(value))


def _put_aside(path: Path) -> Path:
    """Keep the metrics of an earlier run in this folder: ``metrics-1.csv``."""
    number = 1
    while (aside := path.with_stem(f"{path.stem}-{number}")).exists():
        number += 1
    return path.replace(aside)


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
