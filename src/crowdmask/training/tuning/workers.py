"""The workers of one study: which are running, whether they are alive, and their lock."""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from crowdmask.files import lock

_SILENT_S = 900.0
"""A worker on another machine that has not reported for this long counts as dead."""
_CLOCK_S = 2.0


def myself() -> dict[str, Any]:
    """Return an identifier of this process that differs from later processes with the same number."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "started": _started(os.getpid())}


def is_alive(worker: dict[str, Any] | None, heard: float) -> bool:
    """Whether a worker may still be running its trial.

    Args:
        worker: as returned by `myself`; None: unknown.
        heard: time of its last report, seconds since the epoch.
    """
    if not worker or worker.get("host") != socket.gethostname():
        return time.time() - heard < _SILENT_S
    began = _started(int(worker["pid"]))
    # The system's clock may have been adjusted slightly in the meantime.
    return began is not None and abs(began - _number(worker.get("started"))) < _CLOCK_S


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold the study's lock, which the system releases when the process ends in any way.

    Raises:
        OutputError: the folder cannot be written to.
    """
    with lock(folder / "study", wait=True):
        yield


def _started(pid: int) -> float | None:
    """Return the start time of a process, seconds since the epoch; None if it does not exist."""
    try:
        process = psutil.Process(pid)
        # A zombie process is no longer running.
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def _number(value: Any) -> float:
    """Return a stored time; version 0.1.0 stored the time of another clock, which matches no process."""
    return value if isinstance(value, float) else math.inf
