"""Choose the file name of each source's annotated video."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from crowdmask.errors import OutputError, UsageError
from crowdmask.live.sources import VideoSource
from crowdmask.media.video_writer import SUFFIXES, may_replace_video

_LONGEST_NAME = 80


def name_outputs(out: str, names: Sequence[str], sources: Sequence[str] = ()) -> list[Path]:
    """Return a file for each source: `out` itself, or a file in the folder `out`.

    Only our own annotated videos are replaced; in a folder another name is chosen.

    Args:
        out: a file for one source; a folder for several sources, or if it is or looks like a folder.
        names: name of each source: path, camera number, or address without credentials.
        sources: files that must not be overwritten.
    Raises:
        UsageError: one file for several sources, a name that is not a video's, one of the sources, or a file
            that is not ours.
        OutputError: the folder is a file.
    """
    path, kept = Path(out), {os.path.realpath(each) for each in sources}
    suffix = path.suffix.lower()
    folder = path.is_dir() or out.endswith(("/", os.sep)) or not suffix
    if not folder and suffix not in SUFFIXES:
        raise UsageError(f"`out` {out}: a video is written as {', '.join(SUFFIXES)}: choose such a name")
    if not folder and len(names) > 1:
        raise UsageError(f"`out` {out}: {len(names)} sources need a folder, not one file")
    if not folder:
        if os.path.realpath(path) in kept:
            raise UsageError(f"{out}: this is the source: choose another `out`")
        if not may_replace_video(path):
            raise UsageError(
                f"`out` {out}: this file was not written by crowdmask, and would be lost: "
                "give another `out`, or remove it (a shell turns a pattern such as *.mp4 into many names)"
            )
        return [path]
    if path.exists() and not path.is_dir():
        raise OutputError(f"{out}: a file, not a folder to write videos to")
    used: set[str] = set()
    return [_free_name(path, _stem(name), used, kept) for name in names]


def without_outputs(
    sources: Sequence[VideoSource], given: Sequence[str], out: str | None
) -> list[VideoSource]:
    """Leave out the output of earlier runs: files in the folder `out` that were not given by name."""
    if out is None or not os.path.isdir(out) or os.path.realpath(out) in map(os.path.realpath, given):
        return list(sources)
    below = os.path.join(os.path.realpath(out), "")
    named = set(given)
    return [
        source
        for source in sources
        if source.is_live or source.address in named or not os.path.realpath(source.address).startswith(below)
    ]


def _stem(name: str) -> str:
    if name.isdecimal():
        return f"camera-{name}"
    stem = name.split("://", 1)[1] if "://" in name else Path(name).stem
    return re.sub(r"[^\w.-]+", "-", stem).strip("-.")[:_LONGEST_NAME] or "video"


def _free_name(folder: Path, stem: str, used: set[str], kept: set[str]) -> Path:
    path, number = folder / f"{stem}.mp4", 1
    # Compared without case: some file systems ignore it.
    while str(path).casefold() in used or os.path.realpath(path) in kept or not may_replace_video(path):
        number += 1
        path = folder / f"{stem}-{number}.mp4"
    used.add(str(path).casefold())
    return path
