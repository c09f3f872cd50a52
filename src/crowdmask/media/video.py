"""Read a video file of any container and codec that FFmpeg supports, frame by frame."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from crowdmask.cores import logical_cores
from crowdmask.errors import VideoError
from crowdmask.media.clock import LEAP_S, PAUSE_S, SteadyClock
from crowdmask.media.decoded import DecodedPicture, Pixels, rgb_of
from crowdmask.media.frame_converter import FrameConverter, pixel_aspect, upright_size

UNKNOWN_FPS = 25.0
"""The frame rate of a video that states none and has no timestamps to measure it."""

_MAX_FPS = 240.0
_DECODER_THREADS = 4
# The duration in their headers is exact; for others FFmpeg only estimates it.
_TELLS_ITS_LENGTH = {"mov", "matroska", "avi", "flv"}
# If nothing is damaged, an end this much before the stated one is only rounding.
_EARLY_S = 0.25


@dataclass(frozen=True, eq=False)
class Frame:
    """One upright picture of a video, camera or stream.

    Attributes:
        source: its name for people; an address without its credentials.
        index: number of the frame in its source, from 0.
        time_s: seconds since the start of a file by its timestamps, or since the first frame of a live
            source.
        pixels: its picture, which is converted when `picture` is asked for.
        captured: `time.monotonic()` when it was decoded.
        pixel_aspect: of a live source: width of a pixel for a height of 1, of the upright picture.
        generation: of a live source: how many connections there were before this one.
    """

    source: str
    index: int
    time_s: float
    pixels: Pixels
    captured: float
    generation: int = 0
    pixel_aspect: Fraction = Fraction(1)

    @property
    def nbytes(self) -> int:
        """The size of its RGB picture in memory, bytes."""
        return self.pixels.nbytes

    @property
    def picture(self) -> NDArray[np.uint8]:
        """The picture, RGB uint8 (H, W, 3); read-only."""
        return rgb_of(self.pixels)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright picture."""
        height, width = self.pixels.shape[:2]
        return width, height


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says about itself, and what its first frame shows.

    Attributes:
        path: as given.
        width, height: of the upright picture, pixels.
        fps: frames per second; the average if they vary.
        frames: estimated number; None: unknown.
        duration_s: of the whole file; None: unknown.
        has_audio: whether there is sound.
        pixel_aspect: width of a pixel divided by its height, in the upright picture.
    """

    path: str
    width: int
    height: int
    fps: float
    frames: int | None
    duration_s: float | None
    has_audio: bool
    pixel_aspect: Fraction = Fraction(1)


@dataclass
class Reading:
    """What `read_frames` learns while reading; thread-safe.

    Attributes:
        frames: number of decoded frames, including those that `every` leaves out.
        jump_s: steady time of the first jump in the file's timestamps; None: there was none.
    """

    frames: int = 0
    jump_s: float | None = None


def probe(path: str | PathLike[str]) -> VideoInfo:
    """Inspect a video file, including its first frames.

    Raises:
        VideoError: missing, not a video, without frames, or with a codec that FFmpeg cannot decode.
    """
    name = os.fspath(path)
    with open_container(name) as container:
        stream = _video_stream(container, name)
        shape = Fraction(1)
        times: list[float] = []
        size: tuple[int, int] | None = None
        rate = _stated_fps(stream)
        try:
            for frame in _decode_all(container, stream, _Progress()):
                if size is None:
                    size = upright_size(frame)
                    shape = pixel_aspect(frame, stream.sample_aspect_ratio)
                if frame.time is not None:
                    times.append(frame.time)
                if rate is not None or len(times) > 60:
                    break
        except av.FFmpegError as error:
            if size is None:
                raise VideoError(f"{name}: damaged video: {reason(error)}") from error
        if size is None:
            raise VideoError(f"{name}: {_without_frames(name)}")
        duration_s = _duration_s(container, stream)
        fps = rate or _measured_fps(times)
        sound = bool(container.streams.audio)
        return VideoInfo(name, *size, fps, _count(stream, duration_s, fps), duration_s, sound, shape)


def read_frames(
    path: str | PathLike[str], every: int = 1, reading: Reading | None = None, *, lazily: bool = False
) -> Iterator[Frame]:
    """Yield the frames of a video file in the order they are shown.

    A file that is cut off or damaged yields everything that can be decoded before the error is
    raised, so the caller can keep these frames.

    Args:
        every: yield every n-th frame, starting with the first; `Frame.index` counts all frames.
        reading: receives the progress.
        lazily: convert a frame to RGB when its picture is asked for, in the thread that asks, not here.
    Raises:
        VideoError: as `probe`; or the video ends early, or parts of it are damaged.
    """
    if every < 1:
        raise ValueError("every: at least 1")
    name = os.fspath(path)
    with open_container(name) as container:
        stream = _video_stream(container, name)
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = min(_DECODER_THREADS, logical_cores())
        converter, progress = FrameConverter(), _Progress()
        avi = container.format.name == "avi"
        fps, start, last = _stated_fps(stream) or UNKNOWN_FPS, _start_s(stream), 0.0
        index, told = 0, reading or Reading()
        clock: SteadyClock | None = None
        try:
            for frame in _decode_all(container, stream, progress):
                stated_s = _time_s(frame, avi)
                if stated_s is None:
                    time_s = last + 1 / fps if index else 0.0
                else:
                    if start is None or (index == 0 and avi):  # late by the decoder's delay
                        start = stated_s
                    clock = clock or _clock(container, start, fps)
                    time_s = max(clock.at(stated_s), last)
                    told.jump_s = clock.jump_s
                if index % every == 0:
                    picture = DecodedPicture(frame, converter) if lazily else converter.upright(frame)
                    yield Frame(name, index, round(time_s, 6), picture, time.monotonic())
                last = time_s
                index += 1
                told.frames = index
        except av.FFmpegError as error:
            if index:
                raise VideoError(f"{name}: ends early after {_frames(index)}: {reason(error)}") from error
            raise VideoError(f"{name}: damaged video: {reason(error)}") from error
        if index == 0:
            raise VideoError(f"{name}: {_without_frames(name)}")
        announced_s = _announced_s(container, stream)
        rounding_s = 2.5 / fps if progress.damaged else max(_EARLY_S, 2.5 / fps)
        if announced_s is not None and progress.end_s < announced_s - rounding_s:
            raise VideoError(
                f"{name}: ends early after {_frames(index)}, at {progress.end_s:.1f} of "
                f"{announced_s:.1f} seconds: the file is cut off or damaged"
            )
        if progress.damaged:
            parts = "1 part is" if progress.damaged == 1 else f"{progress.damaged:,} parts are"
            raise VideoError(f"{name}: {parts} damaged and left out; {_frames(index)} were read")


def open_container(name: str) -> InputContainer:
    """Open a file of any format that FFmpeg reads.

    Raises:
        VideoError: missing, not a regular file, empty, or of an unknown format.
    """
    try:
        status = os.stat(name)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        told = "no such file or folder" if missing else (error.strerror or str(error)).lower()
        raise VideoError(f"{name}: {told}") from error
    if stat.S_ISDIR(status.st_mode):
        raise VideoError(f"{name}: a folder, not a video")
    if not stat.S_ISREG(status.st_mode):
        raise VideoError(f"{name}: not a regular file")
    if status.st_size == 0:
        raise VideoError(f"{name}: empty file")
    try:
        # A playlist file must not open other files or addresses.
        container = av.open(f"file:{name}", options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except av.FFmpegError as error:
        raise VideoError(f"{name}: {_not_opened(name, error)}") from error
    if container.format.name == "tty":  # text files, which FFmpeg would render as a terminal
        container.close()
        raise VideoError(f"{name}: a text, not a video")
    return container


def reason(error: av.FFmpegError) -> str:
    """Return FFmpeg's error in a few words, without the name of the file or address."""
    if isinstance(error, av.InvalidDataError):
        return "invalid data"
    return (error.strerror or type(error).__name__).lower()


@dataclass
class _Progress:
    """How much of a file was read.

    Attributes:
        end_s: end of the last packet, by the file's timestamps.
        damaged: packets that could not be decoded, not counting those before the first frame.
    """

    end_s: float = 0.0
    damaged: int = 0


def _not_opened(name: str, error: av.FFmpegError) -> str:
    if not isinstance(error, av.InvalidDataError):
        return reason(error)
    with open(name, "rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return "cut off or damaged video: its index is missing"
    return "not a video that FFmpeg can read"


def _without_frames(name: str) -> str:
    with open(name, "rb") as file:
        head = file.read(32)
    # Source: WebP Container Specification, "Extended File Format": bit 1 of the flags marks an animation.
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and head[20] & 2:
        return "an animated WebP cannot be read: convert it, for example to GIF or MP4"
    return "holds no frame that can be decoded"


def _video_stream(container: InputContainer, name: str) -> VideoStream:
    """Return the main video stream; the cover picture of a sound file does not count."""
    streams = [each for each in container.streams.video if not _is_cover(each)]
    if not streams:
        what = "holds sound, but no video" if container.streams.audio else "holds no video frame"
        raise VideoError(f"{name}: {what}")
    # Contrary to the type stubs, there is none if FFmpeg has no decoder.
    known: list[VideoStream] = [each for each in streams if getattr(each, "codec_context", None) is not None]
    if not known:
        raise VideoError(f"{name}: its codec is unknown to FFmpeg here: convert it, for example to H.264")
    marked = [each for each in known if each.disposition & av.stream.Disposition.default]
    return (marked or known)[0]


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _decode_all(container: InputContainer, stream: VideoStream, progress: _Progress) -> Iterator[VideoFrame]:
    """Yield all frames that can be decoded; the packets of all streams show where the file ends."""
    any_frame = False
    for packet in container.demux():
        if packet.pts is not None and packet.time_base is not None:
            end = (packet.pts + (packet.duration or 0)) * packet.time_base
            progress.end_s = max(progress.end_s, float(end))
        if packet.stream.index != stream.index:
            continue
        try:
            frames: list[Any] = packet.decode()
        except (av.InvalidDataError, av.EOFError):
            progress.damaged += any_frame
            continue
        for frame in frames:
            any_frame = True
            yield frame


def _start_s(stream: VideoStream) -> float | None:
    if stream.start_time is None or stream.time_base is None:
        return None
    return float(stream.start_time * stream.time_base)


def _time_s(frame: VideoFrame, avi: bool) -> float | None:
    """Return a frame's time by its file, seconds; None if it has none.

    AVI stores no times, only the order of decoding, so that FFmpeg gives frames between others a wrong one.
    """
    if not avi:
        return frame.time
    return None if frame.dts is None or frame.time_base is None else float(frame.dts * frame.time_base)


def _clock(container: InputContainer, start_s: float, fps: float) -> SteadyClock:
    tells = container.format.name.split(",")[0] in _TELLS_ITS_LENGTH
    return SteadyClock(start_s, 1 / fps, PAUSE_S if tells else LEAP_S)


def _stated_fps(stream: VideoStream) -> float | None:
    rates = [stream.average_rate, stream.guessed_rate, stream.base_rate]
    if stream.container.format.name == "avi":  # where its clock ticks twice a frame, the average is wrong
        rates.insert(0, stream.guessed_rate)
    if stream.start_time is None and stream.codec_context.framerate:
        # A raw stream has no timestamps; its only frame rate is the one stated before decoding.
        rates.insert(0, stream.codec_context.framerate)
    for rate in rates:
        if rate and 0 < rate <= _MAX_FPS:
            return float(rate)
    return None


def _count(stream: VideoStream, duration_s: float | None, fps: float) -> int | None:
    by_time = round(duration_s * fps) if duration_s else None
    if stream.frames and by_time:
        return min(stream.frames, by_time)  # an edit list may leave some of the stored frames out
    return stream.frames or by_time


def _measured_fps(times: list[float]) -> float:
    if len(times) < 2 or times[-1] <= times[0]:
        return UNKNOWN_FPS
    return min((len(times) - 1) / (times[-1] - times[0]), _MAX_FPS)


def _duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def _announced_s(container: InputContainer, stream: VideoStream) -> float | None:
    """Return when the last packet should end according to the file's header; None if it does not say."""
    kind = container.format.name.split(",")[0]
    if kind not in _TELLS_ITS_LENGTH:
        return None
    if kind == "avi":  # for a cut file FFmpeg corrects the duration, but not the number of frames
        return float(stream.frames / stream.average_rate) if stream.average_rate else None
    stated = [container.duration / av.time_base] if container.duration else []
    if stream.duration and stream.time_base:
        stated.append(float(stream.duration * stream.time_base))
    return min(stated, default=None)


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count:,} frames"
