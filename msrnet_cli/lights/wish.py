"""The light that is wanted, in numbers: what every way of asking comes down to."""

from __future__ import annotations

from dataclasses import dataclass

from msrnet_cli.lights import DIRECTIONS


@dataclass(frozen=True, kw_only=True)
class Beam:
    """One key light.

    Attributes:
        azimuth: Degrees clockwise from N, 0 to 360.
        kelvin: Apparent temperature; None for the colour of the picture's own key.
        strength: Times that of the picture's own key.
    """

    azimuth: float
    kelvin: float | None = None
    strength: float = 1.0

    def __str__(self) -> str:
        """In words, such as ``W, 3200 K``."""
        place = self.azimuth / 360 * len(DIRECTIONS)
        is_named = place == int(place) and place < len(DIRECTIONS)
        where = DIRECTIONS[int(place)] if is_named else f"{self.azimuth:g} degrees"
        words = where if self.kelvin is None else f"{where}, {self.kelvin:g} K"
        return words if self.strength == 1 else f"{words}, strength {self.strength:g}"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A light to put into a picture, in terms of the light that the picture has.

    Attributes:
        beams: The key lights, which add; None where the picture's own key stays.
        even: Whether the key comes from everywhere; then there are no `beams`.
        kelvin: Temperature of beams without their own; None for the picture's own
            colour.
        key: Factor of the key's strength.
        ambient: Factor of the ambient light.
        fill: Light from everywhere that is added, times the strength of the picture's
            own key.
        softness: Standard deviation of the key around its azimuth, in degrees; None
            for sharp beams, or for that of the picture's own key.
        ratio: Strength of the key over that of the ambient light, before `key` and
            `ambient`; None for that of the picture.
    """

    beams: tuple[Beam, ...] | None = None
    even: bool = False
    kelvin: float | None = None
    key: float = 1.0
    ambient: float = 1.0
    fill: float = 0.0
    softness: float | None = None
    ratio: float | None = None

    def __str__(self) -> str:
        """In words, such as ``from W, 3200 K, key 1.3``."""
        if self.even:
            return self.told("from everywhere")
        if self.beams is None:
            return self.told("as it is")
        return self.told("from " + " and from ".join(map(str, self.beams)))

    def told(self, where: str) -> str:
        """In words, with other words for where the light comes from."""
        changes = {
            "key": (self.key, 1.0),
            "ambient": (self.ambient, 1.0),
            "fill": (self.fill, 0.0),
            "softness": (self.softness, None),
        }
        kelvin = [] if self.kelvin is None else [f"{self.kelvin:g} K"]
        changed = [
            f"{name} {value:g}"
            for name, (value, usual) in changes.items()
            if value is not None and value != usual
        ]
        return ", ".join([where, *kelvin, *changed])
