"""Corrected boxes get into the right photo, at the right place, or are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from crowdmask.data.labelling.corrections import (
    Correction,
    PhotoIndex,
    ReviewSummary,
    Shape,
    apply_corrections,
    upright_box,
)
from crowdmask.data.manifest import Face, Manifest, Photo


def photo(path: str = "photos/1.jpg", width: int = 400, height: int = 200, **more: object) -> Photo:
    return Photo.model_validate({"photo": path, "width": width, "height": height, "source": "s", **more})


@pytest.mark.parametrize(
    ("shape", "size", "relative", "expected"),
    [
        # Percent of the picture, as Label Studio has it.
        (Shape("x", (0.25, 0.1, 0.5, 0.4)), (400, 200), True, (100, 20, 300, 100)),
        (Shape("x", (0.25, 0.1, 0.5, 0.4)), None, True, (100, 20, 300, 100)),
        # Pixels, and pixels of a smaller copy.
        (Shape("x", (100, 20, 200, 80)), (400, 200), False, (100, 20, 300, 100)),
        (Shape("x", (50, 10, 100, 40)), (200, 100), False, (100, 20, 300, 100)),
        # A quarter turn clockwise about the corner (200, 100): right becomes down, down becomes left.
        (Shape("x", (0.5, 0.5, 0.1, 0.1), 90), (400, 200), True, (180, 100, 200, 140)),
        (Shape("x", (0.5, 0.5, 0.1, 0.1), -90), (400, 200), True, (200, 60, 220, 100)),
        (Shape("x", (0.5, 0.5, 0.1, 0.1), 360), (400, 200), True, (200, 100, 240, 120)),
        # And about the centre (220, 110).
        (Shape("x", (200, 100, 40, 20), 90, "centre"), (400, 200), False, (210, 90, 230, 130)),
        (Shape("x", (200, 100, 40, 20), 180, "centre"), (400, 200), False, (200, 100, 240, 120)),
        # 45 degrees: half the sum of the sides, times the root of two.
        (Shape("x", (190, 90, 20, 20), 45, "centre"), (400, 200), False, (185.86, 85.86, 214.14, 114.14)),
        # Over the border.
        (Shape("x", (-10, -10, 60, 60)), (400, 200), False, (0, 0, 50, 50)),
        (Shape("x", (0.9, 0.9, 0.3, 0.3)), (400, 200), True, (360, 180, 400, 200)),
    ],
)
def test_upright_box(
    shape: Shape, size: tuple[float, float] | None, relative: bool, expected: tuple[float, ...]
) -> None:
    assert upright_box(shape, photo(), size, relative) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("shape", "size", "why"),
    [
        (
            Shape("x", (0, 0, 10, 10)),
            (200, 400),
            "the tool saw 200 x 400 pixels, but the photo has 400 x 200",
        ),
        (Shape("x", (0, 0, 10, 10)), (0, 200), "its size is 0 x 200"),
        (Shape("x", (500, 0, 10, 10)), (400, 200), "without area inside the photo"),
        (Shape("x", (5, 5, 0, 10)), (400, 200), "without area inside the photo"),
        (Shape("x", (float("nan"), 5, 5, 10)), (400, 200), "not a number"),
        (Shape("x", (5, 5, 5, 10), float("inf")), (400, 200), "not a number"),
    ],
)
def test_boxes_that_cannot_be_used(shape: Shape, size: tuple[float, float], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        upright_box(shape, photo(), size, relative=False)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("photos/a/1.jpg",), "photos/a/1.jpg"),
        (("strange.jpg", "photos/b/1.jpg"), "photos/b/1.jpg"),
        (("set/photos/b/1.jpg",), "photos/b/1.jpg"),
        (("C:\\me\\set\\photos\\b\\1.jpg",), "photos/b/1.jpg"),
        (("b/1.jpg",), "photos/b/1.jpg"),
        (("2.jpg",), "photos/b/2.jpg"),
        (("upload/7/0a1b2c3d-2.jpg",), "photos/b/2.jpg"),
        # Two photos end so; another folder; a name that only looks like an upload; nothing at all.
        (("1.jpg",), None),
        (("photos/c/2.jpg",), None),
        (("upload/7/0a1b2c3-2.jpg",), None),
        (("",), None),
        ((), None),
    ],
)
def test_photo_index(names: tuple[str, ...], expected: str | None) -> None:
    index = PhotoIndex(photo(path) for path in ("photos/a/1.jpg", "photos/b/1.jpg", "photos/b/2.jpg"))
    found = index.find(names)

    assert (found.photo if found else None) == expected


def test_apply() -> None:
    old = Face(box=(0, 0, 9, 9), label="with_mask")
    manifest = Manifest(
        Path("set"),
        [
            photo("1.jpg", split="train"),
            photo("2.jpg", faces=[old]),
            photo("3.jpg", faces=[old]),
            photo("4.jpg"),
            photo("5.jpg"),
        ],
    )
    box = (10.0, 20.0, 30.0, 40.0)
    corrections = [
        Correction(
            ("1.jpg",), (Shape("bare", box), Shape("ignore", box, 90), Shape("poster", box)), (400, 200)
        ),
        Correction(("2.jpg",), (), (400, 200)),
        Correction(("3.jpg",), (Shape("with_mask", box), Shape("hat", box))),
        Correction(("4.jpg",), (Shape("with_mask", box),), problems=("a polygon, not a box",)),
        Correction(("1.jpg",), ()),
        Correction(("9.jpg",), ()),
        Correction((), ()),
    ]
    summary = ReviewSummary()
    changed = apply_corrections(manifest, corrections, {"bare": "without_mask", "poster": "skip"}, summary)

    first, second, third, fourth, fifth = changed.photos
    assert first.faces == [
        Face(box=(10, 20, 40, 60), label="without_mask"),
        Face(box=(0, 20, 10, 50), label=None, ignore=True),
    ]
    assert (first.reviewed, first.split) == (True, "train")
    assert (second.faces, second.reviewed) == ([], True)
    assert third == manifest.photos[2]
    assert (fourth, fifth) == (manifest.photos[3], manifest.photos[4])
    assert (summary.reviewed, summary.turned) == (2, 1)
    assert summary.faces == {"without_mask": 1, "ignore": 1}
    assert summary.problems == [
        "3.jpg: unknown label 'hat'; map it with `map` 'hat=LABEL'",
        "4.jpg: a polygon, not a box",
        "1.jpg: there twice; the first time counts",
        "9.jpg: no such photo in the manifest",
        "an entry without a photo: no such photo in the manifest",
    ]
