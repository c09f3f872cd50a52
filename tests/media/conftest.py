"""Make real video files, small ones, of many kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

MakeVideo = Callable[..., Path]

RED, BLUE = (200, 40, 40), (40, 40, 200)


def shade(index: int) -> int:
    """Brightness of the lower half of frame number `index`: tells the frames apart."""
    return 30 + 10 * index


def a_picture(index: int, width: int, height: int) -> NDArray[np.uint8]:
    """Above left red, above right blue, below a shade that grows from frame to frame."""
    picture = np.full((height, width, 3), shade(index), np.uint8)
    picture[: height // 2, : width // 2] = RED
    picture[: height // 2, width // 2 :] = BLUE
    return picture


@pytest.fixture(scope="session")
def make_video(tmp_path_factory: pytest.TempPathFactory) -> MakeVideo:
    """Return a function that encodes a video.

    Args of it: file name, number of frames, codec, width, height, fps, times (seconds of each frame, in
    place of fps), sound (codec of it), sound_s, rotation (degrees, counterclockwise), aspect of a pixel,
    picture (function of index, width, height), container options.
    """

    def make(
        name: str,
        frames: int = 20,
        codec: str = "libx264",
        width: int = 64,
        height: int = 48,
        fps: int | Fraction = 20,
        times: Sequence[float] | None = None,
        sound: str | None = None,
        sound_s: float | None = None,
        rotation: int = 0,
        aspect: Fraction | None = None,
        picture: Callable[[int, int, int], NDArray[np.uint8]] = a_picture,
        **options: str,
    ) -> Path:
        path = tmp_path_factory.mktemp("video") / name
        with av.open(str(path), "w", options=options) as container:
            stream: Any = container.add_stream(codec, rate=fps)
            stream.width, stream.height = width, height
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            stream.codec_context.gop_size = 10
            if codec == "libvpx-vp9":
                stream.options = {"deadline": "realtime", "cpu-used": "8"}
            if times is not None:
                stream.codec_context.time_base = Fraction(1, 1000)
            if rotation:
                stream.set_display_rotation(rotation)
            if aspect is not None:
                stream.codec_context.sample_aspect_ratio = aspect
            heard: Any = container.add_stream(sound, rate=48_000) if sound else None
            if heard is not None:
                heard.codec_context.layout = "stereo"
            if not frames:
                container.start_encoding()
            for index in range(frames):
                frame = av.VideoFrame.from_ndarray(picture(index, width, height), format="rgb24")
                if times is not None:
                    frame.pts, frame.time_base = round(times[index] * 1000), Fraction(1, 1000)
                container.mux(stream.encode(frame))
            if frames:
                container.mux(stream.encode(None))
            if heard is not None:
                container.mux(_tone(heard, float(frames / fps) if sound_s is None else sound_s))
        return path

    return make


def _tone(stream: Any, seconds: float) -> list[Any]:
    """Encode a stereo tone of 440 Hz."""
    wave = np.sin(2 * np.pi * 440 * np.arange(int(float(seconds) * 48_000)) / 48_000) * 8000
    whole = av.AudioFrame.from_ndarray(wave.astype(np.int16).repeat(2)[None], format="s16", layout="stereo")
    whole.sample_rate, whole.pts, whole.time_base = 48_000, 0, Fraction(1, 48_000)
    context = stream.codec_context  # open by now
    resampler = av.AudioResampler(
        context.format.name, "stereo", 48_000, frame_size=context.frame_size or 1024
    )
    pieces = [*resampler.resample(whole), *resampler.resample(None)]
    return [packet for piece in [*pieces, None] for packet in stream.encode(piece)]
