"""What all tests share: real networks with known behaviour, pictures, the program."""

from __future__ import annotations

import gc
import io
import json
import os
import re
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="Failed to initialize NumPy")
    import torch

from PIL import Image

import browsers
from msrnet_cli import cli
from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.relight.relighter import Relighter
from msrnet_cli.weights.file import save_weights
from networks import tinted_identity

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ENDED_BY_AN_ERROR = (2, 5, 6, 7)
SHARED = Path(__file__).parents[2] / "shared"

# Started by nohup, or in the background by a shell, this process has signals ignored,
# and so would those that it starts.
for _stop in STOPPING:
    signal.signal(
        _stop, signal.default_int_handler if _stop == signal.SIGINT else signal.SIG_DFL
    )


# Else each process that a test starts would compile the whole package anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_finish():
    """What is imported stays: each further search for garbage would go through it."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """What `pytest -n auto` means; on a GPU one at a time, for tests measure it."""
    return 0 if torch.cuda.is_available() else min(4, os.cpu_count() or 1)


def pytest_runtest_setup(item):
    """Where the library of a format is not installed, its cases are skipped."""
    case = getattr(item, "callspec", None)
    if case and "heic" in map(str, case.params.values()):
        pytest.importorskip("pillow_heif", reason="no msrnet[heic]")


@pytest.fixture(autouse=True)
def _fixed_seed():
    if torch.cuda.is_available():
        torch.manual_seed(0)
    else:  # that notes where it was called from, for devices: a tenth of a short test
        torch.default_generator.manual_seed(0)


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)  # the networks here are small: threads only wait


@pytest.fixture(scope="session")
def shared():
    """Material that lies beside some checkouts: the paper's weights, VIDIT pictures."""
    if not SHARED.is_dir():
        pytest.skip("no reference material beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium, as Playwright drives it."""
    if browsers.CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt install chromium")
    pytest.importorskip("playwright", reason="no playwright")
    with browsers.chromium() as found:
        yield found


@pytest.fixture(scope="session")
def _tabs(browser):
    context = browser.new_context()
    yield browsers.Tabs(context)
    context.close()


@pytest.fixture
def watched(_tabs):
    """A page that tells what it asks for and complains of; as new, but soon there."""
    found = browsers.Watched(_tabs.page())
    yield found
    found.let_go()
    _tabs.clean()


@pytest.fixture
def watched_alone(browser):
    """As `watched`, for a test that changes more than `browsers.Tabs` undoes."""
    context = browser.new_context()
    yield browsers.Watched(context.new_page())
    context.close()


@pytest.fixture(scope="session")
def test_pictures():
    """A folder with public test sets, named by MSRNET_TEST_PICTURES.

    It holds, unpacked, Pillow's source distribution and Debian's libjxl-testdata.
    """
    folder = os.environ.get("MSRNET_TEST_PICTURES")
    if not folder:
        pytest.skip("MSRNET_TEST_PICTURES names no folder with public test pictures")
    return Path(folder)


def _found(folder, pattern):
    match = next(folder.glob(pattern), None)
    if match is None:
        pytest.skip(f"no {pattern} in {folder}")
    return match


@pytest.fixture(scope="session")
def real_deep_photos(test_pictures):
    return _found(test_pictures, "**/external/wesaturate/64px")


@pytest.fixture(scope="session")
def wide_gamut_charts(test_pictures):
    return _found(test_pictures, "**/external/wide-gamut-tests")


@pytest.fixture(scope="session")
def pillow_pictures(test_pictures):
    return _found(test_pictures, "**/pillow-*/Tests/images")


def _saved(network, path, **model):
    card = WeightsCard(
        model=ModelConfig(**model), from_light="6500_N", to_light="4500_E"
    )
    save_weights(path, network.state_dict(), card)
    return path


@pytest.fixture(scope="session")
def identity_file(tmp_path_factory):
    """Weights of a network that changes nothing, exactly, in fp32."""
    path = tmp_path_factory.mktemp("weights") / "identity.safetensors"
    return _saved(tinted_identity((1, 1, 1)), path, arch="dmshn", channels=12)


@pytest.fixture(scope="session")
def warm_file(tmp_path_factory):
    """Weights of a network that multiplies red, green and blue by 1, 0.8 and 0.5."""
    path = tmp_path_factory.mktemp("weights") / "warm.safetensors"
    return _saved(tinted_identity((1, 0.8, 0.5)), path, arch="dmshn", channels=12)


@pytest.fixture(scope="session")
def identity(identity_file):
    return Relighter.load(identity_file, device="cpu", dtype="fp32")


@pytest.fixture(scope="session")
def warm(warm_file):
    return Relighter.load(warm_file, device="cpu", dtype="fp32")


@pytest.fixture
def small_bench(monkeypatch):
    """A bench that is soon done on a CPU: its parts are real, and small."""
    from msrnet_cli.bench import carrying, ceilings, clock, pipeline

    monkeypatch.setitem(ceilings._PRODUCT_SIDE, "cpu", 256)
    monkeypatch.setitem(ceilings._COPY_BYTES, "cpu", 1 << 20)
    monkeypatch.setattr(ceilings, "_SECONDS", 0.0)
    monkeypatch.setattr(clock, "_WARM_UP_SECONDS", 0.0)
    monkeypatch.setitem(pipeline._MADE_SIDE, "cpu", 32)
    monkeypatch.setitem(carrying._SIDES, "cpu", (1500, 100))


def encoded(image, format="png", **settings):
    """An image as a file, in memory."""
    out = io.BytesIO()
    if format == "heic":
        heif = pytest.importorskip("pillow_heif", reason="no msrnet[heic]")
        heif.from_pillow(image).save(out, **settings)
        return out.getvalue()
    image.save(out, format.upper(), **settings)
    return out.getvalue()


def opened(data):
    """An image out of a file in memory."""
    if data[4:11] == b"ftyphei":
        heif = pytest.importorskip("pillow_heif", reason="no msrnet[heic]")
        image = heif.open_heif(data).to_pillow()
        image.format = "HEIC"
        return image
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def picture_at(path):
    """The image of a file; the file is closed again."""
    return opened(Path(path).read_bytes())


def photo(width=48, height=40, seed=0, mode="RGB"):
    """A picture with smooth colour and fine texture, the same for a seed."""
    generator = torch.Generator().manual_seed(seed)
    channels = len(Image.new(mode, (1, 1)).getbands())
    coarse = torch.rand(1, channels, 5, 5, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")[
        0
    ]
    grain = torch.rand(channels, height, width, generator=generator) * 0.1
    values = ((smooth * 0.9 + grain) * 255).round().to(torch.uint8)
    return Image.frombytes(
        mode, (width, height), bytes(values.permute(1, 2, 0).flatten().tolist())
    )


def pixels(image):
    """All values of an image as a flat list of integers."""
    return list(image.tobytes())


def largest_difference(a, b):
    """The largest difference of any value of two 8-bit images of one mode and size."""
    assert (a.mode, a.size) == (b.mode, b.size)
    return max(abs(x - y) for x, y in zip(pixels(a), pixels(b), strict=True))


class Program:
    """The command line; in this process where that is enough: torch loads slowly."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        self._monkeypatch = monkeypatch
        # What is told of single pictures is kept away from the user's own cache.
        cache = folder.parent / f"{folder.name}-cache"
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
        self.environment = {
            **os.environ,
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "200",
        }

    def run(self, *arguments, code=0, data=b"", says=()):
        """Run to the end.

        Checked are the exit code, that no traceback appears, that an error has reason
        and remedy, and that standard error holds each text of `says`.
        """
        signals = {name: signal.getsignal(name) for name in STOPPING}
        out, err, stdin = (io.TextIOWrapper(io.BytesIO(b)) for b in (b"", b"", data))
        with self._monkeypatch.context() as patch, warnings.catch_warnings():
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", ["msrnet", *map(str, arguments)])
            for name, stream in (("stdin", stdin), ("stdout", out), ("stderr", err)):
                patch.setattr(sys, name, stream)
            try:
                cli.main()
            except SystemExit as stop:
                result = stop.code
            finally:
                for name, handler in signals.items():
                    signal.signal(name, handler)
        for stream in (out, err):
            stream.flush()
        finished = Finished(result, out.buffer.getvalue(), err.buffer.getvalue())
        return finished.checked(code, says)

    def start(self, *arguments, **options):
        """Start it as a process of its own."""
        command = [sys.executable, "-m", "msrnet_cli", *map(str, arguments)]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=options.pop("stdin", subprocess.DEVNULL),
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=options.pop("stderr", subprocess.PIPE),
            **options,
        )

    def run_process(self, *arguments, code=0, data=None):
        """As `run`, but in a process of its own."""
        process = self.start(*arguments, stdin=subprocess.PIPE)
        out, err = process.communicate(data, timeout=120)
        return Finished(process.returncode, out, err).checked(code)


class Finished:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err.decode()

    def checked(self, code, says=()):
        assert self.code == code, self.err or self.out
        assert "Traceback" not in self.err
        if code in ENDED_BY_AN_ERROR:
            assert re.fullmatch(r"msrnet: .+; .+", self.lines[-1])
        for text in [says] if isinstance(says, str) else says:
            assert text in self.err
        return self

    @property
    def lines(self):
        return self.err.strip().splitlines()

    @property
    def events(self):
        return [json.loads(line) for line in self.out.decode().splitlines()]


@pytest.fixture
def program(tmp_path, monkeypatch):
    return Program(tmp_path, monkeypatch)
