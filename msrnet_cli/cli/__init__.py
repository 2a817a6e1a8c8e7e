"""The command line: parse, call, report. No work is done here.

relight, doctor, weights, ...  a command each, or a group of commands
commands     which there are
application  what they join: exit codes, --version, completion
derive       records to commands
layout       how help looks
showing      the before/after page
options      what all commands share
loading      what comes before a command's work
run          from start to exit code: the one place where errors become one line

torch is imported inside the commands, so that --help answers at once.
"""

from msrnet_cli.cli.run import main

__all__ = ["main"]
