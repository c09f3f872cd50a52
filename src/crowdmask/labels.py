"""The three classes, their order in every array and how people read them."""

from __future__ import annotations

LABELS: tuple[str, str, str] = ("with_mask", "without_mask", "mask_worn_incorrect")
WITH_MASK, WITHOUT_MASK, MASK_WORN_INCORRECT = range(3)

DISPLAY_NAMES: dict[str, str] = {
    "with_mask": "Mask",
    "without_mask": "No mask",
    "mask_worn_incorrect": "Mask worn incorrectly",
}


def describe(label: str, confidence: float) -> str:
    """Return the words shown for one face, like ``Mask 97.3 %``.

    Args:
        label: one of `LABELS`, or another model's, which is shown as it is spelt.
        confidence: 0 to 1.
    """
    return f"{display_name(label)} {confidence * 100:.1f} %"


def display_name(label: str) -> str:
    """Return how a label is shown; that of another model is made readable."""
    return DISPLAY_NAMES.get(label) or label.replace("_", " ").capitalize()
