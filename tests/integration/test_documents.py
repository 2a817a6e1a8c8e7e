"""The documents' commands and examples, run as they are copied.

Each block runs from top to bottom in a folder that holds what it needs. What a test
cannot have is replaced by what `SMALLER` and `INSTEAD` name, with the reason.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
import typer

import documents
import pairs
import smooth
import stores
from conftest import photo
from documents import ROOT, Rule
from msrnet_cli.cli.commands import load
from msrnet_cli.hub import cache
from msrnet_cli.networks.dmshn import DMSHN
from msrnet_cli.stores import client
from msrnet_cli.weights import find
from networks import published

SMALLER = [
    Rule("synth", "--scenes 2", "300 scenes take an hour"),
    Rule("synth", "--size 64", "so do large ones"),
    Rule("synth", "--samples 2", "noise does no harm here"),
    Rule("synth", "--workers 1", "a process takes seconds to start"),
    Rule("train", "--steps 2", "days", r"^(?!.*--resume)", instead_of="--minutes"),
    Rule(
        "train", "--size 64", "pictures are small here", r"^(?!.*--(resume|size \S+,))"
    ),
    Rule("train", "--size 16:6,32:3,64:1", "as above", r"--size \S+,"),
    Rule("train", "--batch 2", "memory", r"--batch \d+(?!,)\b"),
    Rule("train", "--batch 2,2,1", "memory", r"--batch \d+,"),
    Rule("train", "--validations 1", "as many as steps, at the most", "--validations"),
    Rule("train", "--no-perceptual", "VGG16 comes from the hub", "--stage all"),
    Rule("bench", "--device cpu", "not every machine has a GPU", "--device cuda"),
    Rule("bench", "--engine eager,fused", "as above", "--engine graph,tuned"),
    Rule("bench", "--size 32", "minutes", r"^(?!.*--size)"),
    Rule("bench", "--size 32,64", "minutes", "--size"),
    Rule("bench", "--batch 1", "minutes"),
    Rule("bench", "--runs 1", "minutes"),
    Rule("bench", "--fail-above 100%", "one run is no measurement", "--fail-above"),
]
"""What commands are run with, for want of time or hardware."""

INSTEAD = {
    "pip": "needs the network; .ci/run installs the wheel and the extras of `dev`",
    "pipx": "as pip",
    "aws": "needs an account; test_batch_queue.py plays the queue",
    "npm": "as pip",
    "pytest": "would run this test",
    "python": "modules of this repository, each with tests of its own",
    "torchrun": "needs two machines; test_processes_alike.py runs it on one",
    "sbatch": "needs Slurm; what it is given runs below, as one of two tasks",
    "squeue": "as sbatch",
}
"""Programs of others: their lines are read, not run."""

TASK = {
    "SLURM_ARRAY_TASK_ID": "0",
    "SLURM_ARRAY_TASK_MIN": "0",
    "SLURM_ARRAY_TASK_MAX": "1",
    "SLURM_ARRAY_TASK_COUNT": "2",
    "SLURM_CPUS_PER_TASK": "1",
    "SLURM_JOB_ID": "1",
    "SLURM_NNODES": "1",
}
"""What Slurm tells a script that it starts."""

QUICK = {"relight", "looks", "weights", "doctor", "data"}
"""Commands that are cheap enough for every run."""

START_WITHOUT_FILE = {"small", "identity", "lightstage"}
"""Values of --init that name no file."""

BLOCKS = documents.blocks()
SHELL = [block for block in BLOCKS if block.language in ("sh", "row")]
LINES = [block for block in SHELL if not block.is_script]
SCRIPTS = [block for block in SHELL if block.is_script]
PYTHON = [block for block in BLOCKS if block.language == "python"]


def marked(block):
    ours = set(re.findall(r"\bmsrnet (\w+)", "\n".join(block.commands)))
    slow = block.is_script or not ours <= QUICK
    return pytest.param(block, id=str(block), marks=[pytest.mark.slow] if slow else [])


def smaller(command):
    for rule in SMALLER:
        if rule.concerns(command):
            command = rule.applied(command)
    return command


@pytest.fixture(scope="session")
def things(tmp_path_factory, warm_file):
    """Pictures and weights that the documents take for granted, made once."""
    root = tmp_path_factory.mktemp("things")
    names = "photo.jpg a.png holiday/one.jpg holiday/two.png in/a.jpg in/sub/b.png"
    names += " more/c.png shots/d.png shots/e.png"
    for number, name in enumerate(names.split()):
        (root / name).parent.mkdir(exist_ok=True)
        photo(64, 48, number).save(root / name)
    (root / "list.txt").write_text("photo.jpg\nin/sub/b.png\n")
    pairs.write_vidit(root / "DIR", 3)
    for name in ("file", "weights", "ours"):
        shutil.copy(warm_file, root / f"{name}.safetensors")
    torch.save(published(DMSHN(4)), root / "theirs.pth")
    shutil.copytree(ROOT / "examples", root / "examples")
    (root / "benchmarks").mkdir()
    return root


@pytest.fixture(scope="session")
def bucket(things):
    """The variables that lead to a bucket with those pictures."""
    pytest.importorskip("obstore", reason="no msrnet[cloud]")
    pytest.importorskip("moto", reason="no moto[server]")
    with stores.serving() as port, stores.proxied(port) as proxy:
        made = stores.Bucket(port, "bucket", proxy)
        for name in ("in/a.jpg", "in/sub/b.png", "list.txt"):
            made.put(name, (things / name).read_bytes())
        address = f"http://127.0.0.1:{proxy.server_port}"
        yield stores.CREDENTIALS | {"AWS_ENDPOINT_URL": address}


@pytest.fixture
def world(program, things, small_bench, monkeypatch):
    """A folder to run in, a hub with one file, and a bench that is soon done."""
    shutil.copytree(things, program.folder, dirs_exist_ok=True)
    monkeypatch.setattr(cache, "fetch", lambda *_, **__: things / "weights.safetensors")
    return program


def provide(world, command):
    """Make what a command reads and no command before it has made."""
    is_of_layers = "--layers" in command or "--recipe lightstage" in command
    there = {path.name for path in world.folder.iterdir()} | START_WITHOUT_FILE
    if command.startswith("msrnet eval relit/") and "relit" not in there:
        run(world, "msrnet relight examples/ relit/")  # as the document has it above
    if command.startswith("msrnet report out/") and "out" not in there:
        run(world, "msrnet relight in/ out/ -r")  # the same
    reads = r"--(data|val|fit-data|fit|layers|weights|init|baseline) ([^-\s]\S*)"
    for option, value in [*re.findall(reads, command), *resumed(command)]:
        path = world.folder / value
        if Path(value).parts[0] in there and option != "baseline":
            continue
        path.parent.mkdir(exist_ok=True)
        if option == "resume":
            run(world, smaller(f"msrnet train --data DIR --arch dmshn --out {value}"))
        elif option == "baseline":
            run(world, smaller(f"msrnet bench --json > {value}"))
        elif option in ("weights", "init"):
            tinted = world.folder / "weights.safetensors"
            shutil.copy(find.locate("lightstage") if is_of_layers else tinted, path)
        else:
            make = smooth.write if is_of_layers else pairs.write_vidit
            make(path, 3)


def resumed(command):
    return [("resume", *re.findall(r"--out (\S+)", command))] * ("--resume" in command)


def run(world, command):
    """One line of shell: `msrnet`, at most with a pipe before it or a file behind."""
    pipe, _, main = command.rpartition(" | ")
    main, _, file = main.partition(" > ")
    data = (world.folder / pipe.removeprefix("cat ")).read_bytes() if pipe else b""
    done = world.run(*shlex.split(main)[1:], data=data)
    if file:
        (world.folder / file).write_bytes(done.out)


@pytest.mark.parametrize("block", [*map(marked, LINES)])
def test_commands_run_as_they_are_copied(world, block, request, monkeypatch):
    if "s3://" in block.text:
        for name, value in request.getfixturevalue("bucket").items():
            monkeypatch.setenv(name, value)
        client._opened.cache_clear()
        (world.folder / "photos").mkdir()
        shutil.copy(world.folder / "photo.jpg", world.folder / "photos")
        if "s3://bucket/in " not in block.text:
            run(world, "msrnet relight s3://bucket/in s3://bucket/out")
    ran = [line for line in block.commands if line.split()[0] not in INSTEAD]
    for command in ran:
        provide(world, command)
        run(world, smaller(command))


@pytest.mark.parametrize("block", [*map(marked, SCRIPTS)])
def test_scripts_run_as_they_are_copied(world, tmp_path_factory, block):
    programs = tmp_path_factory.mktemp("bin")
    own = shlex.quote(sys.executable)
    for name, line in (
        ("msrnet", f'exec {own} -m msrnet_cli "$@"'),
        ("python", f'exec {own} "$@"'),
        ("torchrun", f'exec {own} -m torch.distributed.run "$@"'),
        # Slurm would start it on each node.
        ("srun", 'while [ "$1" != torchrun ]; do shift; done; exec "$@"'),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    (world.folder / "weights").mkdir()
    joined = re.sub(r"\\\n\s*", "", block.text).splitlines()
    done = subprocess.run(
        ["bash", "-euc", "\n".join(map(smaller, joined))],
        cwd=world.folder,
        env=world.environment | TASK | {"PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_runs_as_it_is_copied(world, monkeypatch, block):
    monkeypatch.chdir(world.folder)
    exec(compile(block.text, str(block), "exec"), {"__name__": "example"})


# --- what can be seen without running anything ----------------------------------------


def test_there_is_something_to_run():
    assert len(LINES) > 15
    assert PYTHON
    assert SCRIPTS
    languages = {block.language for block in BLOCKS}
    assert languages <= {"sh", "row", "python"}, "who runs these?"


@pytest.mark.parametrize("rule", SMALLER, ids=lambda rule: f"{rule.of} {rule.setting}")
def test_every_reduction_serves_a_command(rule):
    lines = [line for block in LINES + SCRIPTS for line in block.commands]
    assert any(rule.concerns(line) for line in lines)
    assert rule.why


COMMANDS = [
    pytest.param(line, id=f"{block} {line}")
    for block in LINES + SCRIPTS
    for line in block.commands
    if re.search(r"(^|\| |^exec )msrnet ", line)
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one_that_the_parser_takes(command):
    main = command.rpartition(" | ")[2].partition(" > ")[0]
    main = (
        main.removeprefix("exec ")
        .replace(" $R", "")
        .replace("--minutes N", "--minutes 1")
    )
    context = parsed(shlex.split(main)[1:])
    assert context.command.params


def parsed(arguments):
    """The context of the innermost command, as the program makes it before it runs."""
    command = typer.main.get_command(load())
    context = command.make_context("msrnet", list(arguments))
    while rest := [*context._protected_args, *context.args]:
        if not getattr(command, "commands", None):
            break
        name, command, arguments = command.resolve_command(context, rest)
        context = command.make_context(name, arguments, parent=context)
    return context


def options_of(command):
    found = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
    return found.union(*map(options_of, getattr(command, "commands", {}).values()))


def test_every_option_that_the_documents_name_exists():
    theirs = {
        "--force-reinstall",
        "--nproc-per-node",
        "--pip-args",
        "--extra-index-url",
        "--array",
        "--gpus-per-task",
        "--requeue",
        "--array-properties",
        "--disable-usage-stats",
        "--head",
        "--include-dashboard",
        "--format",
        "--job-definition",
        "--job-name",
        "--job-queue",
        "--retry-strategy",
    }
    known = options_of(typer.main.get_command(load())) | theirs
    named = {
        option: file
        for file, span in documents.spans()
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", span)
    }
    assert len(named) > 50
    assert {option: named[option] for option in named.keys() - known} == {}


def test_every_extra_that_is_installed_exists():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    texts = [block.text for block in SHELL] + [span for _, span in documents.spans()]
    found = set(re.findall(r"pip install .*\.\[(\w+)\]", "\n".join(texts)))
    assert found
    assert found <= project["optional-dependencies"].keys()
