"""python -m msrnet_cli, and the `msrnet` command."""

from __future__ import annotations

from msrnet_cli.cli import main

if __name__ == "__main__":
    main()
