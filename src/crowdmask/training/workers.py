"""Workers of one study: who is at work, whether they still live, and one of them at a time."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crowdmask.errors import OutputError

_SILENT_S = 900.0
"""A worker of another machine that was not heard of for so long is taken for dead."""


def myself() -> dict[str, Any]:
    """Return what tells this process from others, also from a later one of the same number."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "started": _started(os.getpid())}


def is_alive(worker: dict[str, Any] | None, heard: float) -> bool:
    """Whether a worker may still be at its trial.

    Args:
        worker: as `myself` describes it; None: not known.
        heard: when it was last heard of, seconds since the epoch.
    """
    if not worker or worker.get("host") != socket.gethostname():
        return time.time() - heard < _SILENT_S
    pid = int(worker["pid"])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is there, of another user
    return _started(pid) == worker.get("started")


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold the study's lock, which the system lets go of when the process ends, however it ends.

    Raises:
        OutputError: the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / "study.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise OutputError(f"cannot write the study's folder {folder}: {error.strerror}") from error
    try:
        try:
            import fcntl
        except ImportError:  # Windows: there two workers may make one trial too many
            yield
            return
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _started(pid: int) -> str:
    """Return when a process began, as the system counts it; empty where that cannot be asked."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    # A process that ended but was not yet waited for is at work no more.
    return "" if fields[0] == "Z" else fields[19]
