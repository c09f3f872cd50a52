"""Small videos for ``crowdmask track``, the command in a process of its own, and what it wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from typer.testing import Result

from crowdmask.media.video import read_frames

Picture = NDArray[np.uint8]
Track = Callable[..., Result]

FPS, SECONDS = 10, 6
RED, GREEN, GREY = (255, 0, 0), (0, 255, 0), (60, 60, 60)
STAYS, PUTS_ON = (64, 32), (160, 96)  # left upper corners of two faces of 32 pixels
PUT_ON_S = 3.0


def a_frame(index: int) -> Picture:
    """Two people for the model that finds colours: one masked, one who puts a mask on at `PUT_ON_S`."""
    picture = np.full((192, 320, 3), GREY, np.uint8)
    for (x, y), colour in ((STAYS, RED), (PUTS_ON, GREEN if index < PUT_ON_S * FPS else RED)):
        picture[y : y + 32, x : x + 32] = colour
    return picture


def write_clip(
    path: Path, frames: int = FPS * SECONDS, sound: bool = False, draw: Callable[[int], Picture] = a_frame
) -> Path:
    """Write a video of what `draw` makes of each number, with silence for sound if wanted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=FPS, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        heard: Any = container.add_stream("aac", rate=48_000) if sound else None
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(draw(index), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        for start in range(0, frames * 48_000 // FPS if sound else 0, 1024):
            quiet = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
            quiet.sample_rate, quiet.pts, quiet.time_base = 48_000, start, Fraction(1, 48_000)
            container.mux(heard.encode(quiet))
        if sound:
            container.mux(heard.encode(None))
    return path


ROOT = Path(__file__).parents[2]


def process(*words: str | Path, **options: Any) -> subprocess.Popen[str]:
    """Run Python with this checkout's package in a process of its own."""
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **options.pop("env", {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def command(colour_model: Path, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    """Run the same command in a process of its own."""
    model = ("--model", colour_model, "--threads", "1")
    return process("-m", "crowdmask", "track", *model, *arguments, **options)


def records(path: Path | str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def pictures(path: Path | str) -> list[Picture]:
    return [frame.picture for frame in read_frames(path)]
