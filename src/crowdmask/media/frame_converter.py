"""Turn decoded video frames into upright RGB."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from av.sidedata.sidedata import SideDataContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter
from numpy.typing import NDArray

from crowdmask.media.hdr import ToneMapper, is_hdr

_HD_HEIGHT = 720
_UNSPECIFIED_COLOURS = 2


class FrameConverter:
    """Turn decoded frames into upright RGB; reuses FFmpeg's converter for each size and format."""

    def __init__(self) -> None:
        """Prepare nothing yet: the first frame decides what is needed."""
        self._reformatter = VideoReformatter()
        self._tones: ToneMapper | None = None

    def upright(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """Return RGB uint8 (H, W, 3), rotated and mirrored as the video file says."""
        return np.ascontiguousarray(_turn(np.asarray(self._rgb(frame).to_ndarray(), np.uint8), frame))

    def _rgb(self, frame: VideoFrame) -> VideoFrame:
        if is_hdr(frame):
            if self._tones is None or not self._tones.fits(frame):
                self._tones = ToneMapper(frame)
            return self._tones.to_rgb(frame)
        colours = None
        if frame.colorspace == _UNSPECIFIED_COLOURS and frame.height >= _HD_HEIGHT:
            colours = Colorspace.ITU709  # as players assume for HD that does not say; FFmpeg does not
        return self._reformatter.reformat(frame, format="rgb24", src_colorspace=colours, threads=1)


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
        picture, across, down = picture.transpose(1, 0, 2), c, b
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
