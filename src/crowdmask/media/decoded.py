"""Pictures of decoded frames, which are converted to RGB when somebody needs them."""

from __future__ import annotations

from threading import Lock
from typing import Any, Self, TypeAlias, overload

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from crowdmask.media.frame_converter import FrameConverter, upright_size
from crowdmask.media.planes import Planes

Rgb: TypeAlias = NDArray[np.uint8]


class DecodedPicture:
    """The picture of a decoded frame; most frames of a still scene are never needed in RGB. Thread-safe.

    Attributes:
        shape: (H, W, 3), of the upright RGB array.
    """

    def __init__(self, frame: VideoFrame, converter: FrameConverter) -> None:
        """Convert nothing yet.

        Args:
            frame: not changed afterwards.
            converter: shared by the frames of one source.
        """
        self._frame, self._converter = frame, converter
        width, height = upright_size(frame)
        self.shape = (height, width, 3)
        self._rgb: Rgb | None = None
        self._once = Lock()

    @property
    def nbytes(self) -> int:
        """The size of the RGB array, bytes."""
        return self.shape[0] * self.shape[1] * self.shape[2]

    @property
    def rgb(self) -> Rgb:
        """The whole picture, upright RGB uint8 (H, W, 3), converted once; read-only."""
        with self._once:
            if self._rgb is None:
                self._rgb = self._converter.upright(self._frame)
            return self._rgb

    def planes(self) -> Planes | None:
        """Return a copy of its planes, upright, to draw in; None: only `rgb` tells its colours."""
        return self._converter.planes(self._frame)

    def sampled(self, width: int, height: int) -> Rgb:
        """Return single points of it at regular intervals, RGB uint8 (height, width, 3)."""
        return self._converter.sampled(self._frame, width, height)


Pixels: TypeAlias = NDArray[np.uint8] | DecodedPicture
"""A picture: an RGB uint8 array (H, W, 3), or that of a decoded frame."""


def rgb_of(picture: Pixels) -> Rgb:
    """Return a picture as RGB uint8 (H, W, 3)."""
    return picture if isinstance(picture, np.ndarray) else picture.rgb


def every_nth(picture: Pixels, step: int) -> Rgb:
    """Return each `step`-th point across and down of a picture, RGB uint8 (H / step, W / step, 3)."""
    height, width = picture.shape[:2]
    if isinstance(picture, np.ndarray):
        return picture[::step, ::step]
    return picture.sampled(-(-width // step), -(-height // step))


class PictureField:
    """A field of a dataclass that takes either kind of picture, and gives RGB when it is asked for.

    None is a picture that is no longer there, and the default.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        """Note where the value is kept."""
        self._key = f"_{name}"

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Rgb | None: ...

    def __get__(self, instance: object | None, owner: type) -> Any:
        """Return the picture, RGB uint8 (H, W, 3)."""
        if instance is None:
            return self
        kept = self.raw(instance)
        return None if kept is None else rgb_of(kept)

    def __set__(self, instance: object, value: Pixels | Self | None) -> None:
        """Keep the picture as it is; the field itself stands for its default."""
        vars(instance)[self._key] = None if value is self else value

    def raw(self, instance: object) -> Pixels | None:
        """Return what an object was given."""
        kept: Pixels | None = vars(instance)[self._key]
        return kept
