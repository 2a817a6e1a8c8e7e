"""Scenes as layers of linear light, and the pictures that are composed from them.

Light adds: a scene under any light is a weighted sum of the same scene under each of
eight. Knows no renderer and no network.
"""
