"""msrnet eval."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from msrnet_cli.cli import options as shared
from msrnet_cli.cli.application import app
from msrnet_cli.cli.options import FromLight, ToLight, only_given
from msrnet_cli.cli.options import work_size as read_work_size
from msrnet_cli.config import Dtype, Engine
from msrnet_cli.errors import UsageError
from msrnet_cli.evaluate.options import EvalOptions

_eval_defaults = EvalOptions()


@app.command("eval")
def evaluate(
    folders: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[OUTPUTS TARGETS]", help="Two folders of pictures to compare."
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="DIR|ZIP", help="Pairs to relight and to score on."),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="Scenes, each light on its own: score every light."
        ),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            help="Built-in name, file or hub address; may be given several times.",
            show_default="the built-in default",
        ),
    ] = None,
    fit_data: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|ZIP",
            help="Training pairs: also score the affine colour map that fits them.",
        ),
    ] = None,
    fit: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Training scenes: also score the affine colour maps that fit them.",
        ),
    ] = None,
    from_light: FromLight = None,
    to_light: ToLight = None,
    limit: Annotated[
        int, typer.Option(min=0, help="At most this many pairs or scenes; 0 for all.")
    ] = _eval_defaults.limit,
    each: Annotated[bool, typer.Option("--each", help="Show every picture.")] = False,
    alexnet: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="AlexNet's weights for LPIPS.",
            show_default="torch's cache",
        ),
    ] = _eval_defaults.alexnet,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")
    ] = _eval_defaults.device,
    dtype: Annotated[Dtype, typer.Option(help="Number format.")] = _eval_defaults.dtype,
    engine: Annotated[
        Engine, typer.Option(help="How the network runs.")
    ] = _eval_defaults.engine,
    work_size: Annotated[
        str | None,
        typer.Option(
            metavar="PX|full,...",
            help="Score the weights at each of these working sizes.",
            show_default="what the weights ask for, else 1024",
        ),
    ] = None,
    enlarged: Annotated[
        bool,
        typer.Option(
            "--enlarged",
            help="Also score the network's own pixels at the working size, enlarged.",
        ),
    ] = _eval_defaults.enlarged,
    offline: Annotated[
        bool, typer.Option("--offline", help="Never use the network.")
    ] = False,
    as_csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Also every picture as CSV."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Score weights on pairs or scenes, or pictures against targets."""
    if (data is not None) + (layers is not None) + bool(folders) != 1 or (
        folders and len(folders) != 2
    ):
        raise UsageError(
            "nothing to score, or too much",
            "give one of --data DIR, --layers DIR, or OUTPUTS TARGETS",
        )
    for_weights: dict[str, object] = {
        "--weights": weights,
        "--limit": limit,
        "--work-size": work_size,
    }
    for_pairs: dict[str, object] = {"--fit-data": fit_data, "--enlarged": enlarged}
    for_pictures: dict[str, object] = {
        "--from": from_light,
        "--to": to_light,
        "--each": each,
        "--alexnet": alexnet,
        "--csv": as_csv,
    }
    if folders:
        unwanted = {"--fit": fit, "--from": from_light}
        _refuse(for_weights | for_pairs | unwanted, "OUTPUTS TARGETS")
    elif layers is not None:
        _refuse(for_pairs | for_pictures, "--layers")
    else:
        _refuse({"--fit": fit}, "--data")
    if as_csv is not None and not as_csv.parent.is_dir():
        raise UsageError(f"--csv {as_csv}: no such folder", "make it first")
    sizes = [] if work_size is None else map(read_work_size, work_size.split(","))
    lights = only_given({"from_light": from_light, "to_light": to_light})
    options = EvalOptions(
        data=data or "",
        layers=layers or "",
        weights=tuple(weights or ()),
        fit_data=fit_data or "",
        fit=fit or "",
        limit=limit,
        alexnet=alexnet,
        device=device,
        dtype=dtype,
        engine=engine,
        work_sizes=tuple(filter(None, sizes)),
        enlarged=enlarged,
        offline=offline,
        **lights,
    )
    from msrnet_cli import hardware, report
    from msrnet_cli.evaluate import layers as scenes
    from msrnet_cli.evaluate import pairs

    hardware.keep_freed_memory()
    shared.say_what_is_waited_for(engine)

    if options.layers:
        with report.progress() as notify:
            scored = scenes.evaluate(options, notify)
        if as_json:
            report.json_document(asdict(scored))
        else:
            report.stage_table(scored)
        return
    with report.progress() as notify:
        if folders:
            found = pairs.compare(
                folders[0], folders[1], options, to_light or "", notify
            )
        else:
            found = pairs.evaluate(options, notify)
    if as_json:
        report.json_document(asdict(found))
    else:
        report.eval_table(found, each=each)
    if as_csv is not None:
        try:
            report.eval_csv(found, as_csv)
        except OSError as error:
            raise UsageError(
                f"--csv {as_csv}: {error.strerror}", "choose another place"
            ) from error


def _refuse(options: dict[str, object], chosen: str) -> None:
    """Refuse options that mean nothing for what is scored."""
    given = [name for name, value in options.items() if value]
    if given:
        raise UsageError(
            f"{chosen} does not go with {', '.join(given)}", "leave one of them out"
        )
