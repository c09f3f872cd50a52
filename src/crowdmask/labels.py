"""The three classes, their order in every array and how people read them."""

from __future__ import annotations

from collections.abc import Sequence

from crowdmask.errors import ModelError

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
        label: one of `LABELS`, or a label of another model, which is shown unchanged.
        confidence: 0 to 1.
    """
    return f"{display_name(label)} {confidence * 100:.1f} %"


def display_name(label: str) -> str:
    """Return how a label is shown to people; labels of other models are made readable."""
    return DISPLAY_NAMES.get(label) or label.replace("_", " ").capitalize()


def require_mask_labels(labels: Sequence[str], model: str, purpose: str) -> None:
    """Refuse a model for another task where the code depends on the meaning of the three labels.

    Args:
        labels: of the model.
        model: its name, for the message.
        purpose: what the model is needed for, like "tracking".
    Raises:
        ModelError: the labels are not `LABELS`, in this order.
    """
    if tuple(labels) != LABELS:
        raise ModelError(
            f"{model}: {purpose} needs a model with the labels {', '.join(LABELS)}; this one has "
            f"{', '.join(labels)}: choose another model, or use this one with `crowdmask detect`"
        )
