"""One tree of errors; each message says what, where, and what to do next.

The command line prints the message as one line and ends with `exit_code`.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_INPUT = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


class CrowdmaskError(Exception):
    """Anything that a user can act on."""

    exit_code = EXIT_INPUT


class PictureError(CrowdmaskError):
    """A picture that cannot be read."""


class VideoError(CrowdmaskError):
    """A video, camera or stream that cannot be read, or not to its end."""


class SourceError(CrowdmaskError):
    """A path, folder or pattern that holds nothing to work on."""


class OutputError(CrowdmaskError):
    """A result that cannot be written."""


class BusyError(OutputError):
    """A file or folder that another process is writing."""


class ModelError(CrowdmaskError):
    """A model file that is missing, damaged or not one of ours."""


class DataError(CrowdmaskError):
    """A data set, annotation or split that cannot be used."""


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
