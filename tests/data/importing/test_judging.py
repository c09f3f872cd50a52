from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from crowdmask.data.formats.annotation import Annotation, RawBox
from crowdmask.data.importing.judging import Judge, picture_size
from crowdmask.data.problems import Problems, Reason

from ..conftest import MakePhoto

WHERE = Path("a.jpg")


def judge(*boxes: tuple[str, tuple[float, float, float, float]], relative: bool = False, **more: object):
    judge = Judge({}, more.pop("convention", (0, 0, 0, 0)), Problems())  # type: ignore[arg-type]
    judge.classes.update(more)  # type: ignore[arg-type]
    annotation = Annotation("a.jpg", tuple(RawBox(label, box) for label, box in boxes), relative)
    return judge, judge.faces(annotation, 100, 80, WHERE)


@pytest.mark.parametrize(
    ("box", "expected", "reason", "cut"),
    [
        ((10, 20, 30, 40), (10, 20, 30, 40), None, 0),
        ((10.123456789, 20, 30, 40), (10.123457, 20, 30, 40), None, 0),
        ((-1, -2, 30, 40), (0, 0, 30, 40), None, 0),
        ((-9, 20, 30, 40), (0, 20, 30, 40), None, 1),
        ((90, 70, 105, 85), None, Reason.OUTSIDE, 0),
        ((90, 70, 104, 82), (90, 70, 100, 80), None, 1),
        ((120, 20, 140, 40), None, Reason.OUTSIDE, 0),
        ((10, -60, 30, -20), None, Reason.OUTSIDE, 0),
        ((-500, -500, 600, 600), None, Reason.OUTSIDE, 0),
        ((10, 20, 10, 40), None, Reason.NO_AREA, 0),
        ((30, 20, 10, 40), None, Reason.NO_AREA, 0),
        ((10, 40, 30, 20), None, Reason.NO_AREA, 0),
        ((0, 0, 0, 0), None, Reason.NO_AREA, 0),
        ((10, 20, 10.5, 40), None, Reason.NO_AREA, 0),
        ((10, 20, 11, 21), (10, 20, 11, 21), None, 0),
    ],
)
def test_boxes(box, expected, reason, cut) -> None:
    sound = ("with_mask", (1.0, 1.0, 9.0, 9.0))
    judged, faces = judge(sound, ("with_mask", box))
    assert faces is not None
    assert [face.box for face in faces[1:]] == ([expected] if expected else [])
    assert judged.problems.reasons == ([reason] if reason else [])
    assert all(line.startswith("a.jpg: ") for line in judged.problems.lines)
    assert judged.cut == cut


def test_relative_boxes_become_pixels() -> None:
    _, faces = judge(("mask", (0.1, 0.25, 0.5, 0.75)), relative=True)
    assert faces is not None
    assert faces[0].box == (10, 20, 50, 60)


def test_a_convention_trims_and_extends_and_stays_in_the_picture() -> None:
    _, faces = judge(("mask", (10, 0, 30, 40)), convention=(0.1, -0.25, 0, 0.5))
    assert faces is not None
    assert faces[0].box == (12, 0, 30, 20)


@pytest.mark.parametrize(
    ("published", "label", "ignore"),
    [
        ("with_mask", "with_mask", False),
        ("With Mask", "with_mask", False),
        ("face_mask", "with_mask", False),
        ("none", "without_mask", False),
        ("hat", "mask_worn_incorrect", False),
        ("hidden", None, True),
        ("ignore", None, True),
        ("ignore_without_mask", "without_mask", True),
    ],
)
def test_classes(published: str, label: str | None, ignore: bool) -> None:
    box = (1.0, 1.0, 9.0, 9.0)
    judged, faces = judge((published, box), hat="mask_worn_incorrect", hidden="ignore")
    assert [(face.label, face.ignore) for face in faces or ()] == [(label, ignore)]
    assert judged.published == {published: 1}


def test_skipped_and_unknown_classes() -> None:
    box = (1.0, 1.0, 9.0, 9.0)
    judged, faces = judge(("dog", box), ("cat", box), ("mask", box), dog="skip")
    assert [face.label for face in faces or ()] == ["with_mask"]
    assert judged.problems.lines == ["a.jpg: unknown class 'cat'"]
    assert judged.problems.reasons == [Reason.CLASS]


@pytest.mark.parametrize(
    ("boxes", "stays"),
    [
        ([], True),
        ([("dog", (1, 1, 9, 9))], True),
        ([("mask", (0, 0, 0, 0))], True),
        ([("cat", (1, 1, 9, 9))], False),
        ([("mask", (200, 1, 290, 9))], False),
    ],
)
def test_a_photo_whose_faces_nobody_may_know_of_is_no_photo_without_faces(boxes, stays) -> None:
    judged, faces = judge(*boxes, dog="skip")
    assert faces == ([] if stays else None)
    assert (Reason.LEFT_EMPTY in judged.problems.reasons) == (not stays)


def test_size_of_a_photo_is_that_of_the_upright_one(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (640, 480)).save(tmp_path / "a.jpg", exif=exif)
    assert picture_size(tmp_path / "a.jpg", Problems()) == (480, 640)


def test_a_photo_that_was_cut_off_is_found(tmp_path: Path, make_photo: MakePhoto) -> None:
    path = make_photo(tmp_path / "a.jpg", (900, 700))
    path.write_bytes(path.read_bytes()[:-2000])
    problems = Problems()
    assert picture_size(path, problems) is None
    assert problems.reasons == [Reason.BROKEN]
    assert problems.lines[0].startswith(f"{path}: not readable as a picture (")
