"""The command line of msrnet, in this process."""

from __future__ import annotations

import shlex
import sys

from msrnet_cli.cli import commands
from msrnet_cli.errors import UsageError


def msrnet(*words: str) -> None:
    """Run a command as a user types it; the command is shown on standard error.

    Raises:
        MSRNetError: As the command raises.
        SystemExit: A signal stopped it.
    """
    print(f"+ msrnet {shlex.join(words)}", file=sys.stderr, flush=True)
    try:
        code = commands.load(words)(words, prog_name="msrnet", standalone_mode=False)
    except Exception as error:
        said = getattr(error, "format_message", None)  # the parser's own
        if said is None:
            raise
        raise UsageError(said(), f"see msrnet {words[0]} --help") from error
    if code:
        raise SystemExit(code)
