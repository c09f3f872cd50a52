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
        pictures: `found` contains all detections down to a confidence of about 0.01.
        model, model_hash: name and hash of the model.
        thresholds: (3,) the model's own, independent of the options of this run.
        measured_on: description of the data.
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
