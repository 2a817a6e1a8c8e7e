"""Training: pairs in, a network that relights out.

schedule    what happens when, as data
settings    the settings of a run as a document
start       what a run starts from: pairs, losses, the network
resuming    what it must have in common with the run that it goes on with
inventory   the files that it learns from, to know them again
learner     one step, and everything a checkpoint must hold
muon        orthogonalised momentum
checkpoint  everything that resuming needs, in one file
history     metrics.csv
record      what a person looks at: metrics, previews, curves, weights
processes   several processes that train together
loop        walks through the plan
"""
