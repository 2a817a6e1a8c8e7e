"""Folders of scenes, and training examples out of them.

A store holds only paths: files are mapped into memory when they are needed, and stay in
the page cache. There is no state, so threads may compose ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from msrnet_cli.errors import DataError
from msrnet_cli.layers import scene as scenes
from msrnet_cli.layers.compose import compose
from msrnet_cli.layers.draw import DEFAULTS, Distributions, Draw, draw

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from msrnet_cli.layers.draw import Kind
    from msrnet_cli.layers.scene import Scene


@dataclass(frozen=True)
class LayerStore:
    """Scenes of a folder, in the order of their names.

    Attributes:
        folder: For messages.
        paths: Of the files.
    """

    folder: Path
    paths: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Scene:
        """One scene, as half floats.

        Raises:
            DataError: The file is damaged, or not a scene.
        """
        return scenes.read(self.paths[index])

    def at_least(self, size: int) -> LayerStore:
        """The scenes with sides of at least `size` pixels.

        Raises:
            DataError: There are none, or a file is damaged.
        """
        sizes = self._sides()
        large = zip(self.paths, sizes, strict=True)
        found = tuple(path for path, side in large if side >= size)
        if not found:
            raise DataError(
                f"no scene in {self.folder} has {size} px, the largest {max(sizes)}",
                "render larger scenes, or train at a smaller size",
            )
        return LayerStore(self.folder, found)

    @property
    def smallest(self) -> int:
        """The shorter side of the smallest scene, in pixels.

        Raises:
            DataError: A file is damaged.
        """
        return min(self._sides())

    @property
    def largest(self) -> int:
        """The shorter side of the largest scene, in pixels.

        Raises:
            DataError: A file is damaged.
        """
        return max(self._sides())

    def _sides(self) -> list[int]:
        return [min(scenes.read_size(path)) for path in self.paths]


def open_store(folder: Path) -> LayerStore:
    """The scenes of a folder; hidden files are left out.

    Raises:
        DataError: There are none.
    """
    try:
        paths = sorted(
            path
            for path in folder.iterdir()
            if path.suffix == scenes.SUFFIX and not path.name.startswith(".")
        )
    except (FileNotFoundError, NotADirectoryError) as error:
        there = "is not a folder" if folder.exists() else "does not exist"
        raise DataError(
            f"{folder} {there}", "name a folder of scenes by msrnet synth --layers"
        ) from error
    except OSError as error:
        raise DataError(
            f"{folder} cannot be read: {error.strerror}", "mend its permissions"
        ) from error
    if not paths:
        raise DataError(
            f"there is no scene (*{scenes.SUFFIX}) in {folder}",
            "render some: msrnet synth --layers",
        )
    return LayerStore(folder, tuple(paths))


@dataclass(frozen=True)
class Batch:
    """The examples of one training step, float32.

    Attributes:
        picture: B 3 S S, sRGB in [0, 1].
        layers: B 9 3 S S, as `compose.Composed.layers`.
        normal: B 3 S S in [-1, 1].
        draws: The draw of each example.
        names: The scenes, for messages.
    """

    picture: Tensor
    layers: Tensor
    normal: Tensor
    draws: tuple[Draw, ...]
    names: tuple[str, ...]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kind of each picture."""
        return tuple(one.kind for one in self.draws)


@dataclass(frozen=True)
class Composer:
    """Makes training examples out of scenes.

    Attributes:
        store: The scenes.
        seed: With the number of an example it determines everything.
        distributions: What is drawn from.
    """

    store: LayerStore
    seed: int = 0
    distributions: Distributions = DEFAULTS

    def draw(self, number: int) -> Draw:
        """The draw of an example."""
        return draw(self.seed, number, len(self.store), self.distributions)

    def batch(self, numbers: Sequence[int], size: int) -> Batch:
        """The examples of these numbers, counted from the start of the run.

        Raises:
            DataError: A scene is damaged, or smaller than `size` pixels.
        """
        draws = tuple(map(self.draw, numbers))
        drawn = [self.store[one.scene] for one in draws]
        made = [
            compose(scene, one, size) for scene, one in zip(drawn, draws, strict=True)
        ]
        return Batch(
            torch.stack([one.picture for one in made]),
            torch.stack([one.layers for one in made]),
            torch.stack([one.normal for one in made]),
            draws,
            tuple(scene.name for scene in drawn),
        )
