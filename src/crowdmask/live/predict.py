"""What is known of a frame that was not looked at, from the looks before and after it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from crowdmask.detections import Detections
from crowdmask.live.tracked_frame import TrackedFrame
from crowdmask.media.video import Frame

_SPREAD = 0.1  # of a face's size: so much more is blurred where its place is only predicted


@dataclass(frozen=True, eq=False)
class Look:
    """A frame that was looked at, and where the camera pointed.

    Attributes:
        result: what was seen.
        corner: (2,) where the first frame's corner is, pixels.
    """

    result: TrackedFrame
    corner: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Glance:
    """What is known of a frame without a detection.

    Attributes:
        corner: (2,) where the first frame's corner is, pixels.
        order: number of the frame among those that were seen.
        changes: whether it differs from the last frame with a detection.
    """

    corner: NDArray[np.float64]
    order: int
    changes: bool


def predict(
    frame: Frame,
    corner: NDArray[np.float64],
    before: Look,
    *,
    after: Look | None = None,
    guesses: dict[int, NDArray[np.float32]] | None = None,
) -> TrackedFrame:
    """Return what is known of a frame between two looks, or after the last one.

    Args:
        frame: it was not looked at.
        corner: see `Look`, of this frame.
        before: the look before it.
        after: the look after it, in the same take; None: not yet.
        guesses: by track, where people would be if they had kept their course; without `after`.
    Returns:
        The faces of the look before it at their places now. A person whom the look after it misses is there
        for half of the time between.
    """
    seen, moved = before.result, np.tile(corner - before.corner, 2)
    share, later = 0.0, {}
    if after is not None:
        share = (frame.time_s - seen.time_s) / max(after.result.time_s - seen.time_s, 1e-6)
        later = _boxes_of(after.result)
    places = seen.detections.xyxy + moved
    kept = np.ones(len(places), bool)
    hidden: list[NDArray[np.floating]] = [seen.hidden + moved]
    for row, track in enumerate(seen.tracks.tolist()):
        if track < 0:
            continue
        if after is not None and track in later:
            here = later[track] + np.tile(corner - after.corner, 2)
            places[row] += share * (here - places[row])
        elif after is not None:
            kept[row] = share < 0.5
        elif guesses is not None and track in guesses:
            places[row] = guesses[track]
    if after is not None:
        hidden.append(after.result.hidden + np.tile(corner - after.corner, 2))
    hidden.append(places)
    width, height = frame.size
    placed = np.clip(places, 0, [width, height, width, height]).astype(np.float32)
    kept &= (placed[:, 2:] > placed[:, :2]).all(axis=1)
    rows = np.flatnonzero(kept)
    found = seen.detections
    return replace(
        seen,
        frame=frame.index,
        time_s=frame.time_s,
        detections=Detections(placed[rows], found.confidence[rows], found.class_id[rows]),
        tracks=seen.tracks[rows],
        states=[seen.states[row] for row in rows.tolist()],
        confidence=seen.confidence[rows],
        hidden=_spread(np.concatenate(hidden)),
        events=[],
        picture=frame.pixels,
        predicted=True,
    )


def _boxes_of(result: TrackedFrame) -> dict[int, NDArray[np.float32]]:
    pairs = zip(result.tracks.tolist(), result.detections.xyxy, strict=True)
    return {track: box for track, box in pairs if track >= 0}


def _spread(boxes: NDArray[np.floating]) -> NDArray[np.float32]:
    sides = _SPREAD * (boxes[:, 2:] - boxes[:, :2])
    return np.concatenate([boxes[:, :2] - sides, boxes[:, 2:] + sides], axis=1).astype(np.float32)
