"""python -m msrnet_cli, and the `msrnet` command."""

from __future__ import annotations

import os
from typing import NoReturn

from msrnet_cli.allowance import granted_cores, usable_cores
from msrnet_cli.signals import quitting_at_once

# How long OpenMP's threads spin before they sleep: with GNU's library, which torch has
# on Linux, a sixtieth of its default; with LLVM's and Intel's, 1 ms instead of 200. To
# sleep at once (OMP_WAIT_POLICY=PASSIVE) takes a sixth longer on an idle machine.
_SHORT = {"GOMP_SPINCOUNT": "5000", "KMP_BLOCKTIME": "1"}
_WAITING = (*_SHORT, "OMP_WAIT_POLICY", "KMP_LIBRARY")


def main() -> NoReturn:
    """Run the command line."""
    with quitting_at_once():
        share_the_machine()
        use_large_pages()
        from msrnet_cli import cli
    cli.main()


def share_the_machine() -> None:
    """Have torch's threads leave the processor to other programs while they wait.

    They wait for each other some hundred times in a pass. By default they do so by
    spinning for long: while another program runs in the place of one thread, the other
    threads burn the time that the one would need. If a control group grants fewer cores
    than there are, there are also fewer threads. What the user has set stands.

    OpenMP reads these settings once, when torch is imported. They are for the program
    alone: `import msrnet_cli` in another program leaves its environment as it is.
    """
    if not any(name in os.environ for name in _WAITING):
        os.environ.update(_SHORT)
    if granted_cores() is not None:
        os.environ.setdefault("OMP_NUM_THREADS", str(usable_cores()))


def use_large_pages() -> None:
    """Have torch align large tensors to pages, and ask Linux for pages of 2 MB.

    The first pass has fewer pages to wait for, and glibc can give a freed tensor's
    memory to the next tensor of its size. At torch's usual alignment it often cannot:
    the few bytes left over go to its cache of small blocks, and are then missing. torch
    reads this setting once, when it is imported.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


if __name__ == "__main__":
    main()
