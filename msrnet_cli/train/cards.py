"""What the weights of a run say about themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msrnet_cli.config import SMALLEST_WORK_SIZE, WeightsCard
from msrnet_cli.errors import WeightsError
from msrnet_cli.networks import architecture
from msrnet_cli.train import losses
from msrnet_cli.train.runs import stage_result
from msrnet_cli.weights.file import load_weights

if TYPE_CHECKING:
    from msrnet_cli.train.material import About
    from msrnet_cli.train.options import TrainOptions
    from msrnet_cli.train.position import Position


def make_card(options: TrainOptions, about: About, position: Position) -> WeightsCard:
    """What weights of this run say about themselves.

    Args:
        options: Of the run.
        about: What it learns from.
        position: Its size is where the network should see pictures: other scales are
            strange to it. Before the first step, that of the first phase is.
    """
    stage = position.stage or options.schedule.stages[0]
    size = position.size or options.schedule.sizes[0].side
    # Without held-out pairs, some training pairs are scored.
    score = "validation_psnr" if options.data.val else "training_psnr"
    data = Path(options.data.data).resolve().name
    return WeightsCard(
        model=options.network.model,
        from_light=about.lights[0],
        to_light=about.lights[1],
        second_light=about.second_light,
        work_size=max(size, SMALLEST_WORK_SIZE),
        training_data=f"{data}, {about.count} {about.kind}s",
        scores={score: round(position.psnr, 3)} if position.psnr else {},
        notes="; ".join(_notes(options, stage)),
    )


def _notes(options: TrainOptions, stage: str) -> list[str]:
    layers = architecture(options.network.model.arch).paints_layers
    usual = f"stage {stage} of MSR-Net's training"
    notes = ["the light stage's training" if layers else usual]
    notes.append(f"start: {_start(options, stage)}")
    if options.loss.loss:
        notes.append(f"loss {options.loss.loss}")
    if options.optimizer.optimizer != "adam":
        notes.append(f"optimizer {options.optimizer.optimizer}")
    loss = losses.by_stage(options.loss, (stage,), layers=layers)[stage]
    if loss == "combined" and not options.loss.perceptual:
        notes.append("without the perceptual term")
    return notes


def _start(options: TrainOptions, stage: str) -> str:
    init = options.network.init
    if stage == "2" and (options.schedule.stage == "all" or init == "small"):
        return "the result of stage 1"
    return init if init in ("small", "identity") else Path(init).name


def compared_stages(run: Path) -> dict[str, float]:
    """PSNR at the end of each stage, where both were tried on the same pictures.

    Returns:
        By stage, in dB; empty where one is missing or they cannot be compared.
    """
    paths = {stage: stage_result(run, stage) for stage in ("1", "2")}
    if not all(path.exists() for path in paths.values()):  # as most often
        return {}
    try:
        cards = {stage: load_weights(path).card for stage, path in paths.items()}
    except WeightsError:
        return {}
    one, two = cards.values()
    if one.work_size != two.work_size or one.training_data != two.training_data:
        return {}
    shared = [name for name in one.scores if name in two.scores]
    return {k: card.scores[shared[0]] for k, card in cards.items()} if shared else {}
