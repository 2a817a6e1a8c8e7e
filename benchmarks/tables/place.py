"""Where runs lie, and where they are scored and timed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli import hardware
from msrnet_cli.bench import machine

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Place:
    """Where runs lie, and where they are scored and timed.

    Attributes:
        out: The folder of all runs.
        device: As `msrnet` takes it.
        alexnet: AlexNet's weights; "" looks into torch's cache.
        time_size: Side of the picture that is timed, in pixels.
    """

    out: Path
    device: str = "auto"
    alexnet: str = ""
    time_size: int = 1024

    @property
    def machine(self) -> str:
        """The device with its name.

        Raises:
            DeviceError: The device does not exist.
        """
        device = hardware.choose_device(self.device)
        told = hardware.describe(device)
        if device.type != "cpu":
            return told
        return f"{told}, {machine.environment(device).processor}"
