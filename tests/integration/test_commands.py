"""The command line as a whole: help, versions, weights, doctor, imports."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import typer

import msrnet_cli
import schemas
from msrnet_cli.cli.commands import load
from msrnet_cli.config import ModelConfig, WeightsCard
from msrnet_cli.networks.dmshn import DMSHN
from msrnet_cli.weights.file import save_weights
from networks import published

ROOT = Path(__file__).parents[2]


def commands(command=None, path=()):
    """Every command with the names that lead to it."""
    command = command or typer.main.get_command(load())
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))


COMMANDS = dict(commands())


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_option_has_help_and_is_in_the_readme(path):
    command = COMMANDS[path]
    readme = (ROOT / "README.md").read_text()
    assert command.help
    if path and not getattr(command, "commands", None):
        assert f"msrnet {' '.join(path)}" in readme
    for parameter in command.params:
        if parameter.name in ("help", "install_completion", "show_completion"):
            continue
        assert parameter.help, parameter.name
        if path[:1] == ("relight",) and parameter.param_type_name == "option":
            assert parameter.opts[0] in readme, parameter.opts[0]


HEAVY = {"torch", "PIL", "numpy", "safetensors", "huggingface_hub", "rich", "mitsuba"}


def modules_of(code):
    """What is loaded when a program ends, its standard output aside."""
    told = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{told}\n{code}"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


@pytest.mark.parametrize("path", ["", "relight", "train", "bench", "weights export"])
def test_help_loads_little_more_than_the_library_that_prints_it(path):
    bare = modules_of("import typer, typer.main, typer.core, dataclasses, json")
    found = modules_of(
        f"sys.argv = {['msrnet', *path.split(), '--help']}\n"
        "from msrnet_cli.__main__ import main; main()"
    )
    ours = {name for name in found if name.split(".")[0] == "msrnet_cli"}
    assert "msrnet_cli.cli.application" in ours
    assert len(ours) <= (30 if path else 64)
    assert not HEAVY & found
    library = {n for n in found - bare if n.split(".")[0] in sys.stdlib_module_names}
    assert len(library) <= 20, sorted(library)
    assert "pydantic" not in found  # Typer's own, slower than all else together


def test_relighting_loads_no_compiler():
    """torch's, with sympy, takes longer to import than all else together."""
    code = (
        "import sys, torch; from msrnet_cli import Relighter\n"
        "Relighter.load(device='cpu').relight(torch.rand(3, 40, 40))\n"
        "for name in ('torch._dynamo', 'torch._inductor', 'sympy'):\n"
        "    assert name not in sys.modules, name\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_help_loads_no_torch():
    code = (
        "import sys\n"
        "for name in ('torch', 'rich', 'PIL', 'numpy', 'huggingface_hub'):\n"
        "    sys.modules[name] = None\n"
        "from msrnet_cli.cli import main\n"
        "sys.argv = ['msrnet', 'relight', '--help']\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "INPUT... OUTPUT" in done.stdout


def test_the_core_needs_neither_typer_nor_rich():
    code = (
        "import sys, warnings\n"
        "warnings.filterwarnings('ignore')\n"
        "sys.modules['typer'] = sys.modules['rich'] = None\n"
        "from msrnet_cli import DMSHN, Relighter, StackedDMSHN, load_network\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_every_module_imports_alone():
    left_out = {"__main__"} if find_spec("triton") else {"__main__", "kernels"}
    names = sorted(
        str(path.relative_to(ROOT).with_suffix("")).replace(os.sep, ".")
        for path in (ROOT / "msrnet_cli").rglob("*.py")
        if path.stem not in left_out
    )
    # One process that forgets our modules between imports: torch is loaded once.
    code = (
        "import importlib, sys, warnings\n"
        "warnings.filterwarnings('ignore')\n"
        f"for name in {names!r}:\n"
        "    for key in [k for k in sys.modules if k.startswith('msrnet_cli')]:\n"
        "        del sys.modules[key]\n"
        "    importlib.import_module(name)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names_are_those_announced():
    assert sorted(msrnet_cli.__all__) == msrnet_cli.__all__
    for name in msrnet_cli.__all__:
        assert getattr(msrnet_cli, name) is not None
    with pytest.raises(AttributeError):
        _ = msrnet_cli.nothing


def test_the_version_is_the_newest_in_the_changelog(program):
    done = program.run("--version")
    assert done.out.decode() == f"msrnet {msrnet_cli.__version__}\n"
    changelog = (ROOT / "CHANGELOG.md").read_text()
    newest = re.search(r"^## \[(\d[^\]]*)\]", changelog, re.MULTILINE)
    assert newest[1] == msrnet_cli.__version__


def test_doctor_finds_this_machine_and_speaks_json(program):
    assert b"torch" in program.run("doctor").out
    checks = schemas.fitting("doctor", program.run("doctor", "--json").out)
    found = {check["name"]: check for check in checks}
    assert torch.__version__ in found["torch"]["finding"]
    assert {"cpu", "codecs", "weights", "cache", "network"} <= set(found)
    weights = [check["finding"] for check in checks if check["name"] == "weights"]
    assert "lightstage: sound, any light" in weights
    assert "n6500-e4500: sound, 6500_N to 4500_E" in weights


def test_doctor_tells_of_all_that_an_extra_installs(program):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    del extras["dev"]
    told = {check["name"] for check in json.loads(program.run("doctor", "--json").out)}
    told |= {"starlette", "numpy"}  # they come with what needs them
    for extra, packages in extras.items():
        names = {re.split(r"\W*>", each)[0].replace("-", "_") for each in packages}
        assert names <= told, extra


def test_doctor_calls_nothing_ok_that_is_not_there(program, monkeypatch, tmp_path):
    monkeypatch.setattr("msrnet_cli.doctor.find_spec", lambda _: None)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setenv("SSL_CERT_FILE", "/somewhere")
    lines = program.run("doctor").out.decode().splitlines()
    marks = {line[3:].split()[0]: line[:2] for line in lines if line[:2].strip()}
    for name in ("mitsuba", "tensorboard", "onnxruntime", "openvino", "vgg16"):
        assert marks[name] == "--", name
    assert marks["alexnet"] == "--"
    assert marks["cuda"] != "ok"
    (network,) = (line for line in lines if "SSL_CERT_FILE" in line)
    assert "certificates" in network


def test_looks_are_listed_with_what_they_set(program, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    listed = program.run("looks").out.decode()
    assert "--to W --kelvin 3200" in listed
    assert str(tmp_path / "msrnet" / "looks.toml") in listed
    found = schemas.fitting("looks", program.run("looks", "--json").out)
    assert found["own_file"] == str(tmp_path / "msrnet" / "looks.toml")
    golden = next(look for look in found["looks"] if look["name"] == "golden-hour")
    assert golden["light"]["kelvin"] == 3200


def test_a_faulty_look_costs_itself_alone(program, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "msrnet").mkdir()
    (tmp_path / "msrnet" / "looks.toml").write_text(
        "[mine]\nto = 1e5\n[late]\nto = 260\n[noon]\nabout = 'Mine.'\neven = true\n"
    )
    told = program.run("looks", code=3)
    listed = told.out.decode()
    assert all(name in listed for name in ("golden-hour", "late", "--to 260"))
    assert "Mine. (yours, in place of the built-in one)" in listed
    (fault,) = told.err.splitlines()
    assert "looks.toml: [mine] 100000.0 is not a direction " in fault
    documented = program.run("looks", "--json", code=3)
    assert documented.err.splitlines() == [fault]
    found = schemas.fitting("looks", documented.out)
    assert [look["name"] for look in found["looks"] if look["replaces"]] == ["noon"]
    assert [fault["name"] for fault in found["faults"]] == ["mine"]
    unharmed = ("relight", "in", "out", "--look", "noon")
    program.run(*unharmed, code=2, says="in does not exist")
    program.run(*unharmed[:-1], "mine", code=2, says="looks.toml: [mine]")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--to", "W", "--even"], "--to and --even each name a light"),
        (["--to", "5600"], "write --kelvin 5600"),
        (["--to", "3800_W", "--kelvin", "3200"], "give the temperature once"),
        (["--look", "noon", "--like", "a.jpg"], "--look and --like each name a light"),
        (["--to", "all", "--light", "W"], "--to and --light each name a light"),
        (["--light", "W:3200", "--light", "E", "--kelvin", "3200"], "once"),
        (["--light", "W:1"], "1000 to 40000"),
        (["--light", "W", "--light", "up"], "unknown direction 'up'"),
        (["--light", "W::-1"], "0 to 100"),
        (["--to", "inf"], "degrees clockwise from N"),
        (["--to", "W_3800"], "write 3800_W"),
        (["--to", "W:3800"], "write --light W:3800"),
        (["--kelvin", "nan"], "--kelvin nan"),
        (["--softness", "181"], "0 to 180"),
        (["--amount", "1.1"], "0 to 1"),
        (["--like", ""], "--like names no picture"),
        (["--look", "golden"], "did you mean golden-hour?"),
        (["--key", "-1"], "--key -1"),
        (["--keep", "hue"], "colour, brightness"),
        (["--even", "--softness", "10"], "--softness beside --even"),
        (
            ["--look", "overcast", "--softness", "0"],
            "--softness beside --look overcast",
        ),
        (["--to", "W", "--to", "E"], "--to W and --to E contradict each other"),
        (["--to", "W", "--to", "E"], "--light W --light E"),
        (["--look", "noon", "--look", "rim"], "contradict each other; give one"),
        (["--like", "a.jpg", "--like", "b.jpg"], "contradict each other; give one"),
        (["--keep", "colour", "--keep", "brightness"], "give one of them"),
        (["--kelvin", "2700", "--kelvin", "6500"], "--light W:2700 --light E:6500"),
        (["--amount", "0.5", "--amount", "0.2"], "contradict each other; give one"),
    ],
)
def test_lights_that_cannot_be_meant_are_refused(program, tmp_path, options, says):
    failed = program.run("relight", str(tmp_path), "out", *options, code=2)
    assert says in failed.err
    assert len(failed.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "sets"),
    [
        (["--to", "-90", "--key", "1.5"], {"to": "-90", "key": 1.5}),
        (["--light", "W:3200", "--light", "E::0"], {"light": ["W:3200", "E::0"]}),
        (["--even", "--keep", "color"], {"even": True, "keep": "colour"}),
        (["--look", "noon", "--kelvin", "3200"], {"look": "noon", "kelvin": 3200}),
        (["--to", "all", "--fill", "0.2"], {"to": "all", "fill": 0.2}),
    ],
)
def test_lights_go_through_a_config_file(program, tmp_path, options, sets):
    printed = program.run("relight", "in", "out", *options, "--print-config").out
    light = json.loads(printed)["light"]
    assert {name: light[name] for name in sets} == sets
    config = tmp_path / "config.json"
    config.write_bytes(printed)
    again = ("relight", "in", "out", "--config", str(config), "--print-config")
    assert program.run(*again).out == printed


def test_a_config_file_that_names_two_lights_is_named(program, tmp_path):
    config = tmp_path / "config.json"
    config.write_text('{"light": {"to": 247.5, "even": true}}')
    failed = program.run("relight", "in", "out", "--config", str(config), code=2)
    assert f"--config {config}: --to and --even" in failed.err


def test_weights_are_imported_verified_and_used(program, tmp_path):
    torch.save(published(DMSHN(4)), tmp_path / "theirs.pth")
    options = ("--from-light", "6500_N", "--to-light", "4500_E", "--licence", "MIT")
    program.run("weights", "import", "theirs.pth", "ours.safetensors", *options)
    command = ("weights", "verify", "ours.safetensors")
    assert program.run(*command).out.startswith(b"ours.safetensors: sound; 6500_N to")
    (card,) = schemas.fitting("weights-verify", program.run(*command, "--json").out)
    assert (card["from_light"], card["licence"]) == ("6500_N", "MIT")
    path = program.run("weights", "path", "ours.safetensors").out.decode()
    assert path == "ours.safetensors\n"
    program.run(
        "weights", "import", "theirs.pth", "ours.safetensors", code=2, says="exists"
    )


def test_weights_are_exported_at_half_the_size_with_their_scores(
    program, tmp_path, warm_file
):
    means = {"psnr": {"mean": 17.25, "margin": 0.5}, "seconds": {"mean": 2.0}}
    other = {"psnr": {"mean": 9.0, "margin": 0.5}}
    methods = [
        {"name": f"{warm_file}, work size 64", "means": means},
        {"name": f"{warm_file}, work size 64, enlarged", "means": other},
        {"name": f"{warm_file}, work size 32", "means": other},
    ]
    (tmp_path / "eval.json").write_text(json.dumps({"methods": methods}))
    command = ("weights", "export", warm_file, "half.safetensors")
    options = ("--work-size", "64", "--scores", "eval.json", "--notes", "short")
    program.run(*command, *options)
    verified = program.run("weights", "verify", "half.safetensors", "--json")
    (card,) = json.loads(verified.out)
    assert card["scores"] == {"psnr": 17.25}
    assert (card["work_size"], card["notes"], card["to_light"]) == (
        64,
        "short",
        "4500_E",
    )
    half, whole = (
        Path(f).stat().st_size for f in (tmp_path / "half.safetensors", warm_file)
    )
    assert half < 0.55 * whole
    program.run(*command, code=2, says="half.safetensors exists")
    (tmp_path / "half.safetensors").unlink()
    program.run(*command, "--work-size", "full", code=2, says="; give a whole number")
    (tmp_path / "eval.json").write_text("[]")
    program.run(*command, *options, code=2, says="; ")
    (tmp_path / "eval.json").write_text('{"methods": []}')
    done = program.run(*command, *options, code=2)
    assert "scores nothing" in done.err
    assert not (tmp_path / "half.safetensors").exists()


def test_built_in_weights_are_listed(program):
    told = program.run("weights", "list", "--json").out
    records = schemas.fitting("weights-list", told)
    assert records
    heads, *rows = program.run("weights", "list").out.decode().splitlines()
    assert heads.split() == ["name", "light", "network", "seen", "at", "sha256"]
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        assert row.startswith(record["name"])
        assert record["model"]["arch"] in row
        assert record["to_light"] in row
    verified = program.run("weights", "verify").out.decode().splitlines()
    assert [": sound; " in line for line in verified] == [True] * len(records)


def test_a_card_cannot_steer_the_terminal_or_add_a_line(program, tmp_path):
    light = "\x1b[31mred\x07\nsecond: sound"
    card = WeightsCard(ModelConfig("dmshn", 4), from_light=light)
    save_weights(tmp_path / "w.safetensors", DMSHN(4).state_dict(), card)
    (line,) = program.run("weights", "verify", "w.safetensors").out.splitlines()
    assert b"\\x1b[31mred\\x07\\nsecond" in line
    assert b"\x1b" not in line
    command = ("weights", "export", "w.safetensors", "x.safetensors")
    program.run(*command, "--work-size", "65537", code=2, says="; give 16 to 65536")


def test_verifying_refuses_what_paints_nonsense(program, tmp_path):
    network = DMSHN(4)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1e6)
    path = tmp_path / "w.safetensors"
    save_weights(path, network.state_dict(), WeightsCard(ModelConfig("dmshn", 4)))
    assert "test picture" in program.run("weights", "verify", path, code=5).err


def test_completion_can_be_shown(program, monkeypatch):
    # Found otherwise among the programs that started this one: in a script, `sh`.
    found = lambda *_, **__: ("bash", "/bin/bash")  # noqa: E731
    monkeypatch.setattr("shellingham.detect_shell", found)
    assert b"_MSRNET_COMPLETE" in program.run("--show-completion").out


def test_a_bug_is_exit_code_1_and_one_line(program):
    code = (
        "import msrnet_cli.cli as cli, sys\n"
        "def broken(*_, **__): raise ZeroDivisionError('oh')\n"
        "sys.modules['msrnet_cli.doctor'] = type(sys)('doctor')\n"
        "sys.modules['msrnet_cli.doctor'].examine = broken\n"
        "sys.argv = ['msrnet', 'doctor']\n"
        "cli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_early_is_no_traceback(program):
    process = program.start("weights", "list", "--json")
    process.stdout.close()
    process.wait(60)
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()
