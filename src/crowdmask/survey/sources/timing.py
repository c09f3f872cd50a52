"""Convert video frames to person-time and to tracks."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdmask.survey.breaks import NearEnds, Tracks, near_ends
from crowdmask.survey.cells import N_LABELS, Floats
from crowdmask.survey.sightings import LOOK_S, PASSAGE, Sightings
from crowdmask.survey.sources.stays import mean_stay_s

# Frames with a longer distance than this, and than this many usual distances, have a gap between them.
_GAP_S, _GAP_TIMES = 2.0, 10.0
_FACE = np.dtype([("frame", "i4"), ("label", "i1"), ("width", "f4"), ("confidence", "f4"), ("track", "i8")])


@dataclass
class Frames:
    """Frames of video in compact arrays."""

    sources: dict[str, int] = field(default_factory=dict)
    source: array[int] = field(default_factory=lambda: array("i"))
    time_s: array[float] = field(default_factory=lambda: array("d"))
    frame: array[int] = field(default_factory=lambda: array("i"))
    label: array[int] = field(default_factory=lambda: array("b"))
    width: array[float] = field(default_factory=lambda: array("f"))
    confidence: array[float] = field(default_factory=lambda: array("f"))
    track: array[int] = field(default_factory=lambda: array("q"))
    centre: array[float] = field(default_factory=lambda: array("f"))

    def take(
        self,
        source: str,
        time_s: float,
        faces: Iterable[tuple[int, float, float, int]],
        centres: Iterable[tuple[float, float]],
    ) -> None:
        """Append a frame.

        Args:
            source: shown name.
            time_s: seconds since its beginning.
            faces: label, width, confidence and track (-1: none) of each.
            centres: x and y of the middle of each, pixels.
        """
        if not np.isfinite(time_s):
            raise ValueError("has an impossible time")
        number = len(self.time_s)
        self.source.append(self.sources.setdefault(source, len(self.sources)))
        self.time_s.append(time_s)
        for label, width, confidence, track in faces:
            self.frame.append(number)
            self.label.append(label)
            self.width.append(width)
            self.confidence.append(confidence)
            self.track.append(track)
        for centre in centres:
            self.centre.extend(centre)


@dataclass(frozen=True, eq=False)
class Looks:
    """Minutes of video.

    Attributes:
        of_frame: (N,) the look of each frame.
        source, offset_s, observed_s, gaps_s, frames: (L,) as in `Sightings`.
        lasts_s: (N,) duration that each frame represents.
    """

    of_frame: NDArray[np.int64]
    source: NDArray[np.int32]
    offset_s: Floats
    observed_s: Floats
    gaps_s: Floats
    frames: NDArray[np.int64]
    lasts_s: Floats


def cut_into_looks(source: NDArray[np.int32], time_s: Floats) -> Looks:
    """Divide frames into looks of one minute; each frame lasts until the next one of its source.

    Args:
        source, time_s: (N,) of each frame.
    """
    order = np.lexsort((time_s, source))
    mine, times = source[order], time_s[order]
    step = np.diff(times, append=times[-1:])
    last = np.append(mine[1:] != mine[:-1], True)
    step[last] = np.nan
    lasts = np.zeros(len(order))
    gaps = np.zeros(len(order))
    for number in np.unique(mine):
        here = mine == number
        steps = step[here]
        known = steps[(~np.isnan(steps)) & (steps > 0)]
        usual = float(np.median(known)) if len(known) else 0.0
        longest = max(_GAP_S, _GAP_TIMES * usual)
        is_gap = steps > longest
        gaps[here] = np.where(is_gap, np.nan_to_num(steps) - usual, 0.0)
        lasts[here] = np.where(np.isnan(steps) | is_gap, usual, steps)
    minute = np.floor(times / LOOK_S).astype(np.int64)
    keys, of_sorted = np.unique(np.stack([mine.astype(np.int64), minute]), axis=1, return_inverse=True)
    of_sorted = of_sorted.reshape(-1)
    of_frame, lasts_s = np.empty(len(order), np.int64), np.empty(len(order))
    of_frame[order], lasts_s[order] = of_sorted, lasts
    number_of_looks = keys.shape[1]
    first = np.full(number_of_looks, np.inf)
    np.minimum.at(first, of_sorted, times)
    return Looks(
        of_frame, keys[0].astype(np.int32), first, _added(of_sorted, lasts, number_of_looks),
        _added(of_sorted, gaps, number_of_looks), np.bincount(of_sorted, minlength=number_of_looks),
        lasts_s,
    )  # fmt: skip


def sightings_of_frames(frames: Frames, unit: str, about: dict[str, Any]) -> Sightings:
    """Return frames as person-time or passages.

    Args:
        frames: all.
        unit: `PERSON_TIME` or `PASSAGE`.
        about: other fields of `Sightings`.
    """
    looks = cut_into_looks(np.frombuffer(frames.source, np.int32), np.frombuffer(frames.time_s, np.float64))
    frame = np.frombuffer(frames.frame, np.int32)
    label = np.frombuffer(frames.label, np.int8)
    width, confidence = np.frombuffer(frames.width, np.float32), np.frombuffer(frames.confidence, np.float32)
    look, amount = looks.of_frame[frame].astype(np.int32), looks.lasts_s[frame].astype(np.float32)
    near_end, stay_s = None, None
    if unit != PASSAGE:
        times, sources = np.frombuffer(frames.time_s, np.float64), np.frombuffer(frames.source, np.int32)
        there = np.bincount(frame, minlength=len(times)) * looks.lasts_s
        stay_s = mean_stay_s(sources, times, looks.lasts_s, there)
    else:
        track = np.frombuffer(frames.track, np.int64)
        source = np.frombuffer(frames.source, np.int32)[frame]
        near_end = _near_ends(frames, source, frame, track, width)
        look, label, width, confidence = _one_a_track(source, track, look, label, width, confidence, amount)
        amount = np.ones(len(look), np.float32)
    number = len(looks.source)
    return Sightings(
        unit, tuple(frames.sources), looks.source, np.full(number, np.nan), looks.offset_s, looks.observed_s,
        looks.gaps_s, looks.frames, look, label, width, confidence, amount, near_end=near_end,
        stay_s=stay_s, **about,
    )  # fmt: skip


def _near_ends(
    frames: Frames,
    source: NDArray[np.int32],
    frame: NDArray[np.int32],
    track: NDArray[np.int64],
    width: NDArray[np.float32],
) -> NearEnds:
    """Return where other tracks ended near the beginning of each, in the order of `_one_a_track`."""
    time_s = np.frombuffer(frames.time_s, np.float64)[frame]
    centre = np.frombuffer(frames.centre, np.float32).reshape(-1, 2)
    place = np.concatenate([centre, width[:, None]], axis=1).astype(np.float64)
    on = np.flatnonzero(track >= 0)
    on = on[np.lexsort((time_s[on], track[on], source[on]))]
    keys = np.stack([source[on].astype(np.int64), track[on]])
    begins = np.append(True, (keys[:, 1:] != keys[:, :-1]).any(axis=0)) if len(on) else np.zeros(0, bool)
    first = on[begins]
    last = on[np.append(begins[1:], True)] if len(on) else first
    tracks = Tracks(source[first], time_s[first], time_s[last], place[first], place[last])
    return near_ends(tracks)


def _one_a_track(
    source: NDArray[np.int32],
    track: NDArray[np.int64],
    look: NDArray[np.int32],
    label: NDArray[np.int8],
    width: NDArray[np.float32],
    confidence: NDArray[np.float32],
    amount: NDArray[np.float32],
) -> tuple[NDArray[np.int32], NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]]:
    """Combine the faces of each track: its first look, its most frequent label by time, its mean size."""
    on = track >= 0
    source, track, look, label = source[on], track[on], look[on], label[on]
    width, confidence, amount = width[on], confidence[on], amount[on]
    keys, which = np.unique(np.stack([source.astype(np.int64), track]), axis=1, return_inverse=True)
    which, number = which.reshape(-1), keys.shape[1]
    first = np.full(number, np.iinfo(np.int32).max, np.int32)
    np.minimum.at(first, which, look)
    time = np.bincount(which * (N_LABELS + 1) + label, amount + 1e-9, number * (N_LABELS + 1))
    by_label = time.reshape(number, N_LABELS + 1)
    known = by_label[:, :N_LABELS]
    kind = np.where(known.any(axis=1), known.argmax(axis=1), N_LABELS).astype(np.int8)
    seen = np.maximum(np.bincount(which, minlength=number), 1)
    mean_width = (np.bincount(which, width, number) / seen).astype(np.float32)
    mean_confidence = (np.bincount(which, confidence, number) / seen).astype(np.float32)
    return first, kind, mean_width, mean_confidence


def _added(at: NDArray[np.integer], amount: Floats, number: int) -> Floats:
    return np.bincount(at, amount, number).astype(np.float64)
