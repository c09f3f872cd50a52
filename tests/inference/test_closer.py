from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from crowdmask import Detector
from crowdmask.default_boxes import GridSpec
from crowdmask.inference.closer import KEPT_SCORE, closer_view, join, least_scores
from crowdmask.inference.decode import Decoder, RawFaces, suppress
from crowdmask.inference.model_file import CloserLook, InputSpec, ModelInfo
from crowdmask.inference.passes import to_faces
from crowdmask.inference.stopwatch import Stopwatch
from crowdmask.inference.tiles import View
from crowdmask.labels import LABELS
from crowdmask.media.pictures import as_picture

# A picture of 1,000 pixels is seen at 500, a part of it at its own size.
INFO = ModelInfo(
    name="crowd",
    architecture="crowd",
    input=InputSpec("fit", 500, 20, 114),
    grid=GridSpec((8,), (((8.0, 10.0),),)),
    variances=(0.1, 0.2),
    nms_iou=0.45,
    max_detections=500,
    threshold=(0.5, 0.5, 0.5),
    calibration=None,
    closer_look=CloserLook(1000, 0.64),
)
MOST_PX = 0.64 * 500**2


def raw(rows: Sequence[tuple[float, ...]]) -> RawFaces:
    """From rows of x1, y1, x2, y2 and one score, or three."""
    xyxy = np.array([row[:4] for row in rows], np.float32).reshape(-1, 4)
    scores = np.zeros((len(rows), 3), np.float32)
    for row, values in zip(scores, rows, strict=True):
        row[: len(values) - 4] = values[4:]
    return RawFaces(xyxy, scores)


def face(x: float, y: float, side: float = 20, score: float = 0.6) -> tuple[float, ...]:
    return (x - side / 2, y - side / 2, x + side / 2, y + side / 2, score)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="nothing"),
        pytest.param([face(500, 300, side=60), face(100, 100, side=200)], id="near faces"),
        pytest.param([face(500, 300, score=0.14)] * 5, id="faint"),
        pytest.param([face(500, 300, score=0.29)], id="one unsure"),
    ],
)
def test_no_closer_look_where_there_is_nothing_to_gain(rows: list[tuple[float, ...]]) -> None:
    assert closer_view(raw(rows), 1000, 700, INFO) is None


@pytest.mark.parametrize(
    "info",
    [
        pytest.param(replace(INFO, closer_look=None), id="the model knows none"),
        pytest.param(replace(INFO, closer_look=CloserLook(590, 0.64)), id="hardly closer"),
        pytest.param(replace(INFO, input=replace(INFO.input, size=900)), id="a large input"),
    ],
)
def test_no_closer_look_by_the_models_own_values(info: ModelInfo) -> None:
    assert closer_view(raw([face(500, 300)]), 1000, 700, INFO) is not None
    assert closer_view(raw([face(500, 300)]), 1000, 700, info) is None


@pytest.mark.parametrize(("small_px", "looks"), [(None, False), (20.0, False), (20.1, True), (9.0, False)])
def test_which_faces_are_small_can_be_said(small_px: float | None, looks: bool) -> None:
    look = CloserLook(1000, 0.64) if small_px is None else CloserLook(1000, 0.64, small_px)
    found = raw([face(500, 300, side=40)])  # 20 pixels of the input
    assert (closer_view(found, 1000, 700, replace(INFO, closer_look=look)) is not None) is looks


def test_the_part_reaches_around_the_small_faces() -> None:
    view = closer_view(raw([face(200, 300), face(500, 320), face(800, 600, side=200)]), 1000, 700, INFO)
    assert view == View(150, 250, 550, 370, 400)  # two face sides around each; the near face is none
    assert view.scale == 1


def test_of_faces_too_far_apart_the_crowd_is_chosen() -> None:
    crowd = [face(600 + 40 * (i % 5), 400 + 40 * (i // 5)) for i in range(20)]
    view = closer_view(raw([*crowd, face(60, 60), face(90, 640, score=0.9)]), 1000, 700, INFO)
    assert view == View(550, 350, 810, 570, 260)


@given(
    st.lists(
        st.tuples(st.floats(0, 990), st.floats(0, 690), st.floats(2, 60), st.floats(2, 60), st.floats(0, 1)),
        max_size=60,
    )
)
@example([(0.0, 0.0, 2.0, 2.0, 1.0)])
def test_a_part_is_small_enough_and_inside(faces: list[tuple[float, ...]]) -> None:
    rows = [(x, y, min(x + w, 1000), min(y + h, 700), score) for x, y, w, h, score in faces]
    view = closer_view(raw(rows), 1000, 700, INFO)
    if view is None:
        return
    assert 0 <= view.x1 < view.x2 <= 1000
    assert 0 <= view.y1 < view.y2 <= 700
    # One face may reach farther than the work allows; otherwise only whole pixels and padding add to it.
    width, height = view.x2 - view.x1, view.y2 - view.y1
    assert (width - 2) * (height - 2) <= MOST_PX or max(width, height) <= 5 * 60 + 2
    assert view.size % 20 == 0
    assert abs(view.size - max(width, height, 20)) <= 10  # at least one multiple, for the tiniest part too
    inside = [
        x1 >= view.x1 - 1 and y1 >= view.y1 - 1 and x2 <= view.x2 + 1 and y2 <= view.y2 + 1
        for x1, y1, x2, y2, score in rows
        if score >= 0.15
    ]
    assert any(inside)


PART = View(200, 200, 600, 500, 400)


def test_two_looks_at_a_face_are_averaged() -> None:
    first, second = raw([(300, 300, 320, 330, 0.5, 0.2, 0.0)]), raw([(302, 300, 322, 330, 0.1, 0.9, 0.0)])
    joined = join(first, second, PART, 1000, 700, INFO)
    np.testing.assert_allclose(joined.xyxy, [[301.6, 300, 321.6, 330]], atol=1e-4)
    np.testing.assert_allclose(joined.scores, [[0.18, 0.76, 0.0]], atol=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param([face(700, 100)], [], [0.6], id="outside the part"),
        pytest.param([face(200, 300)], [], [0.6], id="across its border"),
        pytest.param([face(400, 300)], [], [0.12], id="inside, not seen again"),
        pytest.param([], [face(400, 300)], [0.48], id="seen closer only"),
        pytest.param([face(200, 300)], [face(211, 300)], [0.6], id="cut by the border"),
        pytest.param([face(212, 300)], [face(212, 300, score=0.9)], [0.6], id="just inside the border"),
        pytest.param([face(214, 300)], [face(214, 300, score=0.9)], [0.84], id="inside"),
        pytest.param(
            [face(400, 300, score=0.09)],
            [face(400, 300, score=0.9)],
            [0.72],
            id="too faint to move a sure one",
        ),
        pytest.param([face(400, 300)], [face(450, 300, score=0.8)], [0.64, 0.12], id="two faces"),
        pytest.param(
            [face(400, 300), face(404, 310, score=0.5)],
            [face(401, 301, score=0.9)],
            [0.84, 0.1],
            id="two so near that one was held for both",
        ),
        pytest.param([], [], [], id="nothing"),
    ],
)
def test_what_one_look_does_not_see(
    first: list[tuple[float, ...]], second: list[tuple[float, ...]], expected: list[float]
) -> None:
    joined = join(raw(first), raw(second), PART, 1000, 700, INFO)
    np.testing.assert_allclose(joined.best, expected, atol=1e-6)


def test_a_part_at_the_pictures_edge_cuts_no_face_there() -> None:
    corner = View(0, 0, 400, 300, 400)
    joined = join(raw([]), raw([(0, 0, 20, 20, 0.6), (380, 40, 400, 60, 0.9)]), corner, 1000, 700, INFO)
    np.testing.assert_allclose(joined.xyxy, [[0, 0, 20, 20]])


SPOTS = st.lists(
    st.tuples(st.integers(150, 640), st.integers(150, 540), st.integers(6, 60), st.floats(KEPT_SCORE, 1)),
    max_size=40,
)


@given(SPOTS, SPOTS, st.sampled_from([0.01, 0.05, 0.15, 0.3, 0.41, 0.7]))
def test_what_is_too_faint_to_matter_does_not(
    first: list[tuple[float, ...]], second: list[tuple[float, ...]], shown: float
) -> None:
    """Also where faces lie across the border of the part, and where several boxes are of one face."""

    def joined(*least: float) -> RawFaces:
        first_look, second_look = (
            suppress(
                raw(sorted((face(*spot) for spot in spots if spot[3] >= floor), key=lambda row: -row[4])),
                INFO,
            )
            for spots, floor in zip((first, second), least, strict=True)
        )
        faces = join(first_look, second_look, PART, 1000, 700, INFO)
        return faces[faces.best >= shown]

    everything, enough = joined(KEPT_SCORE, KEPT_SCORE), joined(*least_scores(shown))
    np.testing.assert_array_equal(enough.xyxy, everything.xyxy)
    np.testing.assert_array_equal(enough.scores, everything.scores)


@pytest.mark.parametrize(
    ("shown", "first", "second"),
    [
        (0.01, KEPT_SCORE, KEPT_SCORE),
        (0.1, KEPT_SCORE, KEPT_SCORE),
        (0.2, 0.1, KEPT_SCORE),
        (0.6, 0.1, 0.499),
    ],
)
def test_how_faint_may_matter(shown: float, first: float, second: float) -> None:
    assert least_scores(shown) == pytest.approx((first, second))


@given(st.data())
def test_the_average_stays_a_probability_and_one_box_a_face(data: st.DataObject) -> None:
    def some() -> RawFaces:
        rows = data.draw(
            st.lists(
                st.tuples(st.integers(210, 580), st.integers(210, 480), st.integers(6, 40), st.floats(0, 1))
            )
        )
        return raw([face(x, y, side, score) for x, y, side, score in rows])

    first, second = some(), some()
    joined = join(first, second, PART, 1000, 700, INFO)
    assert len(joined) <= len(first) + len(second)
    assert ((joined.scores >= 0) & (joined.scores <= 1)).all()
    assert (np.diff(joined.best) <= 0).all()


def test_the_detector_looks_closer_and_is_surer(crowd_model: Path, far_crowd: Image.Image) -> None:
    once = Detector(crowd_model, confidence=0.2, threads=1, closer_look=False)
    twice = Detector(crowd_model, confidence=0.2, threads=1)
    assert (once.looks_closer, twice.looks_closer) == (False, True)
    picture = as_picture(far_crowd)
    seen = twice.run_network(picture)
    assert once.run_network(picture).closer is None
    assert seen.closer is not None
    assert len(seen.answers) == 2
    assert max(seen.answers[1][2].tensor.shape[1:3]) < 640
    faces = twice.detect(far_crowd)
    assert len(faces) >= 4
    assert faces.confidence.max() > once.detect(far_crowd).confidence.max()
    assert ((faces.xyxy[:, 0] >= 200) & (faces.xyxy[:, 2] <= 560)).all()


def test_no_closer_look_at_a_picture_in_tiles(crowd_model: Path, far_crowd: Image.Image) -> None:
    seen = Detector(crowd_model, threads=1, tiles="2x2").run_network(as_picture(far_crowd))
    assert seen.closer is None
    assert len(seen.answers) == 5


def test_lower_thresholds_change_nothing_about_surer_faces(crowd_model: Path, far_crowd: Image.Image) -> None:
    detector = Detector(crowd_model, threads=1)
    seen = detector.run_network(as_picture(far_crowd))
    assert seen.closer is not None
    faint = to_faces(seen, Decoder(detector.info, (KEPT_SCORE,) * len(LABELS)))
    for least in (0.1, 0.3, 0.5):
        sure = to_faces(seen, Decoder(detector.info, (least,) * len(LABELS)))
        assert sure.to_records() == faint[faint.confidence >= least].to_records()
        assert 0 < len(sure) <= len(faint)


@pytest.mark.parametrize("closer", [True, False])
@pytest.mark.parametrize("floor", [0.02, 0.1, 0.15, 0.3, 0.7])
def test_faces_that_are_known_already_are_those_found_again(
    crowd_model: Path, far_crowd: Image.Image, closer: bool, floor: float
) -> None:
    seen = Detector(crowd_model, threads=1).run_network(as_picture(far_crowd))
    assert seen.closer is not None
    assert seen.found is not None
    if not closer:
        seen = replace(seen, answers=seen.answers[:1], closer=None)
    decoder = Decoder(Detector(crowd_model).info, (floor,) * len(LABELS))
    again = to_faces(replace(seen, found=None), decoder)
    assert to_faces(seen, decoder).to_records() == again.to_records()


def test_each_stage_of_both_looks_is_timed(crowd_model: Path, far_crowd: Image.Image) -> None:
    detector = Detector(crowd_model, threads=1)
    watch = Stopwatch()
    timed = detector.detect(far_crowd, stopwatch=watch)
    assert timed.to_records() == detector.detect(far_crowd).to_records()
    assert [watch.times[stage] for stage in ("prepare", "network", "decode", "suppress")] == [2, 2, 3, 1]
    assert set(watch.ms) == set(watch.cpu_ms) == set(watch.times)
    assert min(watch.ms.values()) > 0
