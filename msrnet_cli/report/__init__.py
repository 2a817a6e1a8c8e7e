"""Results to people and programs. Nothing is computed here.

terminal   lines, tables, and what a terminal draws anew
machine    JSON: one document, or one event a line
relight    a folder job
history    an output folder afterwards
light      the light of pictures
looks      the named lights
train      a training run
evaluate   scores
bench      times
synth      a set of rendered scenes
doctor     what this machine offers
data       faults of a set of pairs
weights    weights and their cards
schemas    JSON Schema files of all that `machine` writes
"""
