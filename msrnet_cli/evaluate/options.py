"""What is scored. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass

from msrnet_cli.config import Dtype, Engine, WorkSize


@dataclass(frozen=True)
class EvalOptions:
    """How `msrnet eval` scores.

    Attributes:
        data: Pairs: a folder or a .zip; "" where two folders are compared, or scenes
            are relit.
        layers: Scenes in layers of linear light: a folder; "" where there are none.
        weights: Weights to score, each a name, file or hub address.
        fit_data: Pairs on which the affine colour map is fitted; "" leaves it out.
        fit: Scenes on which the affine colour maps are fitted; "" leaves them out.
        from_light: Light of the inputs where files are named as VIDIT's are.
        to_light: Light of the targets.
        limit: Score at most this many pairs or scenes, evenly spread; 0 for all.
        alexnet: AlexNet's weights for LPIPS; "" looks into torch's cache.
        device: As for `msrnet relight`.
        dtype: As for `msrnet relight`.
        engine: As for `msrnet relight`.
        work_sizes: Score the weights at each of these; empty: as they are shipped.
        enlarged: Also score the network's own pixels at the working size, enlarged.
        offline: Never use the network.
    """

    data: str = ""
    layers: str = ""
    weights: tuple[str, ...] = ()
    fit_data: str = ""
    fit: str = ""
    from_light: str = "6500_N"
    to_light: str = "4500_E"
    limit: int = 0
    alexnet: str = ""
    device: str = "auto"
    dtype: Dtype = "auto"
    engine: Engine = "auto"
    work_sizes: tuple[WorkSize, ...] = ()
    enlarged: bool = False
    offline: bool = False
