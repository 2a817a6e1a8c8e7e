"""Relight pictures with MSR-Net: new light direction, new colour temperature.

>>> from msrnet_cli import Relighter
>>> relit = Relighter.load().relight(picture)

The names below load torch on first use, so that ``import msrnet_cli`` and
``msrnet --help`` stay instant.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from msrnet_cli.networks.dmshn import DMSHN as DMSHN
    from msrnet_cli.networks.stacked import StackedDMSHN as StackedDMSHN
    from msrnet_cli.relight.relighter import Relighter as Relighter
    from msrnet_cli.weights.file import load_network as load_network

__version__ = "0.1.0"

_HOMES = {
    "DMSHN": "networks.dmshn",
    "Relighter": "relight.relighter",
    "StackedDMSHN": "networks.stacked",
    "load_network": "weights.file",
}
__all__ = ["DMSHN", "Relighter", "StackedDMSHN", "__version__", "load_network"]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(f"msrnet_cli.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'msrnet_cli' has no attribute {name!r}")
