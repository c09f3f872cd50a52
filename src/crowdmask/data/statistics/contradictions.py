"""Where a detector confidently contradicts the annotations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from crowdmask.data.labelling.answers import Answers
from crowdmask.data.statistics.checks import Finding, check_against
from crowdmask.data.statistics.items import Items
from crowdmask.detections import Detections
from crowdmask.inference.detector import Detector
from crowdmask.labels import require_mask_labels
from crowdmask.progress import Progress, silent


def contradictions(
    items: Items, detector: Detector, answers: Path, sure: float, progress: Progress = silent
) -> Iterator[Finding]:
    """Run the detector on every annotated photo; the page reports photos that cannot be read.

    Args:
        items: the data set.
        detector: the detector to compare with.
        answers: a file for its results, so that an interrupted run can continue.
        sure: minimum confidence of its results that count.
        progress: receives every photo.
    Raises:
        ModelError: the model has other labels than the data sets.
    """
    require_mask_labels(detector.labels, detector.model_name, "comparing with annotations")
    annotated = [(index, item) for index, item in enumerate(items.items) if item.photo.faces is not None]
    asked = Answers(detector, answers).ask((str(index), item.path) for index, item in annotated)
    progress("asking the model", 0, len(annotated))
    for done, ((index, item), (_, answer)) in enumerate(zip(annotated, asked, strict=True), 1):
        if isinstance(answer, Detections):
            yield from check_against(index, item.photo, answer, sure)
        progress("asking the model", done, len(annotated))
