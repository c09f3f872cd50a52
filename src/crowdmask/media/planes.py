"""Pictures as videos hold them: brightness, and two planes of colour of half the size (YUV 4:2:0).

Drawing in these planes keeps all else of a frame as it is in the source, and spares two conversions a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

BT709, BT601 = 1, 6
_UNSPECIFIED = 2
_LIKE_BT601 = (_UNSPECIFIED, 5, 6)  # 5 is its twin for PAL
_HD_HEIGHT = 720
_FORMATS = ("yuv420p", "yuvj420p")
_SHARES = {BT709: (0.2126, 0.0722), BT601: (0.299, 0.114)}  # of red and blue in brightness
_DARKEST, _NEUTRAL = 16, 128
_LUMA_STEPS, _CHROMA_STEPS = 219, 224

Turn: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


@dataclass(frozen=True)
class Colours:
    """How the numbers in the planes become colours; all of limited range.

    Attributes:
        matrix: BT709 or BT601.
        primaries, transfer: as video files number them.
    Source: ITU-T H.273, tables 2 to 4.
    """

    matrix: int = BT709
    primaries: int = BT709
    transfer: int = BT709

    def of_rgb(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return colours (..., 3) as brightness, blue and red difference (..., 3)."""
        red, blue = _SHARES[self.matrix]
        shares = np.array([red, 1 - red - blue, blue], np.float32)
        bright = rgb @ shares
        planes = [
            _DARKEST + bright * (_LUMA_STEPS / 255),
            _NEUTRAL + (rgb[..., 2] - bright) * (_CHROMA_STEPS / 255 / 2 / (1 - blue)),
            _NEUTRAL + (rgb[..., 0] - bright) * (_CHROMA_STEPS / 255 / 2 / (1 - red)),
        ]
        return np.stack(planes, axis=-1)


class Planes:
    """One writable picture of even width and height, in the memory of a frame for the encoder.

    Attributes:
        colours: how its numbers become colours.
        frame: the same picture; only its pixels are set.
        luma: uint8 (H, W).
        chroma: uint8 (2, H / 2, W / 2), blue and red difference.
    """

    def __init__(self, width: int, height: int, colours: Colours) -> None:
        """Reserve memory; what is in it is undefined."""
        self.colours = colours
        self.frame = VideoFrame(width, height, "yuv420p")
        self.luma, blue, red = _arrays(self.frame)
        # One array for both, wherever the second one lies, halves the steps of drawing.
        strides = (red.ctypes.data - blue.ctypes.data, *blue.strides)
        self.chroma = as_strided(blue, (2, *blue.shape), strides)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return self.luma.shape[1], self.luma.shape[0]

    def copy_from(self, frame: VideoFrame, turn: Turn = np.asarray) -> None:
        """Take over a frame of the same kind, of which `turn` makes each plane upright."""
        for into, plane in zip((self.luma, *self.chroma), _arrays(frame), strict=True):
            into[:] = turn(plane)


def _arrays(frame: VideoFrame) -> Iterator[NDArray[np.uint8]]:
    """Yield the planes of a frame without a copy."""
    for plane in frame.planes:
        memory: Any = plane  # its type stubs do not say that it is a buffer
        rows = np.frombuffer(memory, np.uint8).reshape(plane.height, plane.line_size)
        yield rows[:, : plane.width]


def is_unstated_hd(frame: VideoFrame) -> bool:
    """Return whether a frame does not say its matrix, and is so large that players assume BT.709."""
    return frame.colorspace == _UNSPECIFIED and frame.height >= _HD_HEIGHT


def planes_of(frame: VideoFrame, turn: Turn, size: tuple[int, int]) -> Planes | None:
    """Return a copy of a decoded frame's planes; None where they are of another kind.

    Args:
        frame: of the usual dynamic range.
        turn: makes a plane upright.
        size: width and height of the upright picture.
    """
    matrix = BT601 if frame.colorspace in _LIKE_BT601 else frame.colorspace
    matrix = BT709 if is_unstated_hd(frame) else matrix
    if frame.format.name not in _FORMATS or matrix not in _SHARES or size[0] % 2 or size[1] % 2:
        return None
    if any(plane.line_size < plane.width for plane in frame.planes):  # stored from the bottom up
        return None
    stated = (frame.color_primaries, frame.color_trc)
    primaries, transfer = (BT709 if each in (0, _UNSPECIFIED) else each for each in stated)
    made = Planes(*size, Colours(matrix, primaries, transfer))
    made.copy_from(frame, turn)
    if frame.format.name == "yuvj420p" or frame.color_range == ColorRange.JPEG:
        luma, chroma = _limited_range()
        made.luma[:], made.chroma[:] = luma[made.luma], chroma[made.chroma]
    return made


class RgbPlanes:
    """Turns RGB pictures into planes; reuses FFmpeg's converter. Thread-safe."""

    def __init__(self) -> None:
        """Prepare nothing yet: the first picture decides what is needed."""
        self._reformatter, self._turns = VideoReformatter(), Lock()

    def of(self, picture: NDArray[np.uint8], colours: Colours | None = None) -> Planes:
        """Return the planes of a picture; odd sizes are padded by one pixel.

        Args:
            picture: RGB uint8 (H, W, 3).
            colours: None: those of BT.709.
        """
        colours = colours or Colours()
        height, width = picture.shape[:2]
        if height % 2 or width % 2:
            picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        with self._turns:
            frame = self._reformatter.reformat(
                VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24"),
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709 if colours.matrix == BT709 else Colorspace.ITU601,
                dst_color_range=ColorRange.MPEG,
                threads=1,
            )
        made = Planes(frame.width, frame.height, colours)
        made.copy_from(frame)
        return made


@lru_cache(maxsize=1)
def _limited_range() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return what full-range brightness and colour become in limited range, (256,) each."""
    steps = np.arange(256)
    luma = _DARKEST + steps * (_LUMA_STEPS / 255)
    chroma = _NEUTRAL + (steps - _NEUTRAL) * (_CHROMA_STEPS / 255)
    return np.rint(luma).astype(np.uint8), np.rint(chroma).astype(np.uint8)
