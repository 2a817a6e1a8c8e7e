"""What the folder job asks of a relighter, how results name it, and a fake."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from itertools import product
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from msrnet_cli import hardware
from msrnet_cli.errors import UsageError
from msrnet_cli.folder.known import digest
from msrnet_cli.lights import DIRECTIONS
from msrnet_cli.relight.records import Relit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from msrnet_cli.config import WorkSize
    from msrnet_cli.folder.beside import Kind
    from msrnet_cli.folder.options import FolderOptions


_FORMATS = ("fp32", "bf16")
_ENGINES = ("eager", "fused", "graph", "compiled")
"""What ``auto`` may choose."""


Fan = Callable[[str], Tensor]
"""Gives the picture under light from one of the directions: 3 H W, of its type."""


class Relights(Protocol):
    """The part of `Relighter` that the folder job uses; each member means the same."""

    sees_two: bool
    second_light: str
    self_ensemble: bool
    others_work_size: WorkSize | None

    @property
    def device(self) -> torch.device: ...
    @property
    def dtype(self) -> torch.dtype: ...
    @property
    def keeps_format(self) -> bool: ...
    @property
    def engine(self) -> str: ...
    @property
    def keeps_engine(self) -> bool: ...
    @property
    def work_size(self) -> WorkSize: ...
    @property
    def digest(self) -> str: ...
    @property
    def from_light(self) -> str: ...
    @property
    def to_light(self) -> str: ...
    @property
    def light_recipe(self) -> dict[str, Any] | None: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def lanes(self) -> int: ...

    def batch_size(self, width: int, height: int) -> int: ...

    def run(
        self,
        batch: Sequence[Tensor],
        guides: Sequence[Tensor] = (),
        *,
        deep: bool = False,
        masks: Sequence[Tensor | None] = (),
    ) -> Relit: ...

    def fan(
        self, picture: Tensor, *, deep: bool = False, mask: Tensor | None = None
    ) -> Fan: ...


def recipes(
    relights: Relights, options: FolderOptions, *, is_fan: bool = False
) -> tuple[str, ...]:
    """Names for everything but the input that decides the bytes of a result.

    The choice of ``auto`` may change from run to run: it depends on a timing trial and
    on the number of pictures. A second run must finish the first all the same, so
    all that ``auto`` may choose counts as one recipe. Older versions named whether a
    picture was also put beside its input, which decides nothing about the picture.

    Args:
        relights: The network and its light.
        options: The options of the plan.
        is_fan: Whether the light comes from each of the eight directions.

    Returns:
        First the name to write. The others, written by older versions or for a choice
        of the user, are accepted in existing results.
    """
    formats: tuple[str, ...] = ("auto", *_FORMATS)
    engines: tuple[str, ...] = ("auto", *_ENGINES)
    if relights.keeps_format:
        formats = (hardware.dtype_name(relights.dtype),)
    if relights.keeps_engine:
        engines = (relights.engine,)
    parts = {
        "weights": relights.digest,
        "work_size": relights.work_size,
        "device": relights.device.type,
        "write": asdict(options.write),
    }
    if relights.self_ensemble:
        parts["self_ensemble"] = True
    if relights.light_recipe is not None:
        parts["light"] = relights.light_recipe
    if is_fan:
        parts["fan"] = True
    return tuple(
        _name(parts | {"dtype": dtype, "engine": engine, "compare": compare})
        for dtype, engine, compare in product(formats, engines, (False, True))
    )


def with_beside(recipes: Sequence[str], kind: Kind, sha256: str) -> tuple[str, ...]:
    """The names of these recipes with a file of a kind beside the picture."""
    return tuple(_name({"recipe": recipe, kind.key: sha256}) for recipe in recipes)


def require_second(relights: Relights, options: FolderOptions) -> None:
    """Refuse one picture for weights that see two, and two for others.

    Raises:
        UsageError: `options.second` does not fit the weights.
    """
    if relights.sees_two and options.second is None:
        raise UsageError(
            "these weights see two pictures of each scene, and one is given",
            "name the folder of the others: --second DIR",
        )
    if options.second is not None and not relights.sees_two:
        raise UsageError(
            f"--second {options.second}, and these weights see one picture",
            "drop it, or name weights that see two",
        )


def _name(parts: dict[str, Any]) -> str:
    return digest(json.dumps(parts, sort_keys=True).encode())[:16]


class FakeRelighter:
    """A `Relights` without network and weights, for tests of what is around it.

    Gives pictures back times a gain, or the mean of two; in a fan, darker by an eighth
    at each direction.

    Args:
        on_run: Called with each batch; its exceptions pass through `run`.
        gain: Factor of every value.
        batch_pixels: Pixels that run together.

    Attributes:
        batches: The number of pictures in each batch so far.
    """

    device = torch.device("cpu")
    dtype = torch.float32
    keeps_format = False
    engine = "eager"
    keeps_engine = False
    work_size: WorkSize = "full"
    self_ensemble = False
    digest = ""
    others_work_size: WorkSize | None = None
    from_light = ""
    to_light = ""
    light_recipe: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    lanes = 1
    sees_two = False
    second_light = ""

    def __init__(
        self,
        on_run: Callable[[Sequence[Tensor]], object] | None = None,
        *,
        gain: float = 1,
        batch_pixels: int = 800,
    ) -> None:
        self.batches: list[int] = []
        self._on_run = on_run
        self._gain = gain
        self._batch_pixels = batch_pixels

    def batch_size(self, width: int, height: int) -> int:
        return max(1, self._batch_pixels // (width * height))

    def run(
        self,
        batch: Sequence[Tensor],
        guides: Sequence[Tensor] = (),
        *,
        deep: bool = False,  # noqa: ARG002
        masks: Sequence[Tensor | None] = (),
    ) -> Relit:
        self.batches.append(len(batch))
        if self._on_run is not None:
            self._on_run(batch)
        if guides:
            both = zip(batch, guides, strict=True)
            batch = [(x / 2 + y / 2).to(x.dtype) for x, y in both]
        shares = masks or [None] * len(batch)
        pairs = zip(batch, shares, strict=True)
        return Relit(tuple(_times(x, self._gain, mask) for x, mask in pairs))

    def fan(
        self,
        picture: Tensor,
        *,
        deep: bool = False,  # noqa: ARG002
        mask: Tensor | None = None,
    ) -> Fan:
        self.batches.append(1)
        if self._on_run is not None:
            self._on_run([picture])

        def under(direction: str) -> Tensor:
            darker = 1 - DIRECTIONS.index(direction) / len(DIRECTIONS)
            return _times(picture, self._gain * darker, mask)

        return under


def _times(picture: Tensor, gain: float, mask: Tensor | None) -> Tensor:
    """A picture times a gain, as far as a mask shows it, in the picture's type."""
    factor = gain if mask is None else 1 + mask * (gain - 1)
    return (picture * factor).to(picture.dtype)
