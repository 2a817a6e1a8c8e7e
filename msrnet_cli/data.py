"""Pairs of pictures for training and scoring: found, checked, read once.

Knows how VIDIT and its challenges name files; knows no network and no loss.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from msrnet_cli import hardware, images
from msrnet_cli.config import DataOptions
from msrnet_cli.errors import DataError, PictureError, UsageError
from msrnet_cli.images.pixels import quantise
from msrnet_cli.lights import read_light
from msrnet_cli.results import DataFault, DataReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from concurrent.futures import Future

_VIDIT_NAME = re.compile(r"(.+)_(\d{4})_(NE|NW|SE|SW|N|E|S|W)")
_INPUT, _TARGET = "input", "target"
_RESAMPLED = 1 << 26  # values at a time, as float32
_MEMORY_SHARE = 0.5  # of what is free: the network needs the rest


@dataclass(frozen=True, order=True)
class PictureFile:
    """A picture in a folder, or inside a .zip.

    Attributes:
        path: The file, or the archive.
        member: Its name inside the archive; "" for a plain file.
    """

    path: Path
    member: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.member}" if self.member else str(self.path)

    @property
    def name(self) -> PurePosixPath:
        """Its path below the folder or the archive, with forward slashes."""
        return PurePosixPath(self.member or self.path.as_posix())

    def read(self) -> bytes:
        """The whole file.

        Raises:
            PictureError: It cannot be read.
        """
        try:
            if self.member:
                with zipfile.ZipFile(self.path) as archive:
                    return archive.read(self.member)
            return self.path.read_bytes()
        except (OSError, zipfile.BadZipFile, RuntimeError, EOFError) as error:
            reason = getattr(error, "strerror", None) or error
            raise PictureError(f"{self}: {reason}", "check the file") from error

    def decode(self) -> Tensor:
        """Its pixels: 3 H W, uint8, sRGB.

        Raises:
            PictureError: It is damaged, or no picture.
        """
        try:
            picture = images.read(self.read(), self.name.suffix)
        except PictureError as error:
            if str(self) in error.reason:
                raise
            raise PictureError(f"{self}: {error.reason}", error.remedy) from error
        return quantise(picture.pixels, 8)

    def size(self) -> tuple[int, int]:
        """Width and height from the header alone, as stored.

        Raises:
            PictureError: The header cannot be read.
        """
        try:
            with Image.open(io.BytesIO(self.read())) as image:
                return image.size
        except PictureError:
            raise
        except Exception as error:  # decoders throw anything
            raise PictureError(f"{self}: no readable picture", "remove it") from error


@dataclass(frozen=True)
class Pair:
    """One scene under two lights.

    Attributes:
        name: The scene.
        source: Lit as the network's input.
        target: Lit as its output should be.
        mirrored: Source and target of the same scene that, seen in a mirror, are lit
            as above; None where these pictures do not exist.
    """

    name: str
    source: PictureFile
    target: PictureFile
    mirrored: tuple[PictureFile, PictureFile] | None = None

    @property
    def files(self) -> tuple[PictureFile, ...]:
        """All its pictures."""
        return (self.source, self.target, *(self.mirrored or ()))


def find_pairs(data: str | Path, options: DataOptions | None = None) -> list[Pair]:
    """Find the pairs in a folder or .zip, by what is there.

    - VIDIT's names: ``Image000_6500_N.png``, at any depth;
    - ``input/`` and ``target/`` with equal file names, at any depth, as in the
      archives of AIM 2020 and NTIRE 2021.

    Args:
        data: The folder or archive.
        options: Which lights, and whether mirrored pairs are wanted.

    Returns:
        The complete pairs, sorted by scene.

    Raises:
        DataError: There is none, or no mirrored one where these are wanted.
        UsageError: A light is unknown.
    """
    options = options or DataOptions()
    pairs, _ = _sort_out(data, options)
    if not pairs:
        raise _no_pairs(Path(data), options)
    if options.mirror and all(pair.mirrored is None for pair in pairs):
        lights = " and ".join(_in_mirror(options))
        raise DataError(
            f"{data} has no pictures to mirror", f"they need {lights}; or drop --mirror"
        )
    return pairs


def left_out(data: str | Path, options: DataOptions) -> tuple[str, ...]:
    """A note on the pictures that lack their partner, where there are any."""
    _, faults = _sort_out(data, options)
    if not faults:
        return ()
    text = "pictures without partner: {}, left out; `msrnet data check` lists them"
    return (text.format(len(faults)),)


def check(data: str | Path, options: DataOptions | None = None) -> DataReport:
    """Decode every picture, and report all that is wrong with a set of pairs.

    Raises:
        DataError: The folder does not exist or holds no picture.
        UsageError: A light is unknown.
    """
    options = options or DataOptions()
    pairs, faults = _sort_out(data, options)
    files = _list(Path(data))  # all of them: what is broken is not wanted anywhere
    if not pairs and not faults:
        raise _no_pairs(Path(data), options)
    sizes: dict[PictureFile, tuple[int, int]] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for file, found in zip(files, pool.map(_try_decode, files), strict=True):
            if isinstance(found, PictureError):
                reason = found.reason.removeprefix(f"{file}: ")
                faults.append(DataFault(str(file), "broken", reason))
            else:
                sizes[file] = found
    faults += filter(None, (_size_fault(pair, sizes) for pair in pairs))
    return DataReport(
        data=str(data),
        pairs=len(pairs),
        mirrored=sum(pair.mirrored is not None for pair in pairs),
        files=len(files),
        sizes=tuple(sorted(set(sizes.values()))),
        faults=tuple(faults),
    )


def match_folders(
    outputs: Path, targets: Path
) -> list[tuple[str, PictureFile, PictureFile]]:
    """Pictures of two folders that have the same name, suffix aside.

    Returns:
        Name, output and target, sorted by name.

    Raises:
        DataError: There is none, or an output has no target.
    """
    ours, theirs = (
        {file.path.relative_to(folder).with_suffix(""): file for file in _list(folder)}
        for folder in (outputs, targets)
    )
    if not ours:
        raise DataError(f"{outputs} holds no picture", "check the path")
    alone = sorted(ours.keys() - theirs.keys())
    if alone:
        raise DataError(
            f"{ours[alone[0]]} has no picture of its name in {targets}",
            f"{len(alone)} of {len(ours)} have none: check the folders",
        )
    return [(key.as_posix(), ours[key], theirs[key]) for key in sorted(ours)]


class PairStore:
    """All pictures of some pairs, decoded once where memory allows.

    Pictures are kept as uint8, no larger than they are needed. Where they fit
    neither on the device nor in main memory, they are decoded ahead of their use.

    Args:
        pairs: The pairs.
        side: The shorter side of a picture is reduced to this; None keeps all.
        device: Where batches are wanted.
        memory: Bytes that may be used; None asks the system.

    Raises:
        PictureError: A picture cannot be read.
        DataError: Two pictures of a scene differ in size.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        side: int | None = None,
        device: torch.device | None = None,
        memory: int | None = None,
    ) -> None:
        self.pairs = list(pairs)
        self.side = side
        self.device = device or torch.device("cpu")
        self._pool = ThreadPoolExecutor(min(8, os.cpu_count() or 1))
        files = list(dict.fromkeys(file for pair in pairs for file in pair.files))
        needed = len(files) * self._bytes(files[0])
        free = memory if memory is not None else hardware.free_bytes(self.device)
        main = memory if memory is not None else hardware.free_bytes(_CPU)
        self.in_memory = main is None or needed < _MEMORY_SHARE * main
        on_device = free is None or needed < _MEMORY_SHARE * free
        self._home = self.device if on_device else _CPU
        self._kept: dict[PictureFile, Tensor] = {}
        self._ahead: dict[PictureFile, Future[Tensor]] = {}
        self._sizes: dict[PictureFile, tuple[int, int]] = {}
        if self.in_memory:
            decoded = self._pool.map(self._decode, files)
            self._kept = dict(zip(files, decoded, strict=True))
            for pair in self.pairs:
                self._require_one_size(pair)

    def __len__(self) -> int:
        return len(self.pairs)

    def pictures(self, pair: Pair, files: Sequence[PictureFile]) -> list[Tensor]:
        """Pictures of a pair: each 3 H W, uint8, on any device."""
        found = [self._picture(file) for file in files]
        self._require_one_size(pair)
        return found

    def _picture(self, file: PictureFile) -> Tensor:
        if file in self._kept:
            return self._kept[file]
        future = self._ahead.pop(file, None)
        return future.result() if future else self._decode(file)

    def prefetch(self, files: Iterable[PictureFile]) -> None:
        """Start decoding what will be needed soon; nothing where all is in memory."""
        for file in files:
            if not self.in_memory and file not in self._ahead:
                self._ahead[file] = self._pool.submit(self._decode, file)

    def close(self) -> None:
        """Stop the threads that decode."""
        self._pool.shutdown(cancel_futures=True)

    def _decode(self, file: PictureFile) -> Tensor:
        pixels = file.decode()
        _, height, width = pixels.shape
        self._sizes[file] = (width, height)
        if self.side is not None and min(pixels.shape[-2:]) > self.side:
            pixels = shrink(pixels[None].float(), self.side)[0].round_().to(torch.uint8)
        return pixels.contiguous().to(self._home)

    def _require_one_size(self, pair: Pair) -> None:
        """By the files' own sizes: once reduced, two may agree that did not."""
        fault = _size_fault(pair, self._sizes)
        if fault is not None:
            raise DataError(
                f"{pair.name}: {fault.reason}",
                "`msrnet data check` lists all such scenes",
            )

    def _bytes(self, file: PictureFile) -> int:
        width, height = file.size()
        scale = min(1.0, (self.side or width) / min(width, height))
        return int(3 * width * height * scale**2)


_CPU = torch.device("cpu")


def shrink(images_: Tensor, side: int) -> Tensor:
    """Bring the shorter side of B C H W to `side`, antialiased; also enlarges."""
    height, width = images_.shape[-2:]
    scale = side / min(height, width)
    if scale == 1:
        return images_
    if height % side == 0 and width % side == 0 and height == width:
        # By a whole factor the mean of each block does as well, and much faster.
        return F.avg_pool2d(images_, height // side)
    size = (max(side, round(height * scale)), max(side, round(width * scale)))
    return F.interpolate(images_, size, mode="bilinear", antialias=True)


def _sort_out(
    data: str | Path, options: DataOptions
) -> tuple[list[Pair], list[DataFault]]:
    """The complete pairs, and the pictures whose partner is missing or one too many.

    Raises:
        DataError: The folder or archive cannot be read.
        UsageError: A light is unknown, or both are the same.
    """
    if read_light(options.from_light) == read_light(options.to_light):
        raise UsageError(
            f"--from and --to are both {options.to_light}", "name two lights"
        )
    files = _list(Path(data))
    pairs, faults = _named_as_vidit(files, options)
    more_pairs, more_faults = _in_two_folders(files, options)
    return sorted(pairs + more_pairs, key=lambda p: p.name), faults + more_faults


def _list(data: Path) -> list[PictureFile]:
    """All pictures below a folder or inside an archive, by their names."""
    if data.is_dir():
        found = (PictureFile(path) for path in data.rglob("*") if path.is_file())
    elif data.is_file():
        try:
            with zipfile.ZipFile(data) as archive:
                found = (PictureFile(data, name) for name in archive.namelist())
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{data} is neither a folder nor a readable .zip", "check the file"
            ) from error
    else:
        raise DataError(f"{data} does not exist", "check the path")
    return sorted(file for file in found if _is_picture(file.name))


def _is_picture(name: PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in name.parts[-2:])
    return name.suffix.lower() in images.PICTURE_SUFFIXES and not hidden


def _named_as_vidit(
    files: Iterable[PictureFile], options: DataOptions
) -> tuple[list[Pair], list[DataFault]]:
    scenes: dict[PurePosixPath, dict[str, PictureFile]] = {}
    for file in files:
        match = _VIDIT_NAME.fullmatch(file.name.stem)
        if match and file.name.parent.name not in (_INPUT, _TARGET):
            scene, kelvin, direction = match.groups()
            lights = scenes.setdefault(file.name.parent / scene, {})
            lights[f"{kelvin}_{direction}"] = file
    pairs, faults = [], []
    wanted = (options.from_light, options.to_light)
    for scene_path, lights in scenes.items():
        missing = [light for light in wanted if light not in lights]
        if len(missing) == 1:
            present = next(light for light in wanted if light in lights)
            faults.append(_partner_missing(lights[present], missing[0]))
        if not missing:
            source, target = (lights[light] for light in wanted)
            across = tuple(lights.get(light) for light in _in_mirror(options))
            other = (across[0], across[1]) if across[0] and across[1] else None
            pairs.append(Pair(scene_path.name, source, target, other))
    return pairs, faults


def _in_two_folders(
    files: Iterable[PictureFile], options: DataOptions
) -> tuple[list[Pair], list[DataFault]]:
    sides: dict[str, dict[PurePosixPath, PictureFile]] = {_INPUT: {}, _TARGET: {}}
    wanted = {_INPUT: options.from_light, _TARGET: options.to_light}
    faults = []
    for file in files:
        folder = file.name.parent
        if folder.name not in sides:
            continue
        # Some releases keep the light in the name on either side.
        match = _VIDIT_NAME.fullmatch(file.name.stem)
        key = folder.parent / (match[1] if match else file.name.stem)
        rival = sides[folder.name].setdefault(key, file)
        if rival != file:
            # Of several lights the one asked for counts; all else is ambiguous.
            if match and f"{match[2]}_{match[3]}" == wanted[folder.name]:
                sides[folder.name][key], file = file, rival
            text = f"a second picture of the scene beside {sides[folder.name][key]}"
            faults.append(DataFault(str(file), "partner", text))
    sources, targets = sides[_INPUT], sides[_TARGET]
    both = sources.keys() & targets.keys()
    pairs = [Pair(key.name, sources[key], targets[key]) for key in both]
    alone = [(sources[k], _TARGET) for k in sorted(sources.keys() - both)]
    alone += [(targets[k], _INPUT) for k in sorted(targets.keys() - both)]
    return pairs, faults + [_partner_missing(file, f"{side}/") for file, side in alone]


def _in_mirror(options: DataOptions) -> list[str]:
    """The two lights that a mirror turns into those of inputs and targets."""
    wanted = (options.from_light, options.to_light)
    return [str(read_light(light).mirrored()) for light in wanted]


def _partner_missing(file: PictureFile, partner: str) -> DataFault:
    return DataFault(str(file), "partner", f"its partner {partner} is missing")


def _no_pairs(data: Path, options: DataOptions) -> DataError:
    count = len(_list(data))
    there = f"pictures ({count}) but no pairs" if count else "no picture"
    wanted = f"Image000_{options.from_light}.png and Image000_{options.to_light}.png"
    return DataError(
        f"{data} holds {there}",
        f"name them as {wanted}, or put them into input/ and target/ by equal names",
    )


def _try_decode(file: PictureFile) -> tuple[int, int] | PictureError:
    try:
        _, height, width = file.decode().shape
    except PictureError as error:
        return error
    return width, height


def _size_fault(
    pair: Pair, sizes: dict[PictureFile, tuple[int, int]]
) -> DataFault | None:
    found = {sizes[file] for file in pair.files if file in sizes}
    if len(found) < 2:
        return None
    text = " and ".join(f"{width}x{height}" for width, height in sorted(found))
    return DataFault(pair.name, "size", f"its pictures differ in size ({text})")
