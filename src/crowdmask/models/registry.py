"""The architectures by name."""

from __future__ import annotations

from collections.abc import Callable

from crowdmask.errors import ModelError
from crowdmask.models.crowd import Crowd
from crowdmask.models.detector import DetectionModel
from crowdmask.models.plan import Plan
from crowdmask.models.ssdlite import SsdLite

ARCHITECTURES: dict[str, Callable[[], DetectionModel]] = {"crowd": Crowd, "ssdlite": SsdLite}
_PLANNED: dict[str, Callable[[Plan], DetectionModel]] = {"crowd": Crowd}


def check_name(name: str) -> None:
    """Check that there is an architecture of this name.

    Raises:
        ValueError: there is none.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"there is no architecture '{name}'; choose from {', '.join(ARCHITECTURES)}")


def build(name: str, plan: Plan | None = None) -> DetectionModel:
    """Return a new model of an architecture with random weights.

    Args:
        name: of the architecture.
        plan: its widths and default boxes; None: the stock ones.
    Raises:
        ModelError: there is no architecture of that name, or it has only one width.
    """
    try:
        check_name(name)
    except ValueError as error:
        raise ModelError(str(error)) from error
    if plan is None:
        return ARCHITECTURES[name]()
    if name not in _PLANNED:
        raise ModelError(f"the architecture '{name}' comes in one width only")
    return _PLANNED[name](plan)
