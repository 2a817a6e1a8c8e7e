"""What is drawn at random for one example: scene, part, light, sky, camera.

A draw is a pure function of seed and number, so the order and the number of workers do
not matter, and a run can go on from a number alone.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from msrnet_cli.errors import DataError
from msrnet_cli.lights import DIRECTIONS, KELVINS, NEUTRAL_KELVIN, weights_of_eight

if TYPE_CHECKING:
    from collections.abc import Sequence

    Range = tuple[float, float]
    Three = tuple[float, float, float]

Kind = Literal["task", "night", "day", "overcast", "even"]
KINDS: tuple[Kind, ...] = ("task", "night", "day", "overcast", "even")
"""The paper's task (lit from N, 6500 K); any other of VIDIT's nights; a photograph by
day; one without a key light; a surface of even colour."""

_KELVIN_STEP = 50  # invisible, and there are few gains to compute


@dataclass(frozen=True)
class View:
    """The part of a scene that is seen; the default is all of it.

    Attributes:
        share: Of its shorter side.
        down: Place of the part: 0 at the top, 1 at the bottom.
        across: 0 at the left, 1 at the right, before mirroring.
    """

    share: float = 1.0
    down: float = 0.5
    across: float = 0.5


@dataclass(frozen=True)
class Key:
    """The light that has a direction.

    Attributes:
        azimuth: Degrees clockwise from N, as seen in the picture.
        spread: Standard deviation in degrees; 0 is sharp.
        kelvin: Apparent temperature.
        strength: 1 is that of the scene's layers; 0 for none.
    """

    azimuth: float = 0.0
    spread: float = 0.0
    kelvin: float = NEUTRAL_KELVIN
    strength: float = 1.0

    def turned(self, degrees: float) -> Key:
        """The same light, turned clockwise as seen from above."""
        return replace(self, azimuth=(self.azimuth + degrees) % 360)

    @property
    def weights(self) -> tuple[float, ...]:
        """Shares of the eight directions; they add up to the strength."""
        eight = weights_of_eight(self.azimuth, self.spread)
        return tuple(self.strength * weight for weight in eight)


@dataclass(frozen=True)
class Ambient:
    """Light from everywhere, by day.

    Attributes:
        ratio: Its mean luminance in the picture over that of the eight lights.
        kelvin: Apparent temperature.
        hemisphere: Share of an open sky, without occlusion; the rest is the mean of the
            eight lights.
    """

    ratio: float = 0.4
    kelvin: float = NEUTRAL_KELVIN
    hemisphere: float = 0.5


@dataclass(frozen=True)
class Sky:
    """The sky, where a scene has no surface.

    Attributes:
        kelvin: Colour at the top of the picture.
        depth: Power of that colour: 1 is a blackbody's, at 2 the sky is deep blue.
        horizon: Colour at the bottom, and of clouds, kelvin.
        level: Luminance at the top over the mean luminance of the surfaces.
        ramp: Luminance at the bottom over that at the top.
        clouds: Share of the sky that clouds cover, 0 to 1.
        cloud: Luminance of clouds over that of the sky at the top.
        cell: Size of clouds over the side of the picture.
        seed: Of the shape of clouds.
    """

    kelvin: float
    depth: float
    horizon: float
    level: float
    ramp: float
    clouds: float
    cloud: float
    cell: float
    seed: int


@dataclass(frozen=True)
class Surface:
    """An even picture.

    Attributes:
        colour: In the middle, sRGB.
        across: Added toward the right edge, and subtracted toward the left.
        down: Added toward the bottom, and subtracted toward the top.
    """

    colour: Three
    across: Three = (0.0, 0.0, 0.0)
    down: Three = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Exposure:
    """How the camera is set; the default leaves a rendered scene as it is.

    Attributes:
        brightness: Linear luminance of the exposed picture; None for the brightness of
            the scene.
        stops: Brighter by so many powers of two.
        balance: White balance: 0 keeps the colour of the light, 1 removes it.
        tint: Stops of red, green and blue that the camera adds.
        shoulder: Where its curve leaves sRGB; None for the film curve.
    """

    brightness: float | None = None
    stops: float = 0.0
    balance: float = 0.0
    tint: Three = (0.0, 0.0, 0.0)
    shoulder: float | None = None


@dataclass(frozen=True)
class Draw:
    """Everything that determines an example; its `dataclasses.asdict` is JSON.

    Attributes:
        scene: Index in the store.
        kind: One of `KINDS`.
        mirror: East for west; all other fields are about the mirrored scene.
        view: The visible part of it.
        key: The light with a direction.
        ambient: Light from everywhere; None for the scene's own.
        sky: None for black.
        exposure: The camera.
        surface: In place of a scene, for even pictures.
    """

    scene: int = 0
    kind: Kind = "night"
    mirror: bool = False
    view: View = field(default_factory=View)
    key: Key = field(default_factory=Key)
    ambient: Ambient | None = None
    sky: Sky | None = None
    exposure: Exposure = field(default_factory=Exposure)
    surface: Surface | None = None


@dataclass(frozen=True)
class Distributions:
    """What is drawn from. A pair holds the ends of a uniform distribution.

    Attributes:
        task: Share of the paper's task: N, 6500 K.
        night: Share of other nights of VIDIT's kind.
        overcast: Share of photographs without a key light.
        even: Share of even surfaces. The rest are photographs by day.
        mirror: Share that is mirrored.
        zoom: Largest share of the shorter side that is cut away; mostly less.
        night_stops: Exposure at night, plus or minus.
        night_tint: The camera's tint at night in stops, plus or minus.
        sharp: Share of keys by day that are not spread.
        aligned: Share of the sharp ones that come from one of the eight directions, so
            that shadows are single.
        spread: Degrees of the others, uniform in logarithm.
        suns: Usual temperatures of a key by day, kelvin.
        usual: Share of keys by day with a usual temperature.
        key_kelvin: Temperatures of the other keys.
        ratio: Mean and deviation of the logarithm of ambient over key.
        blue: Share of ambient light with a colour of its own, not that of the key.
        ambient_kelvin: The ambient light's own colour.
        hemisphere: Share of open sky in ambient light.
        sky: Share of photographs that have a sky.
        zenith: Temperature of the sky's top over that of the ambient light.
        sky_depth: Power of the colour of the sky's top.
        sky_level: Luminance of the sky over that of the surfaces, uniform in logarithm.
        sky_ramp: Luminance at the horizon over that at the top.
        cloudless: Share of skies without clouds.
        cloud: Luminance of clouds over the sky at the top, uniform in logarithm.
        cell: Size of clouds over the side of the picture.
        brightness: Mean luminance that a photograph is exposed for.
        balance: Share of the light's colour that white balance removes.
        tint: The camera's tint by day in stops, plus or minus.
        film: Share of photographs with the film curve.
        shoulder: Where the curve of the other photographs leaves sRGB.
        gradient: Change of even surfaces from the middle to a side, plus or minus.
        graded: Share of even surfaces that change across; also, that change down.
    """

    task: float = 0.17
    night: float = 0.30
    overcast: float = 0.06
    even: float = 0.03
    mirror: float = 0.5
    zoom: float = 0.5
    night_stops: float = 0.3
    night_tint: float = 0.1
    sharp: float = 0.4
    aligned: float = 0.5
    spread: Range = (10.0, 67.5)
    suns: tuple[float, ...] = (5200.0, 5500.0, 6000.0, 6500.0)
    usual: float = 0.8
    key_kelvin: Range = (2300.0, 6500.0)
    ratio: Range = (-0.9, 0.9)
    blue: float = 0.6
    ambient_kelvin: Range = (6000.0, 11000.0)
    hemisphere: Range = (0.2, 1.0)
    sky: float = 0.75
    zenith: Range = (1.0, 2.5)
    sky_depth: Range = (1.0, 2.5)
    sky_level: Range = (0.6, 4.0)
    sky_ramp: Range = (0.8, 2.0)
    cloudless: float = 0.4
    cloud: Range = (0.6, 3.0)
    cell: Range = (0.06, 0.5)
    brightness: Range = (0.10, 0.28)
    balance: Range = (0.3, 1.0)
    tint: float = 0.06
    film: float = 0.4
    shoulder: Range = (0.5, 0.95)
    gradient: float = 0.15
    graded: float = 0.7


DEFAULTS = Distributions()


def draw(
    seed: int, number: int, scenes: int, distributions: Distributions = DEFAULTS
) -> Draw:
    """What one example shows: a function of these arguments alone.

    Args:
        seed: Of the run.
        number: Counted from the start of the run, through all passes.
        scenes: Number of scenes; every pass shows each once, in an order of its own.
        distributions: What is drawn from.

    Raises:
        DataError: There are no scenes.
    """
    if scenes < 1:
        raise DataError("there is no scene to draw from")
    turn, place = divmod(number, scenes)
    chance = random.Random(f"{seed}/{number}")
    d = distributions
    start = Draw(
        scene=_order(scenes, f"{seed}/{turn}")[place],
        kind=_kind(chance, d),
        mirror=chance.random() < d.mirror,
        view=View(1 - d.zoom * chance.random() ** 2, chance.random(), chance.random()),
    )
    if start.kind in ("task", "night"):
        return _by_night(start, chance, d)
    vary = _even if start.kind == "even" else _by_day
    return vary(start, chance, d)


@lru_cache(8)
def _order(count: int, seed: str) -> Sequence[int]:
    order = list(range(count))
    random.Random(seed).shuffle(order)
    return tuple(order)


def _kind(chance: random.Random, d: Distributions) -> Kind:
    shares = {"task": d.task, "night": d.night, "overcast": d.overcast, "even": d.even}
    at = chance.random()
    kinds: tuple[Kind, ...] = ("task", "night", "overcast", "even")
    for kind in kinds:
        at -= shares[kind]
        if at < 0:
            return kind
    return "day"


def _by_night(start: Draw, chance: random.Random, d: Distributions) -> Draw:
    key = Key()
    if start.kind == "night":
        place = chance.randrange(len(DIRECTIONS))
        key = Key(place * 360 / len(DIRECTIONS), kelvin=float(chance.choice(KELVINS)))
    stops = chance.uniform(-d.night_stops, d.night_stops)
    tint = _three(chance, -d.night_tint, d.night_tint)
    return replace(start, key=key, exposure=Exposure(stops=stops, tint=tint))


def _by_day(start: Draw, chance: random.Random, d: Distributions) -> Draw:
    key = _key(chance, d)
    ambient = _ambient(chance, d, key)
    sky = _sky(chance, d, key, ambient) if chance.random() < d.sky else None
    exposure = Exposure(
        brightness=chance.uniform(*d.brightness),
        balance=chance.uniform(*d.balance),
        tint=_three(chance, -d.tint, d.tint),
        shoulder=None if chance.random() < d.film else chance.uniform(*d.shoulder),
    )
    if start.kind == "overcast":
        key, ambient = replace(key, strength=0.0), replace(ambient, ratio=1.0)
    return replace(start, key=key, ambient=ambient, sky=sky, exposure=exposure)


def _key(chance: random.Random, d: Distributions) -> Key:
    azimuth, spread = chance.uniform(0, 360), 0.0
    if chance.random() >= d.sharp:
        spread = _log_uniform(chance, d.spread)
    elif chance.random() < d.aligned:
        azimuth = chance.randrange(len(DIRECTIONS)) * 360 / len(DIRECTIONS)
    usual = chance.random() < d.usual
    kelvin = chance.choice(d.suns) if usual else chance.uniform(*d.key_kelvin)
    return Key(azimuth, spread, _rounded(kelvin))


def _ambient(chance: random.Random, d: Distributions, key: Key) -> Ambient:
    blue = chance.random() < d.blue
    kelvin = _rounded(chance.uniform(*d.ambient_kelvin)) if blue else key.kelvin
    ratio = chance.lognormvariate(*d.ratio)
    return Ambient(ratio, kelvin, chance.uniform(*d.hemisphere))


def _sky(chance: random.Random, d: Distributions, key: Key, ambient: Ambient) -> Sky:
    # Warm lamps do not colour the sky behind them.
    zenith = max(5000.0, ambient.kelvin) * chance.uniform(*d.zenith)
    horizon = key.kelvin * (zenith / key.kelvin) ** chance.random()
    return Sky(
        kelvin=_rounded(zenith),
        depth=chance.uniform(*d.sky_depth),
        horizon=_rounded(horizon),
        level=_log_uniform(chance, d.sky_level),
        ramp=chance.uniform(*d.sky_ramp),
        clouds=0.0 if chance.random() < d.cloudless else chance.random(),
        cloud=_log_uniform(chance, d.cloud),
        cell=chance.uniform(*d.cell),
        seed=chance.getrandbits(32),
    )


def _even(start: Draw, chance: random.Random, d: Distributions) -> Draw:
    across, down = (
        _three(chance, -d.gradient, d.gradient)
        if chance.random() < d.graded
        else (0.0, 0.0, 0.0)
        for _ in range(2)
    )
    # Nowhere black or white: a clipped gradient would have an edge.
    room = [1.02 * (abs(a) + abs(b)) for a, b in zip(across, down, strict=True)]
    red, green, blue = (chance.uniform(r, 1 - r) for r in room)
    ambient = Ambient(chance.lognormvariate(*d.ratio))
    return replace(
        start,
        ambient=ambient,
        exposure=Exposure(shoulder=1.0),
        surface=Surface((red, green, blue), across, down),
    )


def _three(chance: random.Random, low: float, high: float) -> Three:
    return (
        chance.uniform(low, high),
        chance.uniform(low, high),
        chance.uniform(low, high),
    )


def _log_uniform(chance: random.Random, ends: Range) -> float:
    low, high = ends
    return low * (high / low) ** chance.random()


def _rounded(kelvin: float) -> float:
    return float(_KELVIN_STEP * round(kelvin / _KELVIN_STEP))
