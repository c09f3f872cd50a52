"""Suspicious annotations are found, sound ones are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from crowdmask.data.manifest import Photo
from crowdmask.data.statistics.checks import Kind, check_against, check_boxes
from crowdmask.detections import Detections


def photo(*faces: tuple[Any, ...], width: int = 400, height: int = 300) -> Photo:
    rows = [{"box": face[0], "label": face[1], "ignore": face[1] is None} for face in faces]
    return Photo.model_validate(
        {"photo": "a.jpg", "width": width, "height": height, "source": "s", "faces": rows}
    )


@pytest.mark.parametrize(
    ("faces", "kinds"),
    [
        ([((10, 10, 50, 60), "with_mask")], []),
        ([((0, 0, 400, 300), "with_mask")], []),
        ([((10, 10, 50, 60), "with_mask"), ((20, 10, 60, 60), "with_mask")], []),
        ([((-5, 10, 50, 60), "with_mask")], [Kind.OUTSIDE]),
        ([((10, 10, 50, 310), "with_mask")], [Kind.OUTSIDE]),
        ([((500, 10, 550, 60), "with_mask")], [Kind.OUTSIDE]),
        ([((-0.4, 10, 50, 60), "with_mask")], []),
        ([((10, 10, 10, 60), "with_mask")], [Kind.NO_AREA]),
        ([((50, 60, 10, 10), "with_mask")], [Kind.NO_AREA]),
        ([((10, 10, 50, 60), "with_mask"), ((11, 10, 50, 60), "without_mask")], [Kind.EQUAL]),
        ([((10, 10, 50, 60), None), ((11, 10, 50, 60), "without_mask")], [Kind.EQUAL]),
        ([((10, 10, 50, 60), None), ((11, 10, 50, 60), None)], []),
        ([((10, 10, 110, 60), "with_mask")], [Kind.ASPECT]),
        ([((10, 10, 25, 60), "with_mask")], [Kind.ASPECT]),
        # Cut by the border, ignored, too small to tell.
        ([((0, 10, 15, 60), "with_mask")], []),
        ([((10, 10, 110, 60), None)], []),
        ([((10, 10, 15, 30), "with_mask")], []),
        ([], []),
    ],
)
def test_boxes(faces: list[tuple[Any, ...]], kinds: list[Kind]) -> None:
    assert [finding.kind for finding in check_boxes(3, photo(*faces))] == kinds


def test_findings_name_what_to_look_at() -> None:
    twice = photo(((10, 10, 50, 60), "with_mask"), ((11, 10, 50, 60), "without_mask"))
    (finding,) = check_boxes(3, twice)

    assert (finding.index, finding.boxes) == (3, ((10, 10, 50, 60), (11, 10, 50, 60)))
    assert "with_mask and without_mask" in finding.text
    assert check_boxes(0, photo().model_copy(update={"faces": None})) == []


@pytest.mark.parametrize(
    ("faces", "box", "confidence", "kinds"),
    [
        # The model says: with a mask, here.
        ([((10, 10, 50, 60), "without_mask")], (10, 10, 50, 60), 0.95, [Kind.LABEL]),
        ([((10, 10, 50, 60), "with_mask")], (10, 10, 50, 60), 0.95, []),
        ([((10, 10, 50, 60), "without_mask")], (10, 10, 50, 60), 0.85, []),
        ([((10, 10, 50, 60), None)], (10, 10, 50, 60), 0.95, []),
        ([((10, 10, 50, 60), "without_mask")], (200, 10, 250, 60), 0.95, [Kind.MISSED]),
        ([], (200, 10, 250, 60), 0.95, [Kind.MISSED]),
        ([], (200, 10, 250, 60), 0.85, []),
        # Inside a region that nobody judges.
        ([((100, 0, 400, 300), None)], (200, 10, 250, 60), 0.95, []),
    ],
)
def test_model(
    faces: list[tuple[Any, ...]], box: tuple[float, ...], confidence: float, kinds: list[Kind]
) -> None:
    seen = Detections(np.array([box], np.float32), np.array([confidence], np.float32), np.array([0]))
    findings = check_against(0, photo(*faces), seen, 0.9)

    assert [finding.kind for finding in findings] == kinds
    assert all("Mask 0.95" in finding.text for finding in findings)
