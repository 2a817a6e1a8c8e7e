"""python -m msrnet_cli, and the `msrnet` command."""

from __future__ import annotations

from typing import NoReturn

from msrnet_cli.signals import quitting_at_once


def main() -> NoReturn:
    """Run the command line."""
    with quitting_at_once():
        from msrnet_cli import cli
    cli.main()


if __name__ == "__main__":
    main()
