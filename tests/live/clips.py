"""Small videos for the model that finds colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

FPS = 10
PUT_ON_S = 3.0
_RED, _GREEN, _GREY = (255, 0, 0), (0, 255, 0), (60, 60, 60)


def two_people(index: int) -> NDArray[np.uint8]:
    """Return a frame with one person who is masked, and one who puts a mask on at `PUT_ON_S`."""
    picture = np.full((192, 320, 3), _GREY, np.uint8)
    for (x, y), colour in (((64, 32), _RED), ((160, 96), _GREEN if index < PUT_ON_S * FPS else _RED)):
        picture[y : y + 32, x : x + 32] = colour
    return picture


def write_clip(path: Path, frames: int = 60) -> Path:
    """Write a video of `two_people`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=FPS, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        for index in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(two_people(index), format="rgb24")))
        container.mux(stream.encode(None))
    return path
