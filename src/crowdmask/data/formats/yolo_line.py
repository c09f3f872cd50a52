"""One line of a YOLO label file: a box, an outline, or a box with keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from crowdmask.data.formats.annotation import RawBox

_HEAD = 5  # class cx cy width height
_VISIBILITY = (0, 1, 2)
# An outline reaches no further below 0, or above 1, than this.
_LOWEST = -0.1
# A keypoint may lie this far outside its box, in parts of the box.
_TOLERANCE = 0.1

Values = Sequence[float]
Edges = tuple[float, float, float, float]


@dataclass(frozen=True)
class YoloNames:
    """What the files beside the labels say about them.

    Attributes:
        names: of the classes, by number.
        keypoints: number of keypoints of each object, and 2 or 3 values for each (``kpt_shape``); None where
            nothing is said.
    """

    names: dict[int, str] = field(default_factory=dict)
    keypoints: tuple[int, int] | None = None


def parse_line(words: Sequence[str], about: YoloNames) -> RawBox:
    """Read one line.

    There are three kinds of lines:

    - ``class cx cy width height``, and perhaps a confidence;
    - ``class x1 y1 x2 y2 ...``: an outline, read as the box around it;
    - a box followed by keypoints, ``x y`` or ``x y visibility`` each: the box is read, the keypoints are not.

    ``kpt_shape`` in ``data.yaml`` tells keypoints from an outline. Without it, they are keypoints if their
    number of values is odd, or if the values would make no sense as an outline.

    Args:
        words: of the line.
        about: class names and ``kpt_shape``.
    Raises:
        ValueError, OverflowError: the line is none of these, or its numbers are not parts of the picture.
    """
    if not words:
        raise ValueError("no values")
    label = _class_name(int(words[0]) if words[0].isdecimal() else float(words[0]), about.names)
    values = [float(word) for word in words[1:]]
    if len(words) in (_HEAD, _HEAD + 1) or _holds_keypoints(values, about.keypoints):
        return RawBox(label, _box(values))
    if len(words) < 7 or len(words) % 2 == 0 or about.keypoints is not None:
        raise ValueError("wrong number of values")
    return RawBox(label, _around(values))


def _holds_keypoints(values: Values, shape: tuple[int, int] | None) -> bool:
    """Whether a box and keypoints are meant, not an outline."""
    points = values[4:]
    if shape is not None:
        return len(points) == shape[0] * shape[1]
    if len(points) < 3:  # with two values more it may be a triangle
        return False
    if len(points) % 3 == 0 and all(value in _VISIBILITY for value in points[2::3]):
        # An outline has an even number of values.
        return len(values) % 2 == 1 or _inside(values, points[::3], points[1::3], points[2::3])
    if len(values) % 2 == 1:
        return False
    across, down = points[::2], points[1::2]
    unmarked = min(points) < _LOWEST  # some write -1, -1; no outline reaches there
    return _inside(values, across, down) and (unmarked or _is_spike(values, across, down))


def _inside(values: Values, across: Values, down: Values, seen: Values | None = None) -> bool:
    """Whether all visible keypoints lie in the box; one at 0, 0 or below is not marked."""
    cx, cy, width, height = values[:4]
    reach = 0.5 + _TOLERANCE
    return all(
        abs(x - cx) <= reach * width and abs(y - cy) <= reach * height
        for x, y, visible in zip(across, down, seen or [1.0] * len(across), strict=True)
        if visible and (x > 0 or y > 0)
    )


def _is_spike(values: Values, across: Values, down: Values) -> bool:
    """Whether the second point lies far from all others: then it is no point, but a width and a height."""
    for second, others in ((values[2], [values[0], *across]), (values[3], [values[1], *down])):
        low, high = min(others), max(others)
        if max(low - second, second - high) > high - low:
            return True
    return False


def _box(values: Values) -> Edges:
    cx, cy, width, height = values[:4]
    # Edges a little outside are rounding; far outside they are pixels.
    if max(abs(cx), abs(cy), abs(width), abs(height)) > 2:
        raise ValueError("values out of range")
    return (cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2)


def _around(values: Values) -> Edges:
    """Return the box around an outline, x and y by turns."""
    across, down = values[::2], values[1::2]
    edges = (min(across), min(down), max(across), max(down))
    if not _LOWEST <= min(edges) <= max(edges) <= 1 - _LOWEST:
        raise ValueError("values out of range")
    return edges


def _class_name(index: float, names: dict[int, str]) -> str:
    if index < 0 or index != int(index):
        raise ValueError("no class")
    return names.get(int(index), str(int(index)))
