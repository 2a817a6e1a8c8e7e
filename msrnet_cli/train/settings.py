"""The settings of a run as a document: run.json, and the header of a checkpoint.

Whoever reads one may find anything in it: people edit such files.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from msrnet_cli import __version__
from msrnet_cli.documents import parsed, rebuilt, to_document
from msrnet_cli.errors import UsageError
from msrnet_cli.files import read_regular
from msrnet_cli.train import first_format
from msrnet_cli.train.options import TrainOptions

VERSION = 2
"""Of run.json, data.json and checkpoints. In 1, settings were one flat record."""

_STAMP = ("version", "msrnet")
_ALWAYS = ("data", "network", "schedule")


class NewerError(Exception):
    """A newer version of this program has written the document."""


def to_json(options: TrainOptions) -> str:
    """Settings as a document, with paths that hold in any working directory."""
    return json.dumps({**stamp(), **document_of(options)}, indent=2)


def document_of(options: TrainOptions) -> dict[str, Any]:
    """What JSON can hold of settings, with paths that hold anywhere."""
    return to_document(with_absolute_paths(options))


def from_json(text: str, *, strict: bool = False) -> TrainOptions:
    """Settings out of a document.

    Args:
        text: JSON.
        strict: Refuse fields that no settings have, instead of leaving them.

    Raises:
        NewerError: A newer version wrote it.
        ValueError: It holds something else.
    """
    document = parsed(text)
    version = known_version(document)
    if isinstance(document, dict):
        document = {k: v for k, v in document.items() if k not in _STAMP}
    return from_document(document, version, strict=strict)


def from_document(
    document: Any,  # noqa: ANN401 whatever JSON can hold
    version: int = VERSION,
    *,
    strict: bool = False,
) -> TrainOptions:
    """Settings out of what JSON made of them.

    Args:
        document: Without the stamp of its writer.
        version: Of its format.
        strict: Refuse fields that no settings have, instead of leaving them.

    Raises:
        ValueError: They are something else.
    """
    if isinstance(document, dict) and version == 1:
        document = first_format.nested(document)
    if not strict and not all(key in (document or {}) for key in _ALWAYS):
        raise ValueError("it does not hold the settings of a run")
    found: TrainOptions = rebuilt(TrainOptions, document, strict=strict)
    return found


def for_a_new_run(path: Path) -> TrainOptions:
    """The settings in a document, such as the run.json of another run.

    Where that run and its page were written is left out. Paths in the document that
    are relative are understood from the working directory.

    Raises:
        UsageError: The document cannot be read, or does not hold settings.
    """
    try:
        found = from_json(read_text(path), strict=True)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror or error}",
            "name the run.json of a run",
        ) from error
    except NewerError as error:
        raise UsageError(
            f"{path} cannot be read: {error}", "use the version that wrote it"
        ) from error
    except ValueError as error:
        raise UsageError(
            f"{path} does not hold settings: {error}", "mend it, or name a run.json"
        ) from error
    return replace(found, run=replace(found.run, out="", report=""))


def read_text(path: Path) -> str:
    """The text of a document, where it is a file or a link to one.

    Raises:
        OSError: It cannot be read, or is not a file.
        ValueError: It is not UTF-8.
    """
    return read_regular(Path(os.path.realpath(path))).decode("utf-8")


def stamp() -> dict[str, object]:
    """What each document says about its writer."""
    return {"version": VERSION, "msrnet": __version__}


def known_version(document: Any) -> int:  # noqa: ANN401 whatever JSON can hold
    """The format of a document; the very first ones have no number.

    Raises:
        NewerError: This program does not know the format.
    """
    version = VERSION
    if isinstance(document, dict):
        is_flat = not isinstance(document.get("data"), dict)
        version = document.get("version", 1 if is_flat else VERSION)
    if version not in (1, VERSION) or isinstance(version, bool):
        writer = document.get("msrnet", "another version of msrnet")
        raise NewerError(
            f"it was written by {writer}, in format {version}; this program, msrnet"
            f" {__version__}, reads up to {VERSION}"
        )
    return int(version)


def with_absolute_paths(options: TrainOptions) -> TrainOptions:
    """The same settings, to be understood in any working directory."""
    data, network, loss, run = options.data, options.network, options.loss, options.run
    # Else a name: of a start, of built-in weights, of a file on the hub.
    is_file = Path(network.init).is_file()
    init = _absolute(network.init) if is_file else network.init
    return replace(
        options,
        data=replace(data, data=_absolute(data.data), val=_absolute(data.val)),
        network=replace(network, init=init),
        loss=replace(loss, vgg=_absolute(loss.vgg)),
        run=replace(run, out=_absolute(run.out), report=_absolute(run.report)),
    )


def _absolute(path: str) -> str:
    # Not Path.resolve: a link may be pointed elsewhere.
    return os.path.abspath(path) if path else ""  # noqa: PTH100
