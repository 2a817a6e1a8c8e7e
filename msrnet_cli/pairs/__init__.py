"""Pairs of pictures, each one scene under two lights: from files to training examples.

Knows how VIDIT and its challenges name files; knows no network and no loss.

files     pictures in a folder or inside a .zip
find      which of them make pairs
check     what is wrong with a set of pairs
resample  pictures, whole or in part, at another size
store     the pictures of pairs, decoded once where memory allows
match     outputs and their targets, in two folders
draw      what is drawn at random for an example, as numbers
cut       examples out of pictures, by these numbers
"""
