"""The packages of the extra `video`, which photos and surveys of photos do without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from crowdmask.errors import MissingExtraError

VIDEO = ("av", "cv2", "pydantic", "supervision", "trackers", "yaml")
"""They are what it installs, by their import names."""


@contextmanager
def needs_video(what: str) -> Iterator[None]:
    """Import inside of it what videos and cameras need.

    Args:
        what: needs it, for the message, like "a survey of videos".
    Raises:
        MissingExtraError: a package of the extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in VIDEO:
            raise
        raise MissingExtraError(what, "video") from error


def stand_in(name: str, missing: MissingExtraError) -> type:
    """Return a class to import in place of one whose packages are not installed; only its use is an error.

    So ``from crowdmask import *`` works without them.

    Args:
        name: of the class.
        missing: raised as soon as one is made.
    """

    def refuse(*_args: Any, **_options: Any) -> Any:
        raise missing

    return type(name, (), {"__doc__": str(missing), "__new__": refuse})
