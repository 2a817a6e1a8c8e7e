"""A folder job on a cluster of Ray: actors do the work, this process plans it.

Ray hands over paths and what became of them, never pixels: so Ray's core does, and Ray
Data, which moves blocks of data, is not needed.

job      carries out a plan
cluster  Ray itself: started or joined, its actors, their deaths
actor    what runs in an actor
"""
