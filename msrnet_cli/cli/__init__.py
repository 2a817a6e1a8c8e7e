"""The command line: parse, call, report. No work is done here.

torch is imported inside the commands, so that --help answers at once.
"""

# In the order in which --help lists them.
from msrnet_cli.cli import relight, weights, doctor, synth, train, data, evaluate, bench  # isort: skip
from msrnet_cli.cli.application import app
from msrnet_cli.cli.run import main

__all__ = [
    "app",
    "bench",
    "data",
    "doctor",
    "evaluate",
    "main",
    "relight",
    "synth",
    "train",
    "weights",
]
