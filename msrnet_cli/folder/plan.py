"""What goes where, decided whole before the first write.

Looks at names and headers; decodes and writes nothing.
"""

from __future__ import annotations

import glob
import io
import os
import stat
import sys
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

from msrnet_cli import images
from msrnet_cli.errors import NothingDoneError, UsageError
from msrnet_cli.images.formats import HEAD_BYTES
from msrnet_cli.results import Ignored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from msrnet_cli.config import FolderOptions

_CLUTTER = frozenset({"desktop.ini", "thumbs.db", "__macosx"})
_HEADER_BYTES = 1 << 16  # tells the size of nearly every picture
_LONGEST_NAME = 255  # bytes, on every common file system
_FIELDS = "use the fields {stem} and {ext}, as they are"
_ROOT_MARK = "/./"  # in a list, as rsync has it: the tree below is mirrored


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
    """

    jobs: tuple[Job, ...]
    folder: Path | None
    ignored: tuple[Ignored, ...] = ()


@dataclass(frozen=True)
class _Found:
    root: Path
    path: Path


def make_plan(
    inputs: Sequence[str], output: str, options: FolderOptions, lists: str | None = None
) -> Plan:
    """Collect the pictures and decide every output path.

    Args:
        inputs: Files, folders and patterns.
        output: A folder, or for one input file a file.
        options: How to treat the folder.
        lists: A file with one path a line, or ``-`` for standard input.

    Raises:
        UsageError: An input is missing or no regular file; two outputs collide; an
            output is an input, exists against the user's wish, or lies outside the
            output folder.
        NothingDoneError: There is no picture.
        PictureError: There is one, and its header says that it is too large for the
            output format.
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
    target = Path(output)
    one_file = _names_a_file(inputs, target, lists, output)
    if target.exists() and not target.is_dir() and not one_file:
        raise UsageError(f"{output} is a file", "name a folder for the output")
    named_as_picture = images.format_of(target.suffix) and not target.is_dir()
    if named_as_picture and not one_file and not output.endswith(("/", os.sep)):
        raise UsageError(
            f"{output} is named as a picture, but is to be a folder",
            "name another folder, or end it in /",
        )
    ignored: list[Ignored] = []
    found = list(_collect(inputs, lists, target, options, ignored))
    if not found:
        passed = f" ({len(ignored)} other entries were passed over)" if ignored else ""
        hint = "" if options.recursive else "; --recursive enters subfolders"
        raise NothingDoneError(f"no picture found{passed}", f"check the paths{hint}")
    wanted = options.write.format
    if one_file and wanted and images.format_of(target.suffix) != wanted:
        raise UsageError(
            f"{output} does not end like a {wanted.upper()} file",
            "drop --format or change the name",
        )
    folder = None if one_file else target
    jobs = tuple(_job(entry, target, options, one_file) for entry in found)
    if len(jobs) == 1:  # one of many fails alone, when its turn comes
        _require_fits(jobs[0], options)
    _check_outputs(jobs, folder, options)
    return Plan(jobs, folder, tuple(ignored))


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


def _collect(
    inputs: Sequence[str],
    lists: str | None,
    target: Path,
    options: FolderOptions,
    ignored: list[Ignored],
) -> Iterator[_Found]:
    seen: set[Path] = set()
    for entry in _expand(inputs, lists, target, options, ignored):
        # The same file named twice is one picture.
        if entry.path.absolute() not in seen:
            seen.add(entry.path.absolute())
            yield entry


def _expand(
    inputs: Sequence[str],
    lists: str | None,
    target: Path,
    options: FolderOptions,
    ignored: list[Ignored],
) -> Iterator[_Found]:
    for text in inputs:
        path = Path(text)
        if path.is_dir():
            if target.exists() and path.samefile(target):
                raise UsageError(
                    f"input and output are the same folder: {text}",
                    "name another output folder",
                )
            yield from _scan(path, path, target, options.recursive, ignored)
        elif path.exists() or path.is_symlink():
            yield _named(path.parent, path)
        elif glob.has_magic(text):
            yield from _matches(text, target, options, ignored)
        else:
            raise UsageError(f"{text} does not exist", "check the path")
    if lists is not None:
        yield from _listed(lists)


def _scan(
    root: Path, folder: Path, target: Path, recursive: bool, ignored: list[Ignored]
) -> Iterator[_Found]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        if folder == root:
            raise UsageError(
                f"{folder} cannot be read: {error.strerror}", "check its permissions"
            ) from error
        ignored.append(Ignored(str(folder), f"unreadable folder: {error.strerror}"))
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith(".") or entry.name.lower() in _CLUTTER:
            ignored.append(Ignored(entry.path, "hidden"))
        elif entry.is_symlink():
            ignored.append(Ignored(entry.path, "symbolic link"))
        elif entry.is_dir(follow_symlinks=False):
            if recursive and not (target.exists() and path.samefile(target)):
                yield from _scan(root, path, target, recursive, ignored)
            elif not recursive:
                ignored.append(Ignored(entry.path, "subfolder"))
        elif not entry.is_file(follow_symlinks=False):
            ignored.append(Ignored(entry.path, "no regular file"))
        elif _looks_like_picture(path):
            yield _Found(root, path)
        else:
            ignored.append(Ignored(entry.path, "not a picture"))


def _matches(
    pattern: str, target: Path, options: FolderOptions, ignored: list[Ignored]
) -> Iterator[_Found]:
    parts = Path(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    root = Path(*parts[:fixed])
    paths = sorted(map(Path, glob.glob(pattern, recursive=True)))
    if not paths:
        raise UsageError(f"{pattern} matches nothing", "check the pattern")
    inside = target.resolve()
    for path in paths:
        if path.is_symlink():
            ignored.append(Ignored(str(path), "symbolic link"))
        elif path.resolve().is_relative_to(inside):
            ignored.append(Ignored(str(path), "in the output folder"))
        elif path.is_dir():
            if options.recursive:
                yield from _scan(root, path, target, True, ignored)
        elif not path.is_file():
            ignored.append(Ignored(str(path), "no regular file"))
        elif _looks_like_picture(path):
            yield _Found(root, path)
        else:
            ignored.append(Ignored(str(path), "not a picture"))


def _listed(lists: str) -> Iterator[_Found]:
    try:
        raw = sys.stdin.buffer.read() if lists == "-" else Path(lists).read_bytes()
    except OSError as error:
        raise UsageError(
            f"the list {lists} cannot be read: {error.strerror}", "check the path"
        ) from error
    # Entries end at a NUL, as `find -print0` writes them, or else at a line's end.
    for entry in raw.split(b"\0" if b"\0" in raw else b"\n"):
        line = os.fsdecode(entry.removesuffix(b"\r"))
        if not line.strip() or line.startswith("#"):
            continue
        head, mark, tail = line.rpartition(_ROOT_MARK)
        path = Path(line)
        if mark:
            yield _named(Path(head or "/"), Path(head or "/") / tail)
        else:
            yield _named(path.parent if path.is_absolute() else Path(), path)


def _named(root: Path, path: Path) -> _Found:
    """A file that the user named: anything but a regular file is an error."""
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "check the path") from error
    if stat.S_ISLNK(mode):
        raise UsageError(
            f"{path} is a symbolic link", "name the file it points to instead"
        )
    if stat.S_ISDIR(mode):
        raise UsageError(f"{path} is a folder", "give folders as INPUT")
    if not stat.S_ISREG(mode):
        raise UsageError(f"{path} is no regular file", "leave it out")
    return _Found(root, path)


def _looks_like_picture(path: Path) -> bool:
    """By name or by content; a file that cannot be opened counts by its name."""
    return (
        path.suffix.lower() in images.PICTURE_SUFFIXES
        or images.sniff(_head(path, HEAD_BYTES)) is not None
    )


def _head(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""


def _job(entry: _Found, target: Path, options: FolderOptions, one_file: bool) -> Job:
    head = _head(entry.path, _HEADER_BYTES)
    name = entry.path.name if one_file else _output_name(entry.path, head, options)
    relative = Path(os.path.relpath(entry.path, entry.root)).parent
    if ".." in relative.parts or relative.is_absolute():
        raise UsageError(
            f"{entry.path} lies outside {entry.root}",
            "write the list's paths without ..",
        )
    path = target if one_file else target / relative / name
    compare = None
    if options.compare:
        compare = path.with_name(f"{path.stem}_compare.jpg")
    within = entry.path.relative_to(entry.root) if entry.root.parts else entry.path
    return Job(
        source=entry.path,
        target=path,
        output=path.name if one_file else (relative / name).as_posix(),
        listing=f"{entry.root.absolute().as_posix()}{_ROOT_MARK}{within.as_posix()}",
        pixels=_pixels(entry.path, head),
        compare=compare,
    )


def _output_name(path: Path, head: bytes, options: FolderOptions) -> str:
    """The name a result gets; its suffix always tells the truth about its content."""
    format = options.write.format or images.sniff(head[:HEAD_BYTES])
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
    head = _head(job.source, _HEADER_BYTES)
    format = options.write.format or images.format_of(job.target.suffix)
    size = _size(job.source, head)
    if format is not None and size is not None:
        images.require_fits(format, *size)


def _pixels(path: Path, head: bytes) -> int:
    width, height = _size(path, head) or (0, 0)  # why, will be told by the decoder
    return width * height


def _size(path: Path, head: bytes) -> tuple[int, int] | None:
    size = images.declared_size(io.BytesIO(head))
    if size is None and len(head) == _HEADER_BYTES:
        # Such as a TIFF file, which may tell its size at its end.
        with suppress(OSError), path.open("rb") as file:
            size = images.declared_size(file)
    return size


def _check_outputs(
    jobs: Iterable[Job], folder: Path | None, options: FolderOptions
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
            # File systems differ in whether letter case and Unicode form count.
            key = unicodedata.normalize("NFC", str(path)).casefold()
            if key in taken:
                raise UsageError(
                    f"{taken[key].source} and {job.source} would both become {path}",
                    "relight them into different folders, or rename one",
                )
            taken[key] = job
    if existing and options.exist == "error":
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise UsageError(
            f"{existing[0]}{more} exists", "use --exist overwrite to replace it"
        )


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
        raise UsageError(f"{path} exists and is no regular file", "remove it")
