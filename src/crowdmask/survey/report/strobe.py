"""The part of the report for publications: STROBE's headings, filled in as far as the survey can.

Source: von Elm et al., The Strengthening the Reporting of Observational Studies in Epidemiology (STROBE)
statement (2007).
"""

from __future__ import annotations

from html import escape

import crowdmask
from crowdmask.survey.quantify import CONFIDENCE, CONFUSION, RECALL
from crowdmask.survey.run import AUDIT, Survey
from crowdmask.survey.sentences import sentence
from crowdmask.survey.words import CAUTION, COUNTED

BLANK = "(to be filled in)"
_CORRECTED = {
    CONFIDENCE: "a detection counts as much as detections of its label, width and confidence were faces",
    CONFUSION: "labels are exchanged as they were confused (expectation-maximisation of Saerens et al. 2002)",
    AUDIT: "faces labelled by a person replace the model's error rates (prediction-powered inference)",
    RECALL: "faces missed are added by label and width of those found",
}


def strobe(result: Survey) -> str:
    """Return the headings with their content, as HTML."""
    rows = [
        ("Title and abstract", _abstract(result)),
        ("Setting", _setting(result)),
        ("Participants and sampling", f"{COUNTED[result.unit]}. How places and times were chosen: {BLANK}"),
        ("Variables and definitions", result.definition),
        ("Measurement", _measurement(result)),
        ("Bias", _bias(result)),
        (
            "Study size",
            f"{sum(group.estimate.faces for group in result.groups):,} seen. Why so many: {BLANK}",
        ),
        ("Statistical methods", _methods(result)),
        ("Main results, with intervals", "Sections Result and Shares."),
        ("Other analyses", "Section Bounds and sensitivity."),
        ("Limitations", f"{CAUTION[result.unit]} {_limits(result)}"),
        ("Generalisability", _general(result)),
        ("Ethics", f"No person is identified, and no face is kept by this survey. Approval: {BLANK}"),
        ("Funding", BLANK),
        ("Software", f"crowdmask {crowdmask.__version__}, seed {result.seed}."),
    ]
    return "".join(f"<h3>{escape(head)}</h3><p>{escape(text)}</p>" for head, text in rows)


def _abstract(result: Survey) -> str:
    if len(result.groups) == 1:
        return sentence(result, result.groups[0])
    return f"Share of face masks in {len(result.groups)} groups; see Result."


def _setting(result: Survey) -> str:
    begins = [group.begins for group in result.groups if group.begins is not None]
    ends = [group.ends for group in result.groups if group.ends is not None]
    when = f"{min(begins)} to {max(ends)} ({result.timezone or 'local clock'})" if begins and ends else BLANK
    return f"When: {when}. Where: {BLANK}"


def _measurement(result: Survey) -> str:
    model = f"detector {result.model or BLANK}, file {result.model_hash or 'not stated in the records'}"
    if result.rates is None:
        return f"{model}; its error rates are not known."
    measured = f"{result.rates.photos} annotated photos ({result.rates.measured_on})"
    return f"{model}; error rates measured on {measured}."


def _bias(result: Survey) -> str:
    if not result.corrections:
        return "No correction: masked and bare faces are not found equally often, and labels are confused."
    return "Corrected: " + "; ".join(_CORRECTED[each] for each in result.corrections) + "."


def _methods(result: Survey) -> str:
    if result.target == "place":
        sampling = (
            "Clusters were drawn anew within strata (Rao and Wu 1988), with weights; ends widened "
            "by Student's t"
        )
    else:
        sampling = (
            "The people of these very photos are the target; the number and labels of those missed "
            "or mislabelled "
            "were drawn, photo by photo more variable than independent faces"
        )
    return (
        f"95 % intervals are quantiles of draws. {sampling}. The error rates were drawn anew each "
        f"time from the "
        "photos they were measured on (Bayesian bootstrap of photos), and differ by kind of photo."
    )


def _limits(result: Survey) -> str:
    told = (
        "Faces turned away, hidden or under 8 px are not counted. People near in time at the same "
        "place are not "
        "told apart."
    )
    if result.unit != "face":
        told += " Cameras are not added up to people. Minutes without frames count for nobody."
    return told


def _general(result: Survey) -> str:
    if result.target == "place":
        return f"To the places and times that the clusters were drawn from. {BLANK}"
    return (
        "None: the figures are about these very photos or recordings alone, not the place or time they show."
    )
