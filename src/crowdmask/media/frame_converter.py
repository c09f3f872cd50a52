"""Turn decoded video frames into upright RGB."""

from __future__ import annotations

from fractions import Fraction
from threading import Lock
from typing import Any

import numpy as np
from av.sidedata.sidedata import SideDataContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from crowdmask.media.hdr import ToneMapper, is_hdr
from crowdmask.media.planes import Planes, is_unstated_hd, planes_of


class FrameConverter:
    """Turn decoded frames into upright RGB; reuses FFmpeg's converter for each size and format.

    Thread-safe: a frame may be compared in one thread while another one draws on it.
    """

    def __init__(self) -> None:
        """Prepare nothing yet: the first frame decides what is needed."""
        # FFmpeg's converter is made anew when the size changes, so each use has its own.
        self._whole, self._points = _Scaler(), _Scaler()
        self._tones: ToneMapper | None = None
        self._toning = Lock()

    def upright(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """Return RGB uint8 (H, W, 3), rotated and mirrored as the video file says."""
        if is_hdr(frame):
            with self._toning:
                if self._tones is None or not self._tones.fits(frame):
                    self._tones = ToneMapper(frame)
                rgb = np.asarray(self._tones.to_rgb(frame).to_ndarray(), np.uint8)
        else:
            rgb = self._whole.rgb(frame)
        return np.ascontiguousarray(_turn(rgb, frame))

    def planes(self, frame: VideoFrame) -> Planes | None:
        """Return a copy of the planes, rotated and mirrored; None: they hold something else than usual."""
        if is_hdr(frame):
            return None
        return planes_of(frame, lambda plane: _turn(plane, frame), upright_size(frame))

    def sampled(self, frame: VideoFrame, width: int, height: int) -> NDArray[np.uint8]:
        """Return single points of the upright picture at regular intervals, RGB uint8 (height, width, 3)."""
        matrix = _display_matrix(frame)
        across, down = (height, width) if matrix is not None and _lies(matrix) else (width, height)
        return np.ascontiguousarray(_turn(self._points.rgb(frame, across, down, Interpolation.POINT), frame))


class _Scaler:
    """FFmpeg's converter to RGB, for one thread at a time."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._turns = Lock()

    def rgb(
        self,
        frame: VideoFrame,
        width: int | None = None,
        height: int | None = None,
        how: Interpolation | None = None,
    ) -> NDArray[np.uint8]:
        """Return a frame as it is stored, RGB uint8 (height, width, 3)."""
        # Players assume BT.709 for HD that does not say; FFmpeg does not.
        colours = Colorspace.ITU709 if is_unstated_hd(frame) else None
        with self._turns:
            made = self._reformatter.reformat(
                frame, width, height, "rgb24", src_colorspace=colours, interpolation=how, threads=1
            )
        return np.asarray(made.to_ndarray(), np.uint8)


def upright_size(frame: VideoFrame) -> tuple[int, int]:
    """Return width and height of the upright picture."""
    matrix = _display_matrix(frame)
    lies = matrix is not None and _lies(matrix)
    return (frame.height, frame.width) if lies else (frame.width, frame.height)


def pixel_aspect(frame: VideoFrame, stated: Fraction | None) -> Fraction:
    """Return the width of a pixel for a height of 1, of the upright picture.

    Args:
        frame: rotated by a quarter turn or not.
        stated: of the picture as it is stored; None: square pixels.
    """
    aspect = stated or Fraction(1)
    matrix = _display_matrix(frame)
    return aspect if matrix is None or not _lies(matrix) else 1 / aspect


def _turn(picture: NDArray[np.uint8], frame: VideoFrame) -> NDArray[np.uint8]:
    """Apply the display matrix if it rotates by right angles or mirrors.

    Source: ISO/IEC 14496-12, section 8.3.2: x' = a x + c y, y' = b x + d y.
    """
    matrix = _display_matrix(frame)
    if matrix is None:
        return picture
    a, b, c, d = int(matrix[0]), int(matrix[1]), int(matrix[3]), int(matrix[4])
    if _lies(matrix):
        picture, across, down = picture.swapaxes(0, 1), c, b
    else:
        across, down = a, d
    return picture[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]


def _lies(matrix: NDArray[np.int32]) -> bool:
    return abs(int(matrix[1])) > abs(int(matrix[0]))


def _display_matrix(frame: VideoFrame) -> NDArray[np.int32] | None:
    # `frame.side_data` would make a reference cycle of the frame and its container: it is freed late, or in
    # long runs hardly ever, and keeps the picture in memory.
    container: Any = SideDataContainer  # its type stubs are wrong about the constructor and iteration
    for side in container(frame):
        if side.type.name == "DISPLAYMATRIX":
            return np.frombuffer(bytes(side), np.int32)
    return None
