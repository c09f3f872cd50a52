from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crowdmask import Detector, boxes
from crowdmask.drawing.blur import BLOCKS, MARGIN, blur_array, blur_on, blur_planes, check_choice
from crowdmask.errors import UsageError
from crowdmask.media.planes import RgbPlanes


def noise(width: int, height: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def blurred(picture: np.ndarray, box: list[float], kind: str) -> np.ndarray:
    xyxy = np.array([box], np.float32)
    if kind == "array":
        result = picture.copy()
        blur_array(result, xyxy)
        return result
    image = Image.fromarray(picture)
    blur_on(image, xyxy)
    return np.asarray(image)


@pytest.mark.parametrize("kind", ["array", "image"])
@pytest.mark.parametrize(
    "box",
    [
        [40, 40, 100, 110],  # in the middle
        [-10, 30, 30, 80],  # over the left border
        [150, 100, 250, 180],  # over the right and lower border
        [60, 60, 68, 69],  # tiny
        [0, 0, 200, 150],  # the whole picture
    ],
)
def test_a_face_becomes_a_few_blocks(box: list[float], kind: str) -> None:
    picture = noise(200, 150)
    result = blurred(picture, box, kind)
    x1, y1, x2, y2 = (int(v) for v in np.clip(box, 0, [200, 150, 200, 150]))
    face = result[y1:y2, x1:x2]
    # Rows and columns that differ from the one before: the borders between blocks.
    assert (np.diff(face.astype(int), axis=1) != 0).any(axis=(0, 2)).sum() <= BLOCKS
    assert (np.diff(face.astype(int), axis=0) != 0).any(axis=(1, 2)).sum() <= BLOCKS
    far = np.ones((150, 200), bool)
    across, down = MARGIN * (box[2] - box[0]) + 1, MARGIN * (box[3] - box[1]) + 1
    left, top = max(0, int(box[0] - across)), max(0, int(box[1] - down))
    far[top : int(box[3] + down) + 1, left : int(box[2] + across) + 1] = False
    assert (result[far] == picture[far]).all()
    margin = slice(max(0, int(box[1] - down) + 2), y1), slice(x1, x2)
    assert y1 == 0 or (result[margin] != picture[margin]).any(axis=2).mean() > 0.9


@pytest.mark.parametrize(
    "box", [[40, 40, 100, 110], [41, 43, 102, 109], [-10, 31, 30, 80], [150, 100, 250, 180], [61, 60, 68, 69]]
)
def test_neither_brightness_nor_colour_of_a_face_stays_in_a_video(box: list[float]) -> None:
    before, planes = RgbPlanes().of(noise(200, 150)), RgbPlanes().of(noise(200, 150))
    blur_planes(planes, np.array([box], np.float32))
    for plane, old, size in [
        (planes.luma, before.luma, 1),
        (planes.chroma[0], before.chroma[0], 2),
        (planes.chroma[1], before.chroma[1], 2),
    ]:
        height, width = plane.shape
        corners = np.clip(np.array(box) / size, 0, [width, height, width, height])
        x1, y1 = np.floor(corners[:2]).astype(int)
        x2, y2 = np.ceil(corners[2:]).astype(int)
        face = plane[y1:y2, x1:x2].astype(int)
        assert (np.diff(face, axis=1) != 0).any(axis=0).sum() <= BLOCKS
        assert (np.diff(face, axis=0) != 0).any(axis=1).sum() <= BLOCKS
        far = np.ones((height, width), bool)
        across, down = (MARGIN * (box[i + 2] - box[i]) + 2 for i in (0, 1))
        left, top = (
            max(0, int((edge - more) // size)) for edge, more in zip(box, (across, down), strict=False)
        )
        far[top : int((box[3] + down) / size) + 1, left : int((box[2] + across) / size) + 1] = False
        assert (plane[far] == old[far]).all()
        assert far.any()


@pytest.mark.parametrize("box", [[np.nan] * 4, [50, 50, 40, 40], [300, 10, 340, 50], [5, 5, 5, 5]])
def test_what_is_no_box_in_the_picture_changes_nothing(box: list[float]) -> None:
    picture = noise(200, 150)
    assert (blurred(picture, box, "array") == picture).all()
    assert (blurred(picture, box, "image") == picture).all()


def test_both_kinds_of_picture_are_blurred_alike() -> None:
    picture = noise(200, 150)
    box = [33.3, 20.1, 91.7, 99.9]
    difference = blurred(picture, box, "array").astype(int) - blurred(picture, box, "image")
    assert abs(difference).max() <= 1


def test_a_photo_of_a_lower_scale_is_blurred_at_the_right_place() -> None:
    image = Image.fromarray(noise(100, 80))
    before = np.asarray(image)
    blur_on(image, np.array([[400, 320, 480, 400]], np.float32), (0.125, 0.125))
    changed = (np.asarray(image) != before).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == pytest.approx((48, 61, 38, 51), abs=1)


def test_the_detector_finds_no_face_any_more(example_photo: Path) -> None:
    detector = Detector(threads=1)
    picture = np.array(Image.open(example_photo).convert("RGB"))
    faces = detector.detect(picture)
    assert len(faces) >= 5
    blur_array(picture, faces.xyxy)
    left = detector.detect(picture)
    assert not len(left) or boxes.iou(faces.xyxy, left.xyxy).max() < 0.4


@pytest.mark.parametrize(("choice", "expected"), [("faces", True), ("none", False)])
def test_choices(choice: str, expected: bool) -> None:
    assert check_choice(choice) is expected


def test_another_choice_is_refused() -> None:
    with pytest.raises(UsageError, match="`blur` is faces or none, not 'eyes'"):
        check_choice("eyes")
