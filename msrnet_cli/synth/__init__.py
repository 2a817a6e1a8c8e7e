"""VIDIT-style training pairs, rendered: `render_set` is the way in.

Importing this package loads neither numpy nor the renderer.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msrnet_cli.synth.engine import require_renderer
from msrnet_cli.synth.options import SynthOptions, check
from msrnet_cli.synth.records import SceneDone, SetStarted, SynthSummary

__all__ = ["SceneDone", "SetStarted", "SynthSummary", "render_set"]


def render_set(
    out: Path,
    options: SynthOptions,
    report: Callable[[SetStarted | SceneDone], None],
) -> SynthSummary:
    """Render a set into a folder; go on where an earlier run stopped.

    Args:
        out: The folder; made where it is missing.
        options: What to render.
        report: Told once before the first scene, then after each.

    Raises:
        UsageError: The options cannot be carried out, the folder holds another set or
            another run renders it, or Mitsuba is not installed.
    """
    check(options)
    require_renderer()
    from msrnet_cli.synth.dataset import render_set as render

    return render(out, options, report)
