from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the extra 'train' is not installed")

from crowdmask.labels import WITH_MASK, WITHOUT_MASK
from crowdmask.training.augmentation import augment, rotated
from crowdmask.training.recipe import Augmentation
from crowdmask.training.views import Crop

SIDE = 96
NAMES = ("flip", "colour", "grey", "blur", "noise", "jpeg", "coarse", "occlude")
NOTHING = dict.fromkeys(NAMES, 0.0)


def make_crop(label: int = WITHOUT_MASK, box: tuple[int, ...] = (30, 20, 70, 80)) -> Crop:
    pixels = np.random.default_rng(0).integers(60, 200, (SIDE, SIDE, 3)).astype(np.uint8)
    return Crop(
        pixels,
        np.array([box], np.float32),
        np.array([label], np.int64),
        np.array([[0, 0, 10, 12]], np.float32),
    )


def changed(name: str, crop: Crop, seed: int = 0, chance: float = 1.0) -> Crop:
    return augment(crop, Augmentation(**{**NOTHING, name: chance}), np.random.default_rng(seed))


@settings(deadline=None, max_examples=60)
@given(
    st.builds(Augmentation, **{name: st.sampled_from([0.0, 0.5, 1.0]) for name in NAMES}),
    st.integers(0, 2**32),
    st.sampled_from([(0, 0, 96, 96), (80, 0, 96, 40), (0, 70, 50, 96), (30, 30, 34, 35)]),
    st.sampled_from([0, 1, 2]),
)
def test_a_crop_stays_a_crop(chances, seed, box, label):
    crop = make_crop(label, box)
    before = crop.picture.copy()
    result = augment(crop, chances, np.random.default_rng(seed))
    assert result.picture.shape == (SIDE, SIDE, 3)
    assert result.picture.dtype == np.uint8
    assert result.picture.flags.writeable
    assert result.labels.tolist() == [label]
    mirrored = [[SIDE - box[2], box[1], SIDE - box[0], box[3]]]
    assert result.boxes.tolist() in ([[*box]], mirrored)
    assert result.ignore.tolist() in ([[0, 0, 10, 12]], [[86, 0, 96, 12]])
    assert (crop.picture == before).all()


def test_nothing_is_left_as_it_is():
    crop = make_crop()
    result = augment(crop, Augmentation(**NOTHING), np.random.default_rng(0))
    assert (result.picture == crop.picture).all()
    assert result.boxes.tolist() == crop.boxes.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_each_change_changes_the_picture_and_none_else_the_boxes(name):
    crop = make_crop()
    result = changed(name, crop)
    assert (result.picture != crop.picture).any()
    assert (result.boxes.tolist() != crop.boxes.tolist()) is (name == "flip")


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_picture(name):
    crop = make_crop()
    assert (changed(name, crop, 5).picture == changed(name, crop, 5).picture).all()


def test_grey_is_grey_and_blur_is_smooth():
    crop = make_crop()
    grey = changed("grey", crop).picture
    assert (grey[..., 0] == grey[..., 1]).all()
    assert (grey[..., 0] == grey[..., 2]).all()
    rough = np.abs(np.diff(crop.picture.astype(int), axis=1)).mean()
    for name in ("blur", "coarse"):
        assert np.abs(np.diff(changed(name, crop).picture.astype(int), axis=1)).mean() < 0.8 * rough


@pytest.mark.parametrize("label", [WITHOUT_MASK, WITH_MASK])
def test_a_face_is_covered_in_part_and_nothing_else_is(label):
    """A bare face anywhere below the eyes; of a masked one the middle of the mask stays."""
    crop = make_crop(label)
    for seed in range(40):
        differs = (changed("occlude", crop, seed).picture != crop.picture).any(-1)
        rows, columns = np.nonzero(differs)
        assert rows.min() >= 20
        assert rows.max() < 80
        assert columns.min() >= 30
        assert columns.max() < 70
        assert differs[20:80, 30:70].mean() < 0.5
        if label == WITHOUT_MASK:
            assert rows.min() >= 20 + 0.2 * 60 - 1
        else:
            middle = differs[20:80, 30 + 15 : 30 + 25]
            assert not middle.any()


def test_faces_too_small_to_be_told_are_not_covered():
    crop = make_crop(box=(30, 20, 45, 40))
    assert (changed("occlude", crop).picture == crop.picture).all()


def test_a_chance_is_one():
    crop = make_crop(box=(10, 20, 50, 80))
    flipped = sum(changed("flip", crop, seed, 0.3).boxes[0, 0] != 10 for seed in range(400))
    assert 80 < flipped < 160


def drawn_face(width: int) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """Skin, eyes and mouth as plain blocks in a crop of 96 pixels."""
    pixels = np.random.default_rng(0).integers(96, 108, (SIDE, SIDE, 3)).astype(np.uint8)
    height = round(1.3 * width)
    x, y = (SIDE - width) // 2, (SIDE - height) // 2
    rows, columns = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    pixels[y : y + height, x : x + width][rows**2 + columns**2 <= 1] = (205, 160, 138)
    for left, top, wide, tall in (
        (0.2, 0.37, 0.17, 0.07),
        (0.63, 0.37, 0.17, 0.07),
        (0.36, 0.77, 0.28, 0.04),
    ):
        at_x, at_y = x + round(left * width), y + round(top * height)
        block = pixels[at_y : at_y + max(1, round(tall * height)), at_x : at_x + round(wide * width)]
        block[:] = (58, 40, 35) if top < 0.5 else (170, 105, 95)
    return pixels, (x, y, x + width, y + height)


def synthetic(pixels, box, label, chance, seed, ignore=()):
    pytest.importorskip("cv2", reason="OpenCV is not installed")
    crop = Crop(
        pixels,
        np.array([box], np.float32),
        np.array([label], np.int64),
        np.array(ignore, np.float32).reshape(-1, 4),
    )
    return augment(crop, Augmentation(**{**NOTHING, "synthetic": chance}), np.random.default_rng(seed))


def test_masks_are_drawn_onto_bare_faces_and_their_labels_follow():
    pixels, box = drawn_face(48)
    before = pixels.copy()
    results = [synthetic(pixels, box, WITHOUT_MASK, 1.0, seed) for seed in range(40)]
    labels = [int(result.labels[0]) for result in results]
    # A fifth is covered by something else than a mask.
    assert set(labels) == {0, 1, 2}
    assert 2 <= labels.count(WITHOUT_MASK) <= 18
    assert all((result.picture != pixels).any() for result in results)
    assert all(result.boxes.tolist() == [list(box)] for result in results)
    assert (pixels == before).all()
    assert (synthetic(pixels, box, WITHOUT_MASK, 1.0, 3).picture == results[3].picture).all()


@pytest.mark.parametrize(
    ("width", "label", "chance"), [(18, WITHOUT_MASK, 1.0), (48, WITH_MASK, 1.0), (48, WITHOUT_MASK, 0.0)]
)
def test_other_faces_are_not_drawn_on(width, label, chance):
    pixels, box = drawn_face(width)
    for seed in range(10):
        result = synthetic(pixels, box, label, chance, seed)
        assert (result.picture == pixels).all()
        assert result.labels.tolist() == [label]


def test_what_is_not_judged_is_not_drawn_on():
    pixels, box = drawn_face(48)
    x1, y1, x2, y2 = box
    region = (x1, (y1 + y2) // 2, (x1 + x2) // 2, y2)
    for seed in range(10):
        result = synthetic(pixels, box, WITHOUT_MASK, 1.0, seed, [region])
        assert (
            result.picture[region[1] : y2, x1 : region[2]] == pixels[region[1] : y2, x1 : region[2]]
        ).all()


NEW = ("rotate", "motion", "dark", "blocky")


@pytest.mark.parametrize("name", NEW)
@pytest.mark.parametrize("box", [(30, 20, 70, 80), (0, 0, 96, 96), (80, 0, 96, 40)])
def test_poorer_pictures_keep_their_faces(name, box):
    before = make_crop(box=box)
    results = [changed(name, before, seed) for seed in range(5)]
    assert sum(not np.array_equal(after.picture, before.picture) for after in results) >= 4
    for after in results:
        assert after.picture.shape == before.picture.shape
        assert after.picture.dtype == np.uint8
        assert len(after.boxes) == len(after.labels)
        assert ((after.boxes >= 0) & (after.boxes <= SIDE)).all()
        if name != "rotate":
            assert np.array_equal(after.boxes, before.boxes)


@pytest.mark.parametrize("degrees", [-30.0, -10.0, 10.0, 30.0])
def test_a_turned_face_lies_where_its_box_says(degrees):
    pixels = np.full((SIDE, SIDE, 3), 114, np.uint8)
    rows, columns = np.ogrid[:SIDE, :SIDE]
    # An ellipse off the middle, in the box (50, 10, 74, 46).
    pixels[((columns - 61.5) / 12) ** 2 + ((rows - 27.5) / 18) ** 2 <= 1] = 255
    crop = Crop(pixels, np.array([[50, 10, 74, 46]], np.float32), np.array([0]), np.zeros((0, 4), np.float32))
    turned = rotated(crop, degrees)
    y, x = np.nonzero(turned.picture[..., 0] > 180)
    drawn = [x.min(), y.min(), x.max() + 1, y.max() + 1]
    assert turned.boxes[0] == pytest.approx(drawn, abs=1.5)


def test_a_face_turned_out_of_the_crop_is_not_judged():
    crop = make_crop(box=(84, 0, 96, 14))
    turned = rotated(crop, 30.0)
    assert len(turned.boxes) == len(turned.labels) == 0
