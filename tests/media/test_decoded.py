"""A decoded frame is converted when somebody needs it, once, and upright in every form."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from crowdmask.media.decoded import DecodedPicture, PictureField, every_nth, rgb_of
from crowdmask.media.frame_converter import FrameConverter
from crowdmask.media.video import read_frames

from .conftest import MakeVideo


@pytest.fixture
def halves() -> VideoFrame:
    """A frame whose left half is bright and whose right half is dark."""
    picture = np.full((48, 64, 3), 30, np.uint8)
    picture[:, :32] = 220
    return VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")


def test_it_is_converted_once_and_only_if_needed(halves: VideoFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[VideoFrame] = []
    usual = FrameConverter.upright

    def counted(self: FrameConverter, frame: VideoFrame) -> NDArray[np.uint8]:
        done.append(frame)
        return usual(self, frame)

    monkeypatch.setattr(FrameConverter, "upright", counted)
    picture = DecodedPicture(halves, FrameConverter())
    assert picture.shape == (48, 64, 3)
    assert every_nth(picture, 4).shape == (12, 16, 3)
    assert not done
    assert rgb_of(picture) is rgb_of(picture)
    assert len(done) == 1


def test_its_points_are_those_of_the_whole_picture(halves: VideoFrame) -> None:
    picture = DecodedPicture(halves, FrameConverter())
    points, whole = every_nth(picture, 4), every_nth(picture.rgb, 4)
    assert points.shape == whole.shape
    # Where bright and dark meet, the points may lie one pixel apart.
    apart = np.abs(points.astype(int) - whole)
    assert apart[:, :7].max() <= 4
    assert apart[:, 9:].max() <= 4


def test_an_array_is_taken_as_it_is() -> None:
    picture = np.arange(10 * 12 * 3, dtype=np.uint8).reshape(10, 12, 3)
    assert rgb_of(picture) is picture
    assert (every_nth(picture, 5) == picture[::5, ::5]).all()


@dataclass(frozen=True)
class Seen:
    """As results of frames have it."""

    index: int
    picture: PictureField = field(default=PictureField(), repr=False)


def test_a_field_gives_rgb_and_keeps_what_it_was_given(halves: VideoFrame) -> None:
    picture = DecodedPicture(halves, FrameConverter())
    seen = Seen(1, picture)
    assert seen.picture is picture.rgb
    assert vars(seen)["_picture"] is picture
    assert replace(seen, picture=None).picture is None
    assert replace(seen, index=2).picture is picture.rgb
    assert Seen(3).picture is None
    assert repr(seen) == "Seen(index=1)"


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_frames_read_lazily_are_the_same(rotation: int, make_video: MakeVideo) -> None:
    path = make_video("turned.mp4", frames=4, rotation=rotation)
    eager, lazy = list(read_frames(path)), list(read_frames(path, lazily=True))
    assert [frame.size for frame in lazy] == [frame.size for frame in eager]
    assert [frame.nbytes for frame in lazy] == [frame.nbytes for frame in eager]
    for one, other in zip(eager, lazy, strict=True):
        height, width = other.pixels.shape[:2]
        points = every_nth(other.pixels, 1)
        assert points.shape == (height, width, 3)
        assert np.abs(points.astype(int) - one.picture).mean() < 4
        assert (one.picture == other.picture).all()
