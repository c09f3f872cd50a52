from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from crowdmask import boxes
from crowdmask.default_boxes import GridSpec
from crowdmask.detections import Detections
from crowdmask.inference.merge import merge
from crowdmask.inference.model_file import InputSpec, ModelInfo
from crowdmask.inference.tiles import OFF, TilePlan, View, plan_tiles

INFO = ModelInfo(
    name="crowd",
    architecture="crowd",
    input=InputSpec("fit", 640, 32, 114),
    grid=GridSpec((8, 16), (((8.0, 10.0),), ((32.0, 40.0),))),
    variances=(0.1, 0.2),
    nms_iou=0.45,
    max_detections=500,
    threshold=(0.5, 0.5, 0.5),
    calibration=None,
)


def detections(rows: Sequence[tuple[float, ...]]) -> Detections:
    """From rows of x1, y1, x2, y2, class_id, confidence."""
    table = np.array(rows, np.float64).reshape(-1, 6)
    return Detections(
        table[:, :4].astype(np.float32), table[:, 5].astype(np.float32), table[:, 4].astype(np.int64)
    )


def see(plan: TilePlan, faces: np.ndarray, random: np.random.Generator) -> list[Detections]:
    """Answer for each view as a detector would: parts of faces too, and never exactly."""
    found = []
    for view in plan.views:
        rows = []
        for face in faces:
            x1, y1, x2, y2 = np.clip(face, [view.x1, view.y1] * 2, [view.x2, view.y2] * 2)
            part = max(0, x2 - x1) * max(0, y2 - y1) / np.prod(face[2:] - face[:2])
            side = min(x2 - x1, y2 - y1) * view.scale
            if part < 0.3 or side < 8:
                continue
            jitter = random.normal(0, 0.03, 4) * (face[2] - face[0])
            box = np.clip(np.array([x1, y1, x2, y2]) + jitter, [view.x1, view.y1] * 2, [view.x2, view.y2] * 2)
            inner = np.array([view.x1, view.y1, view.x2, view.y2]) != (0, 0, plan.width, plan.height)
            ends = np.array([x1, y1, x2, y2]) == (view.x1, view.y1, view.x2, view.y2)
            box = np.where(inner & ends, [x1, y1, x2, y2], box)
            rows.append((*box, 1, random.uniform(0.5, 1)))
        found.append(detections(sorted(rows, key=lambda row: -row[5])))
    return found


@pytest.mark.parametrize("setting", ["2x2", "3x2", "2x1", "4x4"])
@pytest.mark.parametrize("seed", range(12))
def test_each_face_gets_one_box(setting, seed):
    random = np.random.default_rng(seed)
    width, height = 2400, 1600
    plan = plan_tiles(setting, width, height, INFO)
    cell = int(random.choice([80, 200, 400]))
    faces = []
    for x in range(0, width - cell + 1, cell):
        for y in range(0, height - cell + 1, cell):
            if random.random() < 0.5:
                side = random.uniform(max(32, cell / 4), cell * 0.8)
                left, top = x + random.uniform(0, cell - side), y + random.uniform(0, cell - side)
                faces.append((left, top, left + side * 0.8, top + side))
    truth = np.array(faces, np.float32)
    answer = merge(plan, see(plan, truth, random), INFO)
    assert len(answer) == len(truth)
    best = boxes.iou(truth, answer.xyxy)
    assert best.max(axis=1).min() > 0.6
    assert len(set(best.argmax(axis=1))) == len(truth)
    assert (np.diff(answer.confidence) <= 0).all()


# A plan written by hand: 1,000 x 1,000 pixels, four tiles of 600, so an overlap of 200.
HAND = TilePlan(
    1000,
    1000,
    View(0, 0, 1000, 1000, 400),
    tuple(View(x, y, x + 600, y + 600, 600) for y in (0, 400) for x in (0, 400)),
    200.0,
)
LEFT, RIGHT, WHOLE = 1, 2, 0


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param({WHOLE: [(300, 100, 700, 500, 0, 0.9)]}, [(300, 100, 700, 500, 0, 0.9)], id="near face"),
        pytest.param({WHOLE: [(300, 100, 330, 140, 0, 0.9)]}, [], id="a far face is the tiles' to find"),
        pytest.param(
            {LEFT: [(560, 100, 600, 160, 1, 0.9)], RIGHT: [(560, 100, 640, 160, 0, 0.7)]},
            [(560, 100, 640, 160, 0, 0.7)],
            id="cut by the left tile, entire in the right one",
        ),
        pytest.param(
            {LEFT: [(560, 100, 600, 160, 1, 0.9)], RIGHT: [(560, 100, 640, 160, 0, 0.1)]},
            [(560, 100, 600, 160, 1, 0.9)],
            id="what covers the cut box is next to nothing",
        ),
        pytest.param(
            {LEFT: [(560, 100, 600, 160, 1, 0.9)]},
            [(560, 100, 600, 160, 1, 0.9)],
            id="cut, and nobody else saw it",
        ),
        pytest.param(
            {LEFT: [(450, 100, 550, 230, 1, 0.8)], RIGHT: [(452, 98, 552, 228, 0, 0.9)]},
            [(452, 98, 552, 228, 0, 0.9)],
            id="entire in both: the surer one",
        ),
        pytest.param(
            {LEFT: [(300, 100, 600, 500, 1, 0.8)], RIGHT: [(400, 102, 720, 498, 0, 0.9)]},
            [(300, 100, 720, 500, 0, 0.9)],
            id="entire in no view: the parts are joined",
        ),
        pytest.param(
            {
                1: [(350, 350, 600, 600, 0, 0.9)],
                2: [(400, 350, 700, 600, 0, 0.8)],
                3: [(350, 400, 600, 720, 0, 0.7)],
                4: [(400, 400, 700, 720, 0, 0.6)],
            },
            [(350, 350, 700, 720, 0, 0.9)],
            id="four parts of one face",
        ),
        pytest.param(
            {WHOLE: [(300, 100, 800, 700, 0, 0.9)], LEFT: [(450, 300, 560, 420, 1, 0.6)]},
            [(300, 100, 800, 700, 0, 0.9)],
            id="a fragment of a face that its tile cannot show",
        ),
        pytest.param(
            {
                WHOLE: [(50, 50, 500, 550, 0, 0.9)],
                LEFT: [(50, 50, 500, 550, 0, 0.8), (90, 90, 130, 140, 1, 0.6)],
            },
            [(50, 50, 500, 550, 0, 0.9), (90, 90, 130, 140, 1, 0.6)],
            id="a far face beside the ear of a near one, both in the tile",
        ),
        pytest.param(
            {LEFT: [(540, 100, 600, 160, 1, 0.9)], RIGHT: [(400, 180, 440, 240, 1, 0.9)]},
            [(540, 100, 600, 160, 1, 0.9), (400, 180, 440, 240, 1, 0.9)],
            id="two cut faces apart",
        ),
        pytest.param(
            {LEFT: [(0, 100, 40, 160, 1, 0.9)]}, [(0, 100, 40, 160, 1, 0.9)], id="at the picture's own border"
        ),
        pytest.param({}, [], id="nothing"),
    ],
)
def test_merging(seen, expected):
    found = [detections(seen.get(index, [])) for index in range(5)]
    answer = merge(HAND, found, INFO)
    wanted = detections(expected)
    assert answer.xyxy.tolist() == wanted.xyxy.tolist()
    assert answer.confidence.tolist() == wanted.confidence.tolist()
    assert answer.class_id.tolist() == wanted.class_id.tolist()


def test_without_tiles_the_answer_stays_as_it_is():
    found = detections([(0, 0, 10, 10, 0, 0.9), (0, 0, 10, 10, 1, 0.8)])
    assert merge(plan_tiles(OFF, 100, 100, INFO), [found], INFO) is found


def test_a_crowd_may_hold_more_faces_than_one_view_may_have():
    few = replace(INFO, max_detections=3)
    rows = [[(x, y, x + 20, y + 20, 0, 0.9) for x in (a, a + 40, a + 80)] for a, y in ((0, 0), (700, 700))]
    found = [detections(r) for r in ([], rows[0], [], [], rows[1])]
    assert len(merge(HAND, found, few)) == 6
