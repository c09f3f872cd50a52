"""Make video of annotated crowd photos: a camera that pans, zooms and shakes, with things passing before it.

The pixels are real and who is who is known exactly, without labelling. What it does not show: people who move
apart from each other, turn their heads or touch their masks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from crowdmask.boxes import clip
from crowdmask.data.sample import Sample
from crowdmask.media.pictures import open_picture

WIDTH, HEIGHT = 640, 360
MIN_FACE_PX = 8
MIN_VISIBLE = 0.5
TURN_S = 2.5
OCCLUDERS = 2


@dataclass(frozen=True, eq=False)
class View:
    """One frame and who is in it.

    Attributes:
        picture: RGB uint8 (360, 640, 3).
        boxes: (N, 4) float32 xyxy, the faces that can be seen, clipped.
        person: (N,) int64, the same number for the same face in all frames of a clip.
        class_id: (N,) int64.
        ignore: (M, 4) float32 xyxy, where finding or missing a face is neither right nor wrong.
    """

    picture: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    person: NDArray[np.int64]
    class_id: NDArray[np.int64]
    ignore: NDArray[np.float32]


def film(sample: Sample, frames: int, fps: float, seed: int) -> Iterator[View]:
    """Film one photo.

    Args:
        sample: the photo and its faces.
        frames: how many.
        fps: frames per second; the camera moves as fast at any rate.
        seed: decides the way of the camera and what passes by.
    """
    random = np.random.default_rng(seed)
    picture = open_picture(sample.path)
    photo = np.asarray(picture.image.convert("RGB"))
    boxes = sample.boxes * np.array([photo.shape[1] / sample.width, photo.shape[0] / sample.height] * 2)
    windows = _camera(random, frames, fps, photo.shape[1], photo.shape[0], boxes[~sample.ignore])
    passing = [_Occluder(random, photo, frames, fps) for _ in range(OCCLUDERS)]
    for frame, (left, top, scale) in enumerate(windows):
        # OpenCV counts from the middle of the first pixel, boxes from its corner.
        half = (scale - 1) / 2
        warp = np.array([[scale, 0, half - left * scale], [0, scale, half - top * scale]])
        seen = np.asarray(cv2.warpAffine(photo, warp, (WIDTH, HEIGHT), flags=cv2.INTER_AREA), np.uint8)
        placed = ((boxes - np.array([left, top] * 2)) * scale).astype(np.float32)
        covered = np.zeros(WIDTH, bool)
        for each in passing:
            covered[each.draw(seen, frame)] = True
        yield _view(seen, placed, covered, sample)


def _view(
    picture: NDArray[np.uint8], placed: NDArray[np.float32], covered: NDArray[np.bool_], sample: Sample
) -> View:
    cut = clip(placed, WIDTH, HEIGHT)
    sides, whole = cut[:, 2:] - cut[:, :2], placed[:, 2:] - placed[:, :2]
    # How many columns of pixels are open up to each place, in between as well.
    open_columns = np.concatenate([[0], np.cumsum(~covered)])
    left, right = (np.interp(cut[:, side], np.arange(WIDTH + 1), open_columns) for side in (0, 2))
    visible = (right - left) * np.maximum(sides[:, 1], 0) / np.maximum(whole.prod(axis=1), 1e-6)
    clear = (visible >= MIN_VISIBLE) & (whole.min(axis=1) >= MIN_FACE_PX) & ~sample.ignore
    return View(
        picture, cut[clear], np.flatnonzero(clear), sample.class_id[clear], cut[(visible > 0) & ~clear]
    )


def _smooth(
    random: np.random.Generator, frames: int, fps: float, low: float, high: float
) -> NDArray[np.float64]:
    """Return a value that wanders between two bounds, and rests for a moment at each of its turns."""
    turns = random.uniform(low, high, int(frames / (TURN_S * fps)) + 2)
    place = np.arange(frames) / (TURN_S * fps)
    index = place.astype(int)
    share = place - index
    share = share * share * (3 - 2 * share)
    return turns[index] + share * (turns[index + 1] - turns[index])


def _camera(
    random: np.random.Generator, frames: int, fps: float, width: int, height: int, faces: NDArray[np.float32]
) -> Iterator[tuple[float, float, float]]:
    """Yield left, top and scale of each frame's window in the photo.

    It looks about where the faces are, so that they leave the view and come back.
    """
    widest = min(width, height * WIDTH / HEIGHT)
    view = widest * _smooth(random, frames, fps, 0.4, 0.85)
    if len(faces):
        centres = (faces[:, :2] + faces[:, 2:]) / 2
        (x1, y1), (x2, y2) = centres.min(axis=0), centres.max(axis=0)
    else:
        x1, y1, x2, y2 = 0, 0, width, height
    x = _smooth(random, frames, fps, x1, max(x2, x1 + 1)) - view / 2
    y = _smooth(random, frames, fps, y1, max(y2, y1 + 1)) - view * HEIGHT / WIDTH / 2
    shake = np.zeros(2)
    for frame in range(frames):
        shake = 0.8 * shake + random.normal(0, 0.0015, 2) * view[frame]
        left = np.clip(x[frame] + shake[0], 0, width - view[frame])
        top = np.clip(y[frame] + shake[1], 0, height - view[frame] * HEIGHT / WIDTH)
        yield float(left), float(top), WIDTH / float(view[frame])


class _Occluder:
    """A blurred upright piece of the photo that passes through the view from side to side."""

    def __init__(
        self, random: np.random.Generator, photo: NDArray[np.uint8], frames: int, fps: float
    ) -> None:
        self.width = int(random.uniform(0.06, 0.18) * WIDTH)
        start = int(random.integers(0, max(1, photo.shape[1] - self.width)))
        piece = cv2.resize(photo[:, start : start + self.width], (self.width, HEIGHT))
        # So much that none of its faces can be found.
        self.piece = cv2.GaussianBlur(piece, (0, 0), 18)
        seconds = random.uniform(1.5, 3.0)
        self.speed = (WIDTH + self.width) / (seconds * fps) * random.choice([-1, 1])
        self.start = int(random.integers(0, max(1, int(frames - seconds * fps / 2))))

    def draw(self, picture: NDArray[np.uint8], frame: int) -> slice:
        """Draw itself into the picture and return the columns that it covers."""
        moved = self.speed * (frame - self.start)
        left = round(moved - self.width if self.speed > 0 else WIDTH + moved)
        a, b = max(left, 0), min(left + self.width, WIDTH)
        if frame < self.start or a >= b:
            return slice(0, 0)
        picture[:, a:b] = self.piece[:, a - left : b - left]
        return slice(a, b)
