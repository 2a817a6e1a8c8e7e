"""From start to exit code: the one place where errors become one line."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any, NoReturn

import typer

from msrnet_cli import signals, streams
from msrnet_cli.cli import commands
from msrnet_cli.cli.application import ReaderGoneError
from msrnet_cli.cli.loading import begin
from msrnet_cli.errors import MSRNetError, PictureError, UsageError

# The base of all that the parser raises: click's own, or the one that typer brings.
_ParserError: type[Exception] = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)


def main() -> NoReturn:
    """Run the command line; the one place where errors become exit codes."""
    begin()
    streams.prepare()
    _require_folder()
    # torch warns at import that NumPy is missing, which is how it is meant to run.
    warnings.filterwarnings("ignore", message="Failed to initialize NumPy")
    warnings.filterwarnings("ignore", module="PIL")
    try:
        app = commands.load(sys.argv[1:])
        code = app(prog_name="msrnet", standalone_mode=False)
    except MSRNetError as error:
        _exit_with(error)
    except _ParserError as error:
        _exit_with_usage(error)
    except KeyboardInterrupt:
        _exit(signals.EXIT_CODES["SIGINT"])
    except ReaderGoneError:
        _exit(signals.EXIT_CODES["SIGPIPE"])
    except Exception as error:
        _report_bug(error)
        _exit(1)
    _exit(code or 0)


def _require_folder() -> None:
    """Refuse a deleted folder, where torch's libraries end a program with odd words."""
    try:
        Path.cwd()
    except OSError:
        _exit_with(UsageError("the current folder no longer exists", "cd to another"))


def _exit_with(error: MSRNetError) -> NoReturn:
    from msrnet_cli.report import terminal

    terminal.error_line(error)
    _exit(error.exit_code)


def _exit_with_usage(error: Any) -> NoReturn:  # noqa: ANN401 see _ParserError
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)
        _exit(UsageError.exit_code)
    context = error.ctx.command_path if getattr(error, "ctx", None) else "msrnet"
    reason = error.format_message().rstrip(".")
    _exit_with(UsageError(reason, f"see {context} --help"))


def _exit(code: int) -> NoReturn:
    """End, after all is written out; a success that lost something is a failure."""
    try:
        lost = streams.settle()
        if lost and not code:
            code = PictureError.exit_code
            _print_error(f"not all could be told; {lost}")
            streams.settle()
    except BrokenPipeError:
        code = code or signals.EXIT_CODES["SIGPIPE"]
    sys.exit(code)


def _print_error(text: str) -> None:
    print(f"msrnet: {text}", file=sys.stderr)


def _report_bug(error: Exception) -> None:
    if os.environ.get("MSRNET_DEBUG"):
        traceback.print_exc()
    name = type(error).__name__
    _print_error(
        f"a bug: {name}: {error}: please report it with the output of the same"
        " command under MSRNET_DEBUG=1"
    )
