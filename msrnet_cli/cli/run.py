"""From start to exit code: the one place where errors become one line."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any, NoReturn

import typer

from msrnet_cli import signals
from msrnet_cli.cli.application import ReaderGoneError, app
from msrnet_cli.errors import MSRNetError, UsageError

# The base of all that the parser raises: click's own, or the one that typer brings.
_ParserError: type[Exception] = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)


def main() -> NoReturn:
    """Run the command line; the one place where errors become exit codes."""
    _open_closed_streams()
    # torch warns at import that NumPy is missing, which is how it is meant to run.
    warnings.filterwarnings("ignore", message="Failed to initialize NumPy")
    warnings.filterwarnings("ignore", module="PIL")
    try:
        code = app(prog_name="msrnet", standalone_mode=False)
    except MSRNetError as error:
        _exit_with(error)
    except _ParserError as error:
        _exit_with_usage(error)
    except KeyboardInterrupt:
        _exit(signals.EXIT_CODES["SIGINT"])
    except ReaderGoneError:
        # Python must not complain at exit that it could not write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _exit(signals.EXIT_CODES["SIGPIPE"])
    except Exception as error:
        _report_bug(error)
        _exit(1)
    _exit(code or 0)


def _open_closed_streams() -> None:
    """Give a program that was started without one of its streams an empty one.

    Otherwise what is meant for people would go where pictures go.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 open to the end


def _exit_with(error: MSRNetError) -> NoReturn:
    from msrnet_cli import report

    report.error_line(error)
    _exit(error.exit_code)


def _exit_with_usage(error: Any) -> NoReturn:  # noqa: ANN401 see _ParserError
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)
        _exit(UsageError.exit_code)
    context = error.ctx.command_path if getattr(error, "ctx", None) else "msrnet"
    reason = error.format_message().rstrip(".")
    _exit_with(UsageError(reason, f"see {context} --help"))


def _exit(code: int) -> NoReturn:
    sys.exit(code)


def _report_bug(error: Exception) -> None:
    if os.environ.get("MSRNET_DEBUG"):
        traceback.print_exc()
    name = type(error).__name__
    print(
        f"msrnet: a bug: {name}: {error}: please report it with the output of the same"
        " command under MSRNET_DEBUG=1",
        file=sys.stderr,
    )
