"""What goes where, decided whole before the first write.

Looks at names and headers, and tries the output folder out; decodes nothing.
"""

from __future__ import annotations

import errno
import io
import math
import os
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

from msrnet_cli import images
from msrnet_cli.errors import NothingDoneError, PictureError, UsageError
from msrnet_cli.files import opened_regular, probe
from msrnet_cli.folder.events import Ignored
from msrnet_cli.folder.search import Fault, Found, check_input, head, is_url, search
from msrnet_cli.images.formats import HEAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from msrnet_cli.folder.options import FolderOptions

_HEADER_BYTES = 1 << 16  # tells the size of nearly every picture
_LONGEST_NAME = 255  # bytes, on every common file system
_FIELDS = "use the fields {stem} and {ext}, as they are"


@dataclass(frozen=True)
class Job:
    """One picture to relight.

    Attributes:
        source: The input file.
        target: Where the result goes.
        output: The target below the output folder, with forward slashes.
        listing: The input as a line for --files-from that leads to the same target.
        pixels: As its header tells; 0 where it does not.
        compare: Where input and output go side by side, if wanted.
    """

    source: Path
    target: Path
    output: str
    listing: str
    pixels: int = 0
    compare: Path | None = None

    def outputs(self) -> list[tuple[str, Path]]:
        """All files this job writes, as names below the output folder and paths."""
        files = [(self.output, self.target)]
        if self.compare is not None:
            name = (Path(self.output).parent / self.compare.name).as_posix()
            files.append((name, self.compare))
        return files


@dataclass(frozen=True)
class Plan:
    """A whole job.

    Attributes:
        jobs: In the order they will be worked on.
        folder: The output folder; None where the output is one named file.
        ignored: What was passed over.
        faults: What could not be looked at.
    """

    jobs: tuple[Job, ...]
    folder: Path | None
    ignored: tuple[Ignored, ...] = ()
    faults: tuple[Fault, ...] = ()


def make_plan(
    inputs: Sequence[str], output: str, options: FolderOptions, lists: str | None = None
) -> Plan:
    """Collect the pictures, decide every output path, try the output folder out.

    Args:
        inputs: Files, folders and patterns.
        output: A folder, or for one input file a file.
        options: How to treat the folder.
        lists: A file with one path a line, or ``-`` for standard input.

    Raises:
        UsageError: An input is missing or no regular file; two outputs collide; an
            output is an input, exists against the user's wish, or lies outside the
            output folder; nothing can be written there.
        NothingDoneError: There is no picture; or only one, whose header says that it is
            too large for the output format.
    """
    try:
        return _make_plan(inputs, output, options, lists)
    except OSError as error:  # such as a name too long for the file system
        reason = f"{error.filename or output}: {error.strerror or error}"
        raise UsageError(reason, "check the path") from error


def _make_plan(
    inputs: Sequence[str], output: str, options: FolderOptions, lists: str | None
) -> Plan:
    _check_template(options.name)
    for text in inputs:
        check_input(text)
    target = Path(output)
    one_file = _names_a_file(inputs, target, lists, output)
    _check_output(output, target, one_file, options)
    findings = list(search(inputs, lists, target, recursive=options.recursive))
    ignored = tuple(one for one in findings if isinstance(one, Ignored))
    faults = tuple(one for one in findings if isinstance(one, Fault))
    found = [one for one in findings if isinstance(one, Found)]
    if not found:
        raise _nothing_found(ignored, faults, options)
    faults += tuple(_outside(entry) for entry in found if _leads_out(entry))
    found = [entry for entry in found if not _leads_out(entry)]
    jobs = [_job(entry, target, options, one_file) for entry in found]
    too_long = [job for job in jobs if _is_too_long(job.target)]
    jobs = [job for job in jobs if job not in too_long]
    faults += tuple(_beyond_reach(job) for job in too_long)
    if not jobs:
        raise _nothing_found(ignored, faults, options)
    if len(jobs) == 1:  # one of many fails alone, when its turn comes
        _require_fits(jobs[0], options)
    folder = None if one_file else target
    spelling = try_out(folder or target.parent)
    _check_outputs(jobs, folder, options, spelling)
    return Plan(tuple(jobs), folder, ignored, faults)


def try_out(folder: Path) -> tuple[bool, bool]:
    """See that a folder can be written to, before any work; leaves no trace.

    Returns:
        As `files.probe`.

    Raises:
        UsageError: Nothing can be written there.
    """
    try:
        return probe(folder)
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(
            f"nothing can be written to {folder}: {reason}",
            "check its space and permissions, or name another output",
        ) from error


def _check_output(
    output: str, target: Path, one_file: bool, options: FolderOptions
) -> None:
    check_no_url(output)
    if target.exists() and not target.is_dir() and not one_file:
        raise UsageError(f"{output} is a file", "name a folder for the output")
    named_as_picture = images.format_of(target.suffix) and not target.is_dir()
    if named_as_picture and not one_file and not output.endswith(("/", os.sep)):
        raise UsageError(
            f"{output} is named as a picture, but is to be a folder",
            "name another folder, or end it in /",
        )
    wanted = options.write.format
    if one_file and wanted and images.format_of(target.suffix) != wanted:
        raise UsageError(
            f"{output} does not end like a {wanted.upper()} file",
            "drop --format or change the name",
        )


def check_no_url(output: str) -> None:
    """See that an output is no URL, which would become a folder of that name.

    Raises:
        UsageError: It is one.
    """
    if is_url(output):
        raise UsageError(
            f"{output} is a URL; results go to files and folders",
            "name a folder, and copy it there afterwards",
        )


def _nothing_found(
    ignored: Sequence[Ignored], faults: Sequence[Fault], options: FolderOptions
) -> NothingDoneError:
    told = [f"{fault.path} {fault.reason}" for fault in faults[:1]]
    if len(faults) > 1:
        told.append(f"{len(faults) - 1} more could not be read")
    if ignored:
        told.append(f"{len(ignored)} other entries were passed over")
    passed = f" ({', '.join(told)})" if told else ""
    hint = "" if options.recursive else "; --recursive enters subfolders"
    return NothingDoneError(f"no picture found{passed}", f"check the paths{hint}")


def _is_too_long(target: Path) -> bool:
    """Whether the system takes no path as long as that, though each name is short."""
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in target.parts):
        return False  # such a name is refused at once: the user can mend it
    try:
        target.lstat()
    except OSError as error:
        return error.errno == errno.ENAMETOOLONG
    return False


def _beyond_reach(job: Job) -> Fault:
    reason = f"{job.target} is too long for a path"
    return Fault(str(job.source), reason, "name an output nearer the root", job.listing)


def _names_a_file(
    inputs: Sequence[str], target: Path, lists: str | None, output: str
) -> bool:
    single = len(inputs) == 1 and lists is None and Path(inputs[0]).is_file()
    if not single or target.is_dir() or output.endswith(("/", os.sep)):
        return False
    if images.format_of(target.suffix) is not None:
        return True
    if target.suffix.lower() in images.PICTURE_SUFFIXES:
        raise UsageError(
            f"{target.suffix} files are not written", "end the output in .tif or .png"
        )
    return False


def _leads_out(entry: Found) -> bool:
    """Whether a path of a list leads out of the tree that is mirrored."""
    relative = Path(os.path.relpath(entry.path, entry.root))
    return ".." in relative.parts or relative.is_absolute()


def _outside(entry: Found) -> Fault:
    reason = f"lies outside the folder that is mirrored ({entry.root.absolute()})"
    remedy = "write its path without .., or absolute"
    return Fault(str(entry.path), reason, remedy, str(entry.path.absolute()))


def _job(entry: Found, target: Path, options: FolderOptions, one_file: bool) -> Job:
    start = head(entry.path, _HEADER_BYTES) or b""
    name = entry.path.name if one_file else _output_name(entry.path, start, options)
    relative = Path(os.path.relpath(entry.path, entry.root)).parent
    path = target if one_file else target / relative / name
    compare = None
    if options.compare:
        compare = path.with_name(f"{path.stem}_compare.jpg")
    return Job(
        source=entry.path,
        target=path,
        output=path.name if one_file else (relative / name).as_posix(),
        listing=entry.listing,
        pixels=_pixels(entry.path, start),
        compare=compare,
    )


def _output_name(path: Path, start: bytes, options: FolderOptions) -> str:
    """The name a result gets; its suffix always tells the truth about its content."""
    format = options.write.format or images.sniff(start[:HEAD_BYTES])
    suffix = path.suffix
    if format is not None and images.format_of(suffix) != format:
        suffix = images.SUFFIXES[format]
    return options.name.format(stem=path.stem, ext=suffix)


def _check_template(template: str) -> None:
    try:
        parts = [
            part[1:] for part in Formatter().parse(template) if part[1] is not None
        ]
    except ValueError as error:
        raise UsageError(f"--name {template}: {error}", _FIELDS) from error
    if not all(part in (("stem", "", None), ("ext", "", None)) for part in parts):
        raise UsageError(f"--name {template} has other fields", _FIELDS)
    name = template.format(stem="stem", ext=".ext")
    if "stem" not in name or not name.endswith(".ext") or Path(name).name != name:
        raise UsageError(
            f"--name {template} does not give a file name",
            "use {stem} and end with {ext}, without folders",
        )


def _require_fits(job: Job, options: FolderOptions) -> None:
    start = head(job.source, _HEADER_BYTES) or b""
    format = options.write.format or images.format_of(job.target.suffix)
    size = _size(job.source, start)
    if format is None or size is None or math.prod(size) > options.max_megapixels * 1e6:
        return  # such are refused when they are read, for that reason
    try:
        images.require_fits(format, *size)
    except PictureError as error:
        raise NothingDoneError(f"{job.source}: {error.reason}", error.remedy) from error


def _pixels(path: Path, start: bytes) -> int:
    width, height = _size(path, start) or (0, 0)  # why, will be told by the decoder
    return width * height


def _size(path: Path, start: bytes) -> tuple[int, int] | None:
    size = images.declared_size(io.BytesIO(start))
    if size is None and len(start) == _HEADER_BYTES:
        # Such as a TIFF file, which may tell its size at its end.
        with suppress(OSError), opened_regular(path) as file:
            size = images.declared_size(file)
    return size


def _check_outputs(
    jobs: Sequence[Job],
    folder: Path | None,
    options: FolderOptions,
    spelling: tuple[bool, bool],
) -> None:
    sources = {job.source.resolve(): job.source for job in jobs}
    taken: dict[str, Job] = {}
    root = folder.resolve() if folder is not None else None
    paths = [path for job in jobs for _, path in job.outputs()]
    existing = [path for path in paths if os.path.lexists(path)]
    for job in jobs:
        for _, path in job.outputs():
            _check_target(path, root)
            if path.resolve() in sources:
                raise UsageError(
                    f"{path} would overwrite the input {sources[path.resolve()]}",
                    "choose another output folder",
                )
            key = _as_stored(str(path), *spelling)
            if key in taken:
                raise UsageError(
                    f"{taken[key].source} and {job.source} would both become {path}",
                    "relight them into different folders, or rename one",
                )
            taken[key] = job
    for parent in {path.parent for path in paths}:
        if parent.exists() and not os.access(parent, os.W_OK | os.X_OK):
            raise UsageError(
                f"nothing can be written to {parent}: Permission denied",
                "check its permissions, or name another output",
            )
    if existing and options.exist == "error":
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise UsageError(
            f"{existing[0]}{more} exists", "use --exist overwrite to replace it"
        )


def _as_stored(path: str, case_counts: bool, form_counts: bool) -> str:
    """One text for all spellings that the file system takes for one."""
    if not form_counts:
        path = unicodedata.normalize("NFC", path)
    return path if case_counts else path.casefold()


def _check_target(path: Path, root: Path | None) -> None:
    if len(os.fsencode(path.name)) > _LONGEST_NAME:
        raise UsageError(f"{path.name} is too long for a name", "rename the input")
    if root is not None and not path.parent.resolve().is_relative_to(root):
        raise UsageError(
            f"{path} lies outside the output folder",
            "remove the symbolic link that leads there",
        )
    if path.is_symlink():
        raise UsageError(f"{path} is a symbolic link", "remove it")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} exists and is not a regular file", "remove it")
