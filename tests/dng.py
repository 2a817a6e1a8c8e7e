"""Small raw files whose colours are known: a DNG with a Bayer mosaic of four squares.

The camera sees linear sRGB under a light that makes white unequal in its channels. So
what comes out, in linear light, is what was put in.

Sources: DNG 1.7; TIFF/EP (ISO 12234-2); IEC 61966-2-1 for the matrix of sRGB.
"""

import struct

import numpy as np

from containers import directory

BLACK, WHITE = 256, 4095
NEUTRAL = (0.5, 1.0, 0.6)  # what the camera sees of white
XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
PATTERN = ((0, 1), (1, 2))  # red, green; green, blue
D65 = 21


def numbers(order, code, *values):
    return struct.pack(f"{order}{len(values)}{code}", *values)


def ratios(order, *values, signed=True):
    pairs = [part for value in values for part in (round(value * 10000), 10000)]
    return numbers(order, "i" if signed else "I", *pairs)


def mosaic(light):
    """Sensor values of linear sRGB, H W 3."""
    seen = light * np.array(NEUTRAL)
    single = np.empty(light.shape[:2])
    for y, row in enumerate(PATTERN):
        for x, colour in enumerate(row):
            single[y::2, x::2] = seen[y::2, x::2, colour]
    return np.round(BLACK + single * (WHITE - BLACK)).astype(np.uint16)


def dng(light, order="<", orientation=1, balance=True, more=()):
    """A DNG of linear sRGB, H W 3 in [0, 1]; `more` are further tags."""
    height, width = light.shape[:2]
    sensor = mosaic(light).astype(order + "u2").tobytes()
    matrix = np.diag(NEUTRAL) @ np.linalg.inv(np.array(XYZ))
    short, long = (lambda *v: numbers(order, "H", *v)), lambda v: numbers(order, "I", v)
    neutral = ratios(order, *NEUTRAL, signed=False)
    tags = [
        (254, 4, long(0)),
        (256, 4, long(width)),
        (257, 4, long(height)),
        (258, 3, short(16)),
        (259, 3, short(1)),
        (262, 3, short(32803)),
        (271, 2, b"Maker\0"),
        (272, 2, b"Model\0"),
        (273, 4, long(8)),
        (274, 3, short(orientation)),
        (277, 3, short(1)),
        (278, 4, long(height)),
        (279, 4, long(len(sensor))),
        (33421, 3, short(2, 2)),
        (33422, 1, bytes(sum(PATTERN, ()))),
        (50706, 1, b"\1\4\0\0"),
        (50708, 2, b"Maker Model\0"),
        (50714, 3, short(BLACK)),
        (50717, 3, short(WHITE)),
        (50721, 10, ratios(order, *matrix.ravel())),
        *([(50728, 5, neutral)] if balance else []),
        (50778, 3, short(D65)),
        *more,
    ]
    at = 8 + len(sensor)
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, at)
    return head + sensor + directory(order, at, sorted(tags))


def squares(*colours, size=32):
    """Squares of linear colours beside each other, H W 3."""
    return np.concatenate([np.full((size, size, 3), one) for one in colours], 1)


def linear(rgb):
    """sRGB in [0, 1] to linear light (IEC 61966-2-1)."""
    rgb = np.asarray(rgb, np.float64)
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
