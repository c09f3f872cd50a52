"""Every photo and face is counted where it belongs."""

from __future__ import annotations

import pytest

from crowdmask.data.manifest import Face, Photo
from crowdmask.data.statistics.counts import FACE_WIDTHS, FACES_A_PHOTO, count, range_of

MASKED = Face(box=(0, 0, 20, 30), label="with_mask")
BARE = Face(box=(0, 0, 300, 300), label="without_mask")
IGNORED = Face(box=(0, 0, 9, 9), label="with_mask", ignore=True)


@pytest.mark.parametrize(
    ("width", "name"),
    [(7.9, "under 8"), (8, "8-16"), (15.99, "8-16"), (255, "128-256"), (9e9, "256 or more")],
)
def test_range_of(width: float, name: str) -> None:
    assert range_of(width, FACE_WIDTHS) == name


@pytest.mark.parametrize(("number", "name"), [(0, "0"), (3, "3-5"), (5, "3-5"), (51, "more than 50")])
def test_range_of_faces(number: int, name: str) -> None:
    assert range_of(number, FACES_A_PHOTO) == name


def test_count() -> None:
    photos = [
        Photo(photo="1", width=640, height=480, source="a", split="train", faces=[MASKED, BARE, IGNORED]),
        Photo(photo="2", width=300, height=5000, source="a", licence="CC0", faces=[], reviewed=True),
        Photo(photo="3", width=640, height=480, source="b", licence="CC0", split="train"),
    ]
    counts = count(photos)

    assert (counts.total, counts.annotated, counts.reviewed) == (3, 2, 1)
    assert (counts.faces, counts.ignored) == (2, 1)
    assert counts.photos == {"train": 2, "no split": 1}
    assert counts.classes == {"train": {"with_mask": 1, "without_mask": 1}}
    assert counts.sources["a"] == {"photos": 2, "faces": 2, "with_mask": 1, "without_mask": 1}
    assert counts.sources["b"] == {"photos": 1}
    assert counts.licences == {"not stated": 1, "CC0": 2}
    assert counts.licence_sources["CC0"] == {"a", "b"}
    assert counts.face_widths == {"with_mask": {"16-32": 1}, "without_mask": {"256 or more": 1}}
    assert counts.faces_a_photo == {"2": 1, "0": 1}
    assert counts.long_sides == {"640-1024": 2, "4096 or more": 1}
