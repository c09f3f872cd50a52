"""Default places for files: downloaded weights, runs and studies."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

_NAME = "crowdmask"
_VARIABLE = "CROWDMASK_CACHE"
# Version 0.1.0 used this folder on every system, and the recipes name it.
_COMMON = "~/.cache/crowdmask"


def cache_folder() -> Path:
    """Return the cache folder: `CROWDMASK_CACHE`, or `~/.cache/crowdmask` if it exists, or the system's own.

    The system's own is `$XDG_CACHE_HOME` or `~/.cache` on Linux, `~/Library/Caches` on macOS and
    `%LOCALAPPDATA%` on Windows. The folder is not created.
    """
    chosen = os.environ.get(_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    common = Path(_COMMON).expanduser()
    return common if common.is_dir() else platformdirs.user_cache_path(_NAME, appauthor=False)


def runs_folder() -> Path:
    """Return the default folder of training runs."""
    return cache_folder() / "runs"


def studies_folder() -> Path:
    """Return the default folder of tuning studies."""
    return cache_folder() / "studies"


def expand(text: str | os.PathLike[str]) -> Path:
    """Expand `~` in a path of a recipe or data set.

    A path below `~/.cache/crowdmask` that does not exist means the same place below `cache_folder()`, so the
    recipes that ship work on every system and with `CROWDMASK_CACHE`.
    """
    path = Path(text)
    literal = path.expanduser()
    common = Path(_COMMON)
    if literal.exists() or not path.is_relative_to(common):
        return literal
    return cache_folder() / path.relative_to(common)
