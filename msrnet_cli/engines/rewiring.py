"""A network with some of its parts exchanged."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


def rewired(
    module: nn.Module,
    kinds: type[nn.Module] | tuple[type[nn.Module], ...],
    exchange: Callable[[nn.Module], nn.Module],
) -> nn.Module:
    """The same module, over other parts of some kinds; it is itself left alone.

    Args:
        module: Any; what is not exchanged is shared with what comes back.
        kinds: Of parts to exchange.
        exchange: Gives what takes a part's place.
    """
    if isinstance(module, kinds):
        return exchange(module)
    twin = copy.copy(module)
    twin._modules = {
        name: rewired(child, kinds, exchange) for name, child in module.named_children()
    }
    return twin
