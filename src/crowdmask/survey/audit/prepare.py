"""Draw the photos of an audit and write the sheet."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from crowdmask.errors import DataError, UsageError
from crowdmask.inference.detector import Detector
from crowdmask.labels import WITH_MASK, require_mask_labels
from crowdmask.survey.audit.draw import Draw, draw_photos
from crowdmask.survey.audit.moments import cut_frames, draw_moments
from crowdmask.survey.audit.sheet import SheetPhoto, write_sheet, write_tasks
from crowdmask.survey.cells import LEAST_WIDTH_PX, SHOWN, Floats, confidence_class, confidence_edges
from crowdmask.survey.floor import find_floor
from crowdmask.survey.quantify import correct, correct_photos
from crowdmask.survey.rates import Rates
from crowdmask.survey.sightings import Sightings, sort_faces
from crowdmask.survey.sources.looking import Looking
from crowdmask.survey.sources.records import STANDARD_INPUT, is_records, read_boxes
from crowdmask.survey.uncertainty import Knowledge

TASKS_SUFFIX = ".json"


def prepare_audit(
    seen: Sightings,
    sources: Sequence[str],
    faces: int,
    out: str,
    seed: int,
    thresholds: Sequence[float] | None,
    looking: Looking,
    rates: Rates | None = None,
) -> int:
    """Draw photos or frames with about the wanted number of faces, and write a labelling sheet.

    Args:
        seen: the surveyed photos or videos.
        sources: as given by the user.
        faces: approximate number of faces.
        out: the sheet; with the suffix ".json", tasks for Label Studio.
        seed: random seed of the draw.
        thresholds: of the model; None: every listed face counts as shown.
        looking: options of the detection.
        rates: the model's; photos that they leave in doubt are drawn more often.
    Returns:
        The number of drawn photos.
    Raises:
        UsageError: it is video whose frames cannot be cut out, or records from standard input.
        ModelError: the model has other labels.
        SourceError: a drawn photo cannot be read.
        OutputError: the sheet cannot be written.
    """
    if seen.is_video:
        frames = cut_frames(seen, draw_moments(seen, faces, seed), looking)
        return _written(out, frames, seed)
    if STANDARD_INPUT in sources:
        raise UsageError("`audit` reads the records twice: give a file, not standard input")
    draw = _draw(seen, faces, seed, thresholds, rates)
    wanted = {seen.sources[look] for look in draw.looks}
    least = None if thresholds is None else min(thresholds)
    if all(is_records(name) for name in sources):
        boxes = read_boxes(sources, wanted, least)
    else:
        boxes = _look_again(wanted, looking)
    lost = wanted - set(boxes)
    if lost:
        raise DataError(f"{next(iter(lost))}: its boxes cannot be found again: has the file changed?")
    photos = [
        SheetPhoto(seen.sources[look], float(chance), boxes[seen.sources[look]])
        for look, chance in zip(draw.looks, draw.probability, strict=True)
    ]
    return _written(out, photos, seed)


def _written(out: str, photos: Sequence[SheetPhoto], seed: int) -> int:
    if out.lower().endswith(TASKS_SUFFIX):
        write_tasks(out, photos)
    else:
        write_sheet(out, photos, seed)
    return len(photos)


def _draw(
    seen: Sightings, faces: int, seed: int, thresholds: Sequence[float] | None, rates: Rates | None
) -> Draw:
    shown = np.ones(len(seen.look), bool)
    if thresholds is not None:
        classes = confidence_class(
            seen.label.astype(np.int64), np.nan_to_num(seen.confidence, nan=1.0), confidence_edges(thresholds)
        )
        shown = (classes >= SHOWN) & (seen.width_px >= LEAST_WIDTH_PX)
    masked = shown & (seen.label == WITH_MASK)
    number, with_mask = (np.bincount(seen.look[which], minlength=seen.looks) for which in (shown, masked))
    return draw_photos(number, faces, seed, with_mask, None if rates is None else _doubt(seen, rates))


def _doubt(seen: Sightings, rates: Rates) -> Floats:
    """Return how many faces of each photo are in doubt by the rates, (L,)."""
    known = Knowledge(rates, find_floor(seen, rates)[0])
    cells = sort_faces(seen, np.ones(seen.looks, bool), None, rates.edges, known.floor)
    truth = correct(cells.known.sum(axis=0), known.best).truth
    _, missed, variance = correct_photos(cells.known, known.best, truth)
    doubt: Floats = (missed + variance).sum(axis=1)
    return doubt


def _look_again(wanted: set[str], looking: Looking) -> dict[str, list[list[float]]]:
    detector = Detector(looking.model, threads=looking.threads)
    require_mask_labels(detector.labels, detector.model_name, "an audit")
    return {
        name: [[float(side) for side in box] for box in detector.detect(os.fspath(name)).xyxy]
        for name in sorted(wanted)
    }
