"""Draw the detections: a box and a label for each face, without hiding other faces."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from crowdmask.drawing.label_layout import Sizes, lay_out, texts_of
from crowdmask.drawing.marks import Mark, Plate, Ring, Stamp, draw_marks
from crowdmask.drawing.palette import BLACK, Colour, colour_of
from crowdmask.media.pictures import as_rgb, from_array

AnyPicture = TypeVar("AnyPicture", Image.Image, NDArray[np.uint8])

_WHITE: Colour = (255, 255, 255)


class Faces(Protocol):
    """What is drawn, as `crowdmask.Detections` has it."""

    @property
    def xyxy(self) -> NDArray[np.float32]:
        """(N, 4) pixels of the upright picture."""

    @property
    def confidence(self) -> NDArray[np.float32]:
        """(N,) 0 to 1."""

    @property
    def labels(self) -> Sequence[str]:
        """N labels."""

    @property
    def names(self) -> Sequence[str]:
        """All labels of the model, in its order."""


def draw_detections(picture: AnyPicture, detections: Faces) -> AnyPicture:
    """Return a copy of the picture with a box and a label per face.

    Args:
        picture: RGB uint8 (H, W, 3), or a PIL image of any mode (the copy is upright RGB).
        detections: in pixels of the upright picture.
    Returns:
        The same kind of picture.
    Raises:
        TypeError: another kind of picture.
        ValueError: an array that is not RGB uint8.
    """
    if isinstance(picture, np.ndarray):
        image = from_array(picture)
        draw_on(image, detections)
        return np.asarray(image)
    if not isinstance(picture, Image.Image):
        raise TypeError(f"draw on an RGB uint8 array or a PIL image, not {type(picture).__name__}")
    image = as_rgb(picture)
    image = image.copy() if image is picture else image
    draw_on(image, detections)
    return image


def draw_on(image: Image.Image, detections: Faces, scale: tuple[float, float] = (1.0, 1.0)) -> None:
    """Draw on an upright RGB image in place, which saves a copy.

    Args:
        scale: image pixels per pixel of the photo that the boxes refer to, horizontally and vertically.
    """
    if not len(detections.xyxy):
        return
    xyxy = detections.xyxy * np.array([*scale, *scale], np.float32)
    texts = [
        texts_of(label, float(confidence))
        for label, confidence in zip(detections.labels, detections.confidence, strict=True)
    ]
    draw_faces(image, xyxy, detections.labels, texts, detections.names)


def draw_faces(
    image: Image.Image,
    xyxy: NDArray[np.float32],
    labels: Sequence[str],
    texts: Sequence[tuple[str, ...]],
    names: Sequence[str] = (),
) -> None:
    """Draw a box and a text for each face on an RGB image, in place.

    Args:
        xyxy: (N, 4) boxes in pixels of the image.
        labels: N labels.
        texts: possible texts for each face, the longest first.
        names: all labels of the model, see `colour_of`.
    """
    draw_marks(image, face_marks(image.size, xyxy, labels, texts, names))


def face_marks(
    size: tuple[int, int],
    xyxy: NDArray[np.float32],
    labels: Sequence[str],
    texts: Sequence[tuple[str, ...]],
    names: Sequence[str] = (),
) -> list[Mark]:
    """Return what to draw for faces on a picture of `size` pixels; for the rest see `draw_faces`."""
    sizes = Sizes.of(*size)
    marks: list[Mark] = []
    # The smallest last, so that the frame of a near face does not cover a distant one.
    for i in np.argsort(-(xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1), kind="stable"):
        marks += _box_marks(xyxy[i], sizes, colour_of(labels[i], names))
    for label in lay_out(xyxy, labels, texts, sizes, text_length, size):
        x1, y1, x2, y2 = label.xyxy
        stamp = text_stamp(label.text, label.size, (x2 - x1, y2 - y1), colour_of(label.label, names))
        marks.append(Plate(x1, y1, stamp))
    return marks


def _box_marks(xyxy: NDArray[np.float32], sizes: Sizes, colour: Colour) -> list[Mark]:
    """Return the frame of a box outside the face, so that the line hides nothing of a small one."""
    line = sizes.line_of(xyxy)
    x1, y1, x2, y2 = (round(float(v)) for v in xyxy)
    ring = Ring((x1 - line, y1 - line, x2 + line, y2 + line), line, colour)
    if line == 1:
        return [ring]
    # A thin dark edge makes the line visible on a background of the same colour.
    seam = max(1, line // 4)
    edge = line + seam
    return [Ring((x1 - edge, y1 - edge, x2 + edge, y2 + edge), seam, BLACK), ring]


def text_stamp(
    text: str, size: int, sides: tuple[int, int], ground: Colour, ink: Colour | None = None
) -> Stamp:
    """Return a text in the middle of its ground.

    Args:
        size: height of the text, pixels.
        sides: width and height of the ground, pixels.
        ink: None: black or white, whichever stands out more.
    """
    area, colours = sides[0] * sides[1], (ground, ink or _ink(ground))
    make = _small_stamp if area <= _SMALL_PX else _large_stamp if area <= _LARGE_PX else _stamp
    return make(text, size, sides, *colours)


def _stamp(text: str, size: int, sides: tuple[int, int], ground: Colour, ink: Colour) -> Stamp:
    image = Image.new("RGB", sides, ground)
    middle = (sides[0] / 2, sides[1] / 2)
    ImageDraw.Draw(image).text(middle, text, fill=ink, font=font(size), anchor="mm")
    return Stamp(image)


# From frame to frame most come again. Each takes up to ten bytes a pixel, so few large ones are kept.
_SMALL_PX, _LARGE_PX = 3_000, 32_000
_small_stamp, _large_stamp = lru_cache(maxsize=128)(_stamp), lru_cache(maxsize=16)(_stamp)


@lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font that ships with Pillow, so that it is available on every machine."""
    return ImageFont.load_default(size)


@lru_cache(maxsize=512)
def text_length(text: str, size: int) -> float:
    """Return how many pixels a text of `size` pixels takes."""
    return font(size).getlength(text)


def _ink(ground: Colour) -> Colour:
    """Return black or white, whichever stands out more (WCAG relative luminance)."""
    linear = [v / 255 / 12.92 if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in ground]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return BLACK if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else _WHITE
