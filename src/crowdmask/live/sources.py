"""Turn user input into videos, cameras and streams; keep passwords out of everything that is displayed."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from crowdmask.errors import SourceError

SCHEMES = ("rtsp", "rtsps", "http", "https")
LIST_SUFFIX = ".txt"
SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m2v", ".ts", ".mts", ".m2ts",
    ".flv", ".wmv", ".asf", ".3gp", ".3g2", ".ogv", ".vob", ".mjpeg", ".mjpg", ".gif",
)  # fmt: skip
"""Suffixes of the videos in a folder; a file given by name may have any suffix."""
HIDDEN = "***"

Kind = Literal["file", "camera", "stream"]

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_DEVICE = re.compile(r"/dev/video(\d+)")
# Many cameras take user name and password, or a key, in the query.
_SECRET = re.compile(
    r"([?&;][^=&;#]*(?:user|usr|login|pass|pwd|pw|token|key|auth|secret|sig|session|sid|credential)[^=&;#]*=)"
    r"[^&;#]*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class VideoSource:
    """One video file, camera or stream.

    Attributes:
        kind: a file is read to its end, a camera or stream for as long as it exists.
        address: path, device number or address; with its credentials, so it is never displayed.
        name: displayed in messages and records.
    """

    kind: Kind
    address: str = field(repr=False)
    name: str

    @property
    def is_live(self) -> bool:
        """Whether it is a live source without an end."""
        return self.kind != "file"


@dataclass
class FoundVideos:
    """What a list of sources holds.

    Attributes:
        sources: each once, in the given order, folders sorted by path.
        problems: what holds nothing to work on, each with its reason.
    """

    sources: list[VideoSource] = field(default_factory=list)
    problems: list[SourceError] = field(default_factory=list)


def find_videos(given: Sequence[str | PathLike[str]]) -> FoundVideos:
    """List the requested videos, cameras and streams.

    Args:
        given: video files (any suffix), folders of videos with all below them, patterns, numbers of
            cameras or their devices, addresses, and lists of all these: text files (.txt) with one
            source a line, relative to the list; blank lines and lines that begin with # don't count.
    """
    found = FoundVideos()
    for item in given:
        _add(found, os.fspath(item), None)
    return found


def hide_credentials(address: str) -> str:
    """Return the address without user name and password, also in the query."""
    match = _ADDRESS.match(address)
    if match is None:
        return address
    scheme, rest = match[0], address[match.end() :]
    place, mark, query = rest.partition("?")
    host = place.partition("/")[0]
    at = host.rfind("@")
    port = host.rpartition(":")[2] if ":" in host else "0"
    if at < 0 and not port.isdigit() and "@" in rest:
        # A password with a slash or question mark: not a valid address, but users type it.
        return f"{scheme}{HIDDEN}@" + _SECRET.sub(rf"\1{HIDDEN}", rest[rest.rfind("@") + 1 :])
    shown = f"{HIDDEN}@{place[at + 1 :]}" if at >= 0 else place
    return scheme + shown + _SECRET.sub(rf"\1{HIDDEN}", mark + query)


def _add(found: FoundVideos, item: str, listed_in: str | None) -> None:
    where = f"{listed_in}: " if listed_in is not None else ""
    scheme = _ADDRESS.match(item)
    if scheme is not None:
        _add_address(found, item, scheme[1].lower(), where)
        return
    device = _DEVICE.fullmatch(item)
    if item.isdecimal() or device:
        number = str(int(device[1] if device else item))
        _keep(found, VideoSource("camera", number, f"camera {number}"))
        return
    path = item if listed_in is None else os.path.join(os.path.dirname(listed_in), item)
    if os.path.isdir(path):
        files = list(_videos_below(path))
        for file in files:
            _keep(found, VideoSource("file", file, file))
        if not files:
            _problem(found, f"{where}{path}: no video in this folder or below")
    elif not os.path.lexists(path) and glob.has_magic(path):
        matches = [each for each in sorted(glob.glob(path, recursive=True)) if _is_video(each)]
        for file in matches:
            _keep(found, VideoSource("file", file, file))
        if not matches:
            _problem(found, f"{where}{path}: no video matches this pattern")
    elif not os.path.exists(path):
        _problem(found, f"{where}{path}: no such file or folder")
    elif path.lower().endswith(LIST_SUFFIX):
        _add_list(found, path, listed_in)
    else:
        _keep(found, VideoSource("file", path, path))


def _add_address(found: FoundVideos, item: str, scheme: str, where: str) -> None:
    name = hide_credentials(item)
    try:
        complete = bool(urlsplit(item).netloc)
    except ValueError:  # brackets without an IPv6 address
        complete = False
    if scheme not in SCHEMES:
        kinds = ", ".join(f"{each}://" for each in SCHEMES)
        _problem(found, f"{where}{name}: addresses of this kind cannot be read: choose from {kinds}")
    elif not complete:
        _problem(found, f"{where}{name}: not a complete address: write {scheme}://HOST/PATH")
    else:
        _keep(found, VideoSource("stream", item, name))


def _add_list(found: FoundVideos, path: str, listed_in: str | None) -> None:
    if listed_in is not None:
        _problem(found, f"{listed_in}: {path}: a list in a list is not read")
        return
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) and error.strerror else "not a text"
        _problem(found, f"{path}: {told.lower()}: a list has one source a line")
        return
    items = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    if not items:
        _problem(found, f"{path}: an empty list: write one source a line")
    for item in items:
        _add(found, item, path)


def _videos_below(folder: str) -> Iterator[str]:
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if _is_video(name) and not name.startswith("."):
                yield os.path.join(where, name)


def _is_video(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _keep(found: FoundVideos, source: VideoSource) -> None:
    if source not in found.sources:
        found.sources.append(source)


def _problem(found: FoundVideos, message: str) -> None:
    if message not in map(str, found.problems):
        found.problems.append(SourceError(message))
