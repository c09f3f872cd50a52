"""One sentence for each group: what was counted, the shares, and their uncertainty."""

from __future__ import annotations

from crowdmask.labels import LABELS
from crowdmask.survey.comparison.compare import Difference
from crowdmask.survey.run import GroupResult, Survey
from crowdmask.survey.shares import Figure
from crowdmask.survey.sightings import FACE, PASSAGE, PERSON_TIME
from crowdmask.survey.words import COUNTED, amount, percent, span

_WORE = dict(zip(LABELS, ("with a mask", "without one", "with one worn incorrectly"), strict=True))
_FIGURES = {
    "with_mask": "with a mask",
    "any_mask": "with any mask",
    "mask_worn_incorrect": "with one worn incorrectly",
}
_OF_PLACE = {
    FACE: "faces that a camera could see there",
    PASSAGE: "passages that a camera could see there",
    PERSON_TIME: "time in which a camera could see a face there",
}


def sentence(result: Survey, group: GroupResult) -> str:
    """Return a sentence about one group that can be understood on its own."""
    estimate = group.estimate
    looked = _looked(result, group)
    known = estimate.figures["with_mask"].share is not None
    if not known:
        raw = estimate.figures["with_mask"].raw_share
        if not raw and not estimate.faces:
            return f"{looked}: {_first(estimate.notes)}."
        told = "" if raw is None else f" Raw, {percent(raw)} were detected with a mask."
        return f"{looked}: {_first(estimate.notes)}.{told}"
    whole = COUNTED[result.unit] if result.target == "photos" else _OF_PLACE[result.unit]
    parts = [f"{_said(estimate.figures[label])} {_WORE[label]}" for label in LABELS]
    joint = "" if result.unit != PERSON_TIME else "of "
    number = (
        "" if estimate.people is None else f"an estimated {_number(result.unit, estimate.people)} {joint}"
    )
    if result.target != "photos":
        number = ""
    raw_share = estimate.figures["with_mask"].raw_share
    beside = "" if raw_share is None else f" Uncorrected, {percent(raw_share)} with a mask."
    return f"{looked}: of {number}{whole}, {', '.join(parts)} (95 % intervals).{beside}"


def _looked(result: Survey, group: GroupResult) -> str:
    estimate = group.estimate
    if group.observed_s is None:
        seen = f"{estimate.photos:,} photo{'' if estimate.photos == 1 else 's'}"
        return f"{seen}, {estimate.faces:,} face{'' if estimate.faces == 1 else 's'} seen"
    plural = "" if estimate.faces == 1 else "s"
    what = f"passage{plural}" if result.unit == PASSAGE else f"face{plural} in all frames"
    return f"{amount(group.observed_s)} of video, {estimate.faces:,} {what} seen"


def _number(unit: str, people: float) -> str:
    if unit == PERSON_TIME:
        return amount(people)
    return f"{people:,.0f}" if people >= 10 else f"{people:.1f}"


def _said(figure: Figure) -> str:
    if figure.share is None or figure.interval is None:
        return "too few to tell"
    return f"{percent(figure.share)} ({span(*figure.interval)})"


def _first(notes: tuple[str, ...]) -> str:
    return notes[0] if notes else "there is no figure"


def difference_sentence(found: Difference) -> str:
    """Return a sentence that says whether two groups differ in one figure."""
    what = _FIGURES[found.figure]
    head = f"{found.first} less {found.second}, {what}"
    if found.difference is None or found.interval is None:
        return f"{head}: no figure ({_first(found.notes)})"
    low, high = (100 * end for end in found.interval)
    after = "" if found.p_adjusted is None else f", {found.p_adjusted:.2g} adjusted for all comparisons"
    return (
        f"{head}: {100 * found.difference:+.1f} percentage points (95 % interval {low:+.1f} to {high:+.1f}), "
        f"{found.verdict} (p {found.p:.2g}{after})"
    )
