"""The bench: how long a network takes, beside what this machine could do.

clock      one run timed, whole; many runs summed up
work       arithmetic and traffic of a pass, counted
ceilings   the most that this machine can compute and copy
machine    what the machine is; memory and energy of a run
subject    the network that is measured, and pictures for it
ways       the ways to run it: as its authors do, as msrnet does
rivals     other programs that can run it, if they are installed
rows       one cell of size and batch: a row for each way
suite      all cells, and what is measured beside them
carrying   light carried to full resolution
pipeline   the folder job, stage by stage
training   a step of training
document   results as JSON and back; against an older document
"""
