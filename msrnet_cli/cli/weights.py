"""msrnet weights list, path, verify, import, export."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from msrnet_cli.cli.application import app
from msrnet_cli.cli.options import only_given
from msrnet_cli.cli.options import work_size as read_work_size
from msrnet_cli.config import (
    LARGEST_WORK_SIZE,
    WORK_SIZE,
    Dtype,
    ModelConfig,
    WeightsCard,
)
from msrnet_cli.errors import UsageError, WeightsError

if TYPE_CHECKING:
    from collections.abc import Iterator

weights_app = typer.Typer(help="Look at weights, check them, convert them.")
app.add_typer(weights_app, name="weights", no_args_is_help=True)


@weights_app.command("list")
def list_weights(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """List the built-in weights."""
    from msrnet_cli import report
    from msrnet_cli.weights.card import read_card
    from msrnet_cli.weights.find import built_in

    entries = [(entry, read_card(entry.path)) for entry in built_in()]
    if as_json:
        records = [
            {
                "name": entry.name,
                "default": entry.default,
                "sha256": entry.sha256,
                "path": str(entry.path),
                **asdict(card),
            }
            for entry, card in entries
        ]
        report.json_document(records)
        return
    heads = ("name", "light", "network", "seen at", "sha256")
    rows = [
        (f"{e.name} (default)" if e.default else e.name, *_columns(card), e.sha256[:12])
        for e, card in entries
    ]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows) if rows else ():
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(report.harmless("  ".join(cells).rstrip()))
    if not entries:
        report.warn("this version comes without built-in weights")


def _columns(card: WeightsCard) -> tuple[str, str, str]:
    """Light, network and working size, for people."""
    from msrnet_cli.weights.card import change_of_light

    network = f"{card.model.arch}, {card.model.channels} channels"
    return change_of_light(card), network, f"{card.work_size or WORK_SIZE} px"


@weights_app.command("path")
def show_path(
    spec: Annotated[
        str | None, typer.Argument(help="Built-in name, file or hub address.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Never use the network.")
    ] = False,
) -> None:
    """Print where weights lie, fetching them if needed."""
    from msrnet_cli.weights.find import locate

    print(locate(spec, offline=offline))


@weights_app.command("verify")
def verify_weights(
    specs: Annotated[
        list[str] | None, typer.Argument(help="Default: all built-in weights.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Never use the network.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document: their cards.")
    ] = False,
) -> None:
    """Check weights: names, shapes, values, sha256 of built-in ones, a test picture."""
    from msrnet_cli import report
    from msrnet_cli.relight.relighter import Relighter
    from msrnet_cli.weights.find import built_in

    names = specs or [entry.name for entry in built_in()]
    if not names:
        report.warn("this version comes without built-in weights")
    cards = []
    for name in names:
        found = Relighter.load(
            name, device="cpu", dtype="fp32", engine="eager", offline=offline
        )
        record = {"weights": name, "sha256": found.digest, **asdict(found.card)}
        cards.append(record)
        if not as_json:
            columns = ", ".join(_columns(found.card))
            line = f"{name}: sound; {columns}; sha256 {found.digest}"
            print(report.harmless(line))
    if as_json:
        report.json_document(cards)


@weights_app.command("import")
def import_weights(
    source: Annotated[
        Path, typer.Argument(help="Folder of six .pkl files, one .pth, or safetensors.")
    ],
    target: Annotated[Path, typer.Argument(help="New .safetensors file.")],
    centred: Annotated[
        bool,
        typer.Option(
            help="The network sees values minus 0.5, as in the dehazing code."
        ),
    ] = False,
    from_light: Annotated[str, typer.Option(help="Such as 6500_N.")] = "",
    to_light: Annotated[str, typer.Option(help="Such as 4500_E.")] = "",
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "",
    training_data: Annotated[str, typer.Option(help="What they were trained on.")] = "",
) -> None:
    """Convert weights in the layout of DMSHN's authors, without running any pickle."""
    from msrnet_cli.weights.published import import_published, require_new_target

    require_new_target(target)
    if not source.exists():
        raise WeightsError(f"{source} does not exist", "check the path")
    card = WeightsCard(
        model=ModelConfig(value_range="centred" if centred else "zero_one"),
        from_light=from_light,
        to_light=to_light,
        licence=licence,
        training_data=training_data,
    )
    written = import_published(source, target, card)
    print(f"{target}: {written.model.arch}, {written.model.channels} channels")


@weights_app.command("export")
def export_weights(
    spec: Annotated[str, typer.Argument(help="Built-in name, file or hub address.")],
    target: Annotated[Path, typer.Argument(help="New .safetensors file.")],
    dtype: Annotated[
        Dtype,
        typer.Option(help="Number format; auto is fp16, half the size of fp32."),
    ] = "auto",
    work_size: Annotated[
        str | None,
        typer.Option(
            metavar="PX",
            help="Longer side at which the network should see a picture.",
            show_default="as it is",
        ),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(
            metavar="EVAL.json",
            help="Put in the means that `msrnet eval --json` found for these weights.",
        ),
    ] = None,
    training_data: Annotated[
        str | None, typer.Option(help="What they were trained on.")
    ] = None,
    licence: Annotated[str | None, typer.Option(help="Licence.")] = None,
    notes: Annotated[
        str | None, typer.Option(help="Anything else a user should know.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Never use the network.")
    ] = False,
) -> None:
    """Copy weights in another number format, with changes to their card."""
    from msrnet_cli import hardware
    from msrnet_cli.weights import file
    from msrnet_cli.weights.published import require_new_target

    require_new_target(target)
    found = file.load_weights(spec, offline=offline)
    size = read_work_size(work_size)
    if size == "full" or (size or 0) > LARGEST_WORK_SIZE:
        most = f"give pixels, at most {LARGEST_WORK_SIZE}, or leave it out"
        raise UsageError(f"--work-size {size}", most)
    changes = only_given(
        {
            "work_size": size,
            "scores": None if scores is None else _means(scores, spec, size),
            "training_data": training_data,
            "licence": licence,
            "notes": notes,
        }
    )
    kind = hardware.DTYPES["fp16" if dtype == "auto" else dtype]
    file.export_weights(found, target, replace(found.card, **changes), kind)
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")


def _scores(method: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Means of one method by name: of pairs, or of each kind of change of light."""
    if "rows" not in method:
        yield from ((score, found["mean"]) for score, found in method["means"].items())
    for row in method.get("rows", ()):
        kind = row["name"].replace(", ", "_")
        for score in ("psnr", "ssim", "detail"):
            if row[score] is not None:
                yield f"{kind}_{score}", row[score]["mean"]
        if row["over_copy"] is not None:
            yield f"{kind}_over_copy", row["over_copy"]["psnr"]["mean"]


def _means(path: Path, spec: str, size: int | None) -> dict[str, float]:
    """The means of one method in a document of `msrnet eval --json`.

    Raises:
        UsageError: The document is none, or scored other weights.
    """
    import json

    try:
        methods = json.loads(path.read_text("utf-8"))["methods"]
        means = {method["name"]: dict(_scores(method)) for method in methods}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{path} is no document of `msrnet eval --json` ({error})", "check the file"
        ) from error
    rows = [f"{spec}, work size {size}", spec] if size else [spec]
    named = next((name for name in rows if name in means), None)
    if named is None:
        names = ", ".join(means) or "nothing"
        raise UsageError(f"{path} scores {names}", f"score {rows[0]}")
    return {k: round(v, 4) for k, v in means[named].items() if k != "seconds"}
