"""The scores of one picture against its target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msrnet_cli import metrics, perceptual
from msrnet_cli.errors import DataError, WeightsError
from msrnet_cli.evaluate.results import ImageScores

if TYPE_CHECKING:
    from torch import Tensor

    from msrnet_cli.perceptual import LPIPS

_SSIM_SIDE, _LPIPS_SIDE = 11, 64  # the larger window; AlexNet's smallest picture


class Judge:
    """Scores pictures as they would be saved, in 8 bits.

    Args:
        lpips: None leaves LPIPS and MPS out.
        notes: Why LPIPS is left out.
    """

    def __init__(self, lpips: LPIPS | None, notes: tuple[str, ...] = ()) -> None:
        self.notes = notes
        self._lpips = lpips
        self._smallest = _LPIPS_SIDE if lpips else _SSIM_SIDE

    @classmethod
    def load(cls, alexnet: str) -> Judge:
        """Load AlexNet for LPIPS.

        Args:
            alexnet: File of its weights; "" looks into torch's cache, and leaves LPIPS
                out if they are not there.

        Raises:
            WeightsError: The file is missing or malformed.
        """
        try:
            return cls(perceptual.load_lpips(alexnet))
        except WeightsError as error:
            if alexnet:
                raise
            return cls(None, (f"without LPIPS and MPS: {error}",))

    def score(
        self, name: str, output: Tensor, target: Tensor, seconds: float | None = None
    ) -> ImageScores:
        """Score a picture.

        Args:
            name: Of the scene.
            output: 3 H W; values outside [0, 1] are cut.
            target: 3 H W in [0, 1].
            seconds: Time to relight it; None if it was not relit.

        Raises:
            DataError: The picture is smaller than a score's window.
        """
        height, width = target.shape[-2:]
        if min(height, width) < self._smallest:
            raise DataError(
                f"{name}: {width}x{height} is too small to score",
                f"give pictures of at least {self._smallest}x{self._smallest}",
            )
        saved = (output.clamp(0, 1) * 255).round() / 255
        ssim = metrics.ssim(saved, target)
        distance = None
        if self._lpips:
            distance = self._lpips(saved[None], target[None]).item()
        return ImageScores(
            name=name,
            psnr=min(metrics.psnr(saved, target), metrics.ROUNDING_DB),
            ssim=ssim,
            ssim_gaussian=metrics.ssim_gaussian(saved, target),
            detail=metrics.detail(saved, target),
            lpips=distance,
            mps=None if distance is None else metrics.mps(ssim, distance),
            seconds=seconds,
        )
