from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from crowdmask.media.hdr import tone_table
from crowdmask.media.video import read_frames

PQ, HLG = ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67
# The codes of 50 nits, which stay as they are, of white paper and of 1,000 nits, and of the most there is.
CODES = {PQ: (0.4403, 0.5807, 0.7518, 1.0), HLG: (0.4972, 0.7497, 1.0, 1.0)}
SHOWN = ((50 / 203) ** (1 / 2.4), 0.89, 1.0, 1.0)


def write(path: Path, colour: tuple[float, float, float], trc: ColorTrc) -> None:
    """Write a video of one colour, given as it is coded."""
    picture = np.broadcast_to(np.round(np.array(colour) * 65535).astype(np.uint16), (64, 64, 3))
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=10, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries = trc, ColorPrimaries.BT2020
        context.colorspace, context.color_range = Colorspace.BT2020, ColorRange.MPEG
        for _ in range(3):
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb48le")
            coded = frame.reformat(format="yuv420p10le", dst_colorspace=Colorspace.BT2020)
            container.mux(stream.encode(coded))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("trc", [PQ, HLG])
@pytest.mark.parametrize("step", range(4))
def test_greys_of_high_dynamic_range(trc: ColorTrc, step: int, tmp_path: Path) -> None:
    code, shown = CODES[trc][step], SHOWN[step]
    write(tmp_path / "film.mp4", (code, code, code), trc)
    frames = list(read_frames(tmp_path / "film.mp4"))
    assert len(frames) == 3
    for frame in frames:
        assert frame.picture.shape == (64, 64, 3)
        assert np.abs(frame.picture / 255 - shown).max() < 0.02


def test_a_colour_keeps_its_hue_and_a_usual_video_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "hdr.mp4", (0.5, 0.4, 0.4), PQ)
    red, green, blue = next(read_frames(tmp_path / "hdr.mp4")).picture.reshape(-1, 3).mean(axis=0)
    # By the formulas: 92.2 and 32.5 nits.
    # Plain BT.2020 taken for BT.709 would be (128, 102, 102): pale and dark.
    assert (red, green, blue) == pytest.approx((213, 107, 117), abs=3)
    write(tmp_path / "sdr.mp4", (0.5, 0.4, 0.4), ColorTrc.BT2020_10)
    usual = next(read_frames(tmp_path / "sdr.mp4")).picture.reshape(-1, 3).mean(axis=0)
    assert usual == pytest.approx((128, 102, 102), abs=3)


@pytest.mark.parametrize("pq", [True, False])
def test_more_light_is_never_shown_darker(pq: bool) -> None:
    table = tone_table(pq)
    assert table.shape == (33, 33, 33, 3)
    assert table.min() == 0
    assert table.max() == 1
    greys = table[range(33), range(33), range(33)]
    assert (np.diff(greys, axis=0) >= -1e-3).all()
    assert np.ptp(greys, axis=1).max() < 0.01
