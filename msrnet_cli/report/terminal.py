"""What people see: lines, tables, and the line that a terminal draws anew.

Progress and errors go to standard error, so that standard output holds only what was
asked for. Lines and tables are plain text, the same on a terminal and in a file. What
is drawn anew is left to rich, which is loaded only then.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import TextIO

    from rich.console import Console

    from msrnet_cli.errors import MSRNetError

COLUMNS = 80
"""Of an ordinary terminal."""

# Control characters, and halves of a character, which no stream can encode.
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000))
_ESCAPES = {code: repr(chr(code))[1:-1] for code in _CONTROLS}


def harmless(line: str) -> str:
    """A line in which control characters are escaped.

    A file name may hold any character: a newline would break the line, an escape
    sequence would steer the terminal.
    """
    return line.translate(_ESCAPES)


def say(text: str) -> None:
    """A line on standard error: progress, or what became of something."""
    clear()
    print(harmless(text), file=sys.stderr, flush=True)


def show(text: str = "", out: TextIO | None = None) -> None:
    """A line of what was asked for.

    Args:
        text: The line.
        out: Where it goes; None for standard output.
    """
    clear()
    print(harmless(text), file=out)


def show_folded(text: str, out: TextIO) -> None:
    """A line that a terminal folds between words; a log must not be folded."""
    line = harmless(text)
    if out.isatty():
        width = shutil.get_terminal_size().columns
        line = textwrap.fill(line, width, subsequent_indent="  ")
    clear()
    print(line, file=out)


def warn(text: str) -> None:
    """Something that the user must know, as one line on standard error."""
    say(f"msrnet: note: {text}")


def error_line(error: MSRNetError) -> None:
    """What went wrong and what to do, as one line on standard error."""
    say(f"msrnet: {error}")


class Table:
    """Columns with two spaces between them, each as wide as its longest cell.

    Args:
        rows: All rows that are to be printed, heads included.
        left: How many columns, from the first, are aligned to the left.
    """

    def __init__(self, rows: Iterable[Sequence[str]], left: int = 1) -> None:
        lengths = [[len(harmless(cell)) for cell in row] for row in rows]
        self._widths = [max(column) for column in zip(*lengths, strict=True)]
        self._left = left

    def line(self, row: Sequence[str]) -> str:
        """A row, or the beginning of one."""
        cells = [
            cell.ljust(width) if index < self._left else cell.rjust(width)
            for index, (cell, width) in enumerate(
                zip(map(harmless, row), self._widths, strict=False)
            )
        ]
        return "  ".join(cells).rstrip()

    def show(self, rows: Iterable[Sequence[str]], out: TextIO | None = None) -> None:
        """Print some of the rows; see `show`."""
        for row in rows:
            show(self.line(row), out)


def is_live() -> bool:
    """Whether standard error is a terminal that can draw a line anew."""
    can_draw = os.environ.get("TERM", "").lower() not in ("dumb", "unknown")
    return can_draw and sys.stderr.isatty()


def console() -> Console:
    """Standard error, for what is drawn anew. Texts are shown as they are."""
    from rich.console import Console

    return Console(stderr=True, markup=False, emoji=False, highlight=False)


class _Line:
    """The last line of a terminal, while it may be replaced."""

    def __init__(self) -> None:
        self._is_open = False

    def replace(self, text: str) -> None:
        """Show a text instead of the one before; what has no room is cut off."""
        from rich.text import Text

        screen, line = console(), Text(harmless(text))
        # In the last column the cursor would be on the next line.
        line.truncate(max(1, screen.width - 1), overflow="crop")
        self._erase(screen)
        screen.print(line, end="", no_wrap=True)
        self._is_open = True

    def clear(self) -> None:
        """Leave nothing of it."""
        if self._is_open:
            self._is_open = False
            self._erase(console())

    @staticmethod
    def _erase(screen: Console) -> None:
        from rich.control import Control
        from rich.segment import ControlType

        whole = (ControlType.ERASE_IN_LINE, 2)
        screen.control(Control(ControlType.CARRIAGE_RETURN, whole))


_line = _Line()


def clear() -> None:
    """Remove what `loading` or `progress` shows, if anything."""
    _line.clear()


def loading() -> None:
    """Say on a terminal that the program loads; whatever comes next replaces it."""
    if is_live():
        _line.replace("loading ...")


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """A line on the terminal that each text replaces, and that is gone in the end."""
    if not is_live():
        yield lambda _: None
        return
    try:
        yield _line.replace
    finally:
        clear()


def count(number: int, noun: str) -> str:
    """Such as ``3 pictures``."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def duration(seconds: float) -> str:
    """Such as ``2 h 05 min``, ``3 min 07 s`` or ``9 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def optional(value: float | None, style: str) -> str:
    """A formatted number; "" for None."""
    return "" if value is None else format(value, style)
