"""Weights files: found by name, path or hub address; checked; turned into a network.

One safetensors file carries its own card, so it rebuilds its own network. Nothing
that is malformed in any way is loaded, and no pickle ever.

Source of the format: https://github.com/huggingface/safetensors, "Format".
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from msrnet_cli import hub, networks, tensorfile
from msrnet_cli.config import (
    LARGEST_WORK_SIZE,
    SMALLEST_WORK_SIZE,
    ModelConfig,
    ValueRange,
    WeightsCard,
)
from msrnet_cli.errors import MSRNetError, UsageError, WeightsError
from msrnet_cli.networks import build

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from msrnet_cli.config import Arch

FORMAT_VERSION = 1
MAX_FILE_BYTES = 1 << 30
MAX_HEADER_BYTES = 10 << 20
_MAX_CHANNELS = 1024
_OF_A_RUN = ("best.safetensors", "last.safetensors")
_CARD_KEY = "msrnet"
_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
_IMPORT_HINT = "convert it first: msrnet weights import SRC DST"


@dataclass(frozen=True)
class BuiltIn:
    """A weights file that is part of the package."""

    name: str
    path: Path
    sha256: str
    default: bool


@dataclass(frozen=True)
class Weights:
    """A checked weights file.

    Attributes:
        path: The file.
        card: What it says about itself.
        sha256: Of the whole file; names it in journals.
        state: Parameters by name, float32 on the CPU.
    """

    path: Path
    card: WeightsCard
    sha256: str
    state: dict[str, Tensor]

    def network(self) -> nn.Module:
        """The network the file describes, float32, ready for inference."""
        with torch.device("meta"):
            network = build(self.card.model)
        network.load_state_dict(self.state, assign=True)
        return network.eval().requires_grad_(False)


def built_in() -> list[BuiltIn]:
    """The weights that came with the package, by name."""
    folder = _built_in_folder()
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    return [
        BuiltIn(name, folder / f"{name}.safetensors", sha, name == manifest["default"])
        for name, sha in sorted(manifest["files"].items())
    ]


def locate(spec: str | None = None, *, offline: bool = False) -> Path:
    """Find a weights file.

    Args:
        spec: A built-in name, a path, or ``hf://owner/repo[@revision][/file]``; None
            for the built-in default.
        offline: Never use the network.

    Raises:
        WeightsError: There is no such file.
        NetworkError: It could not be fetched.
    """
    known = built_in()
    if spec is None:
        default = next((entry for entry in known if entry.default), None)
        if default is None:
            raise WeightsError(
                "this version of msrnet comes without default weights",
                "name a file with --weights FILE or --weights hf://owner/repo",
            )
        return default.path
    if spec.startswith(hub.SCHEME):
        return hub.fetch(hub.parse_address(spec), offline=offline)
    for entry in known:
        if spec == entry.name:
            return entry.path
    path = Path(spec)
    try:
        path = path.expanduser()
        found = path.is_file()
    except (
        OSError,
        RuntimeError,
        ValueError,
    ) as error:  # no such user, a name too long
        raise WeightsError(f"weights {spec}: {error}", "check the path") from error
    if not found:
        names = ", ".join(entry.name for entry in known) or "none"
        remedy = (
            f"give a .safetensors file, hf://owner/repo, or a built-in name ({names})"
        )
        raise WeightsError(f"weights {spec}: {_kind(path)}", _in_folder(path) or remedy)
    return path


def _kind(path: Path) -> str:
    """Why a path is not a weights file, as far as that can be seen from outside."""
    if path.is_dir():
        return "is a folder"
    return "is not a regular file" if path.exists() else "does not exist"


def _in_folder(path: Path) -> str:
    """Which weights a training run left in its folder; "" where it left none."""
    for name in _OF_A_RUN:
        if (path / name).is_file():
            return f"name the weights in it: {path / name}"
    return ""


def load(spec: str | Path | None = None, *, offline: bool = False) -> Weights:
    """Find, check and read a weights file.

    Args:
        spec: As for `locate`.
        offline: Never use the network.

    Raises:
        WeightsError: It is missing, malformed, or not what it should be.
    """
    path = locate(None if spec is None else str(spec), offline=offline)
    try:
        return _read(path)
    except OSError as error:
        raise WeightsError(
            f"weights {path}: {error.strerror or error}", "check the file"
        ) from error


def read_card(path: Path) -> WeightsCard:
    """What a weights file says about itself, by its header alone.

    Raises:
        WeightsError: Its header is malformed.
        OSError: It cannot be read.
    """
    return _read_card(path, _read_header(path))


def change_of_light(card: WeightsCard) -> str:
    """Which light weights take and which they give, for people."""
    if card.from_light or card.to_light:
        return f"{card.from_light or 'unknown'} to {card.to_light or 'unknown'}"
    is_any = networks.architecture(card.model.arch).paints_layers
    return "any light" if is_any else "light unknown"


def load_network(spec: str | Path | None = None, *, offline: bool = False) -> nn.Module:
    """The network that a weights file describes, float32, in evaluation mode.

    Raises:
        WeightsError: As for `load`.
    """
    return load(spec, offline=offline).network()


def save(
    path: Path,
    state: Mapping[str, Tensor],
    card: WeightsCard,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write a weights file; the old one stays until the new one is complete.

    Args:
        path: Where to.
        state: Parameters by name.
        card: What the file says about itself.
        dtype: float32, float16 or bfloat16.

    Raises:
        WeightsError: The folder cannot be written.
    """
    tensors = {name: value.to(dtype) for name, value in state.items()}
    try:
        tensorfile.write(path, tensors, {_CARD_KEY: _card_json(card)})
    except OSError as error:
        raise WeightsError(
            f"cannot write {path}: {error.strerror}", "choose another place"
        ) from error


def export(found: Weights, target: Path, card: WeightsCard, dtype: torch.dtype) -> None:
    """Write weights again, with another card and in another number format.

    Args:
        found: What to write.
        target: Where to.
        card: What the new file says about itself.
        dtype: float32, float16 or bfloat16.

    Raises:
        WeightsError: A value leaves the range of the format, or the folder cannot be
            written.
    """
    if not all(value.to(dtype).isfinite().all() for value in found.state.values()):
        name = str(dtype).removeprefix("torch.")
        raise WeightsError(f"{found.path} leaves the range of {name}", "use bf16")
    save(target, found.state, card, dtype)


def import_published(source: Path, target: Path, card: WeightsCard) -> WeightsCard:
    """Convert weights in the layout of DMSHN's authors into our format.

    Args:
        source: A folder with their six files (``encoder_lv1.pkl`` to
            ``decoder_lv3.pkl``), one ``.pth``, or safetensors with their names.
        target: Where to write.
        card: What the new file says about itself; its architecture is replaced by
            the one found.

    Returns:
        The card as written.

    Raises:
        WeightsError: The source is not readable as such weights, or is unsafe.
    """
    theirs = _published_state(source)
    found, ours = _renamed(
        {name.replace("module.", ""): value for name, value in theirs.items()}, source
    )
    model = replace(found, value_range=card.model.value_range)
    card = replace(card, model=model)
    _check_shapes(source, {k: v.shape for k, v in ours.items()}, _expected(model))
    _check_tensors(source, ours)
    save(target, ours, card)
    return card


@cache
def _built_in_folder() -> Path:
    packaged = Path(__file__).parent / "_weights"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "weights"


def _read(path: Path) -> Weights:
    header = _read_header(path)
    card = _read_card(path, header)
    with ThreadPoolExecutor(1) as beside:
        hashing = beside.submit(_sha256, path)
        expected = _expected(card.model)  # takes about as long
        _check_shapes(path, _shapes(header), expected)
    digest = hashing.result()
    for entry in built_in():
        if entry.path == path and entry.sha256 != digest:
            raise WeightsError(
                f"built-in weights {entry.name} are damaged (sha256 {digest[:12]}...)",
                "install msrnet again",
            )
    try:
        state = load_file(path)
    except SafetensorError as error:
        raise _malformed(path, str(error)) from error
    _check_tensors(path, state)
    return Weights(path, card, digest, {k: v.float() for k, v in state.items()})


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_card(path: Path, header: Mapping[str, Any]) -> WeightsCard:
    text = header.get("__metadata__", {}).get(_CARD_KEY)
    if text is None:
        raise WeightsError(f"weights {path}: made by another program", _IMPORT_HINT)
    try:
        return _card_from_json(text)
    except (
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise _malformed(path, f"its card is not readable ({error})") from error


def _read_header(path: Path) -> dict[str, Any]:
    """The header, after checking all that it and the size of the file can tell.

    Whatever the file is, little of it is read.
    """
    if path.exists() and not path.is_file():
        raise _malformed(path, _kind(path))  # to open it might take for ever
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise WeightsError(
            f"weights {path}: {size / 1e9:.1f} GB is more than any MSR-Net needs",
            "check that it is the right file",
        )
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        # A length that is one cannot be mistaken for the first bytes of a pickle.
        if not 2 <= length <= MAX_HEADER_BYTES:
            if start.startswith((b"PK\x03\x04", b"\x80", b"(d")):
                raise WeightsError(
                    f"weights {path}: a pickle can run any program when it is opened",
                    _IMPORT_HINT,
                )
            raise _malformed(path, "it is not a safetensors file")
        if 8 + length > size:
            raise _malformed(path, f"it ends within its header of {length} bytes")
        head = file.read(length)
    try:
        header = json.loads(head, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise _malformed(path, f"its header is not readable ({error})") from error
    if not isinstance(header, dict):
        raise _malformed(path, "its header is no table")
    for name, entry in header.items():
        if not isinstance(entry, dict):
            raise _malformed(path, f"its entry {name} is no table")
        if name != "__metadata__" and str(entry.get("dtype")) not in _DTYPES:
            raise _malformed(path, f"{name} is {entry.get('dtype')}, no float type")
    try:
        told = 8 + length + _body_bytes(header)
    except (LookupError, TypeError, ValueError) as error:
        raise _malformed(path, f"its header is not readable ({error})") from error
    if told != size:
        raise _malformed(path, f"it has {size} bytes, {told} by its header")
    return header


def _body_bytes(header: Mapping[str, Any]) -> int:
    """How many bytes the tensors take that a header describes.

    Raises:
        LookupError: Something is missing.
        TypeError: Something is of another type.
        ValueError: The tensors do not lie one after the other, or one has no room.
    """
    places = []
    for name, shape in _shapes(header).items():
        begin, end = header[name]["data_offsets"]
        wanted = math.prod(shape) * _DTYPES[header[name]["dtype"]].itemsize
        if end - begin != wanted:
            raise ValueError(f"{name} has {end - begin} bytes, not {wanted}")
        places.append((begin, end))
    position = 0
    for begin, end in sorted(places):
        if begin != position:
            raise ValueError(f"nothing is said of byte {min(begin, position)}")
        position = end
    return position


def _shapes(header: Mapping[str, Any]) -> dict[str, torch.Size]:
    """The shapes of the tensors that a header describes."""
    found = {k: v["shape"] for k, v in header.items() if k != "__metadata__"}
    for name, shape in found.items():
        if any(type(side) is not int or side < 0 for side in shape):
            raise ValueError(f"{name} has the shape {shape}")
    return {name: torch.Size(shape) for name, shape in found.items()}


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name occurs twice")
    return table


def _malformed(path: Path, why: str) -> WeightsError:
    return WeightsError(f"weights {path}: {why}", "fetch or export the file again")


def _expected(model: ModelConfig) -> dict[str, torch.Size]:
    with torch.device("meta"):
        return {name: v.shape for name, v in build(model).state_dict().items()}


def _check_shapes(
    path: Path, found: Mapping[str, torch.Size], expected: Mapping[str, torch.Size]
) -> None:
    """Exactly the expected names and shapes, or a WeightsError."""
    missing, extra = expected.keys() - found.keys(), found.keys() - expected.keys()
    if missing or extra:
        some = min(missing or extra)
        kind = f"lacks {len(missing)}" if missing else f"has {len(extra)} unknown"
        raise _malformed(path, f"it {kind} tensors, such as {some}")
    for name, shape in found.items():
        if shape != expected[name]:
            wanted = list(expected[name])
            raise _malformed(path, f"{name} has shape {list(shape)}, not {wanted}")


def _check_tensors(path: Path, state: Mapping[str, Tensor]) -> None:
    """Finite values, or a WeightsError."""
    for name, value in state.items():
        # Both are nan where any value is; a quarter of the time of asking each value.
        if not all(end.isfinite() for end in value.aminmax()):
            raise _malformed(path, f"{name} holds values that are not finite")


def _card_json(card: WeightsCard) -> str:
    return json.dumps({"format_version": FORMAT_VERSION, **asdict(card)})


def _card_from_json(text: str) -> WeightsCard:
    fields = json.loads(text)
    version = fields.pop("format_version")
    if version != FORMAT_VERSION:
        raise ValueError(f"format version {version}; this program reads 1")
    model = ModelConfig(**fields.pop("model"))
    known = model.arch in networks.NAMES
    if not known or model.value_range not in get_args(ValueRange):
        raise ValueError(f"unknown architecture {model}")
    if type(model.channels) is not int or not 1 <= model.channels <= _MAX_CHANNELS:
        raise ValueError(f"{model.channels} channels")
    card = WeightsCard(model=model, **fields)
    size = card.work_size
    if type(size) is not int or not (
        size == 0 or SMALLEST_WORK_SIZE <= size <= LARGEST_WORK_SIZE
    ):
        raise ValueError(f"working size {size}")
    texts = (
        card.from_light,
        card.to_light,
        card.training_data,
        card.licence,
        card.notes,
    )
    if not all(map(_is_text, (*texts, *card.scores))):
        raise ValueError("a text is none")
    if not all(map(_is_finite, card.scores.values())):
        raise ValueError("a score is not a finite number")
    return card


def _is_text(value: object) -> bool:
    """Whether this is a string of whole characters, which any stream can encode."""
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)


def _is_finite(value: object) -> bool:
    """Whether this is a number that a float can hold."""
    if type(value) not in (int, float):
        return False
    try:
        return math.isfinite(cast("float", value))
    except OverflowError:
        return False


def _renamed(
    theirs: Mapping[str, Tensor], source: Path
) -> tuple[ModelConfig, dict[str, Tensor]]:
    """The network that has parameters of these names, and these under our names."""
    strange: list[list[str]] = []
    for arch in networks.NAMES:
        published = networks.architecture(arch).published
        if published is None:
            continue
        names = {name: published.our_name(name) for name in theirs}
        unknown = [name for name, ours in names.items() if ours is None]
        if unknown:
            strange.append(unknown)
            continue
        ours = {names[name] or "": value.float() for name, value in theirs.items()}
        width = ours.get(published.width)
        if width is None or width.ndim != 1:
            raise WeightsError(f"{source} holds no DMSHN weights", "check the file")
        return ModelConfig(cast("Arch", arch), len(width)), ours
    first = min(strange, key=len)[0]  # of the network that these come closest to
    raise WeightsError(f"{first} is not a layer of a published DMSHN", "check the file")


def _published_state(source: Path) -> dict[str, Tensor]:
    if source.is_dir():
        state: dict[str, Tensor] = {}
        for half in ("encoder", "decoder"):
            for level in (1, 2, 3):
                part = _load_unsafe_kind(source / f"{half}_lv{level}.pkl")
                state |= {f"{half}_lv{level}.{k}": v for k, v in part.items()}
        return state
    if source.suffix == ".safetensors":
        try:
            _read_header(source)
            return load_file(source)
        except (SafetensorError, OSError) as error:
            raise _malformed(source, str(error)) from error
    return _load_unsafe_kind(source)


def _load_unsafe_kind(path: Path) -> dict[str, Tensor]:
    """A pickled state dict, opened without running anything in it."""
    try:
        if path.exists() and not path.is_file():
            raise _malformed(path, _kind(path))
        if path.stat().st_size > MAX_FILE_BYTES:
            raise _malformed(path, "it is larger than any DMSHN")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise WeightsError(f"{path} does not exist", "check the path") from error
    except MSRNetError:
        raise
    except Exception as error:  # unpickling damaged bytes throws anything
        # torch's own text would advise to run whatever the file holds.
        raise WeightsError(
            f"{path} cannot be opened safely: it is damaged, no weights file, or holds"
            " more than tensors",
            "ask for a plain state dict",
        ) from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor)
        for name, value in state.items()
    ):
        raise WeightsError(f"{path} is no state dict", "ask for a plain state dict")
    return {name.removeprefix("module."): value for name, value in state.items()}


def check_import_target(target: Path) -> None:
    """Refuse a target that is no safetensors name or exists.

    Raises:
        UsageError: With what to do instead.
    """
    if target.suffix != ".safetensors":
        raise UsageError(f"{target} must end in .safetensors", "rename the target")
    if target.exists():
        raise UsageError(f"{target} exists", "remove it or choose another name")
