"""Films on web servers, which have an end, a pace and a shape of their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from crowdmask.live.readers.reader import LiveSettings
from crowdmask.media.video_writer import VideoWriter

Wait = Callable[[Callable[[], bool], float], float]


@pytest.mark.parametrize("kind", ["mp4", "hls"])
def test_what_has_an_end_plays_once_at_its_own_pace(
    kind: str, camera: Any, open_reader: Any, tmp_path: Path
) -> None:
    camera.folder = tmp_path
    with VideoWriter(tmp_path / "a.mp4", 64, 48, 20) as writer:
        for index in range(40):
            writer.write(np.full((48, 64, 3), 5 * index, np.uint8), index / 20)
    if kind == "hls":
        _into_segments(tmp_path / "a.mp4", tmp_path / "a.m3u8")
    reader = open_reader(f"http://{camera.place}/a.{'m3u8' if kind == 'hls' else kind}", LiveSettings())
    times = []
    while not reader.finished:
        frame = reader.take(10)
        if frame is not None:
            times.append(frame.time_s)
    assert reader.stats.state == "ended"
    assert reader.stats.frames == 40
    assert 1.5 < times[-1] < 20
    assert reader.stats.reconnects == 0
    assert open_reader.lines == []


def test_joined_parts_on_a_web_server_play_once(
    camera: Any, open_reader: Any, wait_until: Wait, tmp_path: Path
) -> None:
    camera.folder = tmp_path
    (tmp_path / "a.ts").write_bytes(_transport_stream(tmp_path / "a.ts", 30) * 2)
    parts = "#EXTINF:3.0,\na.ts\n" * 2
    (tmp_path / "a.m3u8").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n{parts}#EXT-X-ENDLIST\n")
    reader = open_reader(f"http://{camera.place}/a.m3u8", LiveSettings())
    started = time.monotonic()
    wait_until(lambda: reader.stats.state == "ended" or reader.stats.reconnects > 0, 30)
    assert (reader.stats.frames, reader.stats.reconnects, open_reader.lines) == (120, 0, [])
    assert time.monotonic() - started > 4  # six seconds of film, at its own pace


def _transport_stream(path: Path, frames: int) -> bytes:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=20, options={"tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(frames):
            picture = np.full((48, 64, 3), 5 * index, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("aspect", "turned", "shown"), [((4, 3), 0, (4, 3)), ((4, 3), 90, (3, 4)), ((1, 1), 90, (1, 1))]
)
def test_live_frames_know_the_shape_of_their_pixels(
    aspect: tuple[int, int],
    turned: int,
    shown: tuple[int, int],
    camera: Any,
    open_reader: Any,
    tmp_path: Path,
) -> None:
    camera.folder = tmp_path
    with av.open(str(tmp_path / "a.mp4"), "w", options={"movflags": "+faststart"}) as container:
        stream: Any = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 48, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(*aspect)
        if turned:
            stream.set_display_rotation(turned)
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame(48, 48, "rgb24")))
        container.mux(stream.encode(None))
    frame = open_reader(f"http://{camera.place}/a.mp4", LiveSettings()).take(20)
    assert frame is not None
    assert frame.pixel_aspect == Fraction(*shown)


def test_an_index_after_the_pictures_needs_a_server_that_sends_parts(
    camera: Any, open_reader: Any, wait_until: Wait, tmp_path: Path
) -> None:
    camera.folder = tmp_path
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream: Any = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        noise = np.random.default_rng(1)
        for _ in range(60):  # more than FFmpeg keeps of what it has read
            picture = noise.integers(0, 255, (48, 64, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    reader = open_reader(f"http://{camera.place}/a.mp4")
    wait_until(lambda: reader.finished, 20)
    assert reader.stats.state == "gave up"
    told = str(reader.stats.last_error)
    assert told.startswith(f"http://{camera.place}/a.mp4: its index comes after its pictures")
    assert "byte ranges" in told


def _into_segments(video: Path, playlist: Path) -> None:
    with (
        av.open(str(video)) as source,
        av.open(str(playlist), "w", format="hls", options={"hls_list_size": "0", "hls_time": "1"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0], opaque=True)
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
