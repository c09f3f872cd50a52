"""The library that follows boxes from frame to frame: its options, and its import, which takes long."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from threading import Thread
from typing import Any

from crowdmask.errors import UsageError
from crowdmask.extras import needs_video

HIGH_SCORE = 0.6
"""The library's threshold between high- and low-confidence boxes."""

_NAME = "trackers"
_LOST_FRAMES = 30  # at 30 frames per second: one second


def preload() -> Thread:
    """Start to import the library in a thread, while the model is loaded and the first frame is decoded.

    It imports a thousand modules, most of them of SciPy and supervision, in about half a second.
    """
    thread = Thread(target=_import, name=f"import {_NAME}")
    thread.start()
    return thread


def _import() -> None:
    with suppress(ImportError):  # whoever needs it gets the error
        import_module(_NAME)


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
    with needs_video("tracking"):
        import trackers

    shared = {
        "frame_rate": fps,
        "lost_track_buffer": _LOST_FRAMES,
        "minimum_consecutive_frames": mature,
    }
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
    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        "bytetrack": ("ByteTrackTracker", {**two_steps, "minimum_iou_threshold": 0.1}),
        "botsort": ("BoTSORTTracker", {**two_steps, **loose, **quick, "enable_cmc": False}),
        "ocsort": ("OCSORTTracker", {"high_conf_det_threshold": HIGH_SCORE, "minimum_iou_threshold": 0.1}),
        "cbiou": ("CBIoUTracker", {**two_steps, **loose, **quick}),
        "sort": ("SORTTracker", {**new_face, "minimum_iou_threshold": 0.1}),
    }
    name, options = kinds[algorithm]
    kind = getattr(trackers, name, None)
    if kind is None:
        raise UsageError(
            f"the installed package 'trackers' has no {name}: upgrade it (pip install -U trackers)"
        )
    return kind(**shared, **options)


def _quick_state() -> dict[str, Any]:
    """Return the options that make the library's trackers use `FaceState`; empty if its internals differ."""
    try:
        from crowdmask.tracking import face_state
    except ImportError:
        return {}
    return {"state_estimator_class": face_state.FaceState} if face_state.fits() else {}
