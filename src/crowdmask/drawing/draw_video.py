"""Draw the results on a video frame: people with their state and track number, zones, and counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from crowdmask import boxes
from crowdmask.drawing.draw import draw_faces, font, text_length
from crowdmask.drawing.label_layout import Sizes
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
    pen = ImageDraw.Draw(image)
    sizes = Sizes.of(image.width, image.height)
    signs = [_draw_outline(pen, outline, sizes, image.size) for outline in outlines]
    kept_free = np.concatenate([xyxy, np.array(signs, np.float32).reshape(-1, 4)])
    _draw_counts(pen, kept_free, labels, sizes, image.size)
    if len(xyxy):
        texts = [
            track_texts(label, float(sure), int(track))
            for label, sure, track in zip(labels, confidence, tracks, strict=True)
        ]
        draw_faces(image, xyxy, labels, texts)
    return np.asarray(image)


def _draw_outline(
    pen: ImageDraw.ImageDraw, outline: Outline, sizes: Sizes, bounds: tuple[int, int]
) -> tuple[float, float, float, float]:
    """Draw a zone or line, and return the box of its text."""
    points = [(float(x), float(y)) for x, y in outline.points]
    if outline.closed:
        points.append(points[0])
    pen.line(points, fill=_GROUND, width=sizes.line + 2)
    pen.line(points, fill=_ZONE, width=sizes.line)
    size = sizes.largest
    across, down = text_length(outline.text, size) + 0.6 * size, 1.3 * size
    x = min(max(points[0][0], 0), max(bounds[0] - across, 0))
    y = min(max(points[0][1], 0), max(bounds[1] - down, 0))
    pen.rectangle((x, y, x + across, y + down), fill=_ZONE)
    pen.text((x + across / 2, y + down / 2), outline.text, fill=_INK, font=font(size), anchor="mm")
    return x, y, x + across, y + down


def _draw_counts(
    pen: ImageDraw.ImageDraw,
    kept_free: NDArray[np.float32],
    labels: Sequence[str],
    sizes: Sizes,
    bounds: tuple[int, int],
) -> None:
    """Write the counts into the corner where they hide the least of faces and zone texts."""
    size = sizes.largest
    counts = {label: sum(each == label for each in labels) for label in COLOURS}
    parts = [
        (COLOURS[label], f"{DISPLAY_NAMES.get(label, 'Unknown')} {count}")
        for label, count in counts.items()
        if label in DISPLAY_NAMES or count
    ]
    gap = 0.6 * size
    lengths = [text_length(text, size) + 2 * gap + 0.4 * size for _, text in parts]
    across, down = sum(lengths) + gap, 1.5 * size
    if across > bounds[0] or down > bounds[1]:
        return
    right, below = bounds[0] - across, bounds[1] - down
    corners = np.array([(0, 0), (right, 0), (0, below), (right, below)], np.float32)
    places = np.concatenate([corners, corners + np.array([across, down], np.float32)], axis=1)
    x, y = corners[int(boxes.intersection(places, kept_free).sum(axis=1).argmin())]
    pen.rectangle((x, y, x + across, y + down), fill=_GROUND)
    x += gap
    for (colour, text), length in zip(parts, lengths, strict=True):
        pen.rectangle((x, y + 0.45 * size, x + 0.6 * size, y + 1.05 * size), fill=colour)
        pen.text((x + 0.4 * size + gap, y + down / 2), text, fill=_INK, font=font(size), anchor="lm")
        x += length
