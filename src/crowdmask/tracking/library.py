"""The library that follows boxes from frame to frame: its options, and its import, which takes long."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from threading import Thread
from typing import Any

from crowdmask.errors import UsageError
from crowdmask.extras import needs_video
from crowdmask.tracking.lean_import import Places, fetch

HIGH_SCORE = 0.6
"""The library's threshold between high- and low-confidence boxes."""

_NAME = "trackers"
_KINDS: dict[str, str] = {
    "bytetrack": "ByteTrackTracker",
    "botsort": "BoTSORTTracker",
    "ocsort": "OCSORTTracker",
    "cbiou": "CBIoUTracker",
    "sort": "SORTTracker",
}
# Of these packages only so much is imported; in another version all is.
_PLACES: Places = {
    "deprecate": {
        "TargetMode": "deprecate._types",
        "deprecated": "deprecate.deprecation",
        "void": "deprecate.utils",
    },
    "scipy.optimize": {"linear_sum_assignment": "scipy.optimize._lsap"},
    "supervision": {
        "Detections": "supervision.detection.core",
        "box_iou_batch": "supervision.detection.utils.iou_and_nms",
        "_cv2": "supervision._cv2",
    },
    _NAME: {name: f"trackers.core.{algorithm}.tracker" for algorithm, name in _KINDS.items()},
}
_LOST_FRAMES = 30  # at 30 frames per second: one second


def preload(algorithms: Iterable[str]) -> Thread:
    """Start to import the library in a thread, while the model is loaded and the first frame is decoded.

    Args:
        algorithms: those of `tracker.ALGORITHMS` that will be needed.
    """
    thread = Thread(target=_import, args=(set(algorithms),), name=f"import {_NAME}")
    thread.start()
    return thread


def _import(algorithms: Iterable[str]) -> None:
    with suppress(ImportError, AttributeError):  # whoever needs it gets the error
        for algorithm in algorithms:
            fetch(_NAME, _KINDS[algorithm], _PLACES)
            _options(algorithm)


def make_library(algorithm: str, fps: float, mature: int) -> Any:
    """Return the library's tracker.

    Args:
        algorithm: one of `tracker.ALGORITHMS`.
        fps: frames per second that it will see.
        mature: number of frames in which a face must be found.
    Raises:
        MissingExtraError: the extra `video` is not installed.
        UsageError: the installed library does not have it.
    """
    name = _KINDS[algorithm]
    try:
        with needs_video("tracking"):
            kind = fetch(_NAME, name, _PLACES)
    except AttributeError as error:
        raise UsageError(
            f"the installed package 'trackers' has no {name}: upgrade it (pip install -U trackers)"
        ) from error
    return kind(
        frame_rate=fps,
        lost_track_buffer=_LOST_FRAMES,
        minimum_consecutive_frames=mature,
        **_options(algorithm),
    )


def _options(algorithm: str) -> dict[str, Any]:
    """Return an algorithm's own options."""
    new_face = {"track_activation_threshold": HIGH_SCORE}
    two_steps = {**new_face, "high_conf_det_threshold": HIGH_SCORE}
    # Faces are small, so they overlap less from frame to frame than bodies.
    loose = {
        "minimum_iou_threshold_first_assoc": 0.1,
        "minimum_iou_threshold_second_assoc": 0.2,
        "minimum_iou_threshold_unconfirmed_assoc": 0.1,
        "instant_first_frame_activation": False,
    }
    quick = _quick_state() if algorithm in ("botsort", "cbiou") else {}
    return {
        "bytetrack": {**two_steps, "minimum_iou_threshold": 0.1},
        "botsort": {**two_steps, **loose, **quick, "enable_cmc": False},
        "ocsort": {"high_conf_det_threshold": HIGH_SCORE, "minimum_iou_threshold": 0.1},
        "cbiou": {**two_steps, **loose, **quick},
        "sort": {**new_face, "minimum_iou_threshold": 0.1},
    }[algorithm]


def _quick_state() -> dict[str, Any]:
    """Return the options that make the library's trackers use `FaceState`; empty if its internals differ."""
    try:
        from crowdmask.tracking import face_state
    except ImportError:
        return {}
    return {"state_estimator_class": face_state.FaceState} if face_state.fits() else {}
