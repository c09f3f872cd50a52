from __future__ import annotations

import math

import numpy as np
import pytest

from crowdmask.evaluation.average_precision import class_scores, face_ap50, mean, rank
from crowdmask.evaluation.matching import ANY_FACE, THREE_CLASSES, TWO_CLASSES

A, B, C = (0, 0, 20, 20), (100, 0, 120, 20), (200, 0, 220, 20)
EMPTY = (300, 300, 320, 320)
WITH, WITHOUT, INCORRECT = 0, 1, 2


@pytest.mark.parametrize(
    ("faces", "found", "expected"),
    [
        pytest.param([(*A, 0, 0)], [(*A, 0, 0.9)], 1.0, id="all found"),
        pytest.param([(*A, 0, 0)], [], 0.0, id="nothing said"),
        pytest.param([], [(*A, 0, 0.9)], math.nan, id="no face"),
        # Recall 1/2 at precision 1: the points 0, 0.01 ... 0.50, 51 of 101.
        pytest.param([(*A, 0, 0), (*B, 0, 0)], [(*A, 0, 0.9)], 51 / 101, id="one of two"),
        # A false one first: precision 1/2 up to recall 1.
        pytest.param([(*A, 0, 0)], [(*EMPTY, 0, 0.9), (*A, 0, 0.8)], 0.5, id="false one surer"),
        pytest.param([(*A, 0, 0)], [(*A, 0, 0.9), (*EMPTY, 0, 0.8)], 1.0, id="false one fainter"),
        # Hit, false, hit: precision 1 up to recall 0.5 (51 points), 2/3 for the 50 above.
        pytest.param(
            [(*A, 0, 0), (*B, 0, 0)],
            [(*A, 0, 0.9), (*EMPTY, 0, 0.8), (*B, 0, 0.7)],
            (51 + 50 * 2 / 3) / 101,
            id="hit false hit",
        ),
        pytest.param([(*A, 0, 0)], [(*A, 0, 0.9), (*A, 0, 0.95)], 1.0, id="a double after the hit"),
        pytest.param(
            [(*A, 0, 0), (290, 290, 400, 400, 0, 1)],
            [(*EMPTY, 0, 0.9), (*A, 0, 0.8)],
            1.0,
            id="false one in an ignore region",
        ),
    ],
)
def test_ap50_of_one_class(scored, faces, found, expected):
    score = class_scores([scored(faces, found)], TWO_CLASSES).ap50[0]
    assert score == pytest.approx(expected, nan_ok=True)


def test_an_incorrectly_worn_mask_counts_as_none_under_two_classes_alone(scored):
    pictures = [scored([(*A, INCORRECT, 0), (*B, WITH, 0)], [(*A, WITHOUT, 0.9), (*B, WITH, 0.9)])]
    two, three = class_scores(pictures, TWO_CLASSES), class_scores(pictures, THREE_CLASSES)
    assert two.ap50 == pytest.approx((1.0, 1.0))
    assert two.map50 == pytest.approx(1.0)
    # Of three, without has no face, and the incorrect one was not found as such.
    assert three.ap50 == pytest.approx((1.0, math.nan, 0.0), nan_ok=True)
    assert three.map50 == pytest.approx(0.5)
    assert (two.faces, three.faces) == ((1, 1), (1, 0, 1))


def test_ap50_95_is_the_mean_over_ten_thresholds(scored):
    # IoU 0.81: right at the seven thresholds from 0.5 to 0.8, wrong at 0.85, 0.9 and 0.95.
    pictures = [scored([(0, 0, 100, 100, WITH, 0)], [(0, 0, 100, 81, WITH, 0.9)])]
    assert class_scores(pictures, TWO_CLASSES).ap50_95[0] == pytest.approx(0.7)


def test_ranking_goes_over_pictures(scored):
    good = scored([(*A, WITH, 0)], [(*A, WITH, 0.6)])
    bad = scored([], [(*A, WITH, 0.7)])
    assert class_scores([good, bad], TWO_CLASSES).ap50[0] == pytest.approx(0.5)
    # A picture that is drawn twice outweighs the other: two hits of three, a third of three.
    ranking = rank([good, bad], TWO_CLASSES, 0)[0]
    assert ranking.average_precision(np.array([2.0, 1.0])) == pytest.approx(2 / 3)
    assert ranking.average_precision(np.array([1.0, 0.0])) == pytest.approx(1.0)
    assert math.isnan(ranking.average_precision(np.array([0.0, 3.0])))


@pytest.mark.parametrize(
    ("width_px", "expected", "faces"),
    [
        # The 12 px face is found after a false box of 10 px.
        ((8, 16), 0.5, 1),
        # Found, and neither the 12 px find nor the 10 px false box counts here.
        ((16, 32), 1.0, 1),
        ((32, 64), math.nan, 0),
        # Faces 1 of 1, but the false box of 60 px is near enough to count (64 * 0.8 = 51).
        ((64, np.inf), 0.5, 1),
    ],
)
def test_face_ap50_by_width(scored, width_px, expected, faces):
    truth = [(0, 0, 12, 12, WITH, 0), (100, 0, 120, 20, WITHOUT, 0), (200, 0, 270, 70, INCORRECT, 0)]
    found = [
        (400, 0, 410, 10, WITH, 0.9),
        (400, 200, 460, 260, WITH, 0.9),
        # Labels do not matter here.
        (0, 0, 12, 12, INCORRECT, 0.8),
        (100, 0, 120, 20, WITH, 0.7),
        (200, 0, 270, 70, WITH, 0.6),
    ]
    score, number = face_ap50([scored(truth, found)], width_px)
    assert (score, number) == (pytest.approx(expected, nan_ok=True), faces)


def test_more_than_a_hundred_detections_of_a_picture_count(scored):
    grid = [(x * 30, y * 30, x * 30 + 20, y * 30 + 20) for x in range(20) for y in range(20)]
    picture = scored([(*box, WITH, 0) for box in grid], [(*box, WITH, 0.9) for box in grid])
    assert class_scores([picture], TWO_CLASSES).ap50[0] == pytest.approx(1.0)


def test_nothing_at_all():
    assert math.isnan(class_scores([], TWO_CLASSES).map50)
    assert math.isnan(mean([math.nan]))
    assert rank([], ANY_FACE, 0)[0].hit.shape == (0,)


def test_agrees_with_a_coco_evaluator_where_that_can_say_it(crowd):
    """Without ignore regions and below its limit of detections the numbers are those of COCO."""
    coco_tools = pytest.importorskip("faster_coco_eval")
    images, annotations, results = [], [], []
    pictures = []
    for index, picture in enumerate(crowd, 1):
        pictures.append(_without_regions(picture))
        images.append({"id": index, "width": 1000, "height": 1000})
        for box, label in zip(picture.faces, picture.face_class_id, strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": index,
                    "category_id": int(label),
                    "bbox": _xywh(box),
                    "area": float(np.prod(_xywh(box)[2:])),
                    "iscrowd": 0,
                }
            )
        found = picture.found
        for box, label, score in zip(found.xyxy, found.class_id, found.confidence, strict=True):
            results.append(
                {"image_id": index, "category_id": int(label), "bbox": _xywh(box), "score": float(score)}
            )
    categories = [{"id": i, "name": str(i)} for i in range(3)]
    truth = coco_tools.COCO({"images": images, "annotations": annotations, "categories": categories})
    evaluator = coco_tools.COCOeval_faster(
        truth, truth.loadRes(results), "bbox", print_function=lambda *_: None
    )
    evaluator.params.maxDets = [1, 10, 10_000]
    evaluator.run()
    precision = evaluator.eval["precision"][:, :, :, 0, 2]
    ours = class_scores(pictures, THREE_CLASSES)
    assert ours.ap50 == pytest.approx(precision[0].mean(axis=0), abs=1e-3)
    assert ours.ap50_95 == pytest.approx(precision.mean(axis=(0, 1)), abs=1e-3)


def _without_regions(picture):
    from dataclasses import replace

    keep = ~picture.ignore
    return replace(
        picture, boxes=picture.boxes[keep], class_id=picture.class_id[keep], ignore=picture.ignore[keep]
    )


def _xywh(box):
    x1, y1, x2, y2 = (float(v) for v in box)
    return [x1, y1, x2 - x1, y2 - y1]
