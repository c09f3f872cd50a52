"""Frames are drawn in one thread and encoded in another; what is not drawn on stays as in the source."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from crowdmask.detections import Detections
from crowdmask.errors import OutputError
from crowdmask.labels import LABELS
from crowdmask.live.tracked_frame import TrackedFrame, View
from crowdmask.live.video_sink import OpenWriter, VideoSink
from crowdmask.media.decoded import DecodedPicture, Pixels
from crowdmask.media.frame_converter import FrameConverter
from crowdmask.media.planes import BT601, BT709, Colours, Planes
from crowdmask.media.video import read_frames
from crowdmask.media.video_writer import VideoWriter

FACE = [120.0, 80, 150, 120]
COUNT = 12


def view_of(pixels: Pixels, index: int, face: list[float] = FACE, *, blur: bool = False) -> View:
    found = Detections(np.array([face], np.float32), np.ones(1, np.float32), np.zeros(1, np.int64))
    hidden = np.array([face], np.float32)
    result = TrackedFrame(
        "clip", index, index / 10, found, np.ones(1, int), [LABELS[0]], np.ones(1, np.float32), hidden, [], []
    )  # fmt: skip
    return View(pixels, index / 10, result, hidden, blur)


def textured(index: int, height: int = 192, width: int = 320) -> av.VideoFrame:
    """A frame in which every part has its own brightness and colour, as a decoder gives it."""
    frame = av.VideoFrame(width, height, "yuv420p")
    planes: Any = frame.planes
    for number, plane in enumerate(planes):
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        across, down = np.meshgrid(np.arange(plane.line_size), np.arange(plane.height))
        rows[:] = 90 + 40 * np.sin(across / 9 + number) + 30 * np.cos(down / 7 + index / 5)
    return frame


def decoded(index: int, **size: int) -> DecodedPicture:
    return DecodedPicture(textured(index, **size), FrameConverter())


def opener(path: Path) -> OpenWriter:
    return lambda size, colours: VideoWriter(path, *size, 10, colours=colours)


def planes_of(path: Path) -> Iterator[Planes]:
    """Yield the decoded planes of a written video."""
    for frame in read_frames(path, lazily=True):
        assert isinstance(frame.pixels, DecodedPicture)
        planes = frame.pixels.planes()
        assert planes is not None
        yield planes


@pytest.mark.parametrize("blur", [False, True])
def test_what_is_not_drawn_on_stays_as_it_is(blur: bool, tmp_path: Path) -> None:
    sink = VideoSink(opener(tmp_path / "a.mp4"))
    for index in range(COUNT):
        sink.put(view_of(decoded(index), index, blur=blur))
    sink.close()
    written = list(planes_of(tmp_path / "a.mp4"))
    assert len(written) == COUNT
    for index, planes in enumerate(written):
        source = decoded(index).planes()
        assert source is not None
        # Far from the face and the counts: only encoding changes it.
        for part in (slice(40, 190), slice(180, 320)), (slice(140, 190), slice(0, 320)):
            assert np.abs(planes.luma[part].astype(int) - source.luma[part]).mean() < 2
        assert np.abs(planes.chroma[:, 70:].astype(int) - source.chroma[:, 70:]).mean() < 2
        face = slice(86, 114), slice(126, 144)
        assert (np.abs(planes.luma[face].astype(int) - source.luma[face]).mean() > 4) == blur
    assert sink.times.frames == COUNT
    assert min(sink.times.draw_s, sink.times.write_s) > 0


@pytest.mark.parametrize(
    ("pixels", "colours"),
    [
        pytest.param(decoded(0), Colours(BT601), id="the source's colours"),
        pytest.param(np.full((192, 320, 3), 80, np.uint8), Colours(BT709), id="RGB"),
    ],
)
def test_the_file_says_its_colours(pixels: Any, colours: Colours, tmp_path: Path) -> None:
    sink = VideoSink(opener(tmp_path / "a.mp4"))
    sink.put(view_of(pixels, 0))
    sink.close()
    with av.open(str(tmp_path / "a.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc) == (colours.matrix, 1, 1)
        assert context.color_range == 1
    seen, drawn = next(read_frames(tmp_path / "a.mp4")).picture, view_of(pixels, 0).drawn
    assert np.abs(seen.astype(int) - drawn).mean() < 4


def test_a_stream_that_changes_goes_on_in_the_first_size_and_colours(tmp_path: Path) -> None:
    sink = VideoSink(opener(tmp_path / "a.mp4"))
    changed: list[Pixels] = [
        decoded(0),
        decoded(1, height=96, width=160),
        np.full((768, 1280, 3), 99, np.uint8),
        decoded(3),
    ]
    for index, pixels in enumerate(changed):
        sink.put(view_of(pixels, index))
    sink.close()
    written = list(read_frames(tmp_path / "a.mp4"))
    assert [frame.size for frame in written] == [(320, 192)] * 4
    assert np.abs(written[2].picture[140:].astype(int) - 99).mean() < 4


class Broken:
    """A writer on a full disk."""

    def write_planes(self, planes: Planes, time_s: float) -> None:
        raise OutputError("cannot write a.mp4: no space left on device")

    def close(self) -> None:
        raise OutputError("cannot write a.mp4: no space left on device")


def threads_of(source: str) -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.endswith(source)]


def test_what_cannot_be_written_ends_both_threads() -> None:
    sink = VideoSink(lambda size, colours: Broken())  # type: ignore[arg-type,return-value]

    def put_all() -> None:
        for index in range(1_000):
            sink.put(view_of(decoded(0), index))

    with pytest.raises(OutputError, match="no space left"):
        put_all()
    with pytest.raises(OutputError, match="no space left"):
        sink.close()
    assert threads_of(" clip") == []


def test_what_cannot_be_drawn_is_raised(tmp_path: Path) -> None:
    sink = VideoSink(opener(tmp_path / "a.mp4"))
    sink.put(view_of(decoded(0), 0))
    sink.put(view_of(None, 1))  # type: ignore[arg-type]
    with pytest.raises((AttributeError, TypeError)):
        sink.close()
    assert threads_of(" clip") == []
    assert len(list(read_frames(tmp_path / "a.mp4"))) == 1  # what was drawn before it plays


def test_frames_are_shown_in_order_with_and_without_a_video(tmp_path: Path) -> None:
    for open_writer in (None, opener(tmp_path / "a.mp4")):
        shown: list[float] = []
        sink = VideoSink(open_writer, lambda view, shown=shown: shown.append(view.time_s))  # type: ignore[misc]
        for index in range(COUNT):
            sink.put(view_of(decoded(index), index))
        sink.close()
        assert shown == [index / 10 for index in range(COUNT)]


def test_drawing_and_encoding_have_their_own_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, set[int]] = {"in_planes": set(), "write_planes": set()}

    def noting(owner: type, name: str) -> None:
        usual = getattr(owner, name)

        def note(self: Any, *given: Any) -> Any:
            seen[name].add(threading.get_ident())
            return usual(self, *given)

        monkeypatch.setattr(owner, name, note)

    noting(View, "in_planes")
    noting(VideoWriter, "write_planes")
    sink = VideoSink(opener(tmp_path / "a.mp4"))
    for index in range(COUNT):
        sink.put(view_of(decoded(index), index))
    sink.close()
    assert len(seen["in_planes"] | seen["write_planes"]) == 2
    assert threading.get_ident() not in seen["in_planes"] | seen["write_planes"]
