"""Which part of a split job this process is, as the system that started it tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrnet_cli.errors import UsageError
from msrnet_cli.folder.shards import Shard, count_of, named, read_shard

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SAY = "write which part this is: --shard 1/8"
_ARRAY = "SLURM_ARRAY_TASK_ID"
_TASK, _TASKS, _STEP = "SLURM_PROCID", "SLURM_NTASKS", "SLURM_STEP_ID"


@dataclass(frozen=True)
class _Kind:
    """Variables that tell a place among others, counted from 0.

    Attributes:
        index: Holds the place.
        count: Holds how many there are.
        remedy: What to do where the count is missing.
    """

    index: str
    count: str
    remedy: str = _SAY


_KINDS = (
    _Kind("AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE"),
    _Kind("BATCH_TASK_INDEX", "BATCH_TASK_COUNT"),
    _Kind("RANK", "WORLD_SIZE"),
)
# Kubernetes tells a pod which one it is, but not of how many.
_POD = "JOB_COMPLETION_INDEX"


def asked(text: str | None, environment: Mapping[str, str]) -> Shard | None:
    """The shard that a user asks for; None for the whole job.

    Args:
        text: ``3/8``, ``auto``, or ``auto/8`` where only the place is told.
        environment: Variables of this process.

    Raises:
        UsageError: It names none; or nothing tells which, or two contradict.
    """
    if text is None:
        return None
    try:
        read_shard(text)
        if not text.startswith("auto"):
            return named(text)
    except ValueError as error:
        raise UsageError(f"--shard {text}", f"give {error}") from None
    wanted = count_of(text)
    told = list(_told(environment, wanted))
    # A job of one task, such as a batch script, splits nothing.
    parts = [shard for shard in told if shard.count > 1] or told[:1]
    if not parts:
        raise _none_told(environment)
    first = parts[0]
    for other in parts[1:]:
        if (other.index, other.count) != (first.index, first.count):
            raise UsageError(
                f"--shard {text}: {first.source} means {first}, {other.source} {other}",
                _SAY,
            )
    if wanted not in (None, first.count):
        raise UsageError(
            f"--shard {text}: {first.source} is one of {first.count}",
            "write --shard auto, or start as many tasks",
        )
    return first


def _none_told(environment: Mapping[str, str]) -> UsageError:
    if environment.get(_POD, ""):
        return UsageError(
            f"--shard auto: {_POD} does not say of how many, as Kubernetes never does",
            "write the number of completions: --shard auto/8",
        )
    if _is_batch_script(environment):
        tasks = environment[_TASKS]
        return UsageError(
            f"--shard auto: this is the batch script of {tasks} tasks, not one of them",
            "start it with srun",
        )
    reason = "--shard auto: no job array, srun, indexed job or torchrun started this"
    return UsageError(reason, _SAY)


def _told(environment: Mapping[str, str], wanted: int | None) -> Iterator[Shard]:
    """The shards that variables tell."""
    if environment.get(_ARRAY, ""):
        yield _of_array(environment)
    is_task = environment.get(_TASK, "") and environment.get(_TASKS, "")
    if is_task and not _is_batch_script(environment):
        yield _of(environment, _Kind(_TASK, _TASKS))
    for kind in _KINDS:
        if environment.get(kind.index, ""):
            yield _of(environment, kind)
    if environment.get(_POD, "") and wanted is not None:
        yield _placed(_POD, _number(environment, _POD), wanted)


def _is_batch_script(environment: Mapping[str, str]) -> bool:
    """Whether Slurm runs this once for all tasks: it calls that place 0, too."""
    alone = ("", "1")
    return (
        _STEP not in environment
        and environment.get(_TASK) == "0"
        and environment.get(_TASKS, "") not in alone
    )


def _of(environment: Mapping[str, str], kind: _Kind) -> Shard:
    if not environment.get(kind.count, ""):
        raise UsageError(
            f"--shard auto: {kind.index} is set, but {kind.count} is not", kind.remedy
        )
    place, count = (_number(environment, name) for name in (kind.index, kind.count))
    return _placed(kind.index, place, count)


def _placed(name: str, place: int, count: int) -> Shard:
    if not 0 <= place < count:
        raise UsageError(f"--shard auto: {name} is {place}, but of {count}", _SAY)
    return Shard(place + 1, count, name)


def _of_array(environment: Mapping[str, str]) -> Shard:
    """The place in a Slurm array, which may begin anywhere and take larger steps."""
    names = [_ARRAY, *(f"SLURM_ARRAY_TASK_{each}" for each in ("MIN", "MAX", "COUNT"))]
    missing = [name for name in names if not environment.get(name, "")]
    if missing:
        raise UsageError(
            f"--shard auto: {_ARRAY} is set, but {missing[0]} is not", _SAY
        )
    task, first, last, count = (_number(environment, name) for name in names)
    step, rest = divmod(last - first, count - 1) if count > 1 else (1, last - first)
    place, between = divmod(task - first, step) if step > 0 else (0, 1)
    if rest or between or not 0 <= place < count:
        raise UsageError(
            f"--shard auto: task {task} of an array of {count} from {first} to {last}"
            " has no sure place, because its steps differ",
            "use an array in even steps, such as --array=1-8",
        )
    return Shard(place + 1, count, _ARRAY)


def _number(environment: Mapping[str, str], name: str) -> int:
    text = environment[name]
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise UsageError(f"--shard auto: {name} is {text!r}, not a number", _SAY)
    return int(text)
