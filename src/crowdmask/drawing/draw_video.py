"""Draw the results on a video frame: people with their state and track number, zones, and counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from crowdmask import boxes
from crowdmask.drawing.draw import face_marks, font, text_length, text_stamp
from crowdmask.drawing.label_layout import Sizes
from crowdmask.drawing.marks import Line, Mark, Plate, Stamp, draw_marks
from crowdmask.drawing.palette import COLOURS, Colour
from crowdmask.labels import DISPLAY_NAMES

_GROUND: Colour = (20, 20, 20)
_INK: Colour = (255, 255, 255)
_ZONE: Colour = (0, 158, 115)  # green of Okabe and Ito, which no label uses


@dataclass(frozen=True, eq=False)
class Outline:
    """A zone or a counting line.

    Attributes:
        points: (K, 2) float, pixels.
        text: its name and counts.
        closed: it is a polygon, not a line.
    """

    points: NDArray[np.float32]
    text: str
    closed: bool


def track_texts(label: str, confidence: float, track: int) -> tuple[str, ...]:
    """Return the possible texts for one person, the longest first.

    Args:
        label: a label, or "unknown".
        track: the track's number; -1: none.
    """
    percent = f"{confidence * 100:.0f} %"
    number = f"#{track}" if track >= 0 else ""
    if label not in DISPLAY_NAMES:
        return (f"Unknown {number}".rstrip(), number) if number else ("Unknown",)
    name = DISPLAY_NAMES[label]
    if not number:
        return f"{name} {percent}", percent
    return f"{name} {percent} {number}", f"{percent} {number}", number


def draw_frame(
    picture: NDArray[np.uint8],
    xyxy: NDArray[np.float32],
    labels: Sequence[str],
    confidence: NDArray[np.float32],
    tracks: NDArray[np.int64],
    outlines: Sequence[Outline] = (),
) -> NDArray[np.uint8]:
    """Return the frame with boxes, texts, zones and a line of counts.

    Args:
        picture: RGB uint8 (H, W, 3).
        xyxy: (N, 4) faces in its pixels.
        labels: N states, possibly "unknown".
        confidence: (N,) 0 to 1.
        tracks: (N,) track numbers; -1: none.
        outlines: zones and lines.
    """
    image = Image.fromarray(np.ascontiguousarray(picture))
    draw_marks(image, frame_marks(image.size, xyxy, labels, confidence, tracks, outlines))
    return np.asarray(image)


def frame_marks(
    size: tuple[int, int],
    xyxy: NDArray[np.float32],
    labels: Sequence[str],
    confidence: NDArray[np.float32],
    tracks: NDArray[np.int64],
    outlines: Sequence[Outline] = (),
) -> list[Mark]:
    """Return what to draw on a frame of `size` pixels; for the rest see `draw_frame`."""
    sizes = Sizes.of(*size)
    marks: list[Mark] = []
    signs = [_mark_outline(marks, outline, sizes, size) for outline in outlines]
    kept_free = np.concatenate([xyxy, np.array(signs, np.float32).reshape(-1, 4)])
    _mark_counts(marks, kept_free, labels, sizes, size)
    if len(xyxy):
        texts = [
            track_texts(label, float(sure), int(track))
            for label, sure, track in zip(labels, confidence, tracks, strict=True)
        ]
        marks += face_marks(size, xyxy, labels, texts)
    return marks


def _mark_outline(
    marks: list[Mark], outline: Outline, sizes: Sizes, bounds: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Add the marks of a zone or line, and return the box of its text."""
    points = tuple((float(x), float(y)) for x, y in outline.points)
    if outline.closed:
        points += points[:1]
    marks += [Line(points, sizes.line + 2, _GROUND), Line(points, sizes.line, _ZONE)]
    size = sizes.largest
    across = min(round(text_length(outline.text, size) + 0.6 * size), bounds[0])
    down = min(round(1.3 * size), bounds[1])
    x = round(min(max(points[0][0], 0), bounds[0] - across))
    y = round(min(max(points[0][1], 0), bounds[1] - down))
    marks.append(Plate(x, y, text_stamp(outline.text, size, (across, down), _ZONE, _INK)))
    return x, y, x + across, y + down


def _mark_counts(
    marks: list[Mark],
    kept_free: NDArray[np.float32],
    labels: Sequence[str],
    sizes: Sizes,
    bounds: tuple[int, int],
) -> None:
    """Add the counts in the corner where they hide the least of faces and zone texts."""
    counts = {label: sum(each == label for each in labels) for label in COLOURS}
    told = tuple((label, count) for label, count in counts.items() if label in DISPLAY_NAMES or count)
    stamp = _counts_stamp(told, sizes.largest)
    across, down = stamp.image.size
    if across > bounds[0] or down > bounds[1]:
        return
    right, below = bounds[0] - across, bounds[1] - down
    corners = [(0, 0), (right, 0), (0, below), (right, below)]
    places = np.array([(x, y, x + across, y + down) for x, y in corners], np.float32)
    x, y = corners[int(boxes.intersection(places, kept_free).sum(axis=1).argmin())]
    marks.append(Plate(x, y, stamp))


@lru_cache(maxsize=8)
def _counts_stamp(counts: tuple[tuple[str, int], ...], size: int) -> Stamp:
    """Return the line of counts with the colours of their labels."""
    parts = [(COLOURS[label], f"{DISPLAY_NAMES.get(label, 'Unknown')} {count}") for label, count in counts]
    gap = 0.6 * size
    lengths = [text_length(text, size) + 2 * gap + 0.4 * size for _, text in parts]
    across, down = round(sum(lengths) + gap), round(1.5 * size)
    image = Image.new("RGB", (across, down), _GROUND)
    pen, x = ImageDraw.Draw(image), gap
    for (colour, text), length in zip(parts, lengths, strict=True):
        pen.rectangle((x, 0.45 * size, x + 0.6 * size, 1.05 * size), fill=colour)
        pen.text((x + 0.4 * size + gap, down / 2), text, fill=_INK, font=font(size), anchor="lm")
        x += length
    return Stamp(image)
