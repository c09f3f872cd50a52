"""Run the detector on photos and videos, and recognise the kinds of a user's sources."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crowdmask.batch.run import MANY
from crowdmask.errors import DataError, SourceError, VideoError
from crowdmask.extras import needs_video
from crowdmask.inference.detector import Detector
from crowdmask.inference.model_file import DEFAULT_MODEL
from crowdmask.labels import LABELS, require_mask_labels
from crowdmask.live.sources import SUFFIXES, find_videos
from crowdmask.media.sources import find_pictures
from crowdmask.progress import Progress, silent
from crowdmask.survey.cells import confidence_edges
from crowdmask.survey.sightings import FACE, PASSAGE, PERSON_TIME, Sightings
from crowdmask.survey.sources.photos import Photos
from crowdmask.survey.sources.records import RecordFiles, is_records
from crowdmask.survey.sources.timing import Frames, sightings_of_frames

if TYPE_CHECKING:
    from crowdmask.live.tracker import Tracker

_LABEL_INDEX = {label: index for index, label in enumerate(LABELS)}
_TELL_EVERY = 25


@dataclass(frozen=True)
class Looking:
    """Options of the detection in photos and videos.

    Attributes:
        model: name of a shipped model or path of a model file.
        threads: compute threads; None: one for each physical core.
        every: process every n-th frame of a video only.
    """

    model: str = DEFAULT_MODEL
    threads: int | None = None
    every: int = 1


def read(
    sources: Sequence[str | os.PathLike[str]],
    unit: str | None = None,
    looking: Looking = Looking(),
    progress: Progress = silent,
) -> Sightings:
    """Read sources: files of records, or detect in photos, folders of photos, or videos.

    Args:
        sources: of one kind.
        unit: "face", "passage" or "person-time"; None: faces of photos, person-time of video.
        looking: options of the detection.
        progress: receives the progress.
    Raises:
        SourceError: nothing could be read.
        DataError: kinds are mixed, or the unit does not fit.
    """
    names = [os.fspath(source) for source in sources]
    records = [is_records(name) for name in names]
    if all(records):
        return RecordFiles(names, unit).read()
    if any(records):
        raise DataError("records are surveyed apart from photos and videos: they may hold the same faces")
    kinds = [_is_video(name) for name in names]
    if all(kinds):
        return look_at_videos(names, unit, looking, progress)
    if any(kinds):
        raise DataError("photos and videos do not count the same: survey them one at a time")
    if unit not in (None, FACE):
        raise DataError(f"photos are counted by face: `unit` {unit} needs a video")
    return look_at_photos(names, looking, progress)


def look_at_photos(names: Sequence[str], looking: Looking, progress: Progress = silent) -> Sightings:
    """Find the faces of photos, including those of low confidence.

    Args:
        names: photos, folders and patterns.
        looking, progress: see `read`.
    Raises:
        SourceError: none could be read.
    """
    found = find_pictures(names)
    problems = [str(problem) for problem in found.problems]
    photos = Photos()
    total = len(found.pictures)
    if total:
        detector = Detector(looking.model, threads=looking.threads, shares_cores=True)
        require_mask_labels(detector.labels, detector.model_name, "a survey")
        floor = float(confidence_edges(detector.info.threshold).min())
        if total >= MANY:
            detector.reserve()
        for number, result in enumerate(detector.detect_each(found.pictures, floor=floor), 1):
            if result.error is not None:
                problems.append(str(result.error))
            else:
                faces = result.candidates
                widths = (faces.xyxy[:, 2] - faces.xyxy[:, 0]).tolist()
                rows = zip(faces.class_id.tolist(), widths, faces.confidence.tolist(), strict=True)
                photos.take(result.source.name, [(*row, -1) for row in rows])
            progress("looking at photos", number, total)
    if not photos.sources:
        raise SourceError(problems[0] if problems else "no photo was given")
    return photos.sightings({
        "model": detector.model_name, "model_hash": detector.model_hash, "problems": tuple(problems),
        "thresholds": tuple(map(float, detector.info.threshold)),
    })  # fmt: skip


def look_at_videos(
    names: Sequence[str], unit: str | None, looking: Looking, progress: Progress = silent
) -> Sightings:
    """Track everybody in video files.

    Args:
        names: videos, folders and patterns.
        unit, looking, progress: see `read`.
    Raises:
        MissingExtraError: the extra `video` is not installed.
        SourceError: one is a camera, which has no end, or none could be read.
        DataError: the unit is "face".
    """
    if unit == FACE:
        raise DataError(f"video is counted by {PERSON_TIME} or {PASSAGE}: a face is seen many times")
    with needs_video("a survey of videos"):
        from crowdmask.live.tracker import Tracker
    found = find_videos(names)
    problems = [str(problem) for problem in found.problems]
    if any(source.is_live for source in found.sources):
        raise SourceError("a camera has no end: record it with track, and survey the records")
    frames = Frames()
    if found.sources:
        detector = Detector(looking.model, threads=looking.threads, shares_cores=True)
        require_mask_labels(detector.labels, detector.model_name, "a survey")
        for source in found.sources:
            try:
                tracker = Tracker(detector, every=looking.every)
                _follow(tracker, source.address, frames, progress)
            except (VideoError, SourceError) as error:
                problems.append(str(error))
    if not len(frames.time_s):
        raise SourceError(problems[0] if problems else "no video was given")
    about = {"model": detector.model_name, "model_hash": detector.model_hash, "problems": tuple(problems)}
    return sightings_of_frames(frames, unit or PERSON_TIME, about)


def _follow(tracker: Tracker, address: str, frames: Frames, progress: Progress) -> None:
    for number, seen in enumerate(tracker.track(address), 1):
        found = seen.detections
        widths = (found.xyxy[:, 2] - found.xyxy[:, 0]).tolist()
        labels = [
            _LABEL_INDEX.get(state, detected)
            for state, detected in zip(seen.states, found.class_id.tolist(), strict=True)
        ]
        frames.take(
            seen.source,
            seen.time_s,
            zip(labels, widths, found.confidence.tolist(), seen.tracks.tolist(), strict=True),
            ((found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2).tolist(),
        )
        if number % _TELL_EVERY == 0:
            progress(f"looking at {os.path.basename(address)}", number, 0)


def _is_video(name: str) -> bool:
    """Return whether a source is a video, a stream, or a folder with videos and no photos."""
    if os.path.isdir(name):
        return not find_pictures([name]).pictures and bool(find_videos([name]).sources)
    return "://" in name or name.lower().endswith(SUFFIXES)
