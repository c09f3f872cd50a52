"""One tree of errors; each message says what, where, and what to do next.

A message names a parameter of ours in backticks, as Python code calls it: "`confidence` must be 0 to 1". The
command line shows it as the option of the running command (``--confidence``), prints the message as one line
and ends with `exit_code`. What happens next depends on the class of an error, never on its text.
"""

from __future__ import annotations

from enum import StrEnum
from os import PathLike, fspath

EXIT_OK = 0
EXIT_INPUT = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


class CrowdmaskError(Exception):
    """Anything that a user can act on."""

    exit_code = EXIT_INPUT


class WorkerError(CrowdmaskError):
    """What a worker process, here or on another machine, could not do, in its own words."""

    def __init__(self, message: str, exit_code: int = EXIT_INPUT) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, after the command has already printed its line about it."""


class PictureFault(StrEnum):
    """Why a picture cannot be read, for totals by kind."""

    MISSING = "missing"
    EMPTY = "empty"
    NO_PICTURE = "not a picture"
    DAMAGED = "damaged"
    TOO_LARGE = "too large"
    UNREADABLE = "unreadable"
    FAILED = "detecting failed"
    FATAL = "ended its process"


class PictureError(CrowdmaskError):
    """A picture that cannot be read.

    Attributes:
        reason: why, without the picture's name.
        kind: the same as a category, for totals.
    """

    def __init__(
        self, reason: str, path: str | PathLike[str] = "", kind: PictureFault = PictureFault.UNREADABLE
    ) -> None:
        """Say which picture it is and why it cannot be read.

        Args:
            path: the picture's name, which begins the message; empty: the message is `reason` alone.
        """
        name = fspath(path)
        super().__init__(f"{name}: {reason}" if name else reason)
        self.reason = reason
        self.kind = kind


class VideoError(CrowdmaskError):
    """A video, camera or stream that cannot be read, or cannot be read to its end."""


class SourceError(CrowdmaskError):
    """A path, folder or pattern that holds nothing to work on."""


class OutputError(CrowdmaskError):
    """A result that cannot be written."""


class BusyError(OutputError):
    """A file or folder that another process is writing."""


class NoDisplayError(OutputError):
    """There is no display that a window could open on."""


class ModelError(CrowdmaskError):
    """A model file that is missing, damaged or not one of ours."""


class DataError(CrowdmaskError):
    """A data set, annotation or split that cannot be used."""


class DivergedError(DataError):
    """A training run whose loss is no longer a finite number."""


class StoreError(CrowdmaskError):
    """A database that cannot be opened, read or written."""


class ServiceError(CrowdmaskError):
    """A service that cannot be reached, or that refuses.

    Attributes:
        reason: why.
        status: the code of its answer; None: there was none.
    """

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.status = reason, status


class UsageError(CrowdmaskError):
    """Options that do not fit together."""

    exit_code = EXIT_USAGE


class MissingExtraError(CrowdmaskError):
    """A command whose optional packages are not installed."""

    exit_code = EXIT_USAGE

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the extra '{extra}', which is not installed: "
            f"run  pip install 'crowdmask[{extra}]'  (in a checkout:  pip install '.[{extra}]')"
        )


class MissingSupplementError(CrowdmaskError):
    """Work that needs files of the package `crowdmask-supplement`, which is not installed."""

    exit_code = EXIT_USAGE

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} needs the package crowdmask-supplement, which is not installed: "
            "run  pip install crowdmask-supplement  (in a checkout:  pip install ./supplement)"
        )
