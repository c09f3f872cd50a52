from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from crowdmask.errors import EXIT_INPUT, VideoError
from crowdmask.media.video import Frame, VideoInfo, probe, read_frames

MakeVideo = Callable[..., Path]


def read_all(path: Path, every: int = 1) -> tuple[list[Frame], VideoError | None]:
    """Return the frames that come, and the error after them if there is one."""
    frames: list[Frame] = []
    try:
        for frame in read_frames(path, every):
            frames.append(frame)
    except VideoError as error:
        return frames, error
    return frames, None


def shades(frames: list[Frame]) -> list[float]:
    """Return the brightness of the lower edge of each frame, where the pictures differ."""
    return [float(frame.picture[-6:].mean()) for frame in frames]


def moving(index: int, width: int, height: int) -> Any:
    """Return a picture that moves evenly, which encoders store out of order."""
    still = np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8)
    return np.roll(still, index, axis=1)


KINDS = [
    pytest.param("a.mp4", {}, id="H.264 mp4"),
    pytest.param("a.mp4", {"sound": "aac"}, id="H.264 mp4 with sound"),
    pytest.param("a.webm", {"codec": "libvpx-vp9"}, id="VP9 webm"),
    pytest.param("a.webm", {"codec": "libvpx-vp9", "sound": "libopus"}, id="VP9 webm with sound"),
    pytest.param("a.avi", {"codec": "mpeg4"}, id="MPEG-4 avi"),
    pytest.param("a.mkv", {"sound": "pcm_s16le"}, id="H.264 mkv with raw sound"),
    pytest.param("a.ts", {}, id="MPEG transport stream"),
    pytest.param("a.mov", {"codec": "mjpeg"}, id="Motion JPEG mov"),
    pytest.param("a.mp4", {"fps": Fraction(30000, 1001)}, id="29.97 frames a second"),
    pytest.param("strange name 100%d é.mp4", {}, id="a strange name"),
]


@pytest.mark.parametrize(("name", "how"), KINDS)
def test_reads_every_frame_of_any_kind(name: str, how: dict[str, Any], make_video: MakeVideo) -> None:
    path = make_video(name, **how)
    fps = float(how.get("fps", 20))
    info = probe(path)
    assert (info.path, info.width, info.height) == (str(path), 64, 48)
    assert info.fps == pytest.approx(fps, rel=1e-3)
    assert info.frames == pytest.approx(20, abs=1)
    assert info.duration_s == pytest.approx(20 / fps, abs=0.06)
    assert info.has_audio is ("sound" in how)
    frames, error = read_all(path)
    assert error is None
    assert [frame.index for frame in frames] == list(range(20))
    assert [frame.time_s for frame in frames] == pytest.approx([i / fps for i in range(20)], abs=0.002)
    assert np.diff(shades(frames)).min() > 3  # in the order they are shown
    assert {frame.source for frame in frames} == {str(path)}
    assert frames[0].picture.shape == (48, 64, 3)
    assert frames[0].picture.dtype == np.uint8
    assert frames[-1].captured >= frames[0].captured > 0


@pytest.mark.parametrize("fps", [10, Fraction(30000, 1001)])
def test_avi_whose_frames_are_stored_in_another_order(fps: int | Fraction, make_video: MakeVideo) -> None:
    """AVI holds no times: those that FFmpeg gives such frames made 3 seconds of film last 8."""
    path = make_video("a.avi", codec="libx264", fps=fps, frames=40, picture=moving)
    with av.open(str(path)) as container:
        assert any(frame.pict_type == av.video.frame.PictureType.B for frame in container.decode(video=0))
    frames, error = read_all(path)
    assert error is None
    assert [frame.time_s for frame in frames] == pytest.approx([n / float(fps) for n in range(40)], abs=1e-3)
    assert probe(path).fps == pytest.approx(float(fps), rel=1e-3)


def test_colours(make_video: MakeVideo) -> None:
    frames, _ = read_all(make_video("a.mp4", frames=2))
    assert frames[0].picture[8, 10] == pytest.approx((200, 40, 40), abs=12)
    assert frames[0].picture[8, 54] == pytest.approx((40, 40, 200), abs=12)


def test_every_nth_frame_keeps_its_number_and_time(make_video: MakeVideo) -> None:
    frames, error = read_all(make_video("a.mp4"), every=6)
    assert error is None
    assert [frame.index for frame in frames] == [0, 6, 12, 18]
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.3, 0.6, 0.9])


def test_every_frame_at_least(make_video: MakeVideo) -> None:
    with pytest.raises(ValueError, match="every"):
        next(iter(read_frames(make_video("a.mp4", frames=1), 0)))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_variable_frame_rate_keeps_its_times(name: str, make_video: MakeVideo) -> None:
    times = [0.0, 0.04, 0.08, 0.5, 0.52, 1.5, 1.6]
    path = make_video(name, frames=len(times), times=times)
    frames, error = read_all(path)
    assert error is None
    assert [frame.time_s for frame in frames] == pytest.approx(times, abs=0.002)


# The red and blue corners of the upright picture: where each is after a turn counterclockwise.
@pytest.mark.parametrize(
    ("rotation", "size", "red", "blue"),
    [
        pytest.param(90, (48, 64), (58, 10), (5, 10), id="left"),
        pytest.param(-90, (48, 64), (5, 38), (58, 38), id="right"),
        pytest.param(180, (64, 48), (40, 54), (40, 10), id="upside down"),
    ],
)
def test_a_rotated_video_stands_upright(
    rotation: int, size: tuple[int, int], red: tuple[int, int], blue: tuple[int, int], make_video: MakeVideo
) -> None:
    path = make_video("a.mp4", frames=3, rotation=rotation)
    info = probe(path)
    assert (info.width, info.height) == size
    picture = read_all(path)[0][0].picture
    assert picture.shape == (size[1], size[0], 3)
    assert picture.flags["C_CONTIGUOUS"]
    assert picture[red] == pytest.approx((200, 40, 40), abs=12)
    assert picture[blue] == pytest.approx((40, 40, 200), abs=12)


def test_pixels_that_are_not_square_turn_with_the_video(make_video: MakeVideo) -> None:
    assert probe(make_video("a.mp4", frames=2)).pixel_aspect == 1
    assert probe(make_video("a.mp4", frames=2, aspect=Fraction(4, 3))).pixel_aspect == Fraction(4, 3)
    turned = make_video("a.mp4", frames=2, aspect=Fraction(4, 3), rotation=90)
    assert probe(turned).pixel_aspect == Fraction(3, 4)
    # A square picture looks as large after a quarter turn as before.
    square = make_video("a.mp4", frames=2, width=64, height=64, aspect=Fraction(4, 3), rotation=270)
    assert probe(square).pixel_aspect == Fraction(3, 4)
    upside_down = make_video("a.mp4", frames=2, aspect=Fraction(4, 3), rotation=180)
    assert probe(upside_down).pixel_aspect == Fraction(4, 3)


def test_frames_that_an_edit_list_leaves_out_do_not_count(make_video: MakeVideo, tmp_path: Path) -> None:
    path, trimmed = make_video("a.mp4", frames=20), tmp_path / "trimmed.mp4"
    with (
        av.open(str(path)) as source,
        av.open(str(trimmed), "w", options={"avoid_negative_ts": "disabled"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None and packet.pts is not None and packet.time_base is not None:
                shift = round(0.4 / packet.time_base)  # begins eight frames later
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, stream
                target.mux(packet)
    with av.open(str(trimmed)) as container:
        assert container.streams.video[0].frames == 20
    assert probe(trimmed).frames == 12
    frames, error = read_all(trimmed)
    assert (len(frames), error, frames[0].time_s) == (12, None, 0)


@pytest.mark.parametrize(("width", "height"), [(63, 47), (33, 64)])
def test_odd_sizes(width: int, height: int, make_video: MakeVideo) -> None:
    path = make_video("a.webm", frames=3, codec="libvpx-vp9", width=width, height=height)
    info = probe(path)
    assert (info.width, info.height) == (width, height)
    assert read_all(path)[0][0].picture.shape == (height, width, 3)


def noise(index: int, width: int, height: int) -> Any:
    return np.random.default_rng(index).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        pytest.param("a.mp4", {"movflags": "+faststart"}, id="mp4"),
        pytest.param("a.webm", {"codec": "libvpx-vp9"}, id="webm"),
        pytest.param("a.avi", {"codec": "mpeg4"}, id="avi"),
    ],
)
@pytest.mark.parametrize("part", [0.3, 0.6])
def test_a_truncated_file_gives_what_it_has_and_then_says_so(
    name: str, how: dict[str, str], part: float, make_video: MakeVideo, tmp_path: Path
) -> None:
    whole = make_video(name, frames=40, picture=noise, **how)
    cut = tmp_path / name
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * part)])
    assert probe(cut).width == 64
    frames, error = read_all(cut)
    assert 2 < len(frames) < 30
    assert str(error).startswith(f"{cut}: ends early after {len(frames)} frames, at ")
    assert "cut off or damaged" in str(error)
    assert error is not None
    assert error.exit_code == EXIT_INPUT


def test_damage_in_the_middle_is_told_after_all_that_can_be_read(
    make_video: MakeVideo, tmp_path: Path
) -> None:
    whole = make_video("a.mp4", frames=40, picture=noise, movflags="+faststart")
    data = bytearray(whole.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 6000] = bytes(6000)
    (tmp_path / "a.mp4").write_bytes(data)
    frames, error = read_all(tmp_path / "a.mp4")
    assert 25 < len(frames) < 40
    assert frames[-1].time_s == pytest.approx(39 / 20)
    assert "damaged and left out" in str(error)


def _text(path: Path, make_video: MakeVideo) -> None:
    path.write_text("This is no video.\n" * 40)


def _playlist(path: Path, make_video: MakeVideo) -> None:
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://127.0.0.1:1/a.ts\n")


def _no_index(path: Path, make_video: MakeVideo) -> None:
    path.write_bytes(make_video("a.mp4", picture=noise).read_bytes()[:-4000])


def _no_frames(path: Path, make_video: MakeVideo) -> None:
    path.write_bytes(make_video("a.mp4", frames=0).read_bytes())


def _empty_track(path: Path, make_video: MakeVideo) -> None:
    path.write_bytes(make_video("a.mp4", frames=0, movflags="+frag_keyframe+empty_moov").read_bytes())


def _unknown_codec(path: Path, make_video: MakeVideo) -> None:
    data = make_video("a.mp4").read_bytes()
    path.write_bytes(data.replace(b"avc1", b"zzzz").replace(b"avcC", b"zzzC"))


def _animated_webp(path: Path, make_video: MakeVideo) -> None:
    pictures = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    pictures[0].save(path, "WEBP", save_all=True, append_images=pictures[1:], duration=100)


def _sound_only(path: Path, make_video: MakeVideo) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("aac", rate=48_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = 48_000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _folder(path: Path, make_video: MakeVideo) -> None:
    path.mkdir()


def _pipe(path: Path, make_video: MakeVideo) -> None:
    os.mkfifo(path)


no_windows = pytest.mark.skipif(os.name == "nt", reason="no pipes with names")
BAD = [
    pytest.param(lambda path, make: None, "no such file or folder", id="missing"),
    pytest.param(lambda path, make: path.write_bytes(b""), "empty file", id="empty"),
    pytest.param(_text, "not a video that FFmpeg can read", id="a text file named .mp4"),
    pytest.param(_playlist, "not a video that FFmpeg can read", id="a playlist of addresses"),
    pytest.param(_no_index, "cut off or damaged video: its index is missing", id="mp4 cut before its index"),
    pytest.param(_no_frames, "holds no video frame", id="mp4 without frames"),
    pytest.param(_empty_track, "holds no frame that can be decoded", id="mp4 with an empty track"),
    pytest.param(_animated_webp, "an animated WebP cannot be read: convert it", id="animated WebP"),
    pytest.param(_unknown_codec, "its codec is unknown to FFmpeg here", id="unknown codec"),
    pytest.param(_sound_only, "holds sound, but no video", id="sound only"),
    pytest.param(_folder, "a folder, not a video", id="folder"),
    pytest.param(_pipe, "not a regular file", id="pipe", marks=no_windows),
]


@pytest.mark.parametrize(("make_bad", "told"), BAD)
@pytest.mark.parametrize("use", [probe, lambda path: list(read_frames(path))], ids=["probe", "read"])
def test_what_is_no_video_is_one_line(
    use: Callable[[Path], object], make_bad: Any, told: str, make_video: MakeVideo, tmp_path: Path
) -> None:
    path = tmp_path / "bad.mp4"
    make_bad(path, make_video)
    with pytest.raises(VideoError) as raised:
        use(path)
    assert str(raised.value).startswith(f"{path}: {told}")
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no list of open files on this system")
def test_leaving_early_gives_the_file_back(make_video: MakeVideo) -> None:
    def held() -> set[str]:
        return {os.path.realpath(each) for each in Path("/proc/self/fd").iterdir()}

    path = make_video("a.mp4")
    frames = read_frames(path)
    next(frames)
    assert str(path.resolve()) in held()
    frames.close()  # type: ignore[attr-defined]
    assert str(path.resolve()) not in held()


def test_a_real_clip(shared: Path) -> None:
    path = shared / "video" / "five-masked-walkers.mp4"
    info = probe(path)
    assert (info.width, info.height, info.frames, info.has_audio) == (640, 360, 347, False)
    assert isinstance(info, VideoInfo)
    frames = [frame.index for frame in read_frames(path, every=50)]
    assert frames == list(range(0, 347, 50))
