"""The choice of a renderer, and what is said where there is none."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("numpy")

from msrnet_cli.errors import UsageError
from msrnet_cli.synth import engine


@pytest.fixture(autouse=True)
def _forget():
    engine.choose_engine.cache_clear()
    yield
    engine.choose_engine.cache_clear()


def test_without_the_extra_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(engine, "find_spec", lambda _: None)
    with pytest.raises(UsageError) as caught:
        engine.choose_engine()
    assert "pip install mitsuba" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("libLLVM-15.so.1", 15),
        ("libLLVM.so.19.1", 19),
        ("libLLVM-14.0.6.so", 14),
        ("libLLVM.dylib", 0),
    ],
)
def test_versions_are_read_from_library_names(name, version):
    assert engine._version(Path(name)) == version


def test_an_unusable_llvm_is_found_out_and_named(monkeypatch):
    pytest.importorskip("mitsuba")
    monkeypatch.setenv("DRJIT_LIBLLVM_PATH", "/nowhere/libLLVM.so.19")
    chosen = engine.choose_engine()
    assert chosen.variant == "scalar_rgb"
    assert "libllvm19" in chosen.notice
    assert "\n" not in chosen.notice


def test_an_llvm_that_kills_its_process_is_survived(monkeypatch):
    pytest.importorskip("mitsuba")
    monkeypatch.setattr(engine, "_PROBE", "import os; os.abort()")
    monkeypatch.setattr(engine, "_candidates", lambda: ["some"])
    assert engine.choose_engine().variant == "scalar_rgb"


def test_the_package_loads_without_numpy_or_mitsuba(monkeypatch):
    for name in [m for m in sys.modules if m.startswith("msrnet_cli.synth")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("numpy", "mitsuba", "PIL"):
        monkeypatch.setitem(sys.modules, name, None)
    import msrnet_cli.synth

    assert callable(msrnet_cli.synth.render_set)
