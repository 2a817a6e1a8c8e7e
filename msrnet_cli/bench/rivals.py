"""Other programs that can run the network, if they are installed.

They are measured on the CPU only. Each gets as many threads as torch has, and the
network as an ONNX file of a fixed shape.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import sys
import warnings
from typing import TYPE_CHECKING, Any

import torch

from msrnet_cli import hardware
from msrnet_cli.bench.ways import Runner, Way

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from torch import Tensor

    from msrnet_cli.bench.subject import Subject
    from msrnet_cli.config import Dtype

_INPUTS = ("image", "guide")
_EXPORT = ("onnx", "onnxscript")  # what torch needs to write ONNX
_NAMES = {
    "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO",
}
_OPENVINO_HINTS: dict[Dtype, str] = {"fp32": "f32", "bf16": "bf16"}


def ways(subject: Subject, device: torch.device) -> tuple[list[Way], tuple[str, ...]]:
    """A way for each rival that is installed, and a note for each other one."""
    if device.type != "cpu":
        return [], ("rivals are measured on the CPU only: see --device cpu",)
    found: list[Way] = []
    notes = []
    for module, name in _NAMES.items():
        missing = [m for m in (module, *_EXPORT) if not _is_installed(m)]
        if missing:
            notes.append(f"{name}: not installed (pip install {' '.join(missing)})")
        elif module == "onnxruntime":
            found.append(Way(module, "fp32", "fp32", _onnxruntime(subject), "rival"))
        else:
            for dtype in _openvino_dtypes(device):
                found.append(
                    Way(module, dtype, dtype, _openvino(subject, dtype), "rival")
                )
    return found, tuple(notes)


def to_onnx(subject: Subject, images: Tensor) -> bytes:
    """The network for pictures of this shape, as an ONNX file."""
    tensors = subject.inputs(images).tensors
    with _quiet():
        program = torch.onnx.export(
            subject.network,
            tensors,
            input_names=list(_INPUTS[: len(tensors)]),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    return program.model_proto.SerializeToString()


def _onnxruntime(subject: Subject) -> Callable[[Tensor], Runner]:
    def prepare(images: Tensor) -> Runner:
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(
            to_onnx(subject, images), settings, providers=["CPUExecutionProvider"]
        )
        feed = dict(zip(_INPUTS, _arrays(subject, images), strict=False))
        return Runner(
            run=lambda: session.run(None, feed)[0],
            fetch=torch.from_numpy,
            on_stream=False,
        )

    return prepare


def _openvino(subject: Subject, dtype: Dtype) -> Callable[[Tensor], Runner]:
    def prepare(images: Tensor) -> Runner:
        core = _import_openvino().Core()
        # convert_model would report to OpenVINO's makers what it converts.
        model = core.read_model(to_onnx(subject, images))
        settings = {
            "INFERENCE_PRECISION_HINT": _OPENVINO_HINTS[dtype],
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        request = core.compile_model(model, "CPU", settings).create_infer_request()
        feed = dict(enumerate(_arrays(subject, images)))
        return Runner(
            run=lambda: request.infer(feed),
            fetch=lambda _: torch.from_numpy(request.get_output_tensor(0).data).clone(),
            on_stream=False,
        )

    return prepare


def _arrays(subject: Subject, images: Tensor) -> list[Any]:
    """The network's inputs as NumPy arrays."""
    return [given.numpy() for given in subject.inputs(images).tensors]


def _openvino_dtypes(device: torch.device) -> list[Dtype]:
    fast = hardware.preferred_dtype(device) == torch.bfloat16
    return ["fp32", "bf16"] if fast else ["fp32"]


def _import_openvino() -> Any:  # noqa: ANN401 a module that may not be there
    """OpenVINO without its telemetry, which would report that it was imported.

    msrnet sends nothing anywhere. OpenVINO runs without that module if it is missing.
    """
    loaded: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    loaded.setdefault("openvino_telemetry", None)  # None hides a module
    import openvino

    return openvino


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress warnings and messages of torch's exporter."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
