"""Scores: weights, and what is known, in; numbers with their uncertainty out.

Relights as the program does, so that what ships is what is measured; scores what would
be saved: 8 bits.

pairs       scores on pairs of pictures, and of existing pictures
layers      scores of weights that paint layers, on scenes whose every light is known
changes     the changes of light that are scored there, out of scenes
stage       from a picture to relit ones by way of its layers
affine      maps of colour, to compare with
relighters  the weights that are asked for, ready
intervals   means with their confidence intervals
"""
