"""Combine counts, inspection and suspicions in one page."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crowdmask.data.statistics.appearance import SKIN_BANDS
from crowdmask.data.statistics.charts import histogram, stacked_bars
from crowdmask.data.statistics.checks import Finding, Kind
from crowdmask.data.statistics.counts import (
    FACE_WIDTHS,
    FACES_A_PHOTO,
    LONG_SIDES,
    SPLIT_ORDER,
    Counts,
    by_label,
    count,
)
from crowdmask.data.statistics.inspection import UNTOLD, Inspection, inspect_photos
from crowdmask.data.statistics.items import Items
from crowdmask.drawing import page as html
from crowdmask.drawing.palette import COLOURS, as_hex
from crowdmask.errors import OutputError
from crowdmask.files import whole_file
from crowdmask.labels import DISPLAY_NAMES, LABELS
from crowdmask.progress import Progress, silent

_NAMES = [DISPLAY_NAMES[label] for label in LABELS]
_COLOURS = {DISPLAY_NAMES[label]: as_hex(COLOURS[label]) for label in LABELS}
_MOST_NAMES = 40
_MOST_LINES = 200


@dataclass(frozen=True)
class Wish:
    """What the page contains.

    Attributes:
        sample: number of photos opened for light, skin tone and sample faces.
        most: maximum number of thumbnails of each kind of suspicion; the rest is counted.
        seed: random seed of the sample.
        model: name of the model that was compared, if any.
    """

    sample: int = 1000
    most: int = 60
    seed: int = 0
    model: str | None = None


def build_page(
    data: Items, suspicions: Sequence[Finding], wish: Wish, progress: Progress = silent
) -> tuple[str, Counter[Kind]]:
    """Return the page, and the number of suspicions of each kind.

    Args:
        suspicions: about the boxes, and from a model.
        progress: receives the number of opened photos.
    """
    counts = count([item.photo for item in data.items])
    shown = _first_of_each(suspicions, wish.most)
    looks = inspect_photos(data.items, shown, wish.sample, wish.seed, progress)
    everything = [*looks.findings, *suspicions]
    totals = Counter(finding.kind for finding in everything)
    sections = [
        ("overview", "Overview", _overview(data, counts, totals)),
        ("classes", "Classes", _classes(counts)),
        ("face-sizes", "Face sizes", _face_sizes(counts)),
        ("crowds", "Faces a photo", _crowds(counts)),
        ("sources", "Sources", _sources(counts)),
        ("licences", "Licences", _licences(counts)),
        ("resolution", "Resolution", _resolution(counts)),
        ("light", "Light", _light(looks)),
        ("skin", "Apparent skin tone", _skin(looks)),
        ("samples", "Sample faces", _samples(looks)),
        ("review", "To review", _review(data, looks, shown, totals, wish)),
    ]
    if data.problems:
        sections.append(("left-out", "Left out", _left_out(data.problems)))
    lead = html.paragraph(
        "What this data set is made of, and which annotations deserve a second look. The page shows faces: "
        "treat it as you treat the photos.",
        soft=True,
    )
    return html.page(f"Data set {data.name}", lead, sections), totals


def write_page(text: str, path: Path) -> None:
    """Write the page, completely or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            file.write(text.encode("utf-8", "xmlcharrefreplace"))
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def _first_of_each(findings: Iterable[Finding], most: int) -> list[Finding]:
    taken: Counter[Kind] = Counter()
    shown = []
    for finding in findings:
        if taken[finding.kind] < most:
            taken[finding.kind] += 1
            shown.append(finding)
    return shown


def _overview(data: Items, counts: Counts, totals: Counter[Kind]) -> str:
    figures = [
        (f"{counts.total:,}", "photos"),
        (f"{counts.annotated:,}", "annotated"),
        (f"{counts.reviewed:,}", "reviewed by a person"),
        (f"{counts.faces:,}", "faces"),
        (f"{counts.ignored:,}", "regions not judged"),
        (f"{len(counts.sources):,}", "sources"),
        (f"{sum(totals.values()):,}", "annotations to review"),
        (f"{len(data.problems):,}", "entries left out"),
    ]
    return html.cards(figures)


def _splits(counts: Counts) -> list[str]:
    return [split for split in SPLIT_ORDER if counts.photos[split]]


def _classes(counts: Counts) -> str:
    splits = _splits(counts)
    if not counts.faces:
        return html.paragraph("No face is annotated yet.")
    faces = {split: by_label(counts.classes.get(split, Counter())) for split in splits}
    parts = {name: [faces[split][n] for split in splits] for n, name in enumerate(_NAMES)}
    rows: list[list[object]] = [
        [split, counts.photos[split], *faces[split], sum(faces[split])] for split in splits
    ]
    whole = [sum(column) for column in zip(*faces.values(), strict=True)]
    rows.append(["all", counts.total, *whole, counts.faces])
    rows.append(["share", "", *(f"{number / counts.faces:.1%}" for number in whole), ""])
    return html.chart(
        stacked_bars(splits, parts, _COLOURS, "faces", flat=True), "Faces of each class by split"
    ) + html.table(["split", "photos", *_NAMES, "faces"], rows)


def _face_sizes(counts: Counts) -> str:
    names = [name for name, _ in FACE_WIDTHS]
    parts = {
        DISPLAY_NAMES[label]: [counts.face_widths.get(label, Counter())[name] for name in names]
        for label in LABELS
    }
    note = "Width of the box in pixels of the photo. A detector sees less where it scales the photo down."
    return html.chart(stacked_bars(names, parts, _COLOURS, "faces"), "Faces by width") + html.paragraph(
        note, True
    )


def _crowds(counts: Counts) -> str:
    names = [name for name, _ in FACES_A_PHOTO]
    values = [counts.faces_a_photo[name] for name in names]
    return html.chart(stacked_bars(names, {"photos": values}, {}, "photos"), "Photos by number of faces")


def _sources(counts: Counts) -> str:
    ordered = sorted(counts.sources.items(), key=lambda pair: (-pair[1]["photos"], pair[0]))
    shown = ordered[:_MOST_NAMES]
    values = [source["photos"] for _, source in shown]
    drawn = stacked_bars([name for name, _ in shown], {"photos": values}, {}, "photos", flat=True)
    rows = [[name, source["photos"], source["faces"], *by_label(source)] for name, source in ordered]
    return html.chart(drawn, "Photos by source") + html.table(["source", "photos", "faces", *_NAMES], rows)


def _licences(counts: Counts) -> str:
    rows = [
        [name, number, ", ".join(sorted(counts.licence_sources[name])[:_MOST_NAMES])]
        for name, number in counts.licences.most_common()
    ]
    return html.table(["licence, as its publisher states it", "photos", "sources"], rows, words=(0, 2))


def _resolution(counts: Counts) -> str:
    names = [name for name, _ in LONG_SIDES]
    values = [counts.long_sides[name] for name in names]
    drawn = stacked_bars(names, {"photos": values}, {}, "photos")
    return html.chart(drawn, "Photos by long side") + html.paragraph("Long side in pixels.", True)


def _light(looks: Inspection) -> str:
    if not looks.photo_light:
        return html.paragraph("No photo could be looked at.")
    parts: dict[str, Sequence[float]] = {"whole photos": looks.photo_light}
    parts |= {DISPLAY_NAMES[label]: looks.face_light[label] for label in LABELS if looks.face_light[label]}
    colours = {**_COLOURS, "whole photos": "#8a94a0"}
    drawn = histogram(parts, colours, np.arange(0, 101, 5), "median lightness L*")
    note = f"0 is black, 100 is white. Of {looks.opened:,} photos drawn at random, and the faces in them."
    return html.chart(drawn, "Lightness of photos and faces") + html.paragraph(note, True)


def _skin(looks: Inspection) -> str:
    names = [*SKIN_BANDS, UNTOLD]
    parts = {DISPLAY_NAMES[label]: [looks.skin[label][name] for name in names] for label in LABELS}
    if not any(sum(values) for values in parts.values()):
        return html.paragraph("No face could be looked at.")
    note = (
        "A proxy: the individual typology angle of the pixels that may be skin. Light, exposure and white "
        "balance move it as much as skin does, so a single value means little. It describes pixels, not "
        "people, and tells only whether the data leave out the dark or the light end."
    )
    return html.chart(stacked_bars(names, parts, _COLOURS, "faces"), "Apparent skin tone") + html.paragraph(
        note, True
    )


def _samples(looks: Inspection) -> str:
    if not looks.mosaics:
        return html.paragraph("No annotated face could be looked at.")
    return "".join(
        f"<h3>{DISPLAY_NAMES[label]}</h3>" + html.picture(sheet, f"Sample faces: {DISPLAY_NAMES[label]}")
        for label, sheet in looks.mosaics.items()
    )


def _review(
    data: Items, looks: Inspection, shown: Sequence[Finding], totals: Counter[Kind], wish: Wish
) -> str:
    if wish.model is None:
        asked = "No model was asked; `with_model` lists where ours is sure of something else."
    else:
        asked = f"The model {wish.model} was asked about every annotated photo."
    parts = [html.paragraph(f"These are suspicions: many boxes below may be right. {asked}", soft=True)]
    if not totals:
        return parts[0] + html.paragraph("Nothing looks suspicious.")
    groups: dict[Kind, list[Finding]] = defaultdict(list)
    for finding in (*_first_of_each(looks.findings, wish.most), *shown):
        groups[finding.kind].append(finding)
    parts.append(
        html.table(["what", "how many"], [[kind.value, totals[kind]] for kind in Kind if totals[kind]])
    )
    for kind in Kind:
        if not groups[kind]:
            continue
        parts.append(f"<h3>{kind.value}: {totals[kind]:,}</h3>")
        entries = [(looks.thumbnails.get(f), data.items[f.index].photo.photo, f.text) for f in groups[kind]]
        parts.append(html.review(entries))
        rest = totals[kind] - len(groups[kind])
        if rest:
            parts.append(html.paragraph(f"and {rest:,} more", soft=True))
    return "".join(parts)


def _left_out(problems: Sequence[str]) -> str:
    rest = len(problems) - _MOST_LINES
    more = html.paragraph(f"and {rest:,} more", soft=True) if rest > 0 else ""
    return html.lines(problems[:_MOST_LINES]) + more
