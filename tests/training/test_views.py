from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

pytest.importorskip("torch", reason="the extra 'train' is not installed")

from crowdmask.data.sample import Sample
from crowdmask.training.recipe import Views
from crowdmask.training.views import Crop, Window, cut, draw_window, flip

PAD, BACKGROUND, COLOUR = 114, (40, 40, 40), (250, 240, 10)
SIDE = 96


def make_sample(width: int, height: int, box: tuple[int, int, int, int]) -> tuple[Image.Image, Sample]:
    pixels = np.full((height, width, 3), BACKGROUND, np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = COLOUR
    sample = Sample(
        path=None,  # type: ignore[arg-type]
        name="a.jpg",
        source="street",
        width=width,
        height=height,
        boxes=np.array([box], np.float32),
        class_id=np.array([2]),
        ignore=np.array([False]),
    )
    return Image.fromarray(pixels), sample


def coloured(crop: Crop) -> np.ndarray:
    """Return where the block is in the crop, xyxy, or nothing."""
    inside = crop.picture[..., 0].astype(int) - crop.picture[..., 2] > 120
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not len(rows):
        return np.zeros(0)
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


@st.composite
def photos(draw: st.DrawFn) -> tuple[Image.Image, Sample]:
    width, height = draw(st.integers(20, 300)), draw(st.integers(20, 300))
    across, down = draw(st.integers(8, min(width, 120))), draw(st.integers(8, min(height, 120)))
    x, y = draw(st.integers(0, width - across)), draw(st.integers(0, height - down))
    return make_sample(width, height, (x, y, x + across, y + down))


views = st.builds(
    Views,
    use=st.sampled_from([0.0, 1.0]),
    face=st.sampled_from([0.0, 1.0]),
    whole=st.sampled_from([0.0, 1.0]),
)


@settings(deadline=None, max_examples=150)
@given(photos(), views, st.sampled_from([0.0, 0.2]), st.booleans(), st.integers(0, 2**32))
def test_boxes_stay_inside_and_lie_on_what_they_box(photo, kinds, aspect, flipped, seed):
    picture, sample = photo
    window = draw_window(sample, kinds, SIDE, 200, aspect, np.random.default_rng(seed))
    crop = cut(picture, sample, window, SIDE, PAD)
    if flipped:
        crop = flip(crop)
    assert crop.picture.shape == (SIDE, SIDE, 3)
    for boxes in (crop.boxes, crop.ignore):
        assert boxes.shape == (len(boxes), 4)
        assert (boxes >= 0).all()
        assert (boxes <= SIDE).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert len(crop.labels) == len(crop.boxes)
    assert len(crop.boxes) + len(crop.ignore) <= 1
    if len(crop.boxes):
        assert crop.labels.tolist() == [2]
        # Half a pixel of rounding where the photo begins, and the blur of the edge.
        blur = 1.1 + max(window.scale_x, window.scale_y)
        assert coloured(crop) == pytest.approx(crop.boxes[0], abs=blur)


@settings(deadline=None, max_examples=60)
@given(photos(), st.integers(0, 2**32))
def test_a_smaller_copy_of_the_photo_gives_the_same_boxes(photo, seed):
    picture, sample = photo
    window = draw_window(sample, Views(), SIDE, 200, 0.1, np.random.default_rng(seed))
    half = picture.resize((max(1, picture.width // 2), max(1, picture.height // 2)))
    whole, small = cut(picture, sample, window, SIDE, PAD), cut(half, sample, window, SIDE, PAD)
    assert small.boxes.tolist() == whole.boxes.tolist()
    if len(whole.boxes) and min(whole.boxes[0, 2:] - whole.boxes[0, :2]) > 12:
        assert coloured(small) == pytest.approx(coloured(whole), abs=2 + 3 * window.scale_x)


@pytest.mark.parametrize(
    ("box", "window", "judged", "ignored"),
    [
        ((20, 20, 40, 40), Window(1, 1, 0, 0), [[20, 20, 40, 40]], []),
        ((20, 20, 40, 40), Window(2, 2, 30, 10), [[10, 30, 50, 70]], []),
        ((20, 20, 40, 40), Window(1, 1, 28, 0), [[0, 20, 12, 40]], []),
        ((20, 20, 40, 40), Window(1, 1, 35, 0), [], [[0, 20, 5, 40]]),
        ((20, 20, 40, 40), Window(1, 1, 39, 0), [], []),
        ((20, 20, 40, 40), Window(1, 1, 60, 0), [], []),
        ((20, 20, 40, 40), Window(0.15, 0.15, 0, 0), [], [[3, 3, 6, 6]]),
        ((20, 20, 40, 40), Window(1, 1, -30, -20), [[50, 40, 70, 60]], []),
        ((0, 0, 128, 128), Window(1, 1, 0, 0), [[0, 0, 96, 96]], []),
    ],
    ids=["plain", "scaled", "cut", "mostly cut", "a sliver", "outside", "too small", "padded", "larger"],
)
def test_faces_are_judged_ignored_or_gone(box, window, judged, ignored):
    picture, sample = make_sample(128, 128, box)
    crop = cut(picture, sample, window, SIDE, PAD)
    assert crop.boxes.reshape(-1).tolist() == pytest.approx(np.ravel(judged).tolist())
    assert crop.ignore.reshape(-1).tolist() == pytest.approx(np.ravel(ignored).tolist())


def test_a_region_to_be_ignored_stays_one():
    picture, sample = make_sample(96, 96, (20, 20, 40, 40))
    crop = cut(picture, replace(sample, ignore=np.array([True])), Window(1, 1, 0, 0), SIDE, PAD)
    assert len(crop.boxes) == len(crop.labels) == 0
    assert crop.ignore.tolist() == [[20, 20, 40, 40]]


def test_outside_of_the_photo_is_grey():
    picture, sample = make_sample(40, 30, (5, 5, 20, 20))
    crop = cut(picture, sample, Window(1, 1, -10, -20), SIDE, PAD)
    inside = crop.picture[20:50, 10:50]
    assert (inside == np.asarray(picture)).all()
    crop.picture[20:50, 10:50] = PAD
    assert (crop.picture == PAD).all()


def test_a_mirrored_mirror_is_the_picture():
    picture, sample = make_sample(128, 128, (20, 30, 60, 50))
    crop = cut(picture, sample, Window(1, 1, 0, 0), SIDE, PAD)
    once, twice = flip(crop), flip(flip(crop))
    assert once.boxes.tolist() == [[36, 30, 76, 50]]
    assert coloured(once).tolist() == [36, 30, 76, 50]
    assert (twice.picture == crop.picture).all()
    assert twice.boxes.tolist() == crop.boxes.tolist()


def drawn(kind: str, count: int = 300) -> list[float]:
    """Return the widths at which a face of 20 px in a photo of 200 px is seen."""
    _, sample = make_sample(200, 150, (90, 60, 110, 85))
    kinds = Views(**{"use": 0, "face": 0, "whole": 0, kind: 1})
    rng = np.random.default_rng(0)
    return [20 * draw_window(sample, kinds, SIDE, 400, 0.0, rng).scale_x for _ in range(count)]


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        # 400 px for the long side is twice the photo's size, by a factor of 0.7 to 1.4.
        ("use", 40 * 0.7, 40 * 1.4),
        # 8 to 220 px, held between 0.3 times the scale of use and three times life.
        ("face", 40 * 0.3, 20 * 3),
        ("whole", 20 * 0.8 * SIDE / 200, 20 * 1.15 * SIDE / 200),
    ],
)
def test_each_kind_of_view_has_its_scale(kind, low, high):
    widths = drawn(kind)
    assert low * 0.999 <= min(widths) < low * 1.1
    assert high * 0.9 < max(widths) <= high * 1.001


def test_a_photo_without_faces_has_views_too():
    picture, sample = make_sample(200, 150, (90, 60, 110, 85))
    empty = replace(sample, boxes=sample.boxes[:0], class_id=sample.class_id[:0], ignore=sample.ignore[:0])
    for seed in range(20):
        window = draw_window(
            empty, Views(use=0, face=1, whole=0), SIDE, 400, 0.1, np.random.default_rng(seed)
        )
        crop = cut(picture, empty, window, SIDE, PAD)
        assert crop.boxes.shape == crop.ignore.shape == (0, 4)


@pytest.mark.parametrize("size", [(200, 100), (90, 150), (120, 120)])
def test_a_model_that_stretches_photos_learns_from_photos_stretched_alike(size: tuple[int, int]) -> None:
    _, sample = make_sample(*size, (20, 20, 60, 70))
    views = Views(use=1, face=0, whole=0, use_scale=(1.0, 1.0))
    window = draw_window(sample, views, SIDE, SIDE, 0.0, np.random.default_rng(3), square=True)
    assert window.scale_x * size[0] == pytest.approx(SIDE)
    assert window.scale_y * size[1] == pytest.approx(SIDE)
    assert (window.left, window.top) == pytest.approx((0, 0), abs=1e-6)
