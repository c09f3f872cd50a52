from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("cv2", reason="OpenCV is not installed")

import cv2

from crowdmask.data.synthesis.faces import change_face, others
from crowdmask.data.synthesis.masks import KINDS, LEAST_PX, STATES, draw_mask
from crowdmask.labels import MASK_WORN_INCORRECT, WITH_MASK, WITHOUT_MASK

LABEL_OF = {
    "right": WITH_MASK,
    "below_nose": MASK_WORN_INCORRECT,
    "on_chin": MASK_WORN_INCORRECT,
    "from_ear": MASK_WORN_INCORRECT,
}
# Parts of the height of the box, in its middle: which of them a mask covers, and which it leaves bare.
EYES, NOSE, MOUTH, CHIN = (0.34, 0.46), (0.56, 0.64), (0.76, 0.82), (0.93, 1.0)
COVERED = {
    "right": ([NOSE, MOUTH], [EYES]),
    "below_nose": ([MOUTH, CHIN], [EYES, NOSE]),
    "on_chin": ([CHIN], [EYES, NOSE]),
    "from_ear": ([], [EYES, NOSE, MOUTH]),
}


def draw(made, seed=0, **options):
    picture, look = made
    return draw_mask(picture, look, np.random.default_rng(seed), **options)


def share_changed(before, after, box, rows):
    x1, y1, x2, y2 = box
    columns = slice(int(x1 + 0.42 * (x2 - x1)), int(x1 + 0.58 * (x2 - x1)))
    height = slice(int(y1 + rows[0] * (y2 - y1)), int(y1 + rows[1] * (y2 - y1)))
    return (np.abs(before.astype(int) - after)[height, columns].max(2) > 12).mean()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("state", STATES)
def test_a_mask_covers_what_its_state_says(make_face, kind, state):
    made = make_face(width=80)
    covered, bare = COVERED[state]
    for seed in range(6):
        after, label = draw(made, seed, kind=kind, state=state)
        assert label == LABEL_OF[state]
        assert after.shape == made[0].shape
        assert after.dtype == np.uint8
        assert (after != made[0]).any()
        for rows in covered:
            # A black or brown mask can look like skin in shadow here and there.
            assert share_changed(*(made[0], after, made[1]), rows) > 0.7, (seed, rows)
        for rows in bare:
            assert share_changed(*(made[0], after, made[1]), rows) < 0.1, (seed, rows)


def test_all_kinds_and_states_come_by_chance_and_no_two_are_alike(make_face):
    made = make_face()
    drawn = [draw(made, seed) for seed in range(60)]
    assert {label for _, label in drawn} == {WITH_MASK, MASK_WORN_INCORRECT}
    right = sum(label == WITH_MASK for _, label in drawn)
    assert 20 <= right <= 46
    assert len({picture.tobytes() for picture, _ in drawn}) == 60


def test_a_seed_draws_the_same_and_the_given_picture_stays(make_face):
    picture, box = make_face()
    before = picture.copy()
    first, second = (draw((picture, box), 5)[0] for _ in range(2))
    assert (first == second).all()
    assert (picture == before).all()


@pytest.mark.parametrize("state", STATES)
def test_what_is_far_from_the_face_or_to_be_kept_stays(make_face, state):
    picture, box = make_face(width=60, side=320)
    keep = np.zeros(picture.shape[:2], bool)
    _, y1, x2, y2 = box
    keep[:, :142] = True
    seed = next(s for s in range(20) if draw((picture, box), s, state=state, keep=keep)[1] != WITHOUT_MASK)
    after, _ = draw((picture, box), seed, state=state, keep=keep)
    rows, columns = np.nonzero((after != picture).any(2))
    assert columns.min() >= 142
    assert columns.max() <= x2 + 0.75 * 60
    assert rows.min() >= y1 + 0.15 * 78
    assert rows.max() <= y2 + 0.35 * 78


def test_a_face_that_is_too_small_or_not_made_out_is_left_as_it_is(make_face):
    small = make_face(width=LEAST_PX - 1)
    wall = np.random.default_rng(0).integers(90, 120, (160, 160, 3)).astype(np.uint8)
    for picture, box in (small, (wall, (50.0, 40.0, 110.0, 118.0))):
        after, label = draw((picture, box))
        assert after is picture
        assert label == WITHOUT_MASK
    assert draw(make_face(width=LEAST_PX))[1] != WITHOUT_MASK


@pytest.mark.parametrize("state", STATES)
def test_a_mask_that_other_faces_would_hide_is_not_drawn(make_face, state):
    picture, box = make_face()
    keep = np.zeros(picture.shape[:2], bool)
    keep[:, :75] = keep[:, 85:] = True
    after, label = draw((picture, box), state=state, keep=keep)
    assert after is picture
    assert label == WITHOUT_MASK


def test_one_may_insist(make_face):
    wall = np.random.default_rng(0).integers(90, 120, (160, 160, 3)).astype(np.uint8)
    after, label = draw((wall, (50.0, 40.0, 110.0, 118.0)), state="right", force=True)
    assert label == WITH_MASK
    assert (after != wall).any()


def lower_face(picture, box):
    x1, y1, x2, y2 = box
    part = picture[
        int(y1 + 0.62 * (y2 - y1)) : int(y1 + 0.9 * (y2 - y1)), int(x1 + 0.3 * 60) : int(x2 - 0.3 * 60)
    ]
    return part.reshape(-1, 3).astype(float)


def test_a_mask_is_as_bright_as_the_light_on_the_face(make_face):
    options = {"kind": "respirator", "state": "right"}
    by_light = {}
    for light in (0.25, 0.5, 1.0):
        made = make_face(light=light)
        by_light[light] = np.mean([lower_face(draw(made, s, **options)[0], made[1]).mean() for s in range(8)])
    assert by_light[0.25] < by_light[0.5] - 15 < by_light[1.0] - 60


def test_in_a_grey_photo_a_mask_is_grey(make_face):
    made = make_face(grey=True)
    for seed in range(5):
        pixels = lower_face(draw(made, seed, kind="surgical", state="right")[0], made[1])
        assert (pixels.max(1) - pixels.min(1)).mean() < 6
    colourful = make_face()
    spread = [
        np.ptp(lower_face(draw(colourful, s, kind="surgical", state="right")[0], colourful[1]), 1)
        for s in range(5)
    ]
    assert np.mean(spread) > 8


def test_edges_are_as_soft_as_the_photo(make_face):
    """The steepest step across the upper edge of a white mask on a dark face."""

    def steepest(made):
        steps = []
        for seed in range(6):
            after, _ = draw(made, seed, kind="black", state="right")
            x = int((made[1][0] + made[1][2]) / 2)
            steps.append(np.abs(np.diff(after[60:110, x - 4 : x + 4].astype(float).mean((1, 2)))).max())
        return np.mean(steps)

    sharp = make_face(width=80)
    soft = (cv2.GaussianBlur(sharp[0], (0, 0), 2.5), sharp[1])
    assert steepest(soft) < 0.65 * steepest(sharp)


@settings(max_examples=40)
@given(
    st.floats(-60, 200),
    st.floats(-60, 200),
    st.floats(1, 220),
    st.floats(1, 220),
    st.integers(0, 2**32),
    st.sampled_from([None, *STATES]),
)
def test_no_box_is_too_strange(x, y, width, height, seed, state):
    picture = np.random.default_rng(1).integers(0, 256, (140, 150, 3)).astype(np.uint8)
    rng = np.random.default_rng(seed)
    after, label = draw_mask(picture, (x, y, x + width, y + height), rng, state=state, force=True)
    assert after.shape == picture.shape
    assert label in (WITH_MASK, WITHOUT_MASK, MASK_WORN_INCORRECT)
    assert (after is picture) is (label == WITHOUT_MASK)


def test_a_changed_face_has_a_mask_or_is_covered_by_something_else(make_face):
    made = make_face()
    picture, look = made
    results = [change_face(picture, look, np.random.default_rng(seed), occluded=0.5) for seed in range(40)]
    assert all(picture is not made[0] for picture, _ in results)
    covered = sum(label == WITHOUT_MASK for _, label in results)
    assert 8 <= covered <= 32
    assert all(
        change_face(picture, look, np.random.default_rng(s), occluded=0.0)[1] != WITHOUT_MASK
        for s in range(10)
    )


def test_the_pixels_of_others():
    boxes = np.array([[0, 0, 4, 4], [2.5, 2.5, 6.2, 5], [-3, -3, 1, 1]], np.float32)
    expected = np.zeros((8, 8), bool)
    expected[2:5, 2:7] = True
    expected[0:1, 0:1] = True
    assert (others(boxes, 0, (8, 8, 3)) == expected).all()
