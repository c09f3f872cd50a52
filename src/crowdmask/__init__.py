"""Find every face in a crowd and say whether it wears a mask, none, or wears it incorrectly.

``faces = crowdmask.Detector().detect("photo.jpg")`` is all that a photo takes, and
``for seen in crowdmask.Tracker().track("street.mp4")`` all that a video or camera takes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from crowdmask.labels import LABELS

if TYPE_CHECKING:
    from crowdmask.client.client import Client
    from crowdmask.detections import Detections
    from crowdmask.inference.detector import Detector
    from crowdmask.live.tracked_frame import TrackedFrame
    from crowdmask.live.tracker import Tracker

__version__ = "0.2.0"
__all__ = ["LABELS", "Client", "Detections", "Detector", "TrackedFrame", "Tracker", "__version__"]

# ONNX Runtime's official builds report their use to Microsoft and keep a device number in the home,
# unless this stands before they are loaded. Nothing may leave the machine.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Looked up at first use, so that `crowdmask --version` does not wait for the runtime.
_HOMES = {
    "Client": "crowdmask.client.client",
    "Detector": "crowdmask.inference.detector",
    "Detections": "crowdmask.detections",
    "Tracker": "crowdmask.live.tracker",
    "TrackedFrame": "crowdmask.live.tracked_frame",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'crowdmask' has no attribute {name!r}")
    from importlib import import_module

    from crowdmask.errors import MissingExtraError
    from crowdmask.extras import needs_video, stand_in

    try:
        with needs_video(f"crowdmask.{name}"):
            return getattr(import_module(_HOMES[name]), name)
    except MissingExtraError as error:
        return stand_in(name, error)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
