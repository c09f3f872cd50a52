"""Open a camera or stream and decode what it sends."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, TypeAlias

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from crowdmask.errors import VideoError
from crowdmask.live.sources import VideoSource

RTSP_TRANSPORTS = ("auto", "tcp", "udp")
"""How RTSP may send: auto tries TCP first, and UDP with servers that refuse it (answer 461)."""

AnyFrame: TypeAlias = "VideoFrame | NDArray[np.uint8]"

# Maximum time that FFmpeg may take to identify a camera's codec.
_ANALYSE_S = 1.0
_MARGIN_S = 0.3
_INDEX_LAST = (
    "its index comes after its pictures, and the server sends no parts of a file (byte ranges): download it,"
    " or rewrite it with  ffmpeg -i IN.mp4 -c copy -movflags +faststart OUT.mp4"
)


class UselessError(VideoError):
    """A source that will be no better the next time."""


class Capture:
    """An open source; not thread-safe: only the thread that opened it may read or close it.

    FFmpeg crashes if a container is closed while another thread reads from it.

    Attributes:
        length_s: of a source with an end, like a video file on a web server; None: live.
        pixel_aspect: width of a pixel for a height of 1, of the stored picture; None: not stated.
        paced: whether frames must wait for their time, since they come in files or segments.
    """

    length_s: float | None = None
    paced = False
    pixel_aspect: Fraction | None = None

    def frames(self) -> Iterator[tuple[AnyFrame | None, float | None]]:
        """Yield each frame and its time; None instead of a frame that could not be decoded yet."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the source."""
        raise NotImplementedError


def open_capture(source: VideoSource, timeout_s: float, rtsp_transport: str = "auto") -> Capture:
    """Connect.

    Args:
        timeout_s: FFmpeg gives up if a step of connecting, or waiting for data, takes longer.
        rtsp_transport: one of `RTSP_TRANSPORTS`.
    Raises:
        av.FFmpegError, OSError, ModuleNotFoundError: it cannot be opened.
        VideoError: it sends no video, or an unknown codec.
    """
    if source.kind == "camera" and sys.platform == "win32":
        return _OpenCvCapture(int(source.address))
    return _FfmpegCapture(source, timeout_s, rtsp_transport)


def interrupt_reads() -> None:
    """Let every read that hangs in FFmpeg fail within a fraction of a second; for the end of the program.

    FFmpeg asks PyAV about ten times a second whether the time-out has passed, and PyAV 18.1.0 answers by
    Python's clock. If Python has ended meanwhile, the program crashes. PyAV has no function to interrupt
    a read, so its clock is put ahead; without that attribute nothing happens.
    """
    core = sys.modules.get("av.container.core")
    if getattr(core, "time", None) is time:
        core.time = _ClockAhead  # type: ignore[union-attr]


class _ClockAhead:
    """Stands in for the module `time`; reads that begin later still have their whole time-out."""

    @staticmethod
    def monotonic() -> float:
        return time.monotonic() + 1e9


class _FfmpegCapture(Capture):
    def __init__(self, source: VideoSource, timeout_s: float, rtsp_transport: str) -> None:
        address, kind, options = _request(source, timeout_s, rtsp_transport)
        self._container: InputContainer = av.open(
            address, format=kind, options=options, timeout=timeout_s, metadata_errors="replace"
        )
        try:
            self._stream = _first_video(self._container)
        except VideoError:
            self._container.close()
            raise
        # Frame-parallel decoding would delay frames.
        self._stream.thread_type = "SLICE"
        self.length_s = self._container.duration / av.time_base if self._container.duration else None
        self._is_indexed = self._container.format.name.startswith("mov,")
        self.paced = self.length_s is not None or self._container.format.name == "hls"

    def frames(self) -> Iterator[tuple[AnyFrame | None, float | None]]:
        packets, any_packet = self._container.demux(self._stream), False
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                if not any_packet and error.errno == errno.EIO and self._is_indexed:
                    raise UselessError(_INDEX_LAST) from error
                raise
            if packet is None:
                return
            any_packet = True
            try:
                frames: list[Any] = packet.decode()
            except av.InvalidDataError:  # joined between two key frames, or damaged in transit
                frames = []
            if not frames:
                yield None, None
            self.pixel_aspect = self._stream.sample_aspect_ratio
            for frame in frames:
                yield frame, frame.time

    def close(self) -> None:
        self._container.close()


class _OpenCvCapture(Capture):
    """A camera on Windows, where FFmpeg cannot open cameras by number."""

    def __init__(self, number: int) -> None:
        import cv2

        self._camera = cv2.VideoCapture(number)
        if not self._camera.isOpened():
            raise FileNotFoundError(2, "no such camera")

    def frames(self) -> Iterator[tuple[AnyFrame | None, float | None]]:
        while True:
            good, bgr = self._camera.read()
            if not good or bgr is None:
                return
            yield np.ascontiguousarray(bgr[..., ::-1]), None

    def close(self) -> None:
        self._camera.release()


def _request(
    source: VideoSource, timeout_s: float, rtsp_transport: str
) -> tuple[str, str | None, dict[str, str]]:
    """Return the address, format and options for FFmpeg.

    Source: FFmpeg's manual of protocols; times are in microseconds, and `timeout` of RTSP is what
    `stimeout` was before FFmpeg 5.
    """
    if source.kind == "camera":
        if sys.platform == "darwin":
            return source.address, "avfoundation", {"framerate": "30"}
        return f"/dev/video{source.address}", "v4l2", {}
    # A little longer than PyAV's own time-out, whose error is clearer.
    wait = str(round((timeout_s + _MARGIN_S) * 1e6))
    options = {"analyzeduration": str(round(_ANALYSE_S * 1e6))}
    if source.address.lower().startswith("rtsp"):
        options |= {"timeout": wait, "allowed_media_types": "video"}
        if rtsp_transport == "auto":  # over UDP lost packets damage pictures
            options |= {"rtsp_transport": "tcp+udp", "rtsp_flags": "prefer_tcp"}
        else:
            options |= {"rtsp_transport": rtsp_transport}
    else:
        options |= {"rw_timeout": wait}
    return source.address, None, options


def _first_video(container: InputContainer) -> VideoStream:
    if not container.streams.video:
        raise VideoError("sends no video")
    stream = container.streams.video[0]
    # The types say that there always is one; where FFmpeg has no decoder, there is not.
    if getattr(stream, "codec_context", None) is None:
        raise VideoError("sends a codec that FFmpeg does not know here: set the camera to H.264 or MJPEG")
    return stream
