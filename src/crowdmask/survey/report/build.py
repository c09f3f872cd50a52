"""Build a survey's report."""

from __future__ import annotations

from html import escape

import crowdmask
from crowdmask.drawing import page
from crowdmask.labels import DISPLAY_NAMES, LABELS
from crowdmask.survey.cells import N_WIDTHS, describe_width
from crowdmask.survey.report.charts import COLOURS, Point, intervals, over_time, stacks
from crowdmask.survey.report.strobe import strobe
from crowdmask.survey.run import GroupResult, Survey
from crowdmask.survey.sentences import difference_sentence, sentence
from crowdmask.survey.shares import Figure
from crowdmask.survey.words import percent, span

_MOST_ROWS = 60
_NAMES = {label: DISPLAY_NAMES[label] for label in LABELS}


def build_report(result: Survey) -> str:
    """Return the page as HTML."""
    sections = [
        ("result", "Result", _result(result)),
        ("shares", "Shares and their intervals", _shares(result)),
        ("comparisons", "Comparisons", _comparisons(result)),
        ("faces", "Sizes of faces, and what was left out", _faces(result)),
        ("sensitivity", "Bounds and sensitivity", _sensitivity(result)),
        ("methods", "For a publication (STROBE)", strobe(result)),
        ("notes", "Notes and problems", _notes(result)),
    ]
    lead = page.paragraph(
        f"{len(result.groups)} group{'' if len(result.groups) == 1 else 's'}, unit: {result.unit}, "
        f"target: {result.target}. crowdmask {crowdmask.__version__}, model {result.model or 'not stated'} "
        f"({result.model_hash or 'no hash in the records'}), seed {result.seed}.",
        soft=True,
    )
    return page.page("Survey of face masks", lead, [section for section in sections if section[2]])


def point(figure: Figure) -> Point:
    """Return a figure as a point of a plot."""
    low, high = figure.interval or (None, None)
    return Point(figure.share, low, high, figure.raw_share)


def _result(result: Survey) -> str:
    parts = []
    if len(result.groups) == 1:
        figures = result.groups[0].estimate.figures
        parts.append(page.cards((_card(figures[label]), _NAMES[label]) for label in LABELS))
    for group in result.groups[:_MOST_ROWS]:
        name = "" if len(result.groups) == 1 else f"<b>{escape(group.name)}</b>: "
        parts.append(f"<p>{name}{escape(sentence(result, group))}</p>")
    parts.append(_more(result))
    parts.append(page.paragraph(f"What is counted: {result.definition}.", soft=True))
    return "".join(parts)


def _card(figure: Figure) -> str:
    if figure.share is None or figure.interval is None:
        return "no figure"
    return f"{percent(figure.share)} ({span(*figure.interval)})"


def _shares(result: Survey) -> str:
    parts = []
    by_time = all(group.begins is not None for group in result.groups) and len(result.groups) > 2
    for label in LABELS:
        rows = [(group.name, point(group.estimate.figures[label])) for group in result.groups]
        title = f"{_NAMES[label]}, share of those counted"
        parts.append(f"<h3>{escape(_NAMES[label])}</h3>")
        if by_time:
            parts.append(page.chart(over_time(rows, COLOURS[label], f"{title}, over time"), title))
        else:
            parts.append(page.chart(intervals(rows[:_MOST_ROWS], COLOURS[label], title), title))
    parts.append(
        page.paragraph(
            "Full marks: corrected shares with 95 % intervals. Hollow marks: raw shares of the detections.",
            soft=True,
        )
    )
    heads = ["group", "looked at", "seen", "people", *(_NAMES[label] for label in LABELS), "raw: mask"]
    parts.append(page.table(heads, [_row(group) for group in result.groups[:_MOST_ROWS]]))
    parts.append(_more(result))
    return "".join(parts)


def _row(group: GroupResult) -> list[object]:
    estimate = group.estimate
    people = "–" if estimate.people is None else f"{estimate.people:,.1f}"
    cells = [_card(estimate.figures[label]) for label in LABELS]
    raw = estimate.figures["with_mask"].raw_share
    return [
        group.name, estimate.photos, estimate.faces, people, *cells, "–" if raw is None else percent(raw)
    ]  # fmt: skip


def _more(result: Survey) -> str:
    rest = len(result.groups) - _MOST_ROWS
    if rest <= 0:
        return ""
    return page.paragraph(f"{rest} more groups are in the records (JSON or CSV).", soft=True)


def _comparisons(result: Survey) -> str:
    if not result.comparisons:
        return ""
    told = page.paragraph(
        "A difference is called one where its chance, adjusted for all comparisons of a figure made "
        "here (Holm), "
        "is under 5 %. It says that two groups differ, not why.",
        soft=True,
    )
    return page.lines(difference_sentence(each) for each in result.comparisons) + told


def _faces(result: Survey) -> str:
    total = sum(group.estimate.cells for group in result.groups)
    rows = [
        (
            describe_width(index),
            {label: float(total[number, index]) for number, label in enumerate(LABELS)},  # type: ignore[index]
        )
        for index in range(N_WIDTHS)
    ]
    unit = {"face": "faces seen", "passage": "passages seen"}.get(result.unit, "seconds seen")
    left: dict[str, float] = {}
    for group in result.groups:
        for why, number in group.estimate.left_out.items():
            left[why] = left.get(why, 0.0) + number
    gaps = sum(group.gaps_s or 0.0 for group in result.groups)
    body = page.chart(stacks(rows, _NAMES, f"{unit}, by width of the face"), "sizes of faces")
    table = [[why, f"{number:,.1f}"] for why, number in left.items()]
    table.append(["seconds in which nothing was looked at", f"{gaps:,.1f}"])
    return body + page.table(["left out", unit.split()[0]], table)


def _sensitivity(result: Survey) -> str:
    parts = [
        page.paragraph(
            "Bounds: were all who are not judged (expected to have been missed, or without a label) "
            "of the one "
            "or the other kind. Sensitivity: the share with a mask under other corrections than the "
            "stated ones."
        )
    ]
    rows, others = [], []
    for group in result.groups[:_MOST_ROWS]:
        bounds = group.estimate.bounds.get("with_mask")
        if bounds is None:
            continue
        rows.append([group.name, f"{group.estimate.not_judged:,.1f}", span(*bounds)])
        others.append([group.name, *(percent(value, 1) for value in group.estimate.sensitivity.values())])
    if not rows:
        return ""
    names = list(next(group.estimate.sensitivity for group in result.groups if group.estimate.sensitivity))
    parts.append(page.table(["group", "not judged", "bounds of the share with a mask"], rows))
    parts.append(page.table(["group", *names], others))
    return "".join(parts)


def _notes(result: Survey) -> str:
    lines = [f"{group.name}: {note}" for group in result.groups for note in group.estimate.notes]
    lines += [f"not read: {problem}" for problem in result.problems]
    return page.lines(lines[:500]) if lines else page.paragraph("None.")
