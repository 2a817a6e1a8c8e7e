"""The bench: how long a network takes, beside what this machine could do.

clock      one run timed, whole; many runs summed up
work       arithmetic and traffic of a pass, counted
machine    ceilings, memory, energy, what the machine is
subject    the network that is measured, and pictures for it
ways       the ways to run it: as its authors do, as msrnet does
rivals     other programs that can run it, where they are installed
suite      cells of size and batch, and a row for each way
carrying   light carried to full resolution
pipeline   the folder job, stage by stage
training   a step of training
document   results as JSON and back; against an older document
plot       time against size and batch
"""
