"""From the claims of a file to its colours, and to the label of its copy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from PIL import Image, ImageCms

from msrnet_cli.images.colour.claims import UNUSABLE_PROFILE, Claim
from msrnet_cli.images.colour.codes import meaning_of
from msrnet_cli.images.colour.hdr import HighRange
from msrnet_cli.images.colour.icc import hdr_codes, space_from_icc
from msrnet_cli.images.colour.lcms import through_lcms
from msrnet_cli.images.colour.spaces import (
    ColourSpace,
)
from msrnet_cli.images.metadata.record import as_srgb
from msrnet_cli.images.pixels import image_of, rows_of
from msrnet_cli.images.rows import to_8_bits

if TYPE_CHECKING:
    from torch import Tensor

    from msrnet_cli.images.metadata.record import Metadata
    from msrnet_cli.images.rows import Rows


@dataclass(frozen=True)
class Meaning:
    """What the colours of a file are.

    Attributes:
        samples: The colours, in `space`.
        space: None for sRGB.
        kept: The space of the output; None for sRGB.
        metadata: As it fits the output.
        notes: What a user must know.
    """

    samples: Rows
    space: ColourSpace | HighRange | None
    kept: ColourSpace | None
    metadata: Metadata
    notes: tuple[str, ...] = ()


def meaning_of_claims(
    samples: Rows, grey: bool, metadata: Metadata, claims: tuple[Claim, ...]
) -> Meaning:
    """Find the colour space: from the first claim that can be used.

    Args:
        samples: The pixels, any alpha.
        grey: Whether the file holds no colour.
        metadata: Of the file.
        claims: The most reliable one comes first.
    """
    notes: tuple[str, ...] = ()
    for place, claim in enumerate(claims):
        notes += claim.notes
        if claim.void:
            continue
        others = claims[:place] + claims[place + 1 :]
        found = _honoured(samples, grey, metadata, claim, others)
        if found is not None:
            return replace(found, notes=notes + found.notes)
        notes += (UNUSABLE_PROFILE,)
    plain = as_srgb(metadata) if notes else metadata
    return Meaning(samples, None, None, plain, notes)


def _honoured(
    samples: Rows,
    grey: bool,
    metadata: Metadata,
    claim: Claim,
    others: tuple[Claim, ...],
) -> Meaning | None:
    """The colours by a claim; None where its profile cannot be used."""
    if claim.narrow:
        samples = _full_range(samples)
    if claim.codes is None and claim.profile is not None:
        return _profiled(samples, grey, metadata, claim.profile, others)
    if claim.space is None:
        own = _agreeing_profile(None, others)
        return Meaning(samples, None, None, _labelled(metadata, own, claim.codes))
    if isinstance(claim.space, HighRange):
        return _tone_mapped(samples, metadata, claim.space)
    if claim.codes is None:
        note = f"converted from {claim.name} to sRGB"
        return Meaning(samples, claim.space, None, as_srgb(metadata), (note,))
    if grey:
        return Meaning(samples, claim.space, None, as_srgb(metadata))
    profile = _agreeing_profile(claim.space, others) or claim.profile
    labelled = _labelled(metadata, profile, claim.codes)
    return Meaning(samples, claim.space, claim.space, labelled)


def _profiled(
    samples: Rows,
    grey: bool,
    metadata: Metadata,
    profile: bytes,
    others: tuple[Claim, ...],
) -> Meaning | None:
    codes = hdr_codes(profile)
    high = meaning_of(*codes) if codes else None
    if high is not None and isinstance(high.space, HighRange):
        return _tone_mapped(samples, metadata, high.space)
    space = _known_space(profile, grey)
    if space is None:
        eight = samples.changed(_colours_in_8_bits, channels=samples.colours, depth=8)
        converted = converted_by(image_of(eight), profile)
        if converted is None:
            return None
        notes = ("colours converted to sRGB, 8 bits",)
        return Meaning(rows_of(converted), None, None, as_srgb(metadata), notes)
    if grey:
        return Meaning(samples, space, None, as_srgb(metadata))
    labelled = _labelled(metadata, profile, _agreeing_codes(space, others))
    if space.is_srgb():
        return Meaning(samples, None, None, labelled)
    return Meaning(samples, space, space, labelled)


def converted_by(image: Image.Image, profile: bytes | None) -> Image.Image | None:
    """To 8-bit sRGB through littleCMS; None where the profile cannot be used."""
    try:
        return through_lcms(image, profile)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _tone_mapped(samples: Rows, metadata: Metadata, space: HighRange) -> Meaning:
    note = f"tone-mapped from {space.name} to sRGB"
    return Meaning(samples, space.fitted(samples), None, as_srgb(metadata), (note,))


def _labelled(
    metadata: Metadata, profile: bytes | None, codes: tuple[int, int] | None
) -> Metadata:
    return replace(metadata, icc=profile, cicp=codes)


def _agreeing_codes(
    space: ColourSpace, claims: tuple[Claim, ...]
) -> tuple[int, int] | None:
    """Code points in the file that are equivalent to its profile."""
    for claim in claims:
        if claim.codes and isinstance(claim.space, ColourSpace):
            return claim.codes if claim.space.agrees_with(space) else None
    return None


def _agreeing_profile(
    space: ColourSpace | None, claims: tuple[Claim, ...]
) -> bytes | None:
    """A profile in the file that is equivalent to the codes; None for sRGB."""
    for claim in claims:
        if claim.profile is None or claim.codes is not None:
            continue
        other = _known_space(claim.profile, False)
        if other and (other.agrees_with(space) if space else other.is_srgb()):
            return claim.profile
    return None


@lru_cache(maxsize=16)
def _known_space(profile: bytes, grey: bool) -> ColourSpace | None:
    """The space of a profile of curves, if it is for such pixels."""
    if profile[16:20] == b"GRAY" and not grey:
        return None
    return space_from_icc(profile)


def _full_range(samples: Rows) -> Rows:
    """Colours between 16 and 235 (of 255) scaled to the full range; not alpha."""
    step = 1 << (samples.depth - 8)
    colours, peak = samples.colours, samples.peak

    def spread(strip: Tensor) -> Tensor:
        wide = (strip[:colours].float() - 16 * step) * (peak / (219 * step))
        full = wide.clamp(0, peak).round().to(strip.dtype)
        return torch.cat((full, strip[colours:]))

    return samples.changed(spread)


def _colours_in_8_bits(strip: Tensor) -> Tensor:
    colours = strip[: 1 if len(strip) < 3 else 3]
    return colours if colours.dtype.itemsize == 1 else to_8_bits(colours)
