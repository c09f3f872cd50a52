"""Find a place for each face's label where it hides no other face and no other label."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from crowdmask import boxes
from crowdmask.labels import describe, display_name

Measure = Callable[[str, int], float]

HIDDEN_AT_MOST = 0.15
"""The largest part of a face or of another label that a label may hide; otherwise it is left out."""

COVERED_AT_MOST = 0.2
"""The largest part of a picture with more than a few faces that labels may cover."""

FEW = 4

_FREE = 0.005


@dataclass(frozen=True)
class Sizes:
    """Line widths and text heights that are readable when the whole picture is shown.

    Attributes:
        line: line width for the largest faces, pixels.
        smallest, largest: text height, pixels.
    """

    line: int
    smallest: int
    largest: int

    @classmethod
    def of(cls, width: int, height: int) -> Sizes:
        """Choose for a picture of `width` x `height` pixels."""
        # A very long picture is viewed one part at a time.
        side = min(max(width, height), 4 * min(width, height))
        return cls(max(1, round(side / 350)), max(9, round(side / 100)), max(12, round(side / 55)))

    def line_of(self, xyxy: NDArray[np.float32]) -> int:
        """Return the line width for one face: thinner around small faces."""
        side = float(min(xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]))
        return max(1, min(round(side / 10), self.line))

    def text_of(self, xyxy: NDArray[np.float32]) -> int:
        """Return the text height for one face: smaller beside small faces."""
        return max(self.smallest, min(round(float(xyxy[3] - xyxy[1]) / 5), self.largest))


@dataclass(frozen=True)
class Placed:
    """A label and its place: `xyxy` in whole pixels of the image, text height `size` in pixels."""

    text: str
    label: str
    size: int
    xyxy: tuple[int, int, int, int]


@dataclass(frozen=True)
class _Form:
    """One form of a label: its text, the text height, and the space that it takes, pixels."""

    text: str
    size: int
    across: int
    down: int


def texts_of(label: str, confidence: float) -> tuple[str, ...]:
    """Return the possible texts for one face's label, the longest first."""
    percent = f"{confidence * 100:.0f} %"
    return describe(label, confidence), f"{display_name(label)} {percent}", percent


def lay_out(
    xyxy: NDArray[np.float32],
    labels: Sequence[str],
    texts: Sequence[tuple[str, ...]],
    sizes: Sizes,
    measure: Measure,
    bounds: tuple[int, int],
) -> list[Placed]:
    """Place a text for each face, near faces first.

    A text that finds no free place in full is tried smaller, then shorter ("Mask 97 %", "97 %":
    the colour shows the class). If even that would hide too much, or in a crowd whose labels would
    cover the picture, the face has only its coloured box.

    Args:
        xyxy: (N, 4) boxes in pixels of the image.
        labels: N labels, copied to `Placed`.
        texts: possible texts for each face, the longest first.
        measure: returns the width in pixels of a text of a given height.
        bounds: width and height of the image; all texts lie inside.
    """
    lines = np.array([[sizes.line_of(box)] for box in xyxy], np.float32)
    faces = xyxy + lines * np.array([-1, -1, 1, 1], np.float32)
    room = COVERED_AT_MOST * bounds[0] * bounds[1] if len(xyxy) > FEW else np.inf
    order = np.argsort(-boxes.area(xyxy), kind="stable")
    forms = {i: _forms(texts[i], sizes.text_of(xyxy[i]), sizes, measure) for i in order}
    if sum(each[0].across * each[0].down for each in forms.values()) > room:
        forms = {i: each[-1:] for i, each in forms.items()}
    taken = np.zeros((0, 4), np.float32)
    placed: list[Placed] = []
    for i in order:
        spot = _choose(faces[i], forms[i], faces, taken, bounds)
        if spot is None or boxes.area(spot[1][None])[0] > room:
            continue
        form, place = spot
        room -= form.across * form.down
        x1, y1, x2, y2 = (int(v) for v in place)
        placed.append(Placed(form.text, labels[i], form.size, (x1, y1, x2, y2)))
        taken = np.concatenate([taken, place[None]])
    return placed


def _choose(
    face: NDArray[np.float32],
    forms: list[_Form],
    faces: NDArray[np.float32],
    taken: NDArray[np.float32],
    bounds: tuple[int, int],
) -> tuple[_Form, NDArray[np.float32]] | None:
    """Return the first form that fits without hiding anything, or the form and place that hide the least."""
    choice, least = None, HIDDEN_AT_MOST
    for form in forms:
        if form.across > bounds[0] or form.down > bounds[1]:
            continue
        places = _places(face, form.across, form.down, *bounds)
        free = ~_crosses(places, np.concatenate([faces, taken])).any(axis=1)
        if free.any():  # which most often holds, and is found in a third of the time
            return form, places[int(free.argmax())]
        hidden = _hidden(places, faces, taken)
        best = int(hidden.argmin())
        if hidden[best] < least:
            choice, least = (form, places[best]), float(hidden[best])
        if least <= _FREE:
            break
    return choice


@lru_cache(maxsize=512)
def _forms(texts: tuple[str, ...], size: int, sizes: Sizes, measure: Measure) -> list[_Form]:
    """Return the forms of a label, the best first."""
    heights = dict.fromkeys((size, (size + sizes.smallest) // 2, sizes.smallest))
    return [
        _Form(text, height, round(measure(text, height) + 0.6 * height), round(1.3 * height))
        for text in texts
        for height in heights
    ]


def _places(
    face: NDArray[np.float32], across: int, down: int, width: int, height: int
) -> NDArray[np.float32]:
    """Return places (K, 4) around a face for a label of `across` x `down`, the most natural first."""
    left, top, right, bottom = face.tolist()
    x1, y1, x2, y2 = math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)
    middle_x, middle_y = (x1 + x2 - across) // 2, (y1 + y2 - down) // 2
    corners = np.array(
        [
            (x1, y1 - down),
            (x1, y2),
            (x2 - across, y1 - down),
            (x2 - across, y2),
            (middle_x, y1 - down),
            (middle_x, y2),
            (x2, y1),
            (x1 - across, y1),
            (x2, middle_y),
            (x1 - across, middle_y),
            (x2, y2 - down),
            (x1 - across, y2 - down),
        ],
        np.float32,
    )
    corners = np.minimum(np.maximum(corners, 0), np.array([width - across, height - down], np.float32))
    return np.concatenate([corners, corners + np.array([across, down], np.float32)], axis=1)


def _crosses(places: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return whether each place and each of the others share an area, (K, M)."""
    begins = (places[:, None, :2] < others[:, 2:]).all(axis=2)
    ends = (places[:, None, 2:] > others[:, :2]).all(axis=2)
    return np.logical_and(begins, ends)


def _hidden(
    places: NDArray[np.float32], faces: NDArray[np.float32], taken: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return for each place (K,) the largest hidden part of any face or label.

    Either of two labels may be the hidden one, so the smaller one counts.
    """
    of_faces = boxes.intersection(places, faces) / np.maximum(boxes.area(faces), 1e-9)
    smaller = np.minimum(boxes.area(places)[:, None], boxes.area(taken)[None])
    of_labels = boxes.intersection(places, taken) / np.maximum(smaller, 1e-9)
    return np.concatenate([of_faces, of_labels], axis=1).max(axis=1)
