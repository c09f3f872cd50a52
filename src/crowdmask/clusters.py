"""Start Ray on this machine or join a Ray cluster, in the same way for all rooms."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any, TextIO

from crowdmask.errors import MissingExtraError, UsageError

LOCAL = "local"
"""The address that starts Ray on this machine alone."""


def join(address: str, *, what: str, cpus: int | None = None) -> Any:
    """Start Ray or join a cluster, without its log lines, its dashboard and its usage reports.

    Args:
        address: `LOCAL`, "auto" for a cluster that this machine is part of, or like ``ray://host:10001``.
        what: the parameter that asks for it, in backticks, for messages.
        cpus: with `LOCAL`: how many processors Ray may use; None: all.
    Returns:
        The module `ray`.
    Raises:
        MissingExtraError: Ray is not installed.
        UsageError: there is no cluster at the address.
    """
    try:
        ray = import_module("ray")
    except ModuleNotFoundError as error:
        raise MissingExtraError(what, "scale") from error
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if not os.access(Path.home(), os.W_OK):
        # Ray writes a token into the home folder, and fails where it cannot.
        os.environ.setdefault(
            "RAY_AUTH_TOKEN_PATH", os.path.join(tempfile.gettempdir(), "crowdmask-ray-token")
        )
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    try:
        if address == LOCAL:
            ray.init(address=LOCAL, include_dashboard=False, num_cpus=cpus, **quiet)
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise UsageError(
            f"{what} {address}: no Ray cluster answers there: start one with  ray start --head"
        ) from error
    if not isinstance(sys.stdout, _WithoutRay):
        sys.stdout = _WithoutRay(sys.stdout)
    return ray


def leave(ray: Any) -> None:
    """Leave the cluster, or end the one that was started here; its last lines are dropped, too."""
    with redirect_stdout(StringIO()):
        ray.shutdown()
    if isinstance(sys.stdout, _WithoutRay):
        sys.stdout = sys.stdout.whole


class _WithoutRay:
    """Standard output without what Ray's own threads write.

    Ray 2.60.0 prints events of the cluster, like the end of a worker, to standard output among our records,
    also with `log_to_driver=False`.
    """

    def __init__(self, stream: TextIO) -> None:
        self.whole = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.whole, name)

    def write(self, text: str) -> int:
        """Write the text, unless a thread of Ray does."""
        if threading.current_thread().name.startswith("ray_"):
            return len(text)
        return self.whole.write(text)
