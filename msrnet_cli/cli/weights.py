"""msrnet weights list, path, verify, import, export."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from msrnet_cli.cli.application import Commands, app
from msrnet_cli.cli.derive import command
from msrnet_cli.cli.options import Json
from msrnet_cli.config import ModelConfig, OfflineOption, WeightsCard
from msrnet_cli.errors import WeightsError
from msrnet_cli.weights.options import ExportOptions, ImportOptions

Spec = Annotated[
    str | None,
    typer.Argument(metavar="[WEIGHTS]", help="Built-in name, file or hub address."),
]
Source = Annotated[
    Path,
    typer.Argument(
        metavar="SOURCE", help="Folder of six .pkl files, one .pth, or safetensors."
    ),
]
Target = Annotated[
    Path, typer.Argument(metavar="TARGET", help="New .safetensors file.")
]

weights_app = typer.Typer(
    cls=Commands, help="Look at weights, check them, convert them."
)
app.add_typer(weights_app, name="weights", no_args_is_help=True)


@command(
    weights_app,
    "list",
    examples={
        "msrnet weights list": "what came with the program",
        "msrnet weights list --json": "their cards, for programs",
    },
)
def list_weights(output: Json) -> None:
    """List the built-in weights."""
    from msrnet_cli.report import machine, terminal
    from msrnet_cli.report import weights as report
    from msrnet_cli.weights.card import read_card
    from msrnet_cli.weights.find import built_in

    entries = [
        report.Listed(e.name, e.default, e.sha256, e.path, read_card(e.path))
        for e in built_in()
    ]
    if output.json:
        machine.document(list(map(report.flat, entries)))
        return
    report.table(entries)
    if not entries:
        terminal.warn("this version comes without built-in weights")


@command(
    weights_app,
    "path",
    examples={
        "msrnet weights path": "where the default lies",
        "msrnet weights path hf://owner/repo": "fetched, if it is not here yet",
    },
)
def show_path(online: OfflineOption, spec: Spec = None) -> None:
    """Print where weights lie, fetching them if needed."""
    from msrnet_cli.weights.find import locate

    print(locate(spec, offline=online.offline))


@command(
    weights_app,
    "verify",
    examples={
        "msrnet weights verify": "all that came with the program",
        "msrnet weights verify mine.safetensors": "a file",
    },
)
def verify_weights(
    online: OfflineOption,
    output: Json,
    specs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WEIGHTS]...", help="Default: all built-in weights."),
    ] = None,
) -> None:
    """Check weights: names, shapes, values, sha256 of built-in ones, a test picture."""
    from msrnet_cli.relight.relighter import Relighter
    from msrnet_cli.report import machine, terminal
    from msrnet_cli.report import weights as report
    from msrnet_cli.weights.find import built_in

    names = specs or [entry.name for entry in built_in()]
    if not names:
        terminal.warn("this version comes without built-in weights")
    cards = []
    for name in names:
        found = Relighter.load(
            name, device="cpu", dtype="fp32", engine="eager", offline=online.offline
        )
        verified = report.Verified(name, found.digest, found.card)
        cards.append(report.flat(verified))
        if not output.json:
            report.sound(verified)
    if output.json:
        machine.document(cards)


@command(
    weights_app,
    "import",
    examples={
        "msrnet weights import checkpoints/ mine.safetensors": "six .pkl files",
        "msrnet weights import dmshn.pth mine.safetensors --from 6500_N --to 4500_E": (
            "one file, and what it does"
        ),
    },
)
def import_weights(source: Source, target: Target, options: ImportOptions) -> None:
    """Convert weights in the layout of DMSHN's authors, without running any pickle."""
    from msrnet_cli.weights.published import import_published, require_new_target

    require_new_target(target)
    if not source.exists():
        raise WeightsError(f"{source} does not exist", "check the path")
    card = WeightsCard(
        model=ModelConfig(value_range="centred" if options.centred else "zero_one"),
        from_light=options.from_light,
        to_light=options.to_light,
        licence=options.licence,
        training_data=options.training_data,
    )
    written = import_published(source, target, card)
    print(f"{target}: {written.model.arch}, {written.model.channels} channels")


@command(
    weights_app,
    "export",
    examples={
        "msrnet weights export runs/mine/best.safetensors mine.safetensors": (
            "half the size"
        ),
        "msrnet weights export lightstage mine.safetensors --scores eval.json": (
            "with scores in its card"
        ),
    },
)
def export_weights(
    spec: Annotated[
        str,
        typer.Argument(metavar="WEIGHTS", help="Built-in name, file or hub address."),
    ],
    target: Target,
    options: ExportOptions,
) -> None:
    """Copy weights in another number format, with changes to their card."""
    from msrnet_cli import hardware
    from msrnet_cli.weights import file
    from msrnet_cli.weights.published import require_new_target
    from msrnet_cli.weights.scores import read_scores

    require_new_target(target)
    found = file.load_weights(spec, offline=options.offline)
    size, scores = options.work_size, options.scores
    changes: dict[str, Any] = {
        "work_size": size,
        "scores": None if scores is None else read_scores(scores, spec, size),
        "training_data": options.training_data,
        "licence": options.licence,
        "notes": options.notes,
    }
    given = {name: value for name, value in changes.items() if value is not None}
    kind = hardware.DTYPES["fp16" if options.dtype == "auto" else options.dtype]
    file.export_weights(found, target, replace(found.card, **given), kind)
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")
