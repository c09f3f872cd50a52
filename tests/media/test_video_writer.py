from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from crowdmask.errors import OutputError, UsageError
from crowdmask.media.video import probe, read_frames
from crowdmask.media.video_writer import VideoWriter

MakeVideo = Callable[..., Path]


def copy(source: Path, target: Path, frames: int | None = None) -> VideoWriter:
    """Write a video's frames, or the first so many, into another, with its sound."""
    info = probe(source)
    with VideoWriter(target, info.width, info.height, info.fps, source, info.pixel_aspect) as writer:
        for frame in read_frames(source):
            if frame.index == frames:
                break
            writer.write(frame.picture, frame.time_s)
    return writer


def sound_of(path: Path) -> tuple[str, float, float]:
    """Return codec, seconds and loudness of the sound that can be decoded."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        pieces = [np.asarray(frame.to_ndarray(), np.float64) for frame in container.decode(stream)]
        samples = sum(piece.shape[-1] for piece in pieces)
        loudness = max(float(np.abs(piece).max()) for piece in pieces)
        return stream.codec_context.codec.canonical_name, samples / stream.codec_context.sample_rate, loudness


@pytest.mark.parametrize(
    ("name", "how"),
    [
        pytest.param("a.mp4", {}, id="mp4"),
        pytest.param("a.webm", {"codec": "libvpx-vp9"}, id="webm, whose times are whole milliseconds"),
        pytest.param("a.avi", {"codec": "mpeg4"}, id="avi"),
        pytest.param("a.mp4", {"fps": Fraction(30000, 1001)}, id="29.97 frames a second"),
        pytest.param("a.mp4", {"fps": Fraction(49, 2)}, id="24.5 frames a second"),
        pytest.param("a.webm", {"codec": "libvpx-vp9", "width": 63, "height": 47}, id="odd sizes"),
        pytest.param("a.mp4", {"rotation": 90}, id="rotated"),
    ],
)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_copy_has_the_same_frames_rate_and_length(
    name: str, how: dict[str, Any], suffix: str, make_video: MakeVideo, tmp_path: Path
) -> None:
    source, target = make_video(name, **how), tmp_path / f"copy{suffix}"
    copy(source, target)
    before, after = probe(source), probe(target)
    assert (after.width, after.height) == (before.width + before.width % 2, before.height + before.height % 2)
    assert after.fps == pytest.approx(before.fps, rel=1e-4)
    assert after.duration_s == pytest.approx(20 / before.fps, abs=0.01)
    pairs = list(zip(read_frames(source), read_frames(target), strict=True))
    for one, two in pairs:
        assert two.time_s == pytest.approx(one.time_s, abs=0.002)
        two_picture = two.picture[: before.height, : before.width].astype(int)
        assert np.abs(two_picture - one.picture).mean() < 6  # the very frame, a little compressed
    assert os.listdir(tmp_path) == [f"copy{suffix}"]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_nothing_is_said_of_options_that_a_container_does_not_have(
    suffix: str, make_video: MakeVideo, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy(make_video("a.mp4"), tmp_path / f"copy{suffix}")
    assert [record.getMessage() for record in caplog.records] == []


def test_browsers_can_play_it(make_video: MakeVideo, tmp_path: Path) -> None:
    copy(make_video("a.webm", codec="libvpx-vp9", sound="libopus"), tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert int(stream.codec_context.colorspace) == 1  # BT.709, told
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # begins to play before all has arrived


def test_variable_times_are_kept(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.08, 0.5, 0.52, 1.5, 1.6]
    with VideoWriter(tmp_path / "a.mp4", 64, 48, 25) as writer:
        for index, time_s in enumerate(times):
            writer.write(np.full((48, 64, 3), 30 * index, np.uint8), time_s)
    assert writer.frames == 7
    assert [f.time_s for f in read_frames(tmp_path / "a.mp4")] == pytest.approx(times, abs=0.001)


def test_times_that_stand_still_cost_no_frame(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", 64, 48, 25) as writer:
        for time_s in (0.0, 0.0, 0.0, 0.04, 0.04):
            writer.write(np.zeros((48, 64, 3), np.uint8), time_s)
    assert len(list(read_frames(tmp_path / "a.mp4"))) == 5


def test_pixels_that_are_not_square_stay_so(make_video: MakeVideo, tmp_path: Path) -> None:
    copy(make_video("a.mp4", frames=3, aspect=Fraction(4, 3)), tmp_path / "a.mp4")
    assert probe(tmp_path / "a.mp4").pixel_aspect == Fraction(4, 3)


@pytest.mark.parametrize(
    ("name", "how", "target", "codec"),
    [
        pytest.param("a.mp4", {"sound": "aac"}, "b.mp4", "aac", id="AAC is copied"),
        pytest.param("a.webm", {"codec": "libvpx-vp9", "sound": "libopus"}, "b.mp4", "opus", id="Opus, too"),
        pytest.param(
            "a.webm", {"codec": "libvpx-vp9", "sound": "libopus"}, "b.mov", "aac", id="not into mov"
        ),
        pytest.param("a.mkv", {"sound": "pcm_s16le"}, "b.mp4", "aac", id="raw sound is encoded"),
        pytest.param("a.avi", {"codec": "mpeg4", "sound": "libmp3lame"}, "b.mp4", "mp3", id="MP3 is copied"),
        pytest.param("a.ts", {"sound": "aac"}, "b.mp4", "aac", id="AAC of a transport stream"),
        pytest.param("a.ts", {"sound": "mp2"}, "b.mkv", "aac", id="MP2 is encoded"),
    ],
)
def test_sound_goes_along(
    name: str, how: dict[str, Any], target: str, codec: str, make_video: MakeVideo, tmp_path: Path
) -> None:
    source = make_video(name, sound_s=1.2, **how)
    writer = copy(source, tmp_path / target)
    assert writer.sound_problem is None
    assert probe(tmp_path / target).frames == pytest.approx(20, abs=1 if target.endswith(".mp4") else 5)
    kind, seconds, loudness = sound_of(tmp_path / target)
    assert kind == codec
    assert seconds == pytest.approx(1.2, abs=0.06)  # goes on after the last frame, as in the source
    assert loudness > 0.05


def test_sound_of_a_video_that_was_broken_off_ends_with_it(make_video: MakeVideo, tmp_path: Path) -> None:
    source = make_video(
        "a.mp4", frames=60, sound="aac", picture=lambda i, w, h: np.zeros((h, w, 3), np.uint8)
    )
    copy(source, tmp_path / "b.mp4", frames=20)
    assert probe(tmp_path / "b.mp4").duration_s == pytest.approx(1.0, abs=0.01)
    assert sound_of(tmp_path / "b.mp4")[1] == pytest.approx(1.0, abs=0.05)


def test_without_sound_there_is_none(make_video: MakeVideo, tmp_path: Path) -> None:
    copy(make_video("a.mp4"), tmp_path / "b.mp4")
    assert probe(tmp_path / "b.mp4").has_audio is False


def test_sound_that_cannot_be_read_is_told_and_the_video_written(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", 64, 48, 25, audio_from=tmp_path / "nowhere.mp4") as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8), 0.0)
    assert writer.sound_problem == f"{tmp_path / 'nowhere.mp4'}: no such file or folder"
    assert len(list(read_frames(tmp_path / "a.mp4"))) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_was_written_before_an_interruption_plays(
    error: type[BaseException], make_video: MakeVideo, tmp_path: Path
) -> None:
    source = make_video("a.mp4", sound="aac")

    def interrupted() -> None:
        with VideoWriter(tmp_path / "b.mp4", 64, 48, 20, audio_from=source) as writer:
            for frame in read_frames(source):
                assert not (tmp_path / "b.mp4").exists()
                if frame.index == 7:
                    raise error
                writer.write(frame.picture, frame.time_s)

    with pytest.raises(error):
        interrupted()
    assert len(list(read_frames(tmp_path / "b.mp4"))) == 7
    assert os.listdir(tmp_path) == ["b.mp4"]


def test_it_grows_beside_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"an older one")
    writer = VideoWriter(tmp_path / "a.mp4", 64, 48, 25)
    writer.write(np.zeros((48, 64, 3), np.uint8), 0.0)
    assert (tmp_path / "a.mp4").read_bytes() == b"an older one"
    assert len(list(tmp_path.glob(".a.mp4.*.part.mp4"))) == 1
    writer.close()
    writer.close()
    assert os.listdir(tmp_path) == ["a.mp4"]
    assert probe(tmp_path / "a.mp4").width == 64


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_two_writers_of_one_file_do_not_write_into_each_other(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"a{suffix}"
    first, second = (VideoWriter(target, width, 48, 25) for width in (64, 80))
    for index in range(3):
        first.write(np.zeros((48, 64, 3), np.uint8), index / 25)
        second.write(np.zeros((48, 80, 3), np.uint8), index / 25)
    first.close()
    assert probe(target).width == 64
    assert len(list(read_frames(target))) == 3
    second.close()
    assert probe(target).width == 80
    assert len(list(read_frames(target))) == 3
    assert os.listdir(tmp_path) == [target.name]


def test_without_a_frame_nothing_is_left(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"a\.mp4: not written, since there was no frame"),
        VideoWriter(tmp_path / "a.mp4", 64, 48, 25),
    ):
        pass
    assert os.listdir(tmp_path) == []


def test_a_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", 64, 48, 25) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8), 0.0)
        with pytest.raises(ValueError, match="64 x 48"):
            writer.write(np.zeros((64, 48, 3), np.uint8), 0.04)


@pytest.mark.parametrize(
    ("target", "error", "told"),
    [
        pytest.param("a.webm", UsageError, "a video is written as .mp4", id="another suffix"),
        pytest.param("folder.mp4", OutputError, "a folder, not a file", id="a folder"),
        pytest.param("file/a.mp4", OutputError, "cannot write", id="below a file"),
    ],
)
def test_places_where_no_video_can_be_written(
    target: str, error: type[Exception], told: str, tmp_path: Path
) -> None:
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(error, match=told) as raised:
        VideoWriter(tmp_path / target, 64, 48, 25)
    assert str(raised.value).removeprefix("cannot write ").startswith(str(tmp_path / target))
    assert "\n" not in str(raised.value)


FULL = """
import resource, sys
import numpy as np
from crowdmask.errors import OutputError
from crowdmask.media.video_writer import VideoWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
try:
    with VideoWriter(sys.argv[1], 160, 120, 25) as writer:
        for index in range(400):
            writer.write(np.random.default_rng(index).integers(0, 256, (120, 160, 3), np.uint8), index / 25)
except OutputError as error:
    print(error)
"""


@pytest.mark.skipif(os.name == "nt", reason="no limit of file sizes")
@pytest.mark.usefixtures("unmeasured")
def test_a_full_disk_is_one_line(tmp_path: Path, project_root: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(project_root / "src")}
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "a.mp4")],
        capture_output=True, text=True, timeout=60, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"cannot write {tmp_path / 'a.mp4'}: file too large\n"
    assert done.stderr == ""
    assert os.listdir(tmp_path) == []
