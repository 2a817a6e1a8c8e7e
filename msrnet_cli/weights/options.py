"""What is said about weights that are imported or exported. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msrnet_cli.config import (
    LARGEST_WORK_SIZE,
    SMALLEST_WORK_SIZE,
    Dtype,
    OfflineOption,
)
from msrnet_cli.options import Option


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What a checkpoint of DMSHN's authors does not say about itself."""

    centred: Annotated[
        bool,
        Option(
            "The network sees values minus 0.5, as in the dehazing code.",
            flags=("--centred/--no-centred",),
        ),
    ] = False
    from_light: Annotated[
        str,
        Option(
            "Light of its inputs.", flags=("--from", "--from-light"), metavar="LIGHT"
        ),
    ] = ""
    to_light: Annotated[
        str,
        Option("Light of its outputs.", flags=("--to", "--to-light"), metavar="LIGHT"),
    ] = ""
    licence: Annotated[str, Option("Licence of the weights.")] = ""
    training_data: Annotated[str, Option("What they were trained on.")] = ""


@dataclass(frozen=True, kw_only=True)
class ExportOptions(OfflineOption):
    """How weights are copied; None leaves what their card says."""

    dtype: Annotated[
        Dtype, Option("Number format. auto: fp16, half the size of fp32.")
    ] = "auto"
    work_size: Annotated[
        int | None,
        Option(
            "Longer side at which the network should see a picture.",
            metavar="PX",
            default="as it is",
            least=SMALLEST_WORK_SIZE,
            most=LARGEST_WORK_SIZE,
        ),
    ] = None
    scores: Annotated[
        Path | None,
        Option(
            "Put in the means that `msrnet eval --json` found for these weights.",
            metavar="EVAL.json",
        ),
    ] = None
    training_data: Annotated[str | None, Option("What they were trained on.")] = None
    licence: Annotated[str | None, Option("Licence.")] = None
    notes: Annotated[str | None, Option("Anything else a user should know.")] = None
