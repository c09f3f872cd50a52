"""Start Ray on this machine or join a Ray cluster, in the same way for all rooms."""

from __future__ import annotations

import logging
import os
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

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
    return ray
