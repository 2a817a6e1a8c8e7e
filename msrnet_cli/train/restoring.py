"""Tensors of a checkpoint, checked before they are taken up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn


def fitting(name: str, tensors: Mapping[str, Tensor], like: Tensor) -> Tensor:
    """A tensor of a checkpoint, of the shape of another.

    Raises:
        ValueError: It is missing, or has another shape.
    """
    found = tensors.get(name)
    if found is None:
        raise ValueError(f"{name} is missing")
    if found.shape != like.shape:
        shapes = f"{list(found.shape)} instead of {list(like.shape)}"
        raise ValueError(f"{name} has the shape {shapes}")
    return found


def of_network(
    prefix: str, tensors: Mapping[str, Tensor], network: nn.Module
) -> dict[str, Tensor]:
    """The tensors of a network, by its own names.

    Args:
        prefix: Of their names in the checkpoint.
        tensors: Of the checkpoint.
        network: That takes them.

    Raises:
        ValueError: The checkpoint holds other tensors.
    """
    wanted = network.state_dict()
    for name in tensors:
        if name.startswith(prefix) and name.removeprefix(prefix) not in wanted:
            raise ValueError(f"{name} is of another network")
    return {k: fitting(prefix + k, tensors, like) for k, like in wanted.items()}
