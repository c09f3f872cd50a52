"""Workers of one study: who is at work, whether they still live, and one of them at a time."""

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
"""A worker of another machine that has not reported for so long is considered dead."""
_CLOCK_S = 2.0


def myself() -> dict[str, Any]:
    """Return what distinguishes this process from others, also from a later one with the same number."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "started": _started(os.getpid())}


def is_alive(worker: dict[str, Any] | None, heard: float) -> bool:
    """Whether a worker may still be at its trial.

    Args:
        worker: as `myself` describes it; None: not known.
        heard: when it was last heard of, seconds since the epoch.
    """
    if not worker or worker.get("host") != socket.gethostname():
        return time.time() - heard < _SILENT_S
    began = _started(int(worker["pid"]))
    # The system's clock may have been set meanwhile, by a little.
    return began is not None and abs(began - _number(worker.get("started"))) < _CLOCK_S


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold the study's lock, which the system releases when the process ends, however it ends.

    Raises:
        OutputError: the folder cannot be written to.
    """
    with lock(folder / "study", wait=True):
        yield


def _started(pid: int) -> float | None:
    """Return when a process began, seconds since the epoch; None where there is none."""
    try:
        process = psutil.Process(pid)
        # A process that ended but was not yet waited for is no longer at work.
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def _number(value: Any) -> float:
    """Return a time as stored; version 0.1.0 stored another clock's, which no process has."""
    return value if isinstance(value, float) else math.inf
