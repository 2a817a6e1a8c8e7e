"""python -m msrnet_cli, and the `msrnet` command."""

from __future__ import annotations

import os
from typing import NoReturn

from msrnet_cli.allowance import granted_cores, usable_cores
from msrnet_cli.signals import quitting_at_once

# What makes OpenMP's threads sleep while they wait: GNU's library on Linux, LLVM's and
# Intel's on macOS and Windows.
_SLEEPING = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
_WAITING = (*_SLEEPING, "GOMP_SPINCOUNT", "KMP_LIBRARY")


def main() -> NoReturn:
    """Run the command line."""
    with quitting_at_once():
        share_the_machine()
        from msrnet_cli import cli
    cli.main()


def share_the_machine() -> None:
    """Have torch's threads leave the processor to other programs while they wait.

    They wait for each other some hundred times in a pass. By default they do so by
    spinning: while another program runs in the place of one thread, the other threads
    burn the time that the one would need. If a control group grants fewer cores than
    there are, there are also fewer threads. What the user has set stands.

    OpenMP reads these settings once, when torch is imported. They are for the program
    alone: `import msrnet_cli` in another program leaves its environment as it is.
    """
    if not any(name in os.environ for name in _WAITING):
        os.environ.update(_SLEEPING)
    if granted_cores() is not None:
        os.environ.setdefault("OMP_NUM_THREADS", str(usable_cores()))


if __name__ == "__main__":
    main()
