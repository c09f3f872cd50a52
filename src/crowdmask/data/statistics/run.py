"""Describe a data set in one page: check its boxes, ask a model, and write the page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from crowdmask.data.statistics.checks import Kind, check_boxes
from crowdmask.data.statistics.contradictions import contradictions
from crowdmask.data.statistics.items import load_items
from crowdmask.data.statistics.report import Wish, build_page, write_page
from crowdmask.errors import DataError, UsageError
from crowdmask.inference.detector import Detector
from crowdmask.progress import Progress, silent


@dataclass(frozen=True)
class Described:
    """What the page shows.

    Attributes:
        photos: how many photos the data set has.
        to_review: how many annotations look wrong, by kind.
    """

    photos: int
    to_review: Counter[Kind]


def describe_data_set(
    place: Path,
    to: Path,
    *,
    root: Path | None = None,
    detector: Detector | None = None,
    sure: float = 0.9,
    sample: int = 1000,
    review: int = 60,
    seed: int = 0,
    progress: Progress = silent,
) -> Described:
    """Write one HTML page that shows what a data set contains.

    Args:
        place: the data set's folder, its manifest, or its YAML.
        to: the page. While the work goes on, the model's answers are kept beside it, so that a run that was
            stopped goes on.
        root: the folder of the photos; None: the manifest's, or the one that the YAML names.
        detector: also list where it confidently disagrees with the annotations; None: don't.
        sure: minimum confidence of its answers that are listed, 0 to 1.
        sample: number of photos to open for light, skin tone and sample faces.
        review: number of thumbnails of each kind of suspicion.
        seed: random seed of the sample.
        progress: is told of every photo.
    Raises:
        UsageError: `to` is a folder, or `root` is none.
        DataError: the data set cannot be read, or has no photos.
        ModelError: the model has other labels than the data sets.
        OutputError: the page cannot be written.
    """
    if to.is_dir():
        raise UsageError(f"`to` {to}: a folder; name a file")
    if root is not None and not root.is_dir():
        raise UsageError(f"`root` {root}: not a folder")
    items = load_items(place, root)
    if not items.items:
        raise DataError(f"{place}: holds no photos" + (f" ({items.problems[0]})" if items.problems else ""))
    findings = [f for index, item in enumerate(items.items) for f in check_boxes(index, item.photo)]
    answers = to.with_name(f"{to.name}.answers.jsonl")
    name = None
    if detector is not None:
        name = f"{detector.model_name} ({detector.model_hash[:12]})"
        findings += contradictions(items, detector, answers, sure, progress)
    wish = Wish(sample, review, seed, name)
    text, totals = build_page(items, findings, wish, progress)
    write_page(text, to)
    answers.unlink(missing_ok=True)
    return Described(len(items.items), totals)
