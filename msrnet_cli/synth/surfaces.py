"""Surfaces: a pattern of the pool given colours, dirt, relief depth and gloss.

Knows no shapes. Colours are linear-light albedo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from msrnet_cli.synth.noise import Field
from msrnet_cli.synth.patterns import VARIANTS, pattern

Colour = NDArray[np.floating]

# Weathered things as a camera sees them, sRGB.
EARTH = (
    "6b4f3a 8a6d4b a58a62 c2a878 7d7468 9b9488 b8b0a0 5a5048 4a4038 70604a "
    "8c7a5e 5d5a52 a0714f b5651d 7a4a2e 94714f cbb994 6f6a60 857f74 594a3a"
)
GREY = "55565a 6e7072 87888a a0a09c b9b7b0 44464a 7a7770 94908a c8c6c0 5f6468"
GREEN = "4a5a28 5d6b2e 71803a 3f4f24 86904a 6b7a30 56663a 7d8a3c 98a050 465c2c"
BRICK = "8a4a36 9c5a42 7a3f30 a86a50 b07a5c 6e4438 945444 b98a70 84503c 5f3a30"
WOOD = "6b4a2c 86623e 9c7850 54391f 7a5c3e a88a62 b89a74 5f4c3a 8a7a68 70655a"
SAND = "c8a870 d8bc88 b89460 e0cca0 caa35a b0885a dcc090 c09a58 a8906c d4b078"
PALE = "c8c0b0 d8d0c0 b8b4a8 ccc4a8 e0dcd0 c0b49a d0c8bc b0a898 a8b0ac c4b8a0"
STRONG = (
    "a02018 c03a1c d88a14 e0b818 2f6fa8 1c4f8c 1f8a8a 3c8a3a 7a2a5c 8c1a2a "
    "e07a28 d8d0c8 2a3a5a 5a8ab8 b04a6a 184838"
)
DARK = "2a2624 302c28 242628 38322c 2c3034 3a3430 1e1e20 34302e"
SEA = "0c1a20 10242a 1a2a2c 2078a8 28302c"
METAL = "8a8c8e 6a6c70 a0a09c 5a5c60 7a7468 9a8a6a b0a080 50545a"
RUST = "6a3a1e 8a4a22 5a3420 9c5a2a 7a4428"
MOSS = "4a5628 5a6a2c 6a7038 3f4a22 5f5a30"
LEAF = "4a6a24 3a5a20 5f7a2c 7a8a34 35502a 6a7a20 8a7a30 9a6a28"


def linear(codes: str, rng: np.random.Generator, jitter: float = 0.12) -> Colour:
    """One colour of a list of sRGB hex codes, jittered, in linear light, (3,)."""
    code = str(rng.choice(codes.split()))
    srgb = np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)]) / 255.0
    light = srgb**2.2 * np.exp(rng.normal(0.0, jitter) + rng.normal(0.0, jitter / 2, 3))
    return np.clip(light, 0.004, 0.9).astype(np.float32)


@dataclass(frozen=True)
class Recipe:
    """How one kind of surface is drawn.

    Attributes:
        patterns: Names of patterns to choose from.
        colours: Hex codes of the main colour.
        second: Hex codes of the colour that shows through the mask.
        relief: Depth of the relief in metres.
        rough: Range of the roughness in [0, 1].
        contrast: Tone range of the main colour; 0 is flat.
        metal: Chance that the surface is bare metal.
    """

    patterns: str
    colours: str
    second: str
    relief: float
    rough: tuple[float, float] = (0.55, 1.0)
    contrast: float = 1.0
    metal: float = 0.0


RECIPES: dict[str, Recipe] = {
    "earth": Recipe("soil mud soil gravel", EARTH, MOSS, 0.025, contrast=0.8),
    "meadow": Recipe("turf", GREEN, EARTH, 0.03, contrast=0.9),
    "beach": Recipe("sand", SAND, EARTH, 0.05, contrast=0.6),
    "desert": Recipe("sand mud soil", SAND, BRICK, 0.04),
    "shingle": Recipe("gravel", GREY, EARTH, 0.015, contrast=0.65),
    "paving": Recipe("cobbles slabs tiles brick", GREY, EARTH, 0.02, (0.35, 1.0)),
    "flags": Recipe("slabs cobbles", EARTH, RUST, 0.02, (0.3, 0.9)),
    "asphalt": Recipe("concrete soil", DARK, DARK + " 4a4a48", 0.008, (0.35, 0.9), 0.6),
    "snow": Recipe("sand plaster", PALE, GREY, 0.04, (0.4, 0.9), 0.4),
    "crag": Recipe("crag", EARTH, MOSS, 0.07, contrast=1.1),
    "boulder": Recipe("crag", GREY, MOSS, 0.05, contrast=1.1),
    "redrock": Recipe("crag", BRICK, SAND, 0.06),
    "stone": Recipe("blocks crag slabs", GREY, MOSS, 0.03),
    "carved": Recipe("plaster concrete marble", PALE, MOSS, 0.012, (0.35, 0.9)),
    "masonry": Recipe("brick blocks", BRICK, PALE, 0.018),
    "render": Recipe("plaster concrete", PALE, BRICK, 0.008, contrast=0.7),
    "facade": Recipe("brick plaster blocks concrete", PALE, BRICK, 0.012),
    "concrete": Recipe("concrete plaster", GREY, EARTH, 0.008, (0.4, 1.0)),
    "planks": Recipe("planks", WOOD, DARK, 0.012, (0.35, 0.95)),
    "oldwood": Recipe("bark planks", WOOD, GREY, 0.01, (0.5, 1.0)),
    "timber": Recipe("bark planks", WOOD, MOSS, 0.008),
    "polished": Recipe("planks", WOOD, DARK, 0.002, (0.12, 0.4)),
    "bark": Recipe("bark crag", WOOD, MOSS, 0.04),
    "shingles": Recipe("shingles", WOOD, MOSS, 0.04),
    "rooftiles": Recipe("shingles", BRICK, MOSS, 0.04, (0.4, 0.9)),
    "slates": Recipe("shingles corrugated", GREY, RUST, 0.03, (0.3, 0.8)),
    "rusty": Recipe("rusted corrugated", METAL, RUST, 0.006, (0.35, 0.8)),
    "steel": Recipe("panels scuffed", METAL, DARK, 0.012, (0.2, 0.5), 0.9, 0.5),
    "plating": Recipe("panels", METAL + " " + DARK, STRONG, 0.015, (0.2, 0.6)),
    "iron": Recipe("rusted scuffed", DARK, RUST, 0.003, (0.3, 0.7), 0.7),
    "brass": Recipe("scuffed", "b08a4a c09858 a87a3a", MOSS, 0.002, (0.2, 0.45), 1, 1),
    "paint": Recipe("scuffed rusted", STRONG, RUST, 0.002, (0.15, 0.6), 0.5),
    "drab": Recipe("scuffed rusted plaster", EARTH, RUST, 0.003, (0.3, 0.8), 0.6),
    "glaze": Recipe("scuffed marble", STRONG + " " + PALE, DARK, 0.001, (0.08, 0.35)),
    "clay": Recipe("scuffed plaster", BRICK + " " + SAND, DARK, 0.003, (0.4, 0.9), 0.5),
    "cloth": Recipe("cloth", STRONG + " " + EARTH, PALE, 0.006, (0.8, 1.0), 0.7),
    "canvas": Recipe("cloth", PALE + " " + EARTH, EARTH, 0.01, (0.8, 1.0), 0.6),
    "ornament": Recipe("rug", STRONG, PALE, 0.002, (0.6, 1.0), 1.3),
    "leaf": Recipe("leafage", LEAF, WOOD, 0.002, (0.35, 0.7), 0.8),
    "grass": Recipe("leafage", GREEN, SAND, 0.001, (0.5, 0.8), 0.9),
    "petal": Recipe("leafage", STRONG + " e8b0c8 e8e0d8", PALE, 0.001, (0.5, 0.9), 0.4),
    "water": Recipe("ripples", SEA, DARK, 0.1, (0.04, 0.18), 0.3),
    "glass": Recipe("scuffed", DARK, DARK, 0.001, (0.03, 0.15), 0.2),
}  # fmt: skip


@dataclass(frozen=True)
class Surface:
    """The maps of a surface, seamless and of one size.

    Attributes:
        albedo: Linear colour, (size, size, 3).
        height: Relief in [0, 1], (size, size, 1).
        rough: Roughness in [0, 1], (size, size, 1).
        relief: Metres that height 1 stands for.
        metres: Side of the square in the world.
        metallic: 0 or 1.
    """

    albedo: Colour
    height: Field
    rough: Field
    relief: float
    metres: float
    metallic: float


def _ramp(
    tone: Field, rng: np.random.Generator, colour: Colour, contrast: float
) -> Colour:
    """Tone to colour through dark, main and light shades, (size, size, 3)."""
    depth = contrast * rng.uniform(0.7, 1.3)
    tint = np.exp(rng.normal(0.0, 0.12, (2, 3)))
    dark = colour * np.exp(-1.5 * depth) * tint[0]
    light = np.minimum(colour * np.exp(0.6 * depth) * tint[1], 0.92)
    stops = np.linspace(0.0, 1.0, 256)
    table = np.stack(
        [
            np.interp(stops, (0, 0.5, 1), (dark[c], colour[c], light[c]))
            for c in range(3)
        ],
        axis=1,
    ).astype(np.float32)
    return table[(tone * 255.0).astype(np.uint8)]


def _dirt(size: int, rng: np.random.Generator) -> Field:
    """A stain map that darkens, taken from the pool and shifted."""
    stain = pattern("marble", int(rng.integers(VARIANTS)), size).tone
    stain = np.roll(stain, tuple(int(n) for n in rng.integers(0, size, 2)), (0, 1))
    strength = rng.uniform(0.1, 0.75)
    return (1.0 - strength * (1.0 - stain) ** 1.5).astype(np.float32)


def surface(kind: str, rng: np.random.Generator, size: int) -> Surface:
    """Draw a surface of one kind: pattern, colours, dirt, gloss.

    Args:
        kind: A key of RECIPES.
        rng: Source of randomness.
        size: Side in pixels.
    """
    recipe = RECIPES[kind]
    drawn = pattern(
        str(rng.choice(recipe.patterns.split())), int(rng.integers(VARIANTS)), size
    )
    colour = linear(recipe.colours, rng)
    albedo = _ramp(drawn.tone, rng, colour, recipe.contrast)
    amount = (drawn.mask * rng.uniform(0.1, 0.8))[..., None]
    albedo = albedo + amount * (
        linear(recipe.second, rng) * (0.4 + 0.8 * drawn.tone[..., None]) - albedo
    )
    albedo = albedo * _dirt(size, rng)[..., None]
    gloss = rng.uniform(*recipe.rough)
    rough = gloss + 0.25 * (drawn.mask - 0.4) + 0.15 * (0.5 - drawn.tone)
    if kind in ("asphalt", "paving", "flags", "concrete", "earth"):
        rough = _wet(rough, drawn.height, rng)
    return Surface(
        np.clip(albedo, 0.003, 0.92).astype(np.float32),
        drawn.height[..., None],
        np.clip(rough, 0.06, 1.0).astype(np.float32)[..., None],
        recipe.relief * float(rng.uniform(0.4, 1.1)),
        drawn.metres * float(np.exp(rng.normal(0.0, 0.15))),
        float(rng.random() < recipe.metal),
    )


def _wet(rough: Field, height: Field, rng: np.random.Generator) -> Field:
    """Now and then rain stands in the hollows of a floor."""
    if rng.random() > 0.25:
        return rough
    level = float(np.quantile(height[::8, ::8], rng.uniform(0.15, 0.5)))
    return np.where(height < level, 0.1, 0.6 * rough).astype(np.float32)
