"""What is drawn in the planes of a frame looks as on an RGB picture, and changes nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from crowdmask.drawing.draw import text_stamp
from crowdmask.drawing.draw_video import Outline, frame_marks
from crowdmask.drawing.marks import Line, Mark, Plate, Ring, Stamp, draw_in_planes, draw_marks
from crowdmask.drawing.palette import BLUE, COLOURS, VERMILION
from crowdmask.media.planes import BT601, BT709, Colours, Planes, RgbPlanes

WIDTH, HEIGHT = 96, 64
GROUND = (90, 120, 60)


def ground(colours: Colours) -> Planes:
    return RgbPlanes().of(np.full((HEIGHT, WIDTH, 3), GROUND, np.uint8), colours)


def on_rgb(marks: list[Mark]) -> NDArray[np.uint8]:
    image = Image.new("RGB", (WIDTH, HEIGHT), GROUND)
    draw_marks(image, marks)
    return np.asarray(image)


def wanted(marks: list[Mark], colours: Colours) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return brightness and mean colour of each four pixels, from the RGB picture."""
    yuv = colours.of_rgb(on_rgb(marks))
    chroma = yuv[..., 1:].reshape(HEIGHT // 2, 2, WIDTH // 2, 2, 2).mean(axis=(1, 3))
    return yuv[..., 0], chroma.transpose(2, 0, 1)


@pytest.mark.parametrize("matrix", [BT601, BT709])
@pytest.mark.parametrize("y", [10, 11])
@pytest.mark.parametrize("x", [20, 21])
@pytest.mark.parametrize(
    "kind",
    ["ring", "thin ring", "thick ring", "full ring", "ring over the border", "ring outside", "text", "line"],
)  # fmt: skip
def test_both_ways_look_alike(kind: str, x: int, y: int, matrix: int) -> None:
    marks: dict[str, Mark] = {
        "ring": Ring((x, y, x + 30, y + 25), 2, BLUE),
        "thin ring": Ring((x, y, x + 31, y + 24), 1, BLUE),
        "thick ring": Ring((x, y, x + 31, y + 24), 5, VERMILION),
        "full ring": Ring((x, y, x + 6, y + 4), 3, VERMILION),
        "ring over the border": Ring((x - 30, y - 15, x + 9, y + 80), 3, BLUE),
        "ring outside": Ring((x + 80, y, x + 99, y + 20), 2, BLUE),
        "text": Plate(x, y, text_stamp("Mask 97 %", 12, (61, 15), BLUE)),
        "line": Line(((x, y), (x + 40, y + 31), (x - 50, y + 30)), 3, VERMILION),
    }
    mark = marks[kind]
    colours = Colours(matrix)
    planes, luma_chroma = ground(colours), wanted([mark], colours)
    untouched = ground(colours)
    draw_in_planes(planes, [mark])
    luma, chroma = luma_chroma
    assert np.abs(planes.luma - luma).max() <= 1.1
    apart = np.abs(planes.chroma - chroma).max(axis=0)
    corners = 8 if "ring" in kind else 0  # a line's ends may colour one point too much
    assert (apart > 2).sum() <= corners
    changed = (on_rgb([mark]) != np.array(GROUND, np.uint8)).any(axis=2)
    assert (planes.luma[~changed] == untouched.luma[~changed]).all()
    cells = changed.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).any(axis=(1, 3))
    assert (planes.chroma[:, ~cells] == untouched.chroma[:, ~cells]).all()


def test_later_marks_cover_earlier_ones() -> None:
    colours = Colours()
    marks: list[Mark] = [
        Ring((10, 10, 60, 50), 4, VERMILION),
        Plate(4, 4, Stamp(Image.new("RGB", (40, 20), BLUE))),
    ]
    planes = ground(colours)
    draw_in_planes(planes, marks)
    blue = np.rint(colours.of_rgb(np.array(BLUE, np.uint8)))
    assert (planes.luma[4:24, 4:44] == blue[0]).all()
    assert (planes.chroma[:, 2:12, 2:22] == blue[1:, None, None]).all()


@pytest.mark.parametrize("label", list(COLOURS))
def test_a_whole_frame_keeps_its_faces(label: str) -> None:
    zone = Outline(np.array([[200.0, 100], [400, 90], [380, 400]], np.float32), "door: in 3", True)
    boxes = np.array([[300, 150, 361, 231], [-9, 300, 30, 350], [101, 101, 112, 115]], np.float32)
    marks = frame_marks((640, 360), boxes, [label] * 3, np.full(3, 0.9), np.arange(3), [zone])
    before = RgbPlanes().of(np.random.default_rng(0).integers(0, 256, (360, 640, 3), dtype=np.uint8))
    planes = Planes(640, 360, before.colours)
    planes.luma[:], planes.chroma[:] = before.luma, before.chroma
    draw_in_planes(planes, marks)
    for x1, y1, x2, y2 in (boxes[[0, 2]] + [2, 2, -2, -2]).astype(int):
        face = (slice(y1, y2), slice(x1, x2))
        zoned = (planes.luma[face] != before.luma[face]).mean()
        assert zoned < 0.1  # the zone's line may cross a face
    assert (planes.luma[153:229, 330:359] == before.luma[153:229, 330:359]).all()
    luma = round(float(Colours().of_rgb(np.array(COLOURS[label], np.uint8))[0]))
    assert (planes.luma[160:220, 298:300] == luma).mean() > 0.9
