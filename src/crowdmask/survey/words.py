"""The wording of a survey's figures: one plain sentence each, which names what is counted."""

from __future__ import annotations

from crowdmask.survey.sightings import FACE, PASSAGE, PERSON_TIME

DEFINITION = (
    "people whose face the camera could see, at least 8 px wide; "
    "with_mask: a mask covers nose, mouth and chin; "
    "mask_worn_incorrect: it leaves one of them bare, also under the chin; without_mask: no mask on the face"
)
CHIN_NONE = (
    "people whose face the camera could see, at least 8 px wide; "
    "with_mask: a mask covers nose, mouth and chin; "
    "mask_worn_incorrect: it leaves the nose or the mouth bare; "
    "without_mask: no mask, or one under the chin only"
)
COUNTED = {
    FACE: "faces that the camera could see",
    PASSAGE: "passages of people whose face the camera could see",
    PERSON_TIME: "time in which the camera could see a person's face",
}
CAUTION = {
    FACE: "Who is in two photos counts twice.",
    PASSAGE: "Who passes twice counts twice, and so does a person whose track breaks.",
    PERSON_TIME: "A person who changes counts by time; who stays longer counts for more.",
}


def percent(share: float, digits: int = 0) -> str:
    """Return a share in percent, like ``71 %``; 0 and 100 % only if they are exact."""
    text = f"{100 * share:.{digits}f}"
    if float(text) == 100 and share < 1:
        return f"over {100 - 10**-digits:.{digits}f} %"
    if float(text) == 0 and share > 0:
        return f"under {10**-digits:.{digits}f} %"
    return f"{text} %"


def span(low: float, high: float) -> str:
    """Return an interval in percent, like ``66 to 76 %``; with one more digit if it is narrow."""
    digits = 0 if high - low >= 0.02 else 1
    if low == 0 and 0 < high < 0.0005:
        return f"0 to {percent(high, 1)}"
    if high == 1 and 0.9995 < low < 1:
        return f"{percent(low, 1).removesuffix(' %')} to 100 %"
    return f"{100 * low:.{digits}f} to {100 * high:.{digits}f} %"


def amount(seconds: float) -> str:
    """Return a duration, like ``1 h 12 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
