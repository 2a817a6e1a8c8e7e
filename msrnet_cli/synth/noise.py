"""Tileable noise for textures, terrain and stone.

Knows nothing of materials or scenes; every field repeats without a seam.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating]


def stretch(field: Field) -> Field:
    """A field scaled to [0, 1] by its 0.5 and 99.5 per cent quantiles."""
    low, high = np.percentile(field[::4, ::4], (0.5, 99.5))
    span = max(float(high - low), 1e-6)
    return np.asarray(np.clip((field - low) / span, 0.0, 1.0), np.float32)


def spectral(
    rng: np.random.Generator,
    size: int,
    beta: float,
    along: tuple[float, float] = (1.0, 1.0),
    coarsest: float = 1.0,
) -> Field:
    """Noise whose amplitude falls as frequency to the power of -beta.

    Args:
        rng: Source of randomness.
        size: Side in pixels.
        beta: 0 is white noise, 1 rough ground, 2 clouds.
        along: Stretch in v and u; (1, 8) draws grain along u.
        coarsest: Waves longer than size / coarsest are left out.

    Returns:
        Values in [0, 1], shape (size, size), seamless.
    """
    spectrum = np.fft.rfft2(rng.standard_normal((size, size), dtype=np.float32))
    fv = np.fft.fftfreq(size)[:, None] * size * along[0]
    fu = np.fft.rfftfreq(size)[None, :] * size * along[1]
    frequency = np.hypot(fv, fu)
    gain = np.where(
        frequency >= coarsest, np.maximum(frequency, 0.5) ** -beta, 0.0
    ).astype(np.float32)
    return stretch(np.fft.irfft2(spectrum * gain, (size, size)).astype(np.float32))


@dataclass(frozen=True)
class Cells:
    """A jittered grid of points, and the place of each pixel in it.

    Attributes:
        near: Distance to the nearest point in cell widths, (size, size).
        edge: Distance to the second nearest point minus that to the nearest.
        tone: One random value in [0, 1] for each cell.
    """

    near: Field
    edge: Field
    tone: Field


def cells(
    rng: np.random.Generator,
    size: int,
    count: int,
    jitter: float = 0.9,
    warp: float = 0.0,
) -> Cells:
    """Cellular noise with count x count cells; warp bends the cell borders."""
    offset = (rng.random((count, count, 2), dtype=np.float32) - 0.5) * jitter + 0.5
    shade = rng.random((count, count), dtype=np.float32)
    line = (np.arange(size, dtype=np.float32) + 0.5) * (count / size)
    v, u = np.meshgrid(line, line, indexing="ij")
    if warp:
        v = v + (spectral(rng, size, 2.1, coarsest=3) - 0.5) * warp
        u = u + (spectral(rng, size, 2.1, coarsest=3) - 0.5) * warp
    iv, iu = np.floor(v).astype(np.int32), np.floor(u).astype(np.int32)
    first = np.full((size, size), 9.0, np.float32)
    second = first.copy()
    tone = np.zeros_like(first)
    for dv in (-1, 0, 1):
        for du in (-1, 0, 1):
            cv, cu = iv + dv, iu + du
            point = offset[cv % count, cu % count]
            distance = np.hypot(cv + point[..., 0] - v, cu + point[..., 1] - u)
            closer = distance < first
            second = np.where(closer, first, np.minimum(second, distance))
            first = np.where(closer, distance, first)
            tone = np.where(closer, shade[cv % count, cu % count], tone)
    return Cells(first, second - first, tone)


def step(field: Field, low: float, high: float) -> Field:
    """A smooth rise from 0 at low to 1 at high."""
    t = np.clip((field - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


@dataclass(frozen=True)
class Relief:
    """A noise field read as heights over the plane, repeating every span metres."""

    field: Field
    span: float

    def at(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> Field:
        """Heights in [0, 1] at points in metres, bilinear."""
        size = self.field.shape[0]
        u, v = np.asarray(x) / self.span * size, np.asarray(y) / self.span * size
        iu, iv = np.floor(u).astype(np.int64), np.floor(v).astype(np.int64)
        fu, fv = u - iu, v - iv
        a = self.field[iv % size, iu % size]
        b = self.field[iv % size, (iu + 1) % size]
        c = self.field[(iv + 1) % size, iu % size]
        d = self.field[(iv + 1) % size, (iu + 1) % size]
        top, bottom = a + (b - a) * fu, c + (d - c) * fu
        return np.asarray(top + (bottom - top) * fv, np.float32)
