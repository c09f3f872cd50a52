"""Refuse outputs that would overwrite a user's file by mistake, before anything is opened.

The usual mistake is a pattern that the shell expands: in ``--json *.jpg`` the first photo becomes the value
of the option. An output must not be one of the inputs under any of its names, nor another output, nor a file
of a kind that the option never writes.
"""

from __future__ import annotations

import glob
import os
import re
import stat
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from crowdmask.errors import UsageError

STANDARD_STREAM = "-"
PICTURES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".heic",
    ".heif", ".hif", ".avif", ".mpo", ".jp2", ".j2k", ".jpx", ".jpf", ".jpc", ".j2c", ".jxl", ".ppm", ".pgm",
    ".psd", ".svg", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2",
)  # fmt: skip
VIDEOS = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts",
    ".wmv", ".flv", ".3gp", ".ogv",
)  # fmt: skip
_OTHERS = (
    ".onnx", ".safetensors", ".pt", ".pth", ".ckpt", ".db", ".zip", ".tar", ".gz", ".tgz", ".bz2",
    ".xz", ".7z", ".rar", ".tfrecord", ".pdf", ".doc", ".docx", ".xls", ".xlsx", ".odt", ".ods",
    ".py", ".ipynb", ".sh", ".exe",
)  # fmt: skip
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"GIF8", b"\x1a\x45\xdf\xa3")
_MODEL = ".onnx"
_DATABASES = (".db",)
_MANIFEST = "manifest.jsonl"
_DESCRIPTIONS = (".yaml", ".yml")
_DEEPEST = 3
# A path object makes one stroke of two; a drive of Windows has one letter.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


class Kind(Enum):
    """What an output is."""

    RECORDS = "records"
    PAGE = "a page"
    MODEL = "a model"
    RECIPE = "a recipe"
    TASKS = "tasks"
    FOLDER = "a folder"
    VIDEO = "a video"
    DATABASE = "a database"


@dataclass(frozen=True)
class Output:
    """A file or folder that is going to be written.

    Attributes:
        name: of the parameter, for messages.
        path: as given; "-" is standard output.
        kind: what is written there.
        extends: it may also be an input: a folder that is added to, or the command has its own check.
        urls: it may be the URL of an object store.
    """

    name: str
    path: str
    kind: Kind
    extends: bool = False
    urls: bool = False


@dataclass(frozen=True)
class Input:
    """Something that is read.

    Attributes:
        path: a file, folder, pattern, or something else, like an address.
        refers: it is a YAML description: the files that it names are read, too.
    """

    path: str
    refers: bool = False


def check_outputs(outputs: Sequence[Output], inputs: Iterable[Input] = ()) -> None:
    """Refuse outputs that are inputs, other outputs, or files of another kind.

    Raises:
        UsageError: names the parameter and what to do.
    """
    written = [output for output in outputs if output.path != STANDARD_STREAM and not _is_device(output.path)]
    if not written:
        _check_streams(outputs)
        return
    read = _Files()
    for each in inputs:
        read.add(each.path, each.refers)
    places: dict[str, str] = {}
    for output in written:
        if not output.extends and (output.path in read.named or read.holds(output)):
            raise UsageError(
                f"`{output.name}` {output.path}: this is one of the inputs, which would be lost: "
                f"give another `{output.name}` (a shell turns a pattern such as *.jpg into many names)"
            )
        _check_kind(output)
        place = _place(output.path)
        if place in places:
            raise UsageError(f"`{places[place]}` and `{output.name}` cannot both write to {output.path!r}")
        places[place] = output.name
    _check_streams(outputs)


def _check_streams(outputs: Sequence[Output]) -> None:
    streams = [output.name for output in outputs if output.path == STANDARD_STREAM]
    if len(streams) > 1:
        raise UsageError(f"`{streams[0]}` and `{streams[1]}` cannot both write to {STANDARD_STREAM!r}")


def _check_kind(output: Output) -> None:
    if not output.urls and output.kind is not Kind.DATABASE and _URL.match(output.path):
        raise UsageError(
            f"`{output.name}` {output.path}: is no path of this machine: write there, then copy it"
        )
    if output.kind is Kind.VIDEO or (output.kind is Kind.FOLDER and os.path.isdir(output.path)):
        return
    # The target of a link counts, too.
    suffixes = {Path(name).suffix.lower() for name in (output.path, os.path.realpath(output.path))}
    if output.kind is Kind.MODEL:
        if Path(output.path).suffix != _MODEL:
            raise UsageError(f"`{output.name}` must name an {_MODEL} file, not {output.path}")
        suffixes.discard(_MODEL)
    if output.kind is Kind.DATABASE:
        suffixes -= set(_DATABASES)
    foreign = sorted(suffixes & {*PICTURES, *VIDEOS, *_OTHERS})
    if foreign:
        raise UsageError(
            f"`{output.name}` {output.path}: {output.kind.value} cannot be named {foreign[0]}: "
            f"give another `{output.name}` (a shell turns a pattern such as *.jpg into many names)"
        )
    if output.kind not in (Kind.FOLDER, Kind.MODEL) and _is_picture(output.path):
        raise UsageError(f"`{output.name}` {output.path}: this file is a picture or video: give another one")


class _Files:
    """The files and folders that are read, under any of their names."""

    def __init__(self) -> None:
        self.named: set[str] = set()
        self._ids: set[tuple[int, int]] = set()
        self._folders: list[str] = []

    def add(self, path: str, refers: bool, depth: int = 0) -> None:
        # An output must not create a missing input either.
        if not glob.has_magic(path):
            self.named.add(path)
        names = (
            [path] if os.path.lexists(path) or not glob.has_magic(path) else glob.iglob(path, recursive=True)
        )
        for name in names:
            known = _identity(name)
            if known is None:
                continue
            self._ids.add(known)
            if os.path.isdir(name):
                self._folders.append(os.path.realpath(name))
            elif refers and depth < _DEEPEST and name.lower().endswith(_DESCRIPTIONS):
                for other in _named_in(Path(name)):
                    self.add(other, True, depth + 1)

    def holds(self, output: Output) -> bool:
        known = _identity(output.path)
        if known is None:
            return False
        path = Path(os.path.realpath(output.path))
        is_manifest = path.name == _MANIFEST and any(path.is_relative_to(folder) for folder in self._folders)
        return known in self._ids or is_manifest


def _named_in(file: Path) -> list[str]:
    """Return the files and folders that a description names; none if it cannot be read."""
    import yaml

    try:
        tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return []
    words: list[str] = []
    _collect(tree, words)
    bases = [file.parent]
    if isinstance(tree, dict) and isinstance(tree.get("root"), str):
        bases.append(file.parent / tree["root"])
    found = []
    for word in dict.fromkeys(words):
        with suppress(OSError, ValueError):
            found += [str(base / word) for base in bases if word and (base / word).exists()]
    return found


def _collect(value: Any, words: list[str]) -> None:
    if isinstance(value, str):
        words.append(value)
    elif isinstance(value, dict):
        for each in value.values():
            _collect(each, words)
    elif isinstance(value, list):
        for each in value:
            _collect(each, words)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _place(path: str) -> str:
    known = _identity(path)
    if known is not None:
        return f"{known[0]}:{known[1]}"
    place = os.path.normcase(os.path.realpath(path))
    return place.casefold() if sys.platform in ("darwin", "win32") else place


def _is_device(path: str) -> bool:
    """Return whether it is a device or pipe, where nothing can be lost."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _is_picture(path: str) -> bool:
    with suppress(OSError, ValueError), open(path, "rb") as file:
        head = file.read(12)
        webp_or_avi = head[:4] == b"RIFF" and head[8:] in (b"WEBP", b"AVI ")
        return head.startswith(_SIGNATURES) or head[4:8] == b"ftyp" or webp_or_avi
    return False
