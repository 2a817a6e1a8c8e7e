"""The folder job: every picture in, every picture out, nothing lost.

lists      lists of inputs, as people and programs write them
search     which pictures there are, and what cannot be read
plan       what goes where, decided whole before the first write
journal    what was made from what, so that a second run finishes the first
records    what is known of outputs that exist, in a folder or alone
budget     how many pixels may be in memory at once
job        decode, network and encode, overlapping
stream     one picture through standard input or output
"""
