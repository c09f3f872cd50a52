"""Tone-map pictures of high dynamic range (PQ, HLG) to the range that screens and models expect."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, ColorTrc, VideoReformatter
from numpy.typing import NDArray

_WHITE_NITS = 203.0  # white paper in HDR, ITU-R BT.2408
_PEAK_NITS = 1000.0  # what most is graded for, and HLG's nominal peak; what is brighter becomes white
_POINTS = 33
_SCREEN_GAMMA = 2.4  # ITU-R BT.1886
_HLG_GAMMA = 1.2
_UNSPECIFIED_COLOURS = 2
_TO_BT709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
_BRIGHTNESS = np.array([0.2627, 0.6780, 0.0593])  # of BT.2020


def is_hdr(frame: VideoFrame) -> bool:
    """Return whether a frame uses PQ or HLG."""
    return frame.color_trc in (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)


class ToneMapper:
    """Turn frames of one size, format and transfer into RGB of the usual range.

    A table of colours is computed once, and FFmpeg looks each pixel up in it.
    """

    def __init__(self, frame: VideoFrame) -> None:
        """Prepare for frames like this one.

        Args:
            frame: for which `is_hdr` holds.
        """
        self._like = _kind(frame)
        self._reformatter = VideoReformatter()
        self._graph = Graph()
        source = self._graph.add_buffer(
            width=frame.width, height=frame.height, format=VideoFormat("gbrp10le"), time_base=frame.time_base
        )
        with tempfile.TemporaryDirectory(prefix="crowdmask-") as folder:
            table = Path(folder, "colours.cube")
            _write_cube(table, tone_table(frame.color_trc == ColorTrc.SMPTE2084))
            steps = [
                source,
                self._graph.add("lut3d", file=str(table), interp="tetrahedral"),
                self._graph.add("format", pix_fmts="rgb24"),
                self._graph.add("buffersink"),
            ]
        self._graph.link_nodes(*steps).configure()

    def fits(self, frame: VideoFrame) -> bool:
        """Return whether it was prepared for frames like this one."""
        return _kind(frame) == self._like

    def to_rgb(self, frame: VideoFrame) -> VideoFrame:
        """Return the frame as rgb24 of the usual range."""
        colours = Colorspace.BT2020 if frame.colorspace == _UNSPECIFIED_COLOURS else None
        wide = self._reformatter.reformat(frame, format="gbrp10le", src_colorspace=colours, threads=1)
        self._graph.push(wide)
        mapped: Any = self._graph.pull()
        assert isinstance(mapped, VideoFrame)
        return mapped


def tone_table(pq: bool, points: int = _POINTS) -> NDArray[np.float64]:
    """Return what HDR colours become: (points, points, points, 3), by red, green and blue, all 0 to 1.

    Args:
        pq: by PQ, else by HLG; both with the colours of BT.2020.
    Source: ITU-R BT.2100 (PQ, HLG), BT.2390 section 5.4.1 (the curve), BT.2087 (the colours).
    """
    steps = np.linspace(0, 1, points)
    coded = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    nits = _pq_nits(coded) if pq else _hlg_nits(coded)
    brightest = nits.max(axis=-1, keepdims=True)
    # One factor for all three colours keeps the hue.
    factor = np.divide(_rolled_off(brightest), brightest, out=np.ones_like(brightest), where=brightest > 0)
    light = np.clip(nits * factor / _WHITE_NITS @ _TO_BT709.T, 0, 1)
    return np.asarray(light ** (1 / _SCREEN_GAMMA))


def _kind(frame: VideoFrame) -> tuple[int, int, str, int]:
    return frame.width, frame.height, frame.format.name, int(frame.color_trc)


def _write_cube(path: Path, table: NDArray[np.float64]) -> None:
    """Write a table as Adobe's cube, in which red changes fastest."""
    rows = table.transpose(2, 1, 0, 3).reshape(-1, 3)
    np.savetxt(path, rows, "%.6f", header=f"LUT_3D_SIZE {len(table)}", comments="")


def _pq_nits(coded: NDArray[np.float64]) -> NDArray[np.float64]:
    root = coded ** (32 / 2523)
    light = np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)
    return np.asarray(10_000 * light ** (16384 / 2610))


def _pq_coded(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    root = (nits / 10_000) ** (2610 / 16384)
    return np.asarray(((0.8359375 + 18.8515625 * root) / (1 + 18.6875 * root)) ** (2523 / 32))


def _hlg_nits(coded: NDArray[np.float64]) -> NDArray[np.float64]:
    bright = (np.exp((coded - 0.55991073) / 0.17883277) + 0.28466892) / 12
    scene = np.where(coded <= 0.5, coded**2 / 3, bright)
    return np.asarray(_PEAK_NITS * (scene @ _BRIGHTNESS)[..., None] ** (_HLG_GAMMA - 1) * scene)


def _rolled_off(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return light that leaves the dark part as it is and brings the peak down to white."""
    peak, white = (float(_pq_coded(np.array(each))) for each in (_PEAK_NITS, _WHITE_NITS))
    most = white / peak
    knee = 1.5 * most - 0.5
    coded = np.minimum(_pq_coded(nits) / peak, 1)
    t = np.maximum(coded - knee, 0) / (1 - knee)
    curve = (
        (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most
    )
    return _pq_nits(np.where(coded <= knee, coded, curve) * peak)
