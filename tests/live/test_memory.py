"""What long runs keep: nothing that grows with the number of frames."""

from __future__ import annotations

import gc
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from crowdmask.detections import Detections
from crowdmask.live.pipeline import Pipeline, Settings
from crowdmask.live.readers.capture import open_capture
from crowdmask.live.records import Records
from crowdmask.live.sources import VideoSource
from crowdmask.media.frame_converter import FrameConverter
from crowdmask.media.video import Frame
from crowdmask.tracking.tracker import DEFAULT_ALGORITHM
from crowdmask.tracking.zones import ZonesFile

SCRIPT = """
import sys
from crowdmask.live.memory import give_back_large_blocks
if sys.argv[1] == "told":
    assert give_back_large_blocks()
def resident():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))
blocks = [bytearray(b"x") * 700_000 for _ in range(100)]
del blocks
# A small block behind each large one keeps its place in a heap from shrinking.
blocks = [(bytearray(b"x") * 700_000, bytearray(b"x") * 4_000) for _ in range(100)]
small = [each[1] for each in blocks]
full = resident()
del blocks
print(full - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="no GNU C library here")
def test_large_blocks_go_back_at_once():
    def freed(how: str) -> int:
        run = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
        return int(run.stdout)

    assert freed("told") > 60_000
    assert freed("untold") < 10_000


@contextmanager
def no_collector() -> Iterator[None]:
    """Leave circles of objects where they are, as the collector does with old ones for long."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _video_frames() -> int:
    return sum(isinstance(each, VideoFrame) for each in gc.get_objects())


def test_decoded_pictures_are_freed_without_the_collector(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    with av.open(str(clip), "w") as container:
        stream: Any = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(20):
            container.mux(stream.encode(VideoFrame.from_ndarray(np.full((48, 64, 3), index, np.uint8))))
        container.mux(stream.encode(None))
    converter = FrameConverter()
    with no_collector():
        before = _video_frames()  # of other tests of this process
        capture = open_capture(VideoSource("file", str(clip), "clip"), 5.0)
        seen = 0
        for raw, _ in capture.frames():
            if isinstance(raw, VideoFrame):
                assert converter.upright(raw).shape == (48, 64, 3)
                seen += 1
        capture.close()
        del raw
        # Not one a frame: an own picture or two may still be held by what reads or converts.
        assert _video_frames() - before <= 2
    assert seen == 20


class Crowd:
    """People who sway, come and go, the same every `period` frames, as a detector would see them."""

    threshold = (0.5, 0.5, 0.5)
    period = 100

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)
        self.frame = 0

    def find(self, picture: np.ndarray) -> Detections:
        step = self.frame % self.period
        people = (
            [(40, 60), (140, 60), (240, 60)] if step < 60 else [(90, 120), (190, 120)] if step < 90 else []
        )
        centres = np.array(people, np.float32).reshape(-1, 2) + self._random.normal(0, 1, (len(people), 2))
        classes = np.arange(len(people)) % 2 if step % 40 < 20 else np.zeros(len(people))
        self.frame += 1
        return Detections(
            np.concatenate([centres - 16, centres + 16], axis=1).astype(np.float32),
            np.full(len(people), 0.9, np.float32),
            classes.astype(np.int64),
        )

    def sure(self, detections: Detections) -> np.ndarray:
        return detections.confidence > 0.5


ZONES = ZonesFile.model_validate(
    {
        "zones": [{"name": "door", "polygon": [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]}],
        "lines": [{"name": "line", "start": (0.5, 1.0), "end": (0.5, 0.0)}],
    }
)


@pytest.mark.parametrize("algorithm", [DEFAULT_ALGORITHM, "ocsort"])  # which keeps what it has seen
def test_following_keeps_nothing_of_old_frames(algorithm: str, tmp_path: Path) -> None:
    """Five frames a second, so that what is kept for a minute is full after 300."""
    crowd = Crowd()
    pipeline = Pipeline("cam", 5.0, crowd, Settings(algorithm, zones=ZONES))  # type: ignore[arg-type]
    pictures = np.random.default_rng(1).integers(0, 255, (10, 48, 64, 3), np.uint8)
    files = [str(tmp_path / name) for name in ("frames", "events", "tracks", "zones")]
    blocks: list[int] = []
    with Records(*files) as records:
        for index in range(1000):
            result = pipeline.process(Frame("cam", index, index / 5, pictures[index % 10], 0.0))
            records.write(result)
            if index in (399, 699, 999):
                gc.collect()
                blocks.append(sys.getallocatedblocks())
    assert pipeline.tracks >= 40  # many have come and gone
    # A single number kept of each frame would be 600 blocks.
    assert max(blocks) - blocks[0] < 200, blocks
