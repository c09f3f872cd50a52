from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from crowdmask import boxes
from crowdmask.detections import Detections
from crowdmask.drawing.draw import draw_detections, draw_on
from crowdmask.drawing.label_layout import HIDDEN_AT_MOST, Placed, Sizes, lay_out, texts_of
from crowdmask.drawing.palette import COLOURS
from crowdmask.labels import LABELS

BLUE, ORANGE, YELLOW = (COLOURS[label] for label in LABELS)


def faces(xyxy: Sequence[tuple[float, ...]], class_id: list[int] | None = None) -> Detections:
    n = len(xyxy)
    return Detections(
        np.array(xyxy, np.float32).reshape(-1, 4),
        np.linspace(0.99, 0.5, n, dtype=np.float32),
        np.array(class_id if class_id is not None else [i % 3 for i in range(n)], np.int64),
    )


def crowd(n: int, width: int, height: int, seed: int = 0) -> Detections:
    """Faces in loose rows, like people on a square: nearer ones lower and larger."""
    rng = np.random.default_rng(seed)
    y = np.sort(rng.uniform(0.05, 0.9, n))
    side = (0.012 + 0.05 * y**2) * width
    x = rng.uniform(0, width - side)
    top = y * height
    xyxy = np.stack([x, top, x + side, np.minimum(top + 1.25 * side, height)], axis=1).astype(np.float32)
    kept = boxes.suppress(xyxy, rng.uniform(size=n).astype(np.float32), 0.1, n)
    return faces(xyxy[kept].tolist())


def monospace(text: str, size: int) -> float:
    return 0.55 * size * len(text)


def labels_of(detections: Detections, width: int, height: int) -> list[Placed]:
    texts = [texts_of(*pair) for pair in zip(detections.labels, detections.confidence, strict=True)]
    sizes = Sizes.of(width, height)
    return lay_out(detections.xyxy, detections.labels, texts, sizes, monospace, (width, height))


@pytest.mark.parametrize(
    ("size", "number", "labelled", "untouched"),
    [
        ((300, 200), 1, 1.0, 1.0),
        ((300, 200), 12, 1.0, 1.0),
        ((300, 200), 100, 0.4, 0.75),  # faces of 4 to 15 pixels under letters of 9
        ((1024, 683), 12, 1.0, 1.0),
        ((1024, 683), 100, 1.0, 1.0),
        ((6000, 4000), 12, 1.0, 1.0),
        ((6000, 4000), 100, 1.0, 1.0),
        ((6000, 4000), 300, 0.9, 0.9),
    ],
)
def test_labels_hide_neither_faces_nor_each_other_nor_leave_the_picture(
    size: tuple[int, int], number: int, labelled: float, untouched: float
) -> None:
    detections = crowd(number, *size)
    placed = labels_of(detections, *size)
    spots = np.array([label.xyxy for label in placed], np.float32)
    assert (spots >= 0).all()
    assert (spots[:, 2:] <= size).all()
    assert (boxes.ioa(detections.xyxy, spots) <= HIDDEN_AT_MOST).all()
    together = boxes.ioa(spots, spots)
    np.fill_diagonal(together, 0)
    assert (together <= HIDDEN_AT_MOST).all()
    assert len(placed) >= labelled * len(detections)
    assert (boxes.ioa(detections.xyxy, spots).max(axis=1) < 0.01).mean() >= untouched


@pytest.mark.parametrize(
    ("class_id", "text"),
    [(0, "Mask 99.0 %"), (1, "No mask 99.0 %"), (2, "Mask worn incorrectly 99.0 %")],
)
def test_a_face_alone_has_its_full_label_above_it(class_id: int, text: str) -> None:
    (label,) = labels_of(faces([(400, 300, 460, 380)], [class_id]), 1024, 683)
    assert label.text == text
    assert label.xyxy[3] <= 300
    assert label.xyxy[0] == pytest.approx(400, abs=8)


@pytest.mark.parametrize(
    ("box", "side"),
    [
        pytest.param((400, 0, 460, 80), "below", id="at the top"),
        pytest.param((400, 600, 460, 683), "above", id="at the bottom"),
        pytest.param((0, 300, 60, 380), "above", id="at the left"),
        pytest.param((990, 300, 1024, 340), "above", id="at the right"),
        pytest.param((0, 0, 500, 683), "beside", id="from top to bottom"),
    ],
)
def test_at_the_border_the_label_finds_another_place(box: tuple[float, ...], side: str) -> None:
    (label,) = labels_of(faces([box], [0]), 1024, 683)
    x1, y1, _, y2 = label.xyxy
    assert {"below": y1 >= box[3], "above": y2 <= box[1], "beside": x1 >= box[2]}[side]


def test_hemmed_in_a_label_is_shortened_and_then_left_out() -> None:
    # A wall of faces without a gap: nothing can be written that hides none of them.
    wall = [(x, y, x + 20, y + 20) for y in range(0, 400, 20) for x in range(0, 400, 20)]
    assert labels_of(faces(wall), 400, 400) == []
    # Two columns with room for a few letters between them.
    columns = [(x, y, x + 30, y + 30) for y in range(0, 390, 30) for x in (0, 62)]
    texts = {label.text for label in labels_of(faces(columns, [0] * len(columns)), 92, 390)}
    assert any(text.endswith(" %") and "Mask" not in text for text in texts)


@pytest.mark.parametrize("side", [300, 1024, 6000])
def test_text_and_lines_grow_with_the_picture(side: int) -> None:
    sizes = Sizes.of(side, side * 2 // 3)
    shown_at = min(side, 1500) / side  # the size at which a screen shows it
    assert sizes.smallest * shown_at >= 9
    assert sizes.largest * shown_at >= 12
    assert sizes.largest <= side / 20
    assert sizes.line * shown_at >= 1
    assert sizes.line_of(np.array([0, 0, 10, 10], np.float32)) <= 1


def test_a_strip_is_not_written_over_with_huge_letters() -> None:
    assert Sizes.of(20_000, 900).largest < 900 / 10


def test_the_frame_lies_around_the_face_in_the_colour_of_its_label() -> None:
    image = Image.new("RGB", (640, 480), (128, 128, 128))
    draw_on(image, faces([(100, 100, 160, 180), (300, 100, 360, 180), (500, 100, 560, 180)]))
    for x, colour in ((100, BLUE), (300, ORANGE), (500, YELLOW)):
        assert image.getpixel((x - 1, 140)) == colour
        assert image.getpixel((x + 60, 140)) == colour
        assert image.getpixel((x + 30, 180)) == colour
        inside = np.asarray(image)[100:180, x : x + 60]
        assert (inside == 128).all()


def test_scale_turns_boxes_of_the_photo_into_those_of_a_smaller_image() -> None:
    whole, half = Image.new("RGB", (600, 400)), Image.new("RGB", (300, 200))
    draw_on(half, faces([(200, 100, 300, 220)]), (0.5, 0.5))
    draw_on(whole, faces([(100, 50, 150, 110)]))
    assert half.getpixel((99, 80)) == BLUE
    assert whole.getpixel((99, 80)) == BLUE


@pytest.mark.parametrize(
    "box",
    [
        pytest.param((0, 0, 64, 48), id="all of it"),
        pytest.param((0, 0, 1, 1), id="a pixel"),
        pytest.param((63, 47, 64, 48), id="the last pixel"),
        pytest.param((10.4, 10.4, 10.6, 10.6), id="less than a pixel"),
    ],
)
@pytest.mark.parametrize("size", [(64, 48), (8, 8), (1, 1)])
def test_any_box_can_be_drawn_on_any_picture(box: tuple[float, ...], size: tuple[int, int]) -> None:
    image = Image.new("RGB", size)
    draw_on(image, faces([box]))
    assert image.size == size


def test_kinds_of_picture() -> None:
    found = faces([(20, 20, 40, 44)])
    grey = Image.new("L", (120, 90), 200)
    drawn = draw_detections(grey, found)
    assert (drawn.mode, drawn.size, grey.mode) == ("RGB", (120, 90), "L")
    pixels = np.full((90, 120, 3), 200, np.uint8)
    np.testing.assert_array_equal(draw_detections(pixels, found), np.asarray(drawn))
    assert (pixels == 200).all()
    with pytest.raises(TypeError, match="not str"):
        draw_detections("a.jpg", found)  # type: ignore[type-var]


def test_nothing_found_changes_nothing() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    np.testing.assert_array_equal(draw_detections(pixels, Detections.empty()), pixels)


# How a person without red, green or blue cones sees a colour: Viénot, Brettel and Mollon (1999)
# for the first two; for the third, Machado, Oliveira and Fernandes (2009). Linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protan": np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]]),
    "deutan": np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]]
    ),
}


@pytest.mark.parametrize("kind", BLINDNESS)
def test_colours_can_be_told_apart_by_colour_blind_people(kind: str) -> None:
    linear = np.array([COLOURS[label] for label in LABELS]) / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ BLINDNESS[kind].T, 0, 1)
    lab = to_lab(seen)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert np.linalg.norm(lab[i] - lab[j]) > 30  # a difference of 10 is plain to see


def to_lab(linear: np.ndarray) -> np.ndarray:
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ to_xyz.T / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)
