"""The architectures by name."""

from __future__ import annotations

from collections.abc import Callable

from crowdmask.errors import ModelError
from crowdmask.models.crowd import Crowd
from crowdmask.models.detector import DetectionModel
from crowdmask.models.ssdlite import SsdLite

ARCHITECTURES: dict[str, Callable[[], DetectionModel]] = {"crowd": Crowd, "ssdlite": SsdLite}


def build(name: str) -> DetectionModel:
    """Return a new model of an architecture, its weights drawn at random.

    Raises:
        ModelError: there is no architecture of that name.
    """
    if name not in ARCHITECTURES:
        raise ModelError(f"there is no architecture '{name}'; choose from {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]()
