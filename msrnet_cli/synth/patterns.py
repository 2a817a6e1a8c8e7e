"""Colourless surface patterns: relief, tone and a mask, made once and kept.

A pattern takes longer to make than to render with. So each is made on first use, from
its name and number, the same in every process. `surfaces` adds colour.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from msrnet_cli.synth.noise import Field, cells, spectral, step, stretch

VARIANTS = 4


@dataclass(frozen=True)
class Pattern:
    """A seamless square of surface.

    Attributes:
        height: Relief in [0, 1], (size, size).
        tone: Dark to light in [0, 1].
        mask: Where the second colour shows (mortar, moss, rust), in [0, 1].
        metres: Side of the square in the world.
    """

    height: Field
    tone: Field
    mask: Field
    metres: float


Maker = Callable[[np.random.Generator, int], Pattern]


def _grid(size: int) -> tuple[Field, Field]:
    line = (np.arange(size, dtype=np.float32) + 0.5) / size
    v, u = np.meshgrid(line, line, indexing="ij")
    return v, u


def _blotches(rng: np.random.Generator, size: int, share: float) -> Field:
    cloud = 0.7 * spectral(rng, size, 1.7) + 0.3 * spectral(rng, size, 0.8)
    level = float(np.quantile(cloud[::4, ::4], 1.0 - share))
    return step(cloud, level - 0.06, level + 0.06)


def soil(rng: np.random.Generator, size: int) -> Pattern:
    """Earth with crumbs and a few pebbles."""
    rough = spectral(rng, size, 1.0)
    pebble = cells(rng, size, int(rng.integers(24, 44)))
    few = (pebble.tone > 0.75) * step(0.42 - pebble.near, 0.0, 0.2)
    tone = 0.75 * rough + 0.25 * spectral(rng, size, 0.4) + 0.3 * few * pebble.tone
    return Pattern(
        stretch(rough + 0.5 * few), stretch(tone), _blotches(rng, size, 0.3), 3.0
    )


def sand(rng: np.random.Generator, size: int) -> Pattern:
    """Fine grain with wind ripples and foot-worn dents."""
    v, _ = _grid(size)
    bend = spectral(rng, size, 2.0)
    ripple = np.sin(2 * np.pi * (v * rng.integers(6, 14) + 1.6 * bend))
    grain = spectral(rng, size, 0.3)
    height = stretch(0.35 * ripple * rng.random() + bend + 0.25 * grain)
    tone = stretch(0.5 * height + 0.5 * spectral(rng, size, 1.2) + 0.4 * grain)
    return Pattern(height, tone, _blotches(rng, size, 0.15), 3.0)


def gravel(rng: np.random.Generator, size: int) -> Pattern:
    """Loose stones that touch."""
    big = cells(rng, size, int(rng.integers(28, 60)), warp=0.6)
    height = step(big.edge, 0.0, 0.45) * (0.6 + 0.4 * big.tone)
    tone = stretch(0.6 * big.tone + 0.4 * spectral(rng, size, 0.6)) * (
        0.35 + 0.65 * step(big.edge, 0.0, 0.15)
    )
    return Pattern(height, tone, _blotches(rng, size, 0.2), 2.0)


def turf(rng: np.random.Generator, size: int) -> Pattern:
    """Short grass seen from above: strokes in many directions, bare patches."""
    strokes = np.zeros((size, size), np.float32)
    for along in ((1, 5), (5, 1), (2, 6), (6, 2)):
        layer = spectral(rng, size, 0.35, (float(along[0]), float(along[1])), 12)
        strokes = np.maximum(strokes, layer * (0.7 + 0.3 * rng.random()))
    patches = spectral(rng, size, 1.4)
    tone = stretch(0.9 * strokes + 0.6 * patches)
    return Pattern(
        stretch(strokes + 0.4 * patches), tone, _blotches(rng, size, 0.25), 3.0
    )


def crag(rng: np.random.Generator, size: int) -> Pattern:
    """Weathered rock: ridges, layers and cracks."""
    ridges = 1.0 - np.abs(2.0 * spectral(rng, size, 1.4) - 1.0)
    layers = spectral(rng, size, 1.3, (1.0, float(rng.uniform(1.0, 4.0))))
    crack = cells(rng, size, int(rng.integers(4, 9)), warp=1.6)
    fine = spectral(rng, size, 0.7)
    height = stretch(ridges + layers + 0.4 * fine + 0.5 * step(crack.edge, 0.0, 0.08))
    tone = stretch(0.5 * height + 0.5 * layers + 0.35 * fine + 0.15 * crack.tone)
    return Pattern(height, tone, _blotches(rng, size, 0.35), 2.5)


def _masonry(
    rng: np.random.Generator, size: int, rows: int, columns: int, wobble: float
) -> tuple[Field, Field]:
    """Distance to the nearest joint (in row heights) and one tone a brick."""
    v, u = _grid(size)
    if wobble:
        v = v + (spectral(rng, size, 2.2, coarsest=4) - 0.5) * wobble / rows
        u = u + (spectral(rng, size, 2.2, coarsest=4) - 0.5) * wobble / columns
    heights = 1.0 + wobble * 0.6 * (rng.random(rows) - 0.5)
    tops = np.concatenate([[0.0], np.cumsum(heights / heights.sum())])
    v = v % 1.0
    row = np.clip(np.searchsorted(tops, v.ravel(), "right") - 1, 0, rows - 1)
    row = row.reshape(v.shape)
    across = (v - tops[row]) / (tops[row + 1] - tops[row])
    shift = (np.arange(rows) % 2) * 0.5 + wobble * rng.random(rows)
    along = (u * columns + shift[row]) % columns
    column = np.floor(along).astype(np.int64) % columns
    local = along - np.floor(along)
    aspect = rows / columns
    joint = np.minimum(
        np.minimum(across, 1.0 - across), np.minimum(local, 1.0 - local) * aspect
    )
    shade = rng.random((rows, columns)).astype(np.float32)
    return joint.astype(np.float32), shade[row, column]


def brick(rng: np.random.Generator, size: int) -> Pattern:
    """Brickwork with mortar and chipped, uneven bricks."""
    rows = int(rng.choice([14, 16, 20, 24]))
    joint, shade = _masonry(rng, size, rows, rows // 2 - rows // 8, 0.15)
    fine = spectral(rng, size, 0.9)
    body = step(joint + 0.06 * (fine - 0.5), 0.05, 0.16)
    tone = stretch(0.55 * shade + 0.45 * fine)
    return Pattern(0.8 * body + 0.2 * fine, tone, 1.0 - body, rows * 0.085)


def blocks(rng: np.random.Generator, size: int) -> Pattern:
    """A wall of hewn stones of unequal size."""
    rows = int(rng.integers(6, 11))
    joint, shade = _masonry(rng, size, rows, max(3, int(rows * 0.6)), 0.9)
    rock = 0.6 * spectral(rng, size, 1.2) + 0.4 * spectral(rng, size, 0.7)
    body = step(joint + 0.10 * (rock - 0.5), 0.03, 0.22)
    height = body * (0.55 + 0.25 * shade) + 0.35 * rock
    tone = stretch(0.4 * shade + 0.8 * rock) * (0.35 + 0.65 * body)
    return Pattern(stretch(height), tone, (1.0 - body) * 0.8, rows * 0.28)


def cobbles(rng: np.random.Generator, size: int) -> Pattern:
    """Rounded paving stones in mud."""
    stones = cells(rng, size, int(rng.integers(10, 20)), 0.55, 0.25)
    fine = spectral(rng, size, 0.9)
    dome = step(stones.edge, 0.02, 0.5)
    tone = stretch(0.5 * stones.tone + 0.6 * fine) * (0.3 + 0.7 * dome)
    gap = 1.0 - step(stones.edge + 0.1 * (fine - 0.5), 0.04, 0.16)
    return Pattern(0.85 * dome + 0.15 * fine, tone, gap, 2.4)


def slabs(rng: np.random.Generator, size: int) -> Pattern:
    """Large worn flagstones with cracks and stains."""
    rows = int(rng.integers(2, 5))
    joint, shade = _masonry(rng, size, rows, rows, float(rng.uniform(0.0, 0.3)))
    stain = spectral(rng, size, 1.5)
    fine = spectral(rng, size, 0.6)
    crack = cells(rng, size, int(rng.integers(3, 6)), warp=1.5)
    broken = (1.0 - step(crack.edge, 0.0, 0.025)) * _blotches(rng, size, 0.35)
    body = step(joint + 0.02 * (fine - 0.5), 0.008, 0.035) * (1.0 - broken)
    tone = stretch(0.3 * shade + 0.7 * stain + 0.45 * fine) * (0.3 + 0.7 * body)
    return Pattern(0.75 * body + 0.25 * stain, tone, _blotches(rng, size, 0.3), 3.2)


def tiles(rng: np.random.Generator, size: int) -> Pattern:
    """Regular square tiles, sometimes a checkerboard."""
    rows = int(rng.choice([4, 6, 8, 12]))
    v, u = _grid(size)
    row, column = np.floor(v * rows), np.floor(u * rows)
    lv, lu = v * rows - row, u * rows - column
    joint = np.minimum(np.minimum(lv, 1 - lv), np.minimum(lu, 1 - lu))
    shade = rng.random((rows, rows)).astype(np.float32)
    each = shade[row.astype(int), column.astype(int)]
    checker = ((row + column) % 2) * float(rng.choice([0.0, 0.8]))
    dirt = spectral(rng, size, 1.3)
    body = step(joint.astype(np.float32), 0.015, 0.04)
    tone = stretch(checker + 0.25 * each + 0.35 * dirt) * (0.4 + 0.6 * body)
    grout = 1.0 - body
    return Pattern(0.9 * body + 0.1 * dirt, tone.astype(np.float32), grout, rows * 0.3)


def planks(rng: np.random.Generator, size: int) -> Pattern:
    """Weathered boards along u, with grain, gaps, butt joints and nails."""
    boards = int(rng.choice([5, 6, 8, 10]))
    v, u = _grid(size)
    board = np.floor(v * boards).astype(int)
    local = v * boards - board
    gap = np.minimum(local, 1.0 - local)
    start = rng.random(boards).astype(np.float32)
    end = np.abs((u - start[board] + 0.5) % 1.0 - 0.5) * boards
    bend = spectral(rng, size, 2.0, (1.0, 3.0)) * 0.05
    grain = spectral(rng, size, 0.75, (1.0, 22.0))
    rings = np.sin(2 * np.pi * 9 * (local + 8 * bend + rng.random(boards)[board]))
    body = step(np.minimum(gap, end).astype(np.float32), 0.015, 0.07)
    shade = rng.random(boards).astype(np.float32)[board]
    nail = step(
        0.045 - np.hypot(end - 0.12, np.minimum(abs(local - 0.22), abs(local - 0.78))),
        0.0,
        0.015,
    )
    fibre = 0.75 * grain + 0.1 * rings
    tone = stretch(0.35 * shade + fibre + 0.25 * spectral(rng, size, 1.5))
    tone = tone * (0.12 + 0.88 * body) * (1.0 - 0.8 * nail)
    height = body * (0.65 + 0.35 * grain)
    return Pattern(
        height, tone.astype(np.float32), _blotches(rng, size, 0.2), boards * 0.17
    )


def bark(rng: np.random.Generator, size: int) -> Pattern:
    """Furrows along v, for trunks and rough-hewn beams."""
    furrow = spectral(rng, size, 1.0, (7.0, 1.0))
    ridge = 1.0 - np.abs(2.0 * furrow - 1.0)
    fine = spectral(rng, size, 0.6, (4.0, 1.0))
    height = stretch(ridge + 0.4 * fine)
    return Pattern(height, stretch(height + fine), _blotches(rng, size, 0.25), 1.2)


def shingles(rng: np.random.Generator, size: int) -> Pattern:
    """Overlapping roof tiles: each row rises toward its lower edge."""
    rows = int(rng.choice([8, 10, 12, 16]))
    joint, shade = _masonry(rng, size, rows, int(rng.choice([rows, rows // 2])), 0.12)
    v, _ = _grid(size)
    slope = 1.0 - (v * rows) % 1.0
    grain = spectral(rng, size, 0.8, (6.0, 1.0))
    body = step(joint, 0.01, 0.05)
    height = (0.35 + 0.65 * slope * (0.8 + 0.2 * shade)) * body
    tone = stretch(0.5 * shade + 0.5 * grain + 0.2 * slope) * (0.25 + 0.75 * body)
    return Pattern(
        height.astype(np.float32), tone, _blotches(rng, size, 0.3), rows * 0.22
    )


def plaster(rng: np.random.Generator, size: int) -> Pattern:
    """Old render: trowel marks, stains running down, flaked patches."""
    cloud = spectral(rng, size, 1.4)
    runs = spectral(rng, size, 1.1, (10.0, 1.0))
    fine = spectral(rng, size, 0.5)
    flaked = _blotches(rng, size, float(rng.uniform(0.03, 0.2)))
    tone = stretch(0.5 * cloud + 0.45 * runs + 0.2 * fine)
    return Pattern(stretch(0.5 * cloud + 0.2 * fine - 0.5 * flaked), tone, flaked, 2.8)


def concrete(rng: np.random.Generator, size: int) -> Pattern:
    """Cast concrete with pores, form lines and stains."""
    cloud, fine = spectral(rng, size, 1.3), spectral(rng, size, 0.3)
    pores = cells(rng, size, 40)
    hole = (pores.tone > 0.8) * step(0.2 - pores.near, 0.0, 0.1)
    v, _ = _grid(size)
    lines = np.abs((v * int(rng.integers(1, 4))) % 1.0 - 0.5)
    form = 1.0 - step(lines.astype(np.float32), 0.0, 0.006)
    tone = stretch(cloud + 0.4 * fine - 0.3 * hole - 0.3 * form)
    return Pattern(
        stretch(0.4 * cloud + 0.3 * fine - hole - form),
        tone,
        _blotches(rng, size, 0.25),
        3.0,
    )


def rusted(rng: np.random.Generator, size: int) -> Pattern:
    """Painted metal that rusts through and runs."""
    rust = _blotches(rng, size, float(rng.uniform(0.1, 0.5)))
    runs = spectral(rng, size, 1.0, (9.0, 1.0))
    fine = spectral(rng, size, 0.5)
    return Pattern(
        stretch(0.4 * rust * fine + 0.1 * runs),
        stretch(0.6 * runs + 0.4 * fine + 0.3 * rust),
        rust,
        1.6,
    )


def scuffed(rng: np.random.Generator, size: int) -> Pattern:
    """Smooth paint, glaze or plastic with faint scratches and dust."""
    scratch = spectral(rng, size, 0.4, (1.0, 30.0)) * spectral(rng, size, 1.4)
    dust = spectral(rng, size, 1.2)
    return Pattern(
        stretch(dust), stretch(0.6 * dust + 0.4 * scratch), step(scratch, 0.6, 0.9), 1.5
    )


def corrugated(rng: np.random.Generator, size: int) -> Pattern:
    """Wavy sheet metal, rusty along the overlaps."""
    _, u = _grid(size)
    wave = 0.5 + 0.5 * np.sin(2 * np.pi * u * int(rng.integers(12, 20)))
    runs = spectral(rng, size, 1.1, (8.0, 1.0))
    return Pattern(
        wave.astype(np.float32),
        stretch(0.5 * runs + 0.2 * wave),
        _blotches(rng, size, float(rng.uniform(0.1, 0.5))),
        2.0,
    )


def panels(rng: np.random.Generator, size: int) -> Pattern:
    """Machine plating: nested rectangles, grooves and rivets."""
    height = np.full((size, size), 0.5, np.float32)
    tone = np.full((size, size), 0.5, np.float32)
    paint = np.zeros((size, size), np.float32)
    for _ in range(int(rng.integers(30, 60))):
        h, w = (int(size * s) for s in rng.choice([0.06, 0.12, 0.25, 0.4], 2))
        y, x = int(rng.integers(0, size - h)), int(rng.integers(0, size - w))
        area = (slice(y, y + h), slice(x, x + w))
        inner = (slice(y + 3, y + h - 3), slice(x + 3, x + w - 3))
        height[area], tone[area] = 0.1, 0.1
        height[inner] = rng.uniform(0.3, 1.0)
        tone[inner] = rng.uniform(0.25, 0.9)
        paint[inner] = float(rng.random() < 0.15)
    wear = spectral(rng, size, 1.2)
    return Pattern(height, stretch(tone + 0.5 * wear), paint, 2.4)


def cloth(rng: np.random.Generator, size: int) -> Pattern:
    """Woven cloth, plain or striped."""
    v, u = _grid(size)
    weave = np.sin(2 * np.pi * 90 * u) * np.sin(2 * np.pi * 90 * v)
    band = 0.5 + 0.5 * np.sin(2 * np.pi * u * int(rng.choice([2, 4, 8])))
    stripe = step(band.astype(np.float32), 0.45, 0.55) * float(rng.random() < 0.4)
    fold = spectral(rng, size, 2.0)
    tone = stretch(0.15 * weave + 0.5 * spectral(rng, size, 1.0) + 0.4 * fold)
    return Pattern(stretch(fold + 0.05 * weave), tone, stripe, 0.8)


def rug(rng: np.random.Generator, size: int) -> Pattern:
    """A mirrored ornament inside borders; also stands for posters and paintings."""
    blob = spectral(rng, size, 1.4, coarsest=5)
    blob = blob + blob[::-1] + blob[:, ::-1] + blob[::-1, ::-1]
    v, u = _grid(size)
    rim = np.minimum(np.minimum(v, 1 - v), np.minimum(u, 1 - u))
    bands = np.floor(stretch(blob) * 5) / 4
    border = (np.floor(rim * 28) % 3 == 0) & (rim < 0.16)
    wool = spectral(rng, size, 0.3)
    tone = np.clip(np.where(rim < 0.16, 0.35, bands) + 0.25 * (wool - 0.5), 0, 1)
    return Pattern(wool, tone.astype(np.float32), border.astype(np.float32), 1.0)


def marble(rng: np.random.Generator, size: int) -> Pattern:
    """Polished stone with veins."""
    cloud = spectral(rng, size, 1.7)
    vein = 1.0 - np.abs(2.0 * spectral(rng, size, 1.2) - 1.0)
    thin = step(vein.astype(np.float32), 0.88, 1.0)
    return Pattern(
        spectral(rng, size, 1.5), stretch(cloud + 0.2 * vein), thin * 0.7, 1.6
    )


def mud(rng: np.random.Generator, size: int) -> Pattern:
    """Dried, cracked earth."""
    plates = cells(rng, size, int(rng.integers(7, 14)), warp=0.8)
    fine = spectral(rng, size, 0.9)
    body = step(plates.edge + 0.06 * (fine - 0.5), 0.02, 0.12)
    tone = stretch(0.4 * plates.tone + 0.7 * fine) * (0.15 + 0.85 * body)
    return Pattern(0.8 * body + 0.3 * fine, tone, _blotches(rng, size, 0.2), 2.5)


def ripples(rng: np.random.Generator, size: int) -> Pattern:
    """The surface of water."""
    waves = spectral(rng, size, 2.2, (1.0, 2.0), 3) + 0.3 * spectral(
        rng, size, 1.8, coarsest=8
    )
    return Pattern(stretch(waves), spectral(rng, size, 2.0), np.zeros_like(waves), 6.0)


def leafage(rng: np.random.Generator, size: int) -> Pattern:
    """Leaf matter: mottled, with fine veins."""
    mottle = spectral(rng, size, 0.9)
    vein = spectral(rng, size, 0.6, (8.0, 1.0))
    return Pattern(vein, stretch(mottle + 0.4 * vein), _blotches(rng, size, 0.2), 1.0)


MAKERS: dict[str, Maker] = {
    maker.__name__: maker
    for maker in (
        soil, sand, gravel, turf, crag, brick, blocks, cobbles, slabs, tiles,
        planks, bark, shingles, plaster, concrete, rusted, scuffed, corrugated,
        panels, cloth, rug, marble, mud, ripples, leafage,
    )
}  # fmt: skip


@lru_cache(maxsize=160)
def pattern(name: str, variant: int, size: int) -> Pattern:
    """A pattern of the pool, the same in every process."""
    rng = np.random.default_rng([zlib.crc32(name.encode()), variant, size])
    made = MAKERS[name](rng, size)
    return Pattern(
        np.asarray(made.height, np.float32),
        np.asarray(made.tone, np.float32),
        np.asarray(made.mask, np.float32),
        made.metres,
    )
