"""The tables of the paper, made anew: every row by one protocol.

systems    the rows, and what the paper prints in them
protocol   how all of them are trained and scored
data       what they learn from: a folder of pairs, or scenes that are rendered
runs       each trained system, a folder of `msrnet train`
scores     its scores by `msrnet eval`, kept when its weights are gone; the baselines'
place      where runs lie, and the machine
times      how long it takes for a picture
document   all of this as one document
writing    the document as Markdown
sheets     pictures side by side, as in the paper's figures
keeping    what was found, kept under what it was found of
command    the command line of both tables
"""
