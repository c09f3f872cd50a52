"""Write an annotated video that browsers play: H.264, with the source's timing and sound."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from crowdmask.cores import logical_cores
from crowdmask.errors import OutputError, UsageError, VideoError
from crowdmask.files import temporary_beside
from crowdmask.media.planes import Colours, Planes, RgbPlanes
from crowdmask.media.sound import AnyPacket, Sound, open_sound
from crowdmask.media.video import reason

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")
MARK = "crowdmask: annotated video"
"""What the metadata field "comment" of our videos says."""

_ENCODERS = ("libx264", "h264_videotoolbox", "libopenh264", "h264_mf")
# With its B-frames at even places x264 takes a sixth less time for about the same picture in the same size.
_QUALITY = {"libx264": {"preset": "superfast", "crf": "22.5", "b_strategy": "0"}}
_ENCODER_THREADS = 4
# About this many clock ticks per second, and a whole number of ticks per frame.
_TICKS = 90_000
# Matroska and others store times in whole milliseconds.
_ROUNDED_S = Fraction(1, 1000)


class VideoWriter:
    """One video file; also a context manager, which always finishes the file.

    The file grows under a hidden temporary name in the same folder and is renamed once its index is
    written. After an interruption or an error of the caller it ends with the last frame written, and can be
    played.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        width: int,
        height: int,
        fps: float,
        audio_from: str | os.PathLike[str] | None = None,
        pixel_aspect: Fraction = Fraction(1),
        colours: Colours | None = None,
    ) -> None:
        """Open the file.

        Args:
            path: with one of `SUFFIXES`.
            width, height: of the pictures, pixels; odd sizes are padded by one pixel, as H.264 requires.
            fps: nominal frames per second; what counts is the time of each frame.
            audio_from: a video whose sound is copied, or encoded as AAC.
            pixel_aspect: width of a pixel divided by its height.
            colours: of the planes in the file; None: those of BT.709.
        Raises:
            UsageError: another suffix.
            OutputError: it is a folder or cannot be written.
        """
        self.name = os.fspath(path)
        self._target = Path(os.path.realpath(self.name))  # a link stays a link
        if self._target.suffix.lower() not in SUFFIXES:
            raise UsageError(f"{self.name}: a video is written as {', '.join(SUFFIXES)}: choose such a name")
        if self._target.is_dir():
            raise OutputError(f"{self.name}: a folder, not a file to write to")
        if self._target.exists() and not self._target.is_file():
            raise OutputError(f"{self.name}: not a regular file")
        # FFmpeg chooses the container by the suffix.
        self._part = temporary_beside(self._target, keep_suffix=True)
        self.frames = 0
        """Frames written so far."""
        self.sound_problem: str | None = None
        """Why the sound is missing or ends early; None if it is complete."""
        self._size = (width, height)
        self._closed = False
        self._last = -1
        self.colours = colours or Colours()
        self._converter = RgbPlanes()
        self._sound: Sound | None = None
        # A rate like 29.97 is really 30000/1001.
        rate = Fraction(fps).limit_denominator(1001) if fps > 0 else Fraction(25)
        self._tick = Fraction(1, rate.numerator * max(1, round(_TICKS / rate.numerator)))
        self._frame_ticks = max(1, round(1 / rate / self._tick))
        try:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            # Matroska has no such option, and PyAV would warn of it on standard error.
            options = {} if self._target.suffix.lower() == ".mkv" else {"movflags": "+faststart"}
            self._container: OutputContainer = av.open(f"file:{self._part}", "w", options=options)
            self._container.metadata["comment"] = MARK
            self._stream = _add_video(self._container, rate, self._tick, self._size, pixel_aspect)
            _state_colours(self._stream.codec_context, self.colours)
            if audio_from is not None:
                self._add_sound(os.fspath(audio_from))
            self._container.start_encoding()
        except (OSError, av.FFmpegError) as error:
            raise self._failed(error) from error

    def write(self, picture: NDArray[np.uint8], time_s: float) -> None:
        """Append a frame.

        Args:
            picture: RGB uint8 (H, W, 3) of the size announced.
            time_s: when it is shown; not before the previous frame.
        Raises:
            OutputError: the disk is full.
            ValueError: a picture of another size.
        """
        width, height = self._size
        if picture.shape != (height, width, 3):
            raise ValueError(f"a frame of {width} x {height} is expected, not an array of {picture.shape}")
        self.write_planes(self._converter.of(picture, self.colours), time_s)

    def write_planes(self, planes: Planes, time_s: float) -> None:
        """Append a frame, as `write` does.

        Args:
            planes: of the size announced, or one pixel more where that is odd, and of the same `colours`.
            time_s: when it is shown; not before the previous frame.
        Raises:
            OutputError: the disk is full.
            ValueError: another size, or other colours.
        """
        width, height = self._size
        if planes.size != (width + width % 2, height + height % 2) or planes.colours != self.colours:
            raise ValueError(f"a frame of {width} x {height} is expected, not one of {planes.size}")
        frame = planes.frame
        pts = max(self._ticks_at(time_s), self._last + 1)
        frame.pts, frame.time_base = pts, self._tick
        try:
            self._mux(self._stream.encode(frame))
            self._last = pts
            self.frames += 1
            self._write_sound(float(pts * self._tick))
        except av.FFmpegError as error:
            self._discard()
            raise self._failed(error) from error

    def close(self) -> None:
        """Write the buffered frames and the index, and rename the file.

        Raises:
            OutputError: the disk is full, the file cannot be renamed, or no frame was written.
        """
        if self._closed:
            return
        if not self.frames:
            self._discard()
            raise OutputError(f"{self.name}: not written, since there was no frame")
        try:
            self._mux(self._stream.encode(None))
            end_s = float((self._last + self._frame_ticks) * self._tick)
            if self._sound is not None:
                self._write_sound(self._sound.until(end_s))
                self._finish_sound()
            self._container.close()
        except av.FFmpegError as error:
            self._discard()
            raise self._failed(error) from error
        self._closed = True
        try:
            os.replace(self._part, self._target)
        except OSError as error:
            raise self._failed(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        # The first error is the one that the user must see.
        with suppress(OutputError):
            self.close()

    def _ticks_at(self, time_s: float) -> int:
        """Return a time in ticks of the file; rounded to whole frames if it is close to one."""
        ticks = round(time_s / self._tick)
        beat = round(ticks / self._frame_ticks) * self._frame_ticks
        return beat if abs(beat - ticks) * self._tick <= _ROUNDED_S else ticks

    def _mux(self, packets: list[AnyPacket]) -> None:
        for packet in packets:
            packet.duration = self._frame_ticks
            self._container.mux(packet)

    def _add_sound(self, source: str) -> None:
        try:
            self._sound = open_sound(self._container, source)
        except VideoError as error:
            self.sound_problem = str(error)

    def _write_sound(self, until_s: float) -> None:
        if self._sound is None:
            return
        for packet in self._sound_packets(self._sound.packets(until_s)):
            self._container.mux(packet)

    def _finish_sound(self) -> None:
        if self._sound is not None:
            for packet in self._sound_packets(self._sound.rest()):
                self._container.mux(packet)
            self._sound.close()

    def _sound_packets(self, packets: Iterator[AnyPacket]) -> Iterator[AnyPacket]:
        """Yield sound until it cannot be read any further; the pictures continue without it."""
        try:
            yield from packets
        except VideoError as error:
            self.sound_problem = str(error)
            self._sound = None

    def _discard(self) -> None:
        """Remove the temporary file: without an index it could not be played."""
        self._closed = True
        with suppress(av.FFmpegError, OSError):
            self._container.close()
        self._part.unlink(missing_ok=True)

    def _failed(self, error: OSError | av.FFmpegError) -> OutputError:
        told = reason(error) if isinstance(error, av.FFmpegError) else (error.strerror or str(error)).lower()
        return OutputError(f"cannot write {self.name}: {told}")


def may_replace_video(path: str | os.PathLike[str]) -> bool:
    """Return whether writing this file loses nothing of the user's: nothing is in it, or it is ours."""
    place = Path(path)
    if not place.is_file() or not place.stat().st_size:
        return True  # what is no file is not replaced either
    try:
        with av.open(f"file:{place}", metadata_errors="replace") as container:
            return any(
                value == MARK for name, value in container.metadata.items() if name.lower() == "comment"
            )
    except (av.FFmpegError, OSError):
        return False


def _add_video(
    container: OutputContainer, rate: Fraction, tick: Fraction, size: tuple[int, int], aspect: Fraction
) -> Any:
    encoder = next((name for name in _ENCODERS if name in av.codecs_available), "h264")
    stream: Any = container.add_stream(encoder, rate=rate, options=_QUALITY.get(encoder, {}))
    width, height = size
    stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
    context = stream.codec_context
    context.time_base = tick
    context.thread_count = min(_ENCODER_THREADS, logical_cores())
    if aspect != 1:
        context.sample_aspect_ratio = aspect
    return stream


def _state_colours(context: Any, colours: Colours) -> None:
    context.color_primaries, context.color_trc = colours.primaries, colours.transfer
    context.colorspace, context.color_range = colours.matrix, ColorRange.MPEG
