"""Training: pairs in, a network that relights out.

schedule    what happens when, as data
start       what a run starts from: pairs, losses, the network
learner     one step, and everything a checkpoint must hold
muon        steps of equal size in all directions
checkpoint  everything that resuming needs, in one file
record      what a person looks at: metrics, previews, curves, weights
processes   several processes that train together
loop        walks through the plan
"""

from msrnet_cli.train.loop import train
from msrnet_cli.train.record import new_run, newest_run, read_settings

__all__ = ["new_run", "newest_run", "read_settings", "train"]
