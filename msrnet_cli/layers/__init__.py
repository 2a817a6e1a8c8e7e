"""Scenes as layers of linear light, and the pictures that are composed from them.

Light is additive: a scene under any light is a weighted sum of the same scene under
each of eight lights. Knows no renderer and no network.

scene    a scene as a file: the light from each direction on its own
store    folders of scenes, and training examples out of them
draw     what is drawn at random for one example
compose  pictures and target layers out of a scene
camera   camera curves: linear light to pictures, and back
mix      painted layers to a picture under another light
found    the light that a picture has, by its layers
reading  the light of a picture, as three numbers
"""
