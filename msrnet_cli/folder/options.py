"""How a folder is relit. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from msrnet_cli.config import MAX_MEGAPIXELS, MegapixelLimit, WriteOptions
from msrnet_cli.folder.shards import read_shard
from msrnet_cli.lights.options import LightOptions
from msrnet_cli.options import Group, Option
from msrnet_cli.relight.options import SessionOptions

Exist = Literal["skip", "overwrite", "error"]
Where = Literal["local", "ray"]


def read_count(text: str) -> int | None:
    """``auto`` as None, or a number from 1 on.

    Raises:
        ValueError: It is neither; says what is expected.
    """
    if text == "auto":
        return None
    if not text.isdecimal() or not int(text):
        raise ValueError("auto, or a number from 1 on")
    return int(text)


@dataclass(frozen=True)
class FolderOptions:
    """Which pictures are relit, and what becomes of their outputs."""

    recursive: Annotated[
        bool, Option("Enter subfolders.", flags=("--recursive", "-r"))
    ] = False
    name: Annotated[str, Option("Output names from {stem} and {ext}.")] = "{stem}{ext}"
    exist: Annotated[
        Exist,
        Option(
            "What to do where an output exists. skip: leave what was made from the same"
            " input in the same way, make anew what msrnet made otherwise, and touch"
            " nothing else."
        ),
    ] = "skip"
    mask: Annotated[
        str | None,
        Option(
            "Where pictures change: white all, grey in part, black not. A folder of"
            " masks, each with the stem and the size of its picture; for one picture,"
            " a file.",
            metavar="DIR|FILE",
        ),
    ] = None
    second: Annotated[
        str | None,
        Option(
            "For weights that see two pictures of a scene: the other ones. A folder, in"
            " which each has the stem and the size of its picture; for one picture, a"
            " file.",
            metavar="DIR|FILE",
        ),
    ] = None
    shard: Annotated[
        str | None,
        Option(
            "Do one part of a job that several machines share: 3/8 is the third of"
            " eight, counted from 1. auto: as Slurm, AWS Batch, Google Cloud Batch or"
            " torchrun tells; auto/8 for Kubernetes, which tells no count.",
            metavar="I/N|auto",
            read=read_shard,
        ),
    ] = None
    compare: Annotated[bool, Option("Also write input and output side by side.")] = (
        False
    )
    fail_fast: Annotated[bool, Option("Stop at the first failure.")] = False
    max_megapixels: MegapixelLimit = MAX_MEGAPIXELS
    batch_size: Annotated[
        int | None,
        Option(
            "Pictures of one size that run together.",
            metavar="auto|N",
            default="auto",
            least=1,
            read=read_count,
        ),
    ] = None
    write: Annotated[WriteOptions, Group("Files")] = field(default_factory=WriteOptions)


@dataclass(frozen=True)
class ClusterOptions:
    """Who relights a folder; on a cluster of Ray, what each actor takes of it."""

    executor: Annotated[
        Where,
        Option(
            "Who relights a folder. ray: actors on a cluster of Ray, whose nodes must"
            " all see the same files; needs msrnet[ray]."
        ),
    ] = "local"
    ray_address: Annotated[
        str | None,
        Option(
            "Head of the cluster, as 10.0.0.5:6379; auto for one that this machine"
            " belongs to; local to start Ray on this machine, for this job.",
            metavar="HOST:PORT|auto|local",
            default="RAY_ADDRESS, else local",
        ),
    ] = None
    ray_actors: Annotated[
        int | None,
        Option(
            "Processes that relight, each with a network of its own. auto: as many as"
            " the cluster has room for.",
            metavar="auto|N",
            default="auto",
            least=1,
            read=read_count,
        ),
    ] = None
    ray_cpus: Annotated[float, Option("CPUs for each actor.", least=0)] = 1.0
    ray_gpus: Annotated[
        float, Option("GPUs for each actor; 0.5 lets two share one.", least=0)
    ] = 0.0


@dataclass(frozen=True)
class RelightOptions:
    """What `msrnet relight` does, but for the paths."""

    weights: Annotated[
        str | None,
        Option(
            "Built-in name, file, or hf://owner/repo[@revision][/file].",
            metavar="SPEC",
            default="n6500-e4500 in nights lit from N, else lightstage",
        ),
    ] = None
    files_from: Annotated[
        str | None,
        Option(
            "Read inputs from a file, one a line. Relative paths are mirrored below"
            " OUTPUT (sub/a.jpg to OUTPUT/sub/a.jpg), absolute ones go straight into"
            " it; in root/./sub/a.jpg the mirrored part begins after the dot.",
            metavar="LIST|-",
        ),
    ] = None
    report: Annotated[
        str | None,
        Option(
            "In the end, write a page for browsers: each result beside its original.",
            metavar="PAGE.html",
        ),
    ] = None
    light: Annotated[LightOptions, Group("Light")] = field(default_factory=LightOptions)
    dry_run: Annotated[
        bool,
        Option("Tell what would be done; write nothing.", flags=("--dry-run", "-n")),
    ] = False
    folder: Annotated[FolderOptions, Group("Files")] = field(
        default_factory=FolderOptions
    )
    session: Annotated[SessionOptions, Group("Where and how to compute")] = field(
        default_factory=SessionOptions
    )
    cluster: Annotated[ClusterOptions, Group("On a cluster")] = field(
        default_factory=ClusterOptions
    )


@dataclass(frozen=True)
class ReportOptions:
    """What `msrnet report` tells of an output folder."""

    html: Annotated[
        str | None,
        Option(
            "Write a page for browsers: each result beside its original.",
            metavar="PAGE.html",
        ),
    ] = None
    inputs: Annotated[
        str | None,
        Option(
            "Where originals lie that were moved, or that the journal of an older"
            " version does not name; they are found by their content.",
            metavar="DIR",
        ),
    ] = None
    max_megapixels: Annotated[
        float,
        Option(
            "Leave larger pictures out of the page.",
            least=0,
            above=True,
            endless=True,
        ),
    ] = MAX_MEGAPIXELS


@dataclass(frozen=True)
class LightFindOptions:
    """What `msrnet light` does, but for the paths."""

    weights: Annotated[
        str,
        Option(
            "Weights that paint layers: built-in name, file, or hub address.",
            metavar="SPEC",
        ),
    ] = "lightstage"
    files_from: Annotated[
        str | None,
        Option("Read inputs from a file, one a line.", metavar="LIST|-"),
    ] = None
    recursive: Annotated[
        bool, Option("Enter subfolders.", flags=("--recursive", "-r"))
    ] = False
    max_megapixels: MegapixelLimit = MAX_MEGAPIXELS
    session: Annotated[SessionOptions, Group("Where and how to compute")] = field(
        default_factory=SessionOptions
    )
