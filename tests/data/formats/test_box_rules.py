from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdmask.data.formats.annotation import Annotation, RawBox
from crowdmask.data.formats.box_rules import (
    MIN_INSIDE,
    MIN_SIDE_PX,
    Fault,
    judge_boxes,
    known_spelling,
    place_box,
)
from crowdmask.data.problems import Reason

EDGE = st.floats(-300, 400, allow_nan=False, width=32)


@pytest.mark.parametrize(
    ("box", "reason", "kind"),
    [
        ((10, 20, 10, 40), Reason.NO_AREA, "without area inside the picture"),
        ((30, 20, 10, 40), Reason.NO_AREA, "without area inside the picture"),
        ((10, 20, 10.5, 40), Reason.NO_AREA, "without area inside the picture"),
        ((120, 20, 140, 40), Reason.OUTSIDE, "without area inside the picture"),
        ((90, 70, 105, 85), Reason.OUTSIDE, "more than half outside the picture"),
    ],
)
def test_faults(box: tuple[float, float, float, float], reason: Reason, kind: str) -> None:
    fault = place_box(box, 100, 80)
    assert isinstance(fault, Fault)
    assert (fault.reason, fault.kind) == (reason, kind)


@given(EDGE, EDGE, EDGE, EDGE)
def test_what_is_placed_lies_inside_and_was_mostly_inside(x1: float, y1: float, x2: float, y2: float) -> None:
    placed = place_box((x1, y1, x2, y2), 100, 80)
    if isinstance(placed, Fault):
        return
    left, top, right, bottom = placed
    assert 0 <= left < right <= 100
    assert 0 <= top < bottom <= 80
    assert min(right - left, bottom - top) >= MIN_SIDE_PX
    assert (right - left) * (bottom - top) >= MIN_INSIDE * (x2 - x1) * (y2 - y1) - 1e-3


@pytest.mark.parametrize(
    ("labels", "unreadable", "only_unknown"),
    [
        ([], 0, False),
        ([], 2, True),
        (["cat"], 0, True),
        (["cat", "mask"], 1, False),
        (["dog"], 0, False),
    ],
)
def test_a_photo_whose_faces_are_not_known(labels: list[str], unreadable: int, only_unknown: bool) -> None:
    boxes = tuple(RawBox(label, (1, 1, 9, 9)) for label in labels)
    meanings = {"mask": "with_mask", "dog": "skip"}
    judged = judge_boxes(Annotation("a", boxes, unreadable=unreadable), 10, 10, (0, 0, 0, 0), meanings.get)
    assert judged.shows_only_unknown is only_unknown
    assert sum(judged.published.values()) == len(labels)


@pytest.mark.parametrize(
    ("published", "meaning"),
    [
        ("ignore", "ignore"),
        ("ignore_with_mask", "ignore_with_mask"),
        ("with_mask", "with_mask"),
        ("ignore_cat", None),
        ("cat", None),
    ],
)
def test_how_our_own_export_names_classes(published: str, meaning: str | None) -> None:
    assert known_spelling(published) == meaning


def test_ignored_regions_keep_their_label() -> None:
    boxes = (RawBox("ignore_without_mask", (1, 1, 9, 9)), RawBox("ignore", (1, 1, 9, 9)))
    faces = judge_boxes(Annotation("a", boxes), 10, 10, (0, 0, 0, 0), known_spelling).faces
    assert [(face.label, face.ignore) for face in faces] == [("without_mask", True), (None, True)]
