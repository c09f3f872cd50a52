"""Audit video: draw moments, cut their frames out, and tell which minute each belongs to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crowdmask.errors import UsageError, VideoError
from crowdmask.extras import needs_video
from crowdmask.inference.detector import Detector
from crowdmask.labels import require_mask_labels
from crowdmask.survey.audit.draw import FEWEST_PHOTOS
from crowdmask.survey.audit.inference import Audited
from crowdmask.survey.audit.sheet import SheetPhoto
from crowdmask.survey.cells import Floats
from crowdmask.survey.sightings import PERSON_TIME, UNKNOWN, Sightings
from crowdmask.survey.sources.looking import Looking

if TYPE_CHECKING:
    from crowdmask.media.video import Frame

MOMENT_S = 0.04
"""Duration that a moment is taken for: one frame of usual video. It cancels out."""

_MARK = "#t="
_MOST = 400


@dataclass(frozen=True, eq=False)
class Moments:
    """The drawn moments.

    Attributes:
        source: (n,) index of the video.
        time_s: (n,) seconds since its beginning, increasing in each video.
        probability: with which each moment was drawn.
    """

    source: NDArray[np.int64]
    time_s: Floats
    probability: float


def name_of(source: str, time_s: float) -> str:
    """Return the name of a moment, like ``film.mp4#t=12.480`` (W3C media fragments)."""
    return f"{source}{_MARK}{time_s:.3f}"


def split_name(name: str) -> tuple[str, float | None]:
    """Return the source and the time of a moment's name; None: it names a photo."""
    source, mark, time = name.rpartition(_MARK)
    try:
        return (source, float(time)) if mark else (name, None)
    except ValueError:
        return name, None


def draw_moments(seen: Sightings, wanted: int, seed: int = 0) -> Moments:
    """Draw moments in equal distances of the observed time, from a random one on.

    Args:
        seen: person-time.
        wanted: approximate number of faces in all their frames.
        seed: random seed of the draw.
    Raises:
        UsageError: it is not person-time, or nobody was seen.
    """
    if seen.unit != PERSON_TIME:
        raise UsageError("`audit` of video needs the unit person-time: a frame holds no whole passages")
    observed = float(seen.observed_s.sum())
    seconds = float(seen.amount[seen.label != UNKNOWN].sum())
    if observed <= 0 or seconds <= 0:
        raise UsageError("`audit` draws frames in which people were seen: there are none")
    number = min(max(math.ceil(wanted * observed / seconds), FEWEST_PHOTOS), _MOST)
    number = max(min(number, int(observed / MOMENT_S)), 1)
    step = observed / number
    marks = (np.random.default_rng([seed, 8]).random() + np.arange(number)) * step
    order = np.lexsort((seen.offset_s, seen.source))
    ends = np.cumsum(seen.observed_s[order])
    at = np.minimum(np.searchsorted(ends, marks, side="right"), len(order) - 1)
    look = order[at]
    time = seen.offset_s[look] + marks - (ends[at] - seen.observed_s[look])
    return Moments(seen.source[look].astype(np.int64), time, min(MOMENT_S / step, 1.0))


def cut_frames(seen: Sightings, moments: Moments, looking: Looking) -> list[SheetPhoto]:
    """Cut the frames of moments out of their videos, with the boxes that the detector finds in them.

    Raises:
        MissingExtraError: the extra `video` is not installed.
        UsageError: a source is no video file that can be read.
    """
    detector = Detector(looking.model, threads=looking.threads)
    require_mask_labels(detector.labels, detector.model_name, "an audit")
    photos = []
    for source in np.unique(moments.source):
        name = seen.sources[source]
        wanted = moments.time_s[moments.source == source].tolist()
        for time_s, frame in _frames_at(name, wanted):
            boxes = detector.detect(frame.picture).xyxy
            photos.append(
                SheetPhoto(
                    name_of(name, time_s),
                    moments.probability,
                    [[float(side) for side in box] for box in boxes],
                    Image.fromarray(frame.picture),
                )
            )
    return photos


def _frames_at(name: str, times: Sequence[float]) -> list[tuple[float, Frame]]:
    """Return each time with the frame that is shown then."""
    with needs_video("an audit of videos"):
        from crowdmask.media.video import read_frames
    left, found = list(times), []
    last: Frame | None = None
    try:
        for frame in read_frames(name):
            while left and last is not None and frame.time_s > left[0]:
                found.append((left.pop(0), last))
            if not left:
                break
            last = frame
    except VideoError as error:
        # A damaged video was surveyed up to there, so its frames are there, too.
        if last is None:
            raise UsageError(
                f"{error}: `audit` cuts the frames of the video out, so it needs the file beside the records"
            ) from error
    if last is not None:
        found += [(time, last) for time in left]
    return found


def audited_moments(
    predicted: Floats, looks: NDArray[np.intp], seen: Sightings, moments: Sequence[tuple[int, Floats, float]]
) -> tuple[Audited, NDArray[np.intp]]:
    """Compare moments with the minutes that they belong to.

    The unit is `MOMENT_S` of one minute: the labelled ones, and what is left of each minute.

    Args:
        predicted: (L, 3) person-seconds that the model expects in each minute of the group.
        looks: (L,) their indices in `seen`.
        seen: the sightings.
        moments: row of the minute, (3,) people labelled in it, and probability, of each labelled moment.
    Returns:
        The labelled moments, and for each of their rows and then each minute the index of its look.
    """
    row = np.array([each for each, _, _ in moments], np.intp)
    seconds = np.maximum(seen.observed_s[looks], MOMENT_S)
    expected = predicted[row] / seconds[row, None]
    rest = predicted / MOMENT_S
    np.subtract.at(rest, row, expected)
    audited = Audited(
        np.concatenate([expected, np.maximum(rest, 0.0)]),
        np.arange(len(row)),
        np.stack([people for _, people, _ in moments]),
        np.array([probability for _, _, probability in moments]),
    )
    return audited, np.concatenate([looks[row], looks])


def look_of(seen: Sightings, source: str, time_s: float) -> int | None:
    """Return the minute of a video that a moment belongs to; None: it was not looked at."""
    if source not in seen.sources:
        return None
    mine = np.flatnonzero(seen.source == seen.sources.index(source))
    before = mine[seen.offset_s[mine] <= time_s + MOMENT_S]
    return int(before[seen.offset_s[before].argmax()]) if len(before) else None
