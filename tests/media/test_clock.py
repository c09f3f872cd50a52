from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.stream import Disposition

from crowdmask.media.clock import PAUSE_S, SteadyClock
from crowdmask.media.video import Reading, probe, read_frames
from crowdmask.media.video_writer import VideoWriter

MakeVideo = Callable[..., Path]

STEADY = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]


@pytest.mark.parametrize(
    ("times", "expected", "jump_s"),
    [
        pytest.param([5.0, 5.1, 5.2, 5.3, 5.4, 5.5], STEADY, None, id="none"),
        pytest.param([5.0, 5.1, 5.2, 5.0, 5.1, 5.2], STEADY, 0.3, id="the same part again"),
        pytest.param([5.0, 5.1, 5.2, 1.0, 1.1, 1.2], STEADY, 0.3, id="a part that begins earlier"),
        pytest.param([5.0, 5.1, 3605.2, 5.3, 5.4, 5.5], STEADY, 0.2, id="one frame an hour ahead"),
        pytest.param(
            [5.0, 5.1, 3605.2, 3605.3, 3605.4, 3605.5], STEADY, 0.2, id="an hour ahead from there on"
        ),
        pytest.param([95443.5, 95443.6, 0.0, 0.1, 0.2, 0.3], STEADY, 0.2, id="a counter that starts anew"),
        pytest.param([5.0, 5.1, 3605.2, 3605.201, 3605.202, 3605.203], STEADY, 0.2, id="pressed together"),
        pytest.param([5.0, 5.1, 5.1, 5.05, 5.4, 5.5], [0, 0.1, 0.1, 0.1, 0.4, 0.5], None, id="rounding"),
        pytest.param([5.0, 5.1, 25.0, 25.1], [0, 0.1, 20.0, 20.1], None, id="a pause"),
    ],
)
def test_times_go_on_after_a_jump(times: list[float], expected: list[float], jump_s: float | None) -> None:
    clock = SteadyClock(times[0], 0.1)
    assert [clock.at(each) for each in times] == pytest.approx(expected, abs=1e-6)
    assert clock.jump_s == (None if jump_s is None else pytest.approx(jump_s))


def test_a_long_pause_is_kept_where_the_container_tells_pauses() -> None:
    clock = SteadyClock(0.0, 0.1, PAUSE_S)
    assert [clock.at(each) for each in (0.0, 0.1, 900.0)] == [0.0, 0.1, 900.0]


def test_parts_of_a_transport_stream_become_one_film(make_video: MakeVideo, tmp_path: Path) -> None:
    part = make_video("part.ts", sound="aac").read_bytes()
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part * 4)
    reading = Reading()
    frames = list(read_frames(joined, reading=reading))
    assert [frame.time_s for frame in frames] == pytest.approx([i / 20 for i in range(80)], abs=0.002)
    assert (reading.frames, reading.jump_s) == (80, pytest.approx(1.0, abs=0.002))
    with VideoWriter(tmp_path / "out.mp4", 64, 48, 20, audio_from=joined) as writer:
        for frame in frames:
            writer.write(frame.picture, frame.time_s)
    with av.open(str(tmp_path / "out.mp4")) as container:
        heard = [float(packet.pts * packet.time_base) for packet in container.demux(audio=0) if packet.pts]
    steps = [after - before for before, after in itertools.pairwise(heard)]
    assert heard[-1] == pytest.approx(4.0, abs=0.2)
    assert 0 < min(steps) <= max(steps) < 0.1


@pytest.mark.parametrize("fps", [12, 25, 50])
def test_a_raw_stream_runs_at_the_rate_that_it_says(fps: int, make_video: MakeVideo, tmp_path: Path) -> None:
    raw = tmp_path / "raw.h264"
    with (
        av.open(str(make_video("a.mp4", fps=Fraction(fps)))) as source,
        av.open(str(raw), "w", format="h264") as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    assert probe(str(raw)).fps == fps
    assert [frame.time_s for frame in read_frames(raw)] == pytest.approx(
        [i / fps for i in range(20)], abs=1e-5
    )


@pytest.mark.parametrize("chosen", [0, 1])
def test_of_two_video_streams_the_default_one_is_read(chosen: int, tmp_path: Path) -> None:
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=10) for _ in range(2)]
        for number, stream in enumerate(streams):
            stream.width, stream.height, stream.pix_fmt = 64 * (number + 1), 48, "yuv420p"
            stream.disposition = Disposition.default if number == chosen else Disposition(0)
        for stream in streams:
            for index in range(5):
                frame = av.VideoFrame(stream.width, stream.height, "yuv420p")
                frame.pts, frame.time_base = index, Fraction(1, 10)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    assert probe(str(path)).width == 64 * (chosen + 1)
    assert {frame.picture.shape[1] for frame in read_frames(path)} == {64 * (chosen + 1)}


def test_frames_that_are_not_looked_at_count(make_video: MakeVideo) -> None:
    reading = Reading()
    assert [frame.index for frame in read_frames(make_video("a.mp4"), 6, reading)] == [0, 6, 12, 18]
    assert (reading.frames, reading.jump_s) == (20, None)


@pytest.mark.parametrize("step_s", [0.04, 40.0])
def test_a_counter_of_33_bits_begins_anew_without_a_jump(step_s: float) -> None:
    period_s = 2**33 / 90_000
    begin_s = period_s - 10.5 * step_s
    clock = SteadyClock(begin_s, step_s)
    # FFmpeg undoes the first time, and the second one is seen.
    for index in range(100):
        assert clock.at((begin_s + index * step_s) % period_s) == pytest.approx(index * step_s, abs=1e-6)
    assert (clock.wraps, clock.jump_s) == (1, None)
