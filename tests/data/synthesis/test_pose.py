from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV is not installed")

from crowdmask.data.synthesis.face_view import view_face
from crowdmask.data.synthesis.pose import estimate_pose
from crowdmask.data.synthesis.surface import lay


def cut(picture, box):
    x1, y1, x2, y2 = (int(v) for v in box)
    return picture[y1:y2, x1:x2]


@pytest.mark.parametrize("width", [24, 60, 110])
@pytest.mark.parametrize("roll", [-0.3, -0.15, 0.0, 0.15, 0.3])
def test_a_tilted_head_is_seen_as_tilted(make_face, roll, width):
    pose = estimate_pose(cut(*make_face(width=width, side=220, roll=roll)))
    assert pose.roll == pytest.approx(roll, abs=0.11)
    assert pose.sure > 1


@pytest.mark.parametrize("aside", [-0.12, 0.0, 0.12])
def test_a_head_turned_aside_looks_there(make_face, aside):
    pose = estimate_pose(cut(*make_face(aside=aside)))
    # Of a head as a cylinder, the nose stands at the sine of the turn.
    assert np.sin(pose.yaw) == pytest.approx(2 * aside, abs=0.1)


@pytest.mark.parametrize("eye_line", [0.34, 0.4, 0.47])
def test_the_height_of_the_eyes_is_seen(make_face, eye_line):
    assert estimate_pose(cut(*make_face(eye_line=eye_line))).eye_line == pytest.approx(eye_line, abs=0.025)


def test_where_there_is_no_face_nobody_is_sure():
    wall = np.random.default_rng(0).integers(90, 120, (80, 60, 3)).astype(np.uint8)
    assert view_face(wall, (0, 0, 60, 80)).bare is False


def test_a_mouth_of_another_colour_is_not_bare(make_face):
    picture, box = make_face()
    assert view_face(picture, box).bare
    x1, y1, x2, y2 = (int(v) for v in box)
    picture[int(y1 + 0.6 * (y2 - y1)) : y2, x1:x2] = (120, 190, 215)
    assert not view_face(picture, box).bare


@pytest.mark.parametrize(
    "box", [(-40, 20, 20, 98), (140, 140, 200, 218), (10, 10, 15, 16), (300, 300, 360, 380)]
)
def test_a_face_that_is_mostly_outside_is_not_looked_at(make_face, box):
    assert view_face(make_face()[0], box) is None


@pytest.mark.parametrize("roll", [0.0, 0.3])
def test_the_surface_has_eyes_nose_and_ears_where_they_are(make_face, roll):
    picture, box = make_face(roll=roll)
    surface = lay(box, view_face(picture, box).pose, picture.shape[:2])
    assert abs(surface.pose.roll - roll) < 0.1
    for x, y, around in ((0.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.8, 0.2, 0.61), (-0.8, 0.2, -0.61)):
        column, row = (int(v) for v in surface.project(x, y))
        assert surface.x[row, column] == pytest.approx(x, abs=0.06)
        assert surface.y[row, column] == pytest.approx(y, abs=0.06)
        assert surface.around[row, column] == pytest.approx(around, abs=0.1)
