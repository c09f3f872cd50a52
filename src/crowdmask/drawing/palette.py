"""The colours of the labels, the same in pictures, video, reports and plots.

The palette of Okabe and Ito: blue, vermilion and yellow differ in hue and in brightness, so colour-blind
people can distinguish them, too.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

BLUE: Colour = (0, 114, 178)
VERMILION: Colour = (213, 94, 0)
YELLOW: Colour = (240, 228, 66)
PURPLE: Colour = (204, 121, 167)
BLACK: Colour = (0, 0, 0)
GREY: Colour = (150, 150, 150)

COLOURS: dict[str, Colour] = {
    "with_mask": BLUE,
    "without_mask": VERMILION,
    "mask_worn_incorrect": YELLOW,
    "unknown": GREY,  # only for tracks
}
"""The colour of each label."""


# The other colours of Okabe and Ito, for the labels of other models.
_OTHERS: tuple[Colour, ...] = (BLUE, VERMILION, YELLOW, PURPLE, (86, 180, 233), (230, 159, 0), (0, 158, 115))


def colour_of(label: str, names: Sequence[str] = ()) -> Colour:
    """Return the colour of a label, including labels of other models.

    Args:
        label: the label to draw.
        names: all labels of the model in order, so that each gets its own colour; empty: unknown.
    """
    if label in COLOURS:
        return COLOURS[label]
    place = list(names).index(label) if label in names else zlib.crc32(label.encode())
    return _OTHERS[place % len(_OTHERS)]


def as_hex(colour: Colour) -> str:
    """Return a colour as web pages and plots write it, like ``#0072b2``."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
