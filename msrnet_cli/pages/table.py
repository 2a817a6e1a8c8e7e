"""The light table: a picture and its layers in one page, mixed under any light.

The page holds the picture at the page's size as JPEG, and what the network saw and
painted at its working size without loss. It then does what `Layers.mix` does: it mixes
the layers at the working size (`layers.mix`), and carries the change of light to the
page's size (`relight.carry`). So the page agrees with the tool by construction, up to
the JPEG; and nine small layers take less room than nine layers of the page's size.
"""

from __future__ import annotations

import base64
import os
import shlex
import subprocess
import zlib
from dataclasses import asdict
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from msrnet_cli.images.formats import format_of
from msrnet_cli.images.pixels import quantise, to_bytes, to_image
from msrnet_cli.lights import DIRECTIONS, UNSURE, asked, told
from msrnet_cli.lights.looks import BUILT_IN
from msrnet_cli.lights.wish import Wish
from msrnet_cli.pages.assemble import assemble
from msrnet_cli.pages.jpegs import embedded, jpeg
from msrnet_cli.pages.options import TABLE_QUALITY, TABLE_SIZE
from msrnet_cli.relight import scaling
from msrnet_cli.relight.options import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from msrnet_cli.layers.found import FoundLight
    from msrnet_cli.lights.looks import Look
    from msrnet_cli.relight.layers import Layers
    from msrnet_cli.relight.options import SessionOptions

_ESTIMATE = "Its own light, by estimate:"
_LARGEST = 192  # pixels of a layer's longer side in the page: more would be heavy
_SCRIPTS = ("mixing.js", "carrying.js", "painting.js", "asking.js", "compass.js")


def table(
    layers: Layers,
    name: str,
    *,
    size: int = TABLE_SIZE,
    quality: int = TABLE_QUALITY,
    looks: Iterable[Look] = BUILT_IN,
    weights: str = "",
    session: SessionOptions = DEFAULTS,
    alpha: Tensor | None = None,
) -> str:
    """The light table of a picture, as HTML.

    Args:
        layers: Of the picture, which may be larger than the page's.
        name: Of the picture's file, without folders: for title and command.
        size: Longer side of the picture in the page, in pixels; a smaller picture
            stays as it is.
        quality: Of its JPEG, 1 to 100.
        looks: Named lights, a button each.
        weights: What ``--weights`` of the command must name; "" where it may be left
            out.
        session: With which the layers were painted, for the same command.
        alpha: 1 H W, uint8, how opaque the picture is; None for wholly.
    """
    full = layers.full
    width, height = _within(full, size)
    picture = quantise(scaling.reduce(full, width, height), 8)
    clear = None if alpha is None else scaling.reduce(alpha, width, height)
    seen, painted = _small(layers.picture, layers.painted)
    found = layers.source()
    shown = _printable(name)
    data = {
        "layers": _coded(torch.cat((seen[None], painted))),
        "alpha": None if clear is None else _packed(quantise(clear, 8)),
        "width": seen.shape[2],
        "height": seen.shape[1],
        "found": _found(found),
        "looks": [_look(each) for each in looks],
        "stem": PurePath(shown).stem,
        "command": _command(shown, weights, session),
    }
    values = {
        "name": shown,
        "picture": embedded(jpeg(to_image(picture), quality, 0)),
        "width": width,
        "height": height,
        "light": _told(found),
        "looks": data["looks"],
    }
    return assemble("table", shown, values, data, scripts=_SCRIPTS)


def _within(picture: Tensor, size: int) -> tuple[int, int]:
    """Width and height of a picture, C H W, in the page."""
    height, width = picture.shape[1:]
    if max(width, height) <= size:
        return width, height
    return scaling.reduced_size(width, height, size)


def _small(seen: Tensor, painted: Tensor) -> tuple[Tensor, Tensor]:
    """3 h w and 9 3 h w, in main memory; reduced where they would be heavy."""
    seen, painted = seen.cpu(), painted.cpu()
    width, height = _within(seen, _LARGEST)
    if (height, width) == seen.shape[1:]:
        return seen, painted
    both = torch.cat((seen, painted.flatten(0, 1)))
    few = scaling.reduce(both, width, height)
    return few[:3], few[3:].unflatten(0, (-1, 3))


def _coded(pictures: Tensor) -> str:
    """Small pictures without loss, as text.

    Each is green less 128, red less green, and blue less green, as signed bytes. Of
    these stands what the neighbours to the left and above do not tell: the predictor of
    LOCO-I (Weinberger, Seroussi and Sapiro, 2000). This takes a sixth less than PNG,
    and no browser changes it, as some do to pictures that scripts read.

    Args:
        pictures: N 3 h w in [0, 1].
    """
    red, green, blue = quantise(pictures, 8).short().unbind(1)
    planes = torch.stack((green - 128, red - green, blue - green), 1)
    signed = planes.add(128).bitwise_and(255).sub(128)
    around = F.pad(signed, (1, 0, 1, 0))
    left, above = around[..., 1:, :-1], around[..., :-1, 1:]
    slope = left + above - around[..., :-1, :-1]
    told = slope.clamp(torch.minimum(left, above), torch.maximum(left, above))
    return _packed((signed - told).bitwise_and(255).to(torch.uint8))


def _packed(values: Tensor) -> str:
    """Bytes, compressed, as text."""
    return base64.b64encode(zlib.compress(to_bytes(values), 9)).decode()


def _found(found: FoundLight) -> dict[str, Any]:
    """The picture's own light, for the page."""
    return {
        "azimuth": found.azimuth,
        "isSure": found.sure >= UNSURE,
        "spread": found.spread,
        "kelvin": found.kelvin,
        "key": found.key,
        "ambient": found.ambient,
        "explained": found.explained,
        "weights": found.weights.tolist(),
        "means": found.means.tolist(),
        "casts": found.casts.tolist(),
    }


def _told(found: FoundLight) -> str:
    """The picture's own light in words."""
    if found.azimuth is None:
        return "No direction of light was found in the picture."
    kelvin = f"about {round(found.kelvin, -2):.0f} K"
    place = DIRECTIONS[round(found.azimuth / 45) % len(DIRECTIONS)]
    whence = f"from {told.WHENCE[place]} ({place})"
    if found.sure < UNSURE:
        return f"{_ESTIMATE} perhaps {whence}, not sure; {kelvin}."
    return f"{_ESTIMATE} roughly {whence}, {kelvin}."


def _look(look: Look) -> dict[str, Any]:
    """What a look sets, in numbers."""
    return {
        "name": look.name,
        "about": look.about,
        "wish": asdict(asked.wish(look.light) or Wish()),
        "amount": asked.amount(look.light),
        "keep": asked.keep(look.light),
    }


def _command(name: str, weights: str, session: SessionOptions) -> str:
    """The command that relights the picture, but for its light."""
    path = PurePath(name)
    suffix = path.suffix if format_of(path.suffix) else ".tif"
    relit = f"{path.stem}-relit{suffix}"
    more = ["--weights", weights] if weights else []
    more += ["--work-size", str(session.work_size)] if session.work_size else []
    more += [] if session.self_ensemble else ["--no-self-ensemble"]
    words = ["msrnet", "relight", *map(_apart, (name, relit)), *more]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def _apart(name: str) -> str:
    """A file name that no shell takes for an option."""
    return f"./{name}" if name.startswith("-") else name


def _printable(name: str) -> str:
    """A name without what is not text in UTF-8."""
    return name.encode("utf-8", "replace").decode()
