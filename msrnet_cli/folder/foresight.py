"""What a job would do, for --dry-run: looks at names, headers, digests and journals.

Decodes nothing that its header tells of, and writes nothing.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from msrnet_cli import images, places
from msrnet_cli.errors import PictureError
from msrnet_cli.folder import stages, storage
from msrnet_cli.folder.beside import MASK, SECOND, require_promising
from msrnet_cli.folder.events import ACTIONS, FileDone, Forecast, Foreseen
from msrnet_cli.folder.fan import compared
from msrnet_cli.folder.job import started
from msrnet_cli.folder.outputs import asked_about
from msrnet_cli.folder.records import Existing, Records
from msrnet_cli.folder.relights import recipes, require_second
from msrnet_cli.stores.refusal import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from msrnet_cli.folder.events import Action, Event
    from msrnet_cli.folder.findings import Fault
    from msrnet_cli.folder.jobs import Job
    from msrnet_cli.folder.options import FolderOptions
    from msrnet_cli.folder.plan import Plan
    from msrnet_cli.folder.relights import Relights


def foresee(
    plan: Plan,
    relights: Relights,
    options: FolderOptions,
    notify: Callable[[Event], object],
    weights_name: str = "",
) -> Forecast:
    """Tell what `relight_folder` would do with a plan.

    A file that would only fail when it is decoded counts as one to write. Only one
    whose header does not tell its size is decoded.

    Args:
        plan: From `make_plan`, dry.
        relights: The network: a `Relighter`.
        options: The options of the plan.
        notify: Called with JobStarted, then Foreseen for each picture, then Forecast.
        weights_name: Name of the weights in JobStarted.

    Returns:
        The forecast.

    Raises:
        UsageError: The journal of the output folder cannot be read, or the weights see
            another number of pictures.
    """
    require_second(relights, options)
    notify(started(plan, relights, weights_name))
    counts: Counter[Action] = Counter()
    files = replaced = 0
    for one in _all(plan, relights, options):
        counts[one.action] += 1
        if one.action in ("write", "anew"):
            files += len(one.outputs)
            replaced += len(one.replaces)
        notify(one)
    write, anew, skip, refuse = (counts[action] for action in ACTIONS)
    forecast = Forecast(write, anew, skip, refuse, files, replaced)
    notify(forecast)
    return forecast


def _all(plan: Plan, relights: Relights, options: FolderOptions) -> Iterator[Foreseen]:
    for fault in plan.faults:
        yield _unreadable(fault)
    names = recipes(relights, options, is_fan=plan.is_fan)
    with ExitStack() as stack:
        records = None
        folder = storage.there(plan.place)
        if folder is not None:
            stack.callback(folder.close)
            single = plan.folder is None
            records = Records(
                folder,
                single=single,
                to_read=True,
                shard=plan.shard,
                wanted=asked_about(plan),
            )
            stack.enter_context(closing(records))
        for job in plan.jobs:
            yield _foreseen(job, records, names, options)


def _foreseen(
    job: Job, records: Records | None, names: tuple[str, ...], options: FolderOptions
) -> Foreseen:
    outputs = job.outputs()
    try:
        there = [path for _, path in outputs if places.exists(path)]
        existing = Existing()
        removed: tuple[str, ...] = ()
        if records is not None:
            removed = _outdated(job, records, names)
            if there and options.exist != "overwrite":
                existing = _existing(job, records, names)
        if not existing.are_same:
            _require_promising(job, options)
    except PictureError as error:
        return _told(job, "refuse", reason=error.reason, remedy=error.remedy)
    except StoreError as error:
        return _told(job, "refuse", reason=f"{error.filename}: {error.strerror}")
    action: Action = "anew" if existing.is_stale else "write"
    if existing.are_same:
        action, there = "skip", []
    files = tuple(str(path) for _, path in outputs)
    replaced = tuple(map(str, there))
    return _told(job, action, outputs=files, replaces=replaced, removes=removed)


def _outdated(job: Job, records: Records, names: tuple[str, ...]) -> tuple[str, ...]:
    """The comparisons beside outputs that would be removed."""
    outputs = job.outputs()
    beside = (path.with_name(compared(path.stem)) for _, path in outputs)
    if not any(map(places.exists, beside)):
        return ()  # and the input need not be read
    source = stages.read(job, names)
    if isinstance(source, FileDone):
        return ()
    return tuple(str(path) for _, path in records.outdated(outputs, source.provenance))


def _existing(job: Job, records: Records, names: tuple[str, ...]) -> Existing:
    """How the outputs that exist relate to those that would be made.

    Raises:
        PictureError: One of them must not be replaced, or the input cannot be read.
    """
    source = stages.read(job, names)
    if isinstance(source, FileDone):
        raise PictureError(source.reason, source.remedy)
    existing = Existing.of(
        {
            path: records.standing(relative, path, source.provenance)
            for relative, path in job.outputs()
        }
    )
    unknown = [path for path in existing.unknown if places.exists(path)]
    if unknown:
        raise PictureError(
            f"{min(map(str, unknown))} exists, and only the same bytes would be"
            " accepted",
            "use --exist overwrite to replace it",
        )
    return existing


def _require_promising(job: Job, options: FolderOptions) -> None:
    """Require of a picture and its mask what their headers tell.

    Raises:
        PictureError: One of them cannot be read, is no picture, of pixels that are not
            read, or too large.
    """
    most = options.max_megapixels
    try:
        with places.opened(job.source) as file:
            format, size = images.require_promising(file, job.source.suffix, most)
    except OSError as error:
        raise PictureError(f"cannot be read: {error.strerror}") from error
    if size is not None:
        images.require_fits(job.format or format, *size)
    for kind, path in ((MASK, job.mask), (SECOND, job.second)):
        if path is not None:
            require_promising(kind, path, most)


def _told(
    job: Job,
    action: Action,
    *,
    outputs: tuple[str, ...] = (),
    replaces: tuple[str, ...] = (),
    removes: tuple[str, ...] = (),
    reason: str = "",
    remedy: str = "",
) -> Foreseen:
    return Foreseen(
        input=str(job.source),
        output=job.shown,
        action=action,
        outputs=outputs,
        replaces=replaces,
        removes=removes,
        megapixels=job.pixels / 1e6,
        reason=reason,
        remedy=remedy,
    )


def _unreadable(fault: Fault) -> Foreseen:
    return Foreseen(fault.path, "", "refuse", reason=fault.reason, remedy=fault.remedy)
