"""The packages of the extra `scale`, imported when they are needed, with a clear error if missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from crowdmask.errors import MissingExtraError

EXTRA = "scale"


def load(module: str, what: str = "crowdmask batch") -> Any:
    """Import a module of the extra.

    Args:
        module: its full name.
        what: what needs it, for the message.
    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(what, EXTRA) from error
