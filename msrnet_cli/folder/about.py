"""What people want to know of a result, as lines of a journal. It decides nothing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

ABOUT_START = b'{"v": 1, "about": '
"""Begins each line that tells people of a result."""

_VERSION = 1
_ABOUT = "about"
_TEXTS = ("input", "light", "weights", "weights_sha256")


@dataclass(frozen=True)
class About:
    """What people want to know of a result.

    Attributes:
        input: Path of the input from the output folder on, with forward slashes;
            absolute where no path leads there. "" if unknown.
        light: The light that was asked for, in words.
        weights: Name of the weights.
        weights_sha256: Of their file, in hex.
        seconds: Time of decoding, network and encoding; None if unknown.
        notes: What the user had to know about the result.
    """

    input: str = ""
    light: str = ""
    weights: str = ""
    weights_sha256: str = ""
    seconds: float | None = None
    notes: tuple[str, ...] = ()


def about_line(output: str, output_sha256: str, about: About) -> bytes:
    """A line without the names of an entry's digests: to older versions, none.

    Args:
        output: The result's path below the output folder.
        output_sha256: Of its bytes, in hex.
        about: What is told of it.
    """
    named = {_ABOUT: output_sha256, "output": output}
    fields = {name: value for name, value in asdict(about).items() if value}
    return json.dumps({"v": _VERSION, **named, **fields}).encode() + b"\n"


def about_of(line: bytes) -> tuple[tuple[str, str], About] | None:
    """What a line tells people; None where it tells nothing, or is torn.

    Returns:
        Output and digest of the result, as its entry has them; what is told of it.
    """
    try:
        fields = json.loads(line)
        key = fields["output"], fields[_ABOUT]
        if fields["v"] != _VERSION or not all(isinstance(each, str) for each in key):
            return None
    except (ValueError, TypeError, KeyError):
        return None
    texts = {name: fields.get(name) for name in _TEXTS}
    seconds, notes = fields.get("seconds"), fields.get("notes")
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    about = About(
        **{name: text for name, text in texts.items() if isinstance(text, str)},
        seconds=float(seconds) if is_number else None,
        notes=tuple(map(str, notes)) if isinstance(notes, list) else (),
    )
    return key, about
