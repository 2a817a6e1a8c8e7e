"""Weights files: found, checked, turned into a network, and written.

One safetensors file carries its own card, so it rebuilds its own network. A malformed
file is never loaded, and no pickle is ever run.

find       where a file lies: by a built-in name, a path or a hub address
header     a safetensors header, checked before the rest of the file is read
card       what a file says about itself: to JSON and back
file       a whole file: to parameters and a network, and back
published  checkpoints in the layout of DMSHN's authors: into files of ours

The first three load no torch.
"""
