"""The planes of a frame are taken over exactly, or not at all."""

from __future__ import annotations

import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from crowdmask.media.decoded import DecodedPicture
from crowdmask.media.frame_converter import FrameConverter
from crowdmask.media.planes import BT601, BT709, Colours, Planes, RgbPlanes
from crowdmask.media.video import read_frames

from .conftest import MakeVideo, a_picture

SPACES = {BT601: Colorspace.ITU601, BT709: Colorspace.ITU709}


def frame_of(kind: str = "yuv420p", width: int = 64, height: int = 48) -> VideoFrame:
    """A decoded frame that says nothing of its colours."""
    return VideoFrame.from_ndarray(a_picture(9, width, height), format="rgb24").reformat(format=kind)


def taken(frame: VideoFrame) -> Planes | None:
    return DecodedPicture(frame, FrameConverter()).planes()


def rgb(planes: Planes) -> NDArray[np.int64]:
    frame = planes.frame.reformat(format="rgb24", src_colorspace=SPACES[planes.colours.matrix])
    return frame.to_ndarray().astype(int)


def test_planes_are_copied_exactly_and_can_be_drawn_in() -> None:
    frame = frame_of(width=70)
    before = frame.to_ndarray()
    planes = taken(frame)
    assert planes is not None
    assert planes.size == (70, 48)
    assert (planes.frame.to_ndarray() == before).all()
    planes.luma[:], planes.chroma[:] = 0, 0
    assert (frame.to_ndarray() == before).all()  # the decoder may still need it


@pytest.mark.parametrize(
    ("height", "colorspace", "matrix"),
    [
        pytest.param(48, 2, BT601, id="small, unstated"),
        pytest.param(720, 2, BT709, id="HD, unstated"),
        pytest.param(48, 1, BT709, id="BT.709"),
        pytest.param(720, 5, BT601, id="PAL"),
        pytest.param(48, 6, BT601, id="NTSC"),
        pytest.param(48, 9, None, id="BT.2020"),
        pytest.param(48, 7, None, id="SMPTE 240M"),
    ],
)
def test_the_matrix_is_that_of_the_source(height: int, colorspace: int, matrix: int | None) -> None:
    frame = frame_of(height=height)
    frame.colorspace = colorspace
    planes = taken(frame)
    assert (None if planes is None else planes.colours) == (None if matrix is None else Colours(matrix))


@pytest.mark.parametrize(
    ("kind", "size"),
    [("yuv422p", (64, 48)), ("yuv420p10le", (64, 48)), ("rgb24", (64, 48)), ("yuv420p", (63, 47))],
)
def test_other_kinds_have_no_such_planes(kind: str, size: tuple[int, int]) -> None:
    assert taken(frame_of(kind, *size)) is None


def test_high_dynamic_range_has_no_such_planes() -> None:
    frame = frame_of()
    frame.color_trc = 16
    assert taken(frame) is None


@pytest.mark.parametrize("kind", ["yuvj420p", "yuv420p"])
def test_the_full_range_becomes_the_limited_one(kind: str) -> None:
    frame = frame_of("yuvj420p") if kind == "yuvj420p" else frame_of().reformat(
        dst_color_range=ColorRange.JPEG, src_color_range=ColorRange.MPEG
    )  # fmt: skip
    frame.color_range = ColorRange.JPEG
    planes = taken(frame)
    assert planes is not None
    assert np.abs(rgb(planes) - FrameConverter().upright(frame)).max() <= 6


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_planes_are_upright(rotation: int, make_video: MakeVideo) -> None:
    source = make_video("a.mp4", frames=1, rotation=rotation)
    frame = next(read_frames(source, lazily=True))
    assert isinstance(frame.pixels, DecodedPicture)
    planes = frame.pixels.planes()
    assert planes is not None
    assert planes.size == frame.size == ((64, 48) if rotation == 180 else (48, 64))
    assert np.abs(rgb(planes) - frame.picture).mean() < 3


@pytest.mark.parametrize("matrix", SPACES)
def test_rgb_becomes_planes_as_ffmpeg_makes_them(matrix: int) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (40, 3), dtype=np.uint8)
    for colour in colours:
        planes = RgbPlanes().of(np.full((6, 8, 3), colour, np.uint8), Colours(matrix))
        made = np.array([planes.luma[2, 2], *planes.chroma[:, 1, 1]], float)
        assert np.abs(made - Colours(matrix).of_rgb(colour)).max() <= 1
        assert np.abs(rgb(planes)[2, 2] - colour).max() <= 4


def test_odd_pictures_are_padded() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    planes = RgbPlanes().of(picture)
    assert planes.size == (8, 6)
    assert (planes.luma[5] == planes.luma[4]).all()
