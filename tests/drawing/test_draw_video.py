from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from crowdmask.drawing.draw import _large_stamp, _small_stamp
from crowdmask.drawing.draw_video import Outline, _counts_stamp, draw_frame, track_texts
from crowdmask.drawing.palette import COLOURS

GREY = np.full((360, 640, 3), 90, np.uint8)


def count(picture: NDArray[np.uint8], colour: tuple[int, int, int]) -> int:
    return int((picture == np.array(colour, np.uint8)).all(axis=2).sum())


def draw(
    boxes: Sequence[Sequence[float]], labels: list[str], outlines: list[Outline] | None = None
) -> NDArray[np.uint8]:
    n = len(boxes)
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    return draw_frame(GREY, xyxy, labels, np.full(n, 0.9, np.float32), np.arange(n), outlines or [])


@pytest.mark.parametrize("label", list(COLOURS))
def test_each_state_has_its_colour_around_the_face(label: str) -> None:
    drawn = draw([[300, 150, 360, 230]], [label])
    frame = drawn[160:220, 297:300].reshape(-1, 3)
    assert (frame == COLOURS[label]).all(axis=1).mean() > 0.6
    assert (drawn[155:225, 305:355] == 90).all()  # the face itself stays as it is
    assert (GREY == 90).all()


def test_counts_are_in_a_corner_that_hides_nobody() -> None:
    nobody = draw([], [])
    top_left, rest = nobody[:24, :200], nobody[40:]
    assert (top_left != 90).any()
    assert (rest == 90).all()
    somebody = draw([[5, 5, 60, 60]], ["with_mask"])
    assert (somebody[8:57, 8:57] == 90).all()
    assert (somebody[:24, 400:] != 90).any()


def test_unknown_people_are_counted_where_there_are_any() -> None:
    faces = [[100, 100, 150, 160], [300, 100, 350, 160]]
    before = draw(faces, ["with_mask", "with_mask"])
    assert count(before, COLOURS["unknown"]) < 20  # a letter may have such an edge
    assert count(draw(faces, ["with_mask", "unknown"]), COLOURS["unknown"]) > 100


def test_zones_and_their_names_are_drawn() -> None:
    zone = Outline(np.array([[200, 100], [400, 100], [400, 300], [200, 300]], np.float32), "door: in 3", True)
    line = Outline(np.array([[50, 50], [50, 300]], np.float32), "gate", False)
    drawn = draw([], [], [zone, line])
    green = (drawn == (0, 158, 115)).all(axis=2)
    assert green[200, 199:202].any()
    assert green[299:302, 300].any()
    assert green[200, 49:52].any()
    assert not green[150:250, 210:390].any()
    assert green[100:120, 200:260].mean() > 0.5  # the ground of its name


@pytest.mark.parametrize(
    ("label", "confidence", "track", "texts"),
    [
        ("with_mask", 0.973, 3, ("Mask 97 % #3", "97 % #3", "#3")),
        ("mask_worn_incorrect", 0.5, -1, ("Mask worn incorrectly 50 %", "50 %")),
        ("unknown", 0.2, 12, ("Unknown #12", "#12")),
        ("unknown", 0.2, -1, ("Unknown",)),
    ],
)
def test_texts(label: str, confidence: float, track: int, texts: tuple[str, ...]) -> None:
    assert track_texts(label, confidence, track) == texts
    assert all(len(longer) > len(shorter) for longer, shorter in pairwise(texts))


def test_a_picture_that_is_too_small_for_words() -> None:
    picture = np.full((20, 16, 3), 90, np.uint8)
    one = np.array([[4, 4, 12, 14]], np.float32)
    drawn = draw_frame(picture, one, ["with_mask"], np.ones(1, np.float32), np.ones(1, np.int64))
    assert drawn.shape == picture.shape
    assert count(drawn, COLOURS["with_mask"]) > 10


def test_a_text_is_rendered_once_and_looks_the_same() -> None:
    caches = (_small_stamp, _large_stamp, _counts_stamp)
    for cache in caches:
        cache.cache_clear()
    people, labels = [[300, 150, 360, 230], [100, 150, 160, 230]], ["with_mask", "unknown"]
    first = draw(people, labels)
    rendered = [cache.cache_info().misses for cache in caches]
    again = draw(people, labels)
    assert (first == again).all()
    assert sum(rendered) >= len(people) + 1
    assert rendered == [cache.cache_info().misses for cache in caches]
    assert _small_stamp.cache_info().hits >= len(people)
