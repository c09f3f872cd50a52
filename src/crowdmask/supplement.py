"""The package `crowdmask-supplement`: files for some work only, which would make this package large."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from crowdmask.errors import MissingSupplementError

_PACKAGE = "crowdmask_supplement"


def supplement(what: str) -> Path:
    """Return the folder of the package; in a checkout it lies beside `src`, installed or not.

    Args:
        what: needs it, for the message.
    Raises:
        MissingSupplementError: it is not installed.
    """
    found = find_supplement()
    if found is None:
        raise MissingSupplementError(what)
    return found


def find_supplement() -> Path | None:
    """Return the folder of the package, see `supplement`; None: it is not installed."""
    beside = Path(__file__).resolve().parents[2] / "supplement" / "src" / _PACKAGE
    if beside.is_dir():
        return beside
    spec = find_spec(_PACKAGE)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent
