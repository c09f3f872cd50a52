"""Measure what this machine can be expected to do for a site's cameras."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crowdmask.cores import logical_cores
from crowdmask.inference.detector import Detector
from crowdmask.live.pipeline import FrameFinder
from crowdmask.media.video import read_frames
from crowdmask.media.video_writer import VideoWriter

SENT_FPS = 25.0
"""Frames a second that a camera sends; all of them must be decoded, whether they are looked at or not."""
LEAST_FPS = 6.0
"""Somebody counts from the third sighting on: at fewer looks a second, people who pass quickly are missed.

Measured by `benchmarks/serve_streams.py`: the share with a mask was off by .014 at 7.9 looks a second, and by
.024 at 4.
"""
WIDTH, HEIGHT = 1920, 1080
_LOOKS, _DECODED, _LONGEST_S = 24, 10, 2.0


@dataclass(frozen=True)
class Capacity:
    """What a machine does with pictures of 1920x1080.

    Attributes:
        looks_per_s: detections a second while it does nothing else.
        decode_s: share of the machine's time that decoding one frame takes, seconds.
    """

    looks_per_s: float
    decode_s: float

    def fps(self, cameras: int) -> float:
        """Return how many frames a second of each camera can be looked at.

        Args:
            cameras: that send 25 frames a second each.
        """
        left = 1 / cameras - SENT_FPS * self.decode_s
        return min(SENT_FPS, max(0.0, left * self.looks_per_s))

    @property
    def cameras(self) -> int:
        """How many cameras it bears at `LEAST_FPS` looks a second each."""
        return int(1 / (LEAST_FPS / self.looks_per_s + SENT_FPS * self.decode_s))

    def to_lines(self, cameras: int, most_fps: Sequence[float | None] = ()) -> list[str]:
        """Return what is said of a site's cameras, a line each; a line that begins with "warning" is one.

        Args:
            cameras: how many the site has.
            most_fps: the bound of each camera; None: no bound.
        """
        lines = [
            f"this machine bears about {self.cameras} cameras of {WIDTH}x{HEIGHT}: {self.looks_per_s:.0f} "
            f"detections a second, {1 / self.decode_s:.0f} frames a second decoded (measured just now)"
        ]
        if not cameras:
            return lines
        expected = self.fps(cameras)
        slowest = min([expected, *(most for most in most_fps if most is not None)])
        name = "1 camera" if cameras == 1 else f"{cameras} cameras"
        lines.append(f"{name}: about {slowest:.1f} frames a second looked at of each")
        if expected < LEAST_FPS:
            lines.append(
                f"warning: too many cameras for this machine: with fewer than {LEAST_FPS:g} frames a second "
                "each, people who pass are missed; take fewer cameras, their smaller second streams, the "
                "model crowd-fast, or more cores"
            )
        return lines


def measure(detector: Detector, *, looks: int = _LOOKS, decoded: int = _DECODED) -> Capacity:
    """Detect and decode for a few seconds with nothing else to do, and return how quick that was.

    Args:
        detector: as the service runs it: made with `shares_cores=True`.
        looks: how many frames are looked at, at most; it ends after two seconds.
        decoded: how many frames are decoded.
    Raises:
        ModelError: the model has other labels than ours.
    """
    finder, (frame,) = FrameFinder(detector), _frames(1)
    finder.find(frame)  # the first run takes longer
    began_s, done = time.perf_counter(), 0
    while done < looks and (done < 2 or time.perf_counter() - began_s < _LONGEST_S):
        finder.find(frame)
        done += 1
    looks_per_s = done / (time.perf_counter() - began_s)
    return Capacity(looks_per_s, _decode_s(decoded))


def _decode_s(number: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with VideoWriter(path, WIDTH, HEIGHT, SENT_FPS) as writer:
            for index, frame in enumerate(_frames(number)):
                writer.write(frame, index / SENT_FPS)
        before_s = time.process_time()
        for _ in read_frames(path):
            pass
        # Decoding keeps several cores busy, and so the time that passes would tell too little.
        return (time.process_time() - before_s) / logical_cores() / number


def _frames(number: int) -> list[NDArray[np.uint8]]:
    """Return pictures that move, with the detail of a street rather than of noise."""
    chance = np.random.default_rng(0)
    small = chance.integers(0, 256, (HEIGHT // 20, WIDTH // 20, 3), np.uint8)
    scene = small.repeat(20, 0).repeat(20, 1)
    return [np.roll(scene, 7 * index, axis=1) for index in range(number)]
