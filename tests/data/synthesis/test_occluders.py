from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV is not installed")

from crowdmask.data.synthesis.occluders import OCCLUDERS, draw_occluder


@pytest.mark.parametrize("kind", OCCLUDERS)
def test_something_is_before_the_lower_face_and_the_eyes_stay(make_face, kind):
    picture, box = make_face(width=80)
    x1, y1, x2, y2 = (int(v) for v in box)
    before = picture.copy()
    for seed in range(8):
        after = draw_occluder(picture, box, np.random.default_rng(seed), kind)
        changed = np.abs(after.astype(int) - picture).max(2) > 10
        assert after.shape == picture.shape
        assert changed[y1 + 60 : y2 + 10, x1:x2].mean() > 0.04
        assert changed[y1 : y1 + 45, x1:x2].mean() < 0.06
        again = draw_occluder(picture, box, np.random.default_rng(seed), kind)
        assert (after == again).all()
    assert (picture == before).all()


def test_every_kind_comes_by_chance(make_face):
    picture, box = make_face(width=80)
    drawn = {draw_occluder(picture, box, np.random.default_rng(seed)).tobytes() for seed in range(30)}
    assert len(drawn) == 30


def test_what_is_to_be_kept_stays(make_face):
    picture, box = make_face(width=80)
    keep = np.zeros(picture.shape[:2], bool)
    keep[:, :80] = True
    after = draw_occluder(picture, box, np.random.default_rng(0), "scarf", keep)
    assert (after[:, :80] == picture[:, :80]).all()
    assert (after[:, 80:] != picture[:, 80:]).any()


def test_a_face_that_is_too_small_or_not_made_out_is_left_as_it_is(make_face):
    wall = np.random.default_rng(0).integers(90, 120, (160, 160, 3)).astype(np.uint8)
    for picture, box in (make_face(width=18), (wall, (50.0, 40.0, 110.0, 118.0))):
        assert draw_occluder(picture, box, np.random.default_rng(0)) is picture
