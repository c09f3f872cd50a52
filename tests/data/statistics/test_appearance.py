from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdmask.data.statistics.appearance import (
    SKIN_BANDS,
    face_light,
    skin_band,
    skin_ita,
    skin_region,
    to_lab,
)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((119, 119, 119), (50.03, 0, 0)),
    ],
)
def test_colours_have_the_lab_values_of_the_standard(rgb, lab):
    assert to_lab(np.array([rgb], np.uint8))[0] == pytest.approx(lab, abs=0.05)


@pytest.mark.parametrize(
    ("rgb", "band"),
    [
        ((244, 220, 200), "very light"),
        ((224, 190, 165), "very light"),
        ((200, 160, 130), "light"),
        ((195, 152, 118), "intermediate"),
        ((175, 130, 98), "tan"),
        ((150, 105, 75), "brown"),
        ((120, 80, 60), "dark"),
        ((60, 40, 32), "dark"),
    ],
)
def test_skin_of_known_colours_is_put_into_its_band(rgb, band):
    assert skin_band(skin_ita(np.full((10, 10, 3), rgb, np.uint8))) == band


@pytest.mark.parametrize("rgb", [(128, 128, 128), (70, 120, 200), (90, 200, 190), (255, 255, 255), (0, 0, 0)])
def test_what_cannot_be_skin_has_no_angle(rgb):
    assert math.isnan(skin_ita(np.full((10, 10, 3), rgb, np.uint8)))
    assert skin_band(float("nan")) is None


def test_a_blue_mask_over_half_of_the_face_does_not_move_the_angle():
    face = np.full((20, 20, 3), (200, 160, 130), np.uint8)
    bare = skin_ita(face)
    face[10:] = (90, 140, 210)
    assert skin_ita(face) == pytest.approx(bare)


@pytest.mark.parametrize("shape", [(0, 3), (0, 5, 3), (3, 3)])
def test_too_few_pixels_have_no_angle(shape):
    assert math.isnan(skin_ita(np.full(shape, 150, np.uint8)))


@given(st.floats(-90, 90))
def test_every_angle_has_a_band_and_lighter_never_sorts_below(ita):
    band = skin_band(ita)
    assert band in SKIN_BANDS
    assert SKIN_BANDS.index(skin_band(min(90, ita + 5))) >= SKIN_BANDS.index(band)


def test_light_is_the_median_lightness():
    assert face_light(np.full((4, 4, 3), 119, np.uint8)) == pytest.approx(50.03, abs=0.01)
    assert face_light(np.full((4, 4, 3), 250, np.uint8)) > face_light(np.full((4, 4, 3), 20, np.uint8))
    assert math.isnan(face_light(np.zeros((0, 3), np.uint8)))


@pytest.mark.parametrize(
    ("box", "covered", "shape"),
    [
        ((20, 20, 60, 70), False, (36, 24, 3)),
        ((20, 20, 60, 70), True, (18, 24, 3)),
        ((-40, 0, -10, 40), False, (29, 0, 3)),
        ((90, 90, 130, 140), False, (4, 2, 3)),
    ],
)
def test_the_skin_region_lies_inside_the_box_and_above_a_mask(box, covered, shape):
    picture = np.zeros((100, 100, 3), np.uint8)
    region = skin_region(picture, box, covered)
    assert region.shape == shape
