"""Scores of weights, of baselines and of existing pictures, with their uncertainty.

Pictures are relit as `msrnet relight` does, and scored as it saves them: in 8 bits.

pairs       scores on pairs of pictures, and of existing pictures
judge       scores of one picture
layers      scores on scenes with known lights
changes     the changes of light that are scored on scenes
further     further lights of scenes: two at once, from between, coloured
bars        figures that are wanted of layers
methods     what is scored on scenes: baselines and weights
stage       from a picture to relit ones by its layers
shown       pictures that were scored, to be seen
rows        scores averaged within scenes, in rows
affine      maps of colour, to compare with
relighters  the weights of the options, ready to relight
intervals   means with their confidence intervals
"""
