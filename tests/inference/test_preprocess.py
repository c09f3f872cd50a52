from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from crowdmask.inference.model_file import InputSpec
from crowdmask.inference.preprocess import prepare
from crowdmask.media.pictures import Picture

FIT = InputSpec("fit", 640, 32, 114)
STRETCH = InputSpec("stretch", 300, 32, 114)


def picture(width: int, height: int, colour: tuple[int, int, int] = (10, 200, 30)) -> Picture:
    return Picture(Image.new("RGB", (width, height), colour), width, height)


@pytest.mark.parametrize(
    ("spec", "size", "tensor", "content"),
    [
        pytest.param(FIT, (1024, 683), (448, 640), (427, 640), id="landscape, made smaller"),
        pytest.param(FIT, (683, 1024), (640, 448), (640, 427), id="portrait"),
        pytest.param(FIT, (320, 240), (480, 640), (480, 640), id="made larger"),
        pytest.param(FIT, (640, 640), (640, 640), (640, 640), id="as it is"),
        pytest.param(FIT, (5000, 5000), (640, 640), (640, 640), id="reduced in two steps"),
        pytest.param(FIT, (20000, 12), (32, 640), (1, 640), id="a strip keeps a row"),
        pytest.param(FIT, (8, 8), (640, 640), (640, 640), id="tiny"),
        pytest.param(STRETCH, (1024, 683), (300, 300), (300, 300), id="stretched"),
    ],
)
def test_shape_and_padding(
    spec: InputSpec, size: tuple[int, int], tensor: tuple[int, int], content: tuple[int, int]
) -> None:
    prepared = prepare(picture(*size), spec)
    assert prepared.tensor.shape == (1, *tensor, 3)
    assert prepared.tensor.dtype == np.uint8
    rows, columns = content
    assert (prepared.tensor[0, :rows, :columns] == (10, 200, 30)).all()
    assert (prepared.tensor[0, rows:] == 114).all()
    assert (prepared.tensor[0, :, columns:] == 114).all()
    assert (prepared.width, prepared.height) == size
    assert prepared.scale_x == columns / size[0]
    assert prepared.scale_y == rows / size[1]


@pytest.mark.parametrize("size", [(1024, 683), (1900, 1000), (6000, 4000)])
def test_content_lands_where_the_scale_says(size: tuple[int, int]) -> None:
    width, height = size
    image = Image.new("RGB", size)
    x1, y1, x2, y2 = (round(v) for v in (width * 0.5, height * 0.25, width * 0.75, height * 0.5))
    image.paste((255, 255, 255), (x1, y1, x2, y2))
    prepared = prepare(Picture(image, width, height), FIT)
    lit = prepared.tensor[0, :, :, 0] > 127
    lit[:, round(width * prepared.scale_x) :] = False
    rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
    assert columns[0] == pytest.approx(x1 * prepared.scale_x, abs=1)
    assert columns[-1] + 1 == pytest.approx(x2 * prepared.scale_x, abs=1)
    assert rows[0] == pytest.approx(y1 * prepared.scale_y, abs=1)
    assert rows[-1] + 1 == pytest.approx(y2 * prepared.scale_y, abs=1)


def test_resampling_is_that_of_training() -> None:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (500, 900, 3), dtype=np.uint8))
    expected = np.asarray(image.resize((640, 356), Image.Resampling.BILINEAR))
    prepared = prepare(Picture(image, 900, 500), FIT)
    np.testing.assert_array_equal(prepared.tensor[0, :356], expected)


def test_a_picture_read_at_a_lower_scale_is_measured_in_its_own_pixels() -> None:
    half = Picture(Image.new("RGB", (5000, 4000)), 10000, 8000)
    prepared = prepare(half, FIT)
    assert prepared.tensor.shape == (1, 512, 640, 3)
    assert (prepared.scale_x, prepared.width) == (0.064, 10000)
