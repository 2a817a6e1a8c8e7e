"""How a folder is relit. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from msrnet_cli.config import WriteOptions

Exist = Literal["skip", "overwrite", "error"]


@dataclass(frozen=True)
class FolderOptions:
    """How `msrnet relight` treats a folder.

    Attributes:
        recursive: Enter subfolders.
        name: Template for output names with the fields {stem} and {ext}.
        exist: What to do where an output exists.
        batch_size: Pictures of one size that share a batch; None chooses.
        compare: Also write input and output side by side.
        fail_fast: Stop at the first failure.
        max_megapixels: Larger pictures are refused before they are decoded.
        write: How a relit picture is written.
    """

    recursive: bool = False
    name: str = "{stem}{ext}"
    exist: Exist = "skip"
    batch_size: int | None = None
    compare: bool = False
    fail_fast: bool = False
    max_megapixels: float = 179.0
    write: WriteOptions = field(default_factory=WriteOptions)
