"""Count a detector's errors by label, width and confidence, for surveys."""

from __future__ import annotations

from collections.abc import Sequence

from crowdmask.evaluation.matching import ScoredPicture
from crowdmask.survey.rates import Rates, count_photo


def measure_rates(
    pictures: Sequence[ScoredPicture],
    model: str,
    model_hash: str,
    thresholds: Sequence[float],
    measured_on: str,
) -> Rates:
    """Count errors on annotated pictures.

    Args:
        pictures: with all detections down to a confidence of about 0.01 in `found`.
        model, model_hash: which model found them.
        thresholds: (3,) its own, whatever it was run with.
        measured_on: the data, in words.
    """
    photos = [
        count_photo(
            picture.found.xyxy,
            picture.found.confidence,
            picture.found.class_id,
            picture.faces,
            picture.face_class_id,
            picture.ignored,
            thresholds,
        )
        for picture in pictures
    ]
    return Rates.of_photos(photos, model, model_hash, thresholds, measured_on)
