"""Fetch thirty photographs, relight and judge them, or put them on sheets.

python -m benchmarks.photographs fetch FOLDER
python -m benchmarks.photographs judge FOLDER [--weights W] [--work-size N] [--json]
python -m benchmarks.photographs sheets FOLDER OUT [NAME ...]
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from benchmarks.photographs.collect import (
    SIDE,
    CollectError,
    Photograph,
    fetch,
    listed,
)
from benchmarks.photographs.measures import (
    Measured,
    document,
    measured,
    verdicts,
)
from benchmarks.photographs.sheets import sheet
from msrnet_cli.errors import MSRNetError
from msrnet_cli.lights.options import LightOptions
from msrnet_cli.relight.relighter import Relighter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

_LAYERS = "lightstage"
_SHOWN = {
    "from the left: --to W": LightOptions(to="W"),
    "from the right: --to E": LightOptions(to="E"),
    "--even": LightOptions(even=True),
    "--look golden-hour": LightOptions(look="golden-hour"),
}
_QUALITY = 85  # of JPEG


def main() -> int:
    """Run the command that is asked for; gives its exit code."""
    asked = _parser().parse_args()
    try:
        if asked.command == "fetch":
            for package in fetch(asked.folder):
                print(package)
        elif asked.command == "judge":
            _judge(asked)
        else:
            _sheets(asked)
    except (CollectError, MSRNetError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _judge(asked: argparse.Namespace) -> None:
    figures = []
    if not asked.json:
        print(f"Pictures are reduced to {SIDE} pixels. Columns:")
        print(", ".join(each.name for each in fields(Measured)))
    for each in _judged(asked):
        figures.append(each)
        if not asked.json:
            print(_row(each), flush=True)
    if asked.json:
        print(json.dumps(document(figures), indent=1))
        return
    print(f"as asked on both sides of the input: {sum(each.asked for each in figures)}")
    for bar in verdicts(figures):
        mark = "met   " if bar.met >= bar.want else "missed"
        print(f"{mark} {bar.met:2} of {len(figures)}, {bar.want} wanted: {bar.text}")


def _judged(asked: argparse.Namespace) -> Iterator[Measured]:
    pictures = {each.name: each.load(asked.folder) for each in listed()}
    relighter = _relighter(asked.weights, asked.work_size)
    plain = _relighter(None, 0)
    for name, before in pictures.items():
        layers = relighter.layers(before)
        made = (layers.mix("W"), layers.mix("E"), plain.relight(before))
        west, east, own = map(_unit, made)
        yield measured(name, _unit(before), west, east, own)


def _sheets(asked: argparse.Namespace) -> None:
    relighter = _relighter(asked.weights, asked.work_size)
    asked.out.mkdir(parents=True, exist_ok=True)
    wanted = [each for each in listed() if not asked.names or each.name in asked.names]
    for photograph in wanted:
        if not photograph.may_be_shown:
            print(f"{photograph.name}: not shown, its package names no licence for it")
            continue
        image = _image(photograph.load(asked.folder))
        pictures = {"input": image}
        for label, light in _SHOWN.items():
            pictures[label] = relighter.with_light(light).relight(image)
        page = sheet(pictures, _credit(photograph), asked.side)
        page.save(asked.out / f"{photograph.name}.jpg", quality=_QUALITY)
        print(photograph.name, flush=True)


def _relighter(weights: str | None, work_size: int) -> Relighter:
    if work_size:
        return Relighter.load(weights, work_size=work_size)
    return Relighter.load(weights)


def _credit(photograph: Photograph) -> str:
    name = Path(photograph.path).name
    return f"{name}: {photograph.author}, {photograph.licence}; relit"


def _image(picture: Tensor) -> Image.Image:
    size = (picture.shape[2], picture.shape[1])
    return Image.frombytes("RGB", size, bytes(picture.permute(1, 2, 0).flatten()))


def _unit(picture: Tensor) -> Tensor:
    return picture / 255


def _row(one: Measured) -> str:
    asked = "yes" if one.asked else "no"
    return (
        f"{one.name:12} {one.moved:5.1f} {one.shift:+.3f} {asked:3}"
        f" {one.contrast:5.2f} {one.lift:+6.1f} {one.tint:+.3f}"
        f" {one.plain_contrast:5.2f} {one.plain_lift:+6.1f} {one.plain_tint:+.3f}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.photographs", description=__doc__.splitlines()[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    folder = argparse.ArgumentParser(add_help=False)
    folder.add_argument("folder", type=Path, help="of the fetched photographs")
    weights = argparse.ArgumentParser(add_help=False)
    weights.add_argument("--weights", default=_LAYERS, help="that paint layers")
    weights.add_argument("--work-size", type=int, default=0, help="of the network")
    commands.add_parser("fetch", parents=[folder], help="download the packages")
    judge = commands.add_parser(
        "judge", parents=[folder, weights], help="relight, measure and count"
    )
    judge.add_argument("--json", action="store_true", help="figures as JSON")
    sheets = commands.add_parser(
        "sheets", parents=[folder, weights], help="input and lights side by side"
    )
    sheets.add_argument("out", type=Path, help="folder of the sheets")
    sheets.add_argument("names", nargs="*", help="of photographs; without: all")
    sheets.add_argument("--side", type=int, default=480, help="of each picture")
    return parser


if __name__ == "__main__":
    sys.exit(main())
