"""Estimate one group: people, shares, intervals, and notes about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np

from crowdmask.labels import LABELS
from crowdmask.survey.breaks import kept_parts
from crowdmask.survey.cells import N_CONFIDENCES, N_LABELS, SHOWN, Floats
from crowdmask.survey.grouping import Clusters, Group
from crowdmask.survey.outside import compare
from crowdmask.survey.place import FEW, FEWEST, draw_place, make_sample, widen
from crowdmask.survey.quantify import CONFIDENCE, CONFUSION, RECALL, Corrected, correct
from crowdmask.survey.rates import NO_FACE
from crowdmask.survey.shares import FIGURES, Figure, make_figures, parts
from crowdmask.survey.sightings import PASSAGE, PERSON_TIME, Cells, Sightings, sort_faces
from crowdmask.survey.uncertainty import USUAL_STAY_S, Knowledge, Watched, draw_people
from crowdmask.survey.words import percent

PHOTOS, PLACE = "photos", "place"
TARGETS = (PHOTOS, PLACE)

# Events come only from tracked faces, and smaller faces are rarely tracked.
_FOLLOWED_FROM = 1
# A model without known thresholds hardly shows faces under this confidence.
_FAINT = 0.1
_NO_CORRECTION = (
    "no correction was made: the interval is that of independent faces, all of them found, and too narrow"
)


@dataclass(frozen=True, eq=False)
class Estimate:
    """A survey's results for one group.

    Attributes:
        photos: number of photos or frames.
        faces: number of shown faces; in video, of passages, or of faces in all frames.
        people: corrected number of faces, passages or person-seconds; None if it cannot be estimated.
        figures: by name, see `crowdmask.survey.shares.FIGURES`.
        not_judged: number of people expected to have been missed, or seen without a label.
        clusters: number of independent parts.
        notes: information for the reader.
        bounds: minimum and maximum of each figure, if all unjudged people were of one kind or the other.
        sensitivity: share with a mask under other choices of corrections.
        cells: (3, 4) shown amounts by label and width, for the plots.
        left_out: amounts left out, by reason.
        freedom: degrees of freedom of the cluster sampling; None: nothing was sampled.
    """

    photos: int
    faces: int
    people: float | None
    figures: dict[str, Figure]
    not_judged: float
    clusters: int
    notes: tuple[str, ...]
    bounds: dict[str, tuple[float, float] | None] = field(default_factory=dict)
    sensitivity: dict[str, float] = field(default_factory=dict)
    cells: Floats = field(default_factory=lambda: np.zeros((3, 4)))
    left_out: dict[str, float] = field(default_factory=dict)
    freedom: int | None = None


def estimate_group(
    seen: Sightings, group: Group, clusters: Clusters, known: Knowledge | None, target: str
) -> Estimate:
    """Estimate one group.

    Args:
        seen: all sightings.
        group: the group to estimate.
        clusters: the looks that belong together.
        known: the rates; None: there are none for this model, so only raw figures.
        target: `PHOTOS` or `PLACE`.
    """
    edges = known.rates.edges if known is not None else seen.edges
    floor = known.floor if known is not None else 0
    cells = sort_faces(seen, group.looks, group.faces, edges, floor)
    notes: list[str] = []
    names = [clusters.names[look] for look in cells.looks]
    number = len({name for name in names if name})
    figures, best, freedom = None, None, None
    if not len(cells.looks):
        notes.append("nothing was looked at in this group: there is no figure")
    elif cells.shown == 0:
        notes.append("no face was found: there is no figure; an empty place has no share of masks")
    elif known is None:
        notes.append(
            "no error rates are known for this model: only the raw shares are given, which are "
            "biased, and whose "
            "intervals are too narrow; measure them (docs/survey.md) or audit (`audit`)"
        )
        notes += _thresholds_note(seen)
    else:
        figures, best, freedom = _corrected(seen, cells, names, clusters, known, target, notes, group)
    raw = cells.raw
    if figures is None:
        figures = make_figures(None, None, raw, cells.shown)
    unjudged = float(cells.unjudged.sum())
    missed = 0.0 if best is None else float(best.missed.sum())
    if unjudged > 0:
        notes.append(f"{percent(unjudged / (unjudged + float(raw.sum())))} of what was seen carries no label")
    return Estimate(
        photos=int(seen.frames[cells.looks].sum()),
        faces=cells.shown,
        people=None if best is None else float(best.people.sum()) + unjudged,
        figures=figures,
        not_judged=missed + unjudged,
        clusters=number,
        notes=tuple(notes),
        bounds={} if best is None else _bounds(best, unjudged),
        sensitivity={} if best is None or known is None else _sensitivity(cells, known, raw),
        cells=cells.known[..., SHOWN:].sum(axis=(0, 3)),
        left_out={
            "narrower than 8 px": float(cells.narrow.sum()),
            "without a label": unjudged,
            "expected to be missed": missed,
        },
        freedom=freedom,
    )


def _thresholds_note(seen: Sightings) -> list[str]:
    """Say that faint detections count as faces where the model's thresholds are not known."""
    faint = seen.thresholds is None and len(seen.confidence) > 0
    least = float(np.nan_to_num(seen.confidence, nan=1.0).min()) if faint else 1.0
    if least >= _FAINT:
        return []
    return [
        f"its thresholds are not known either: every detection counts as a face, from a confidence of "
        f"{least:.2f} on; make the records at the model's own thresholds"
    ]


def _why_no_figure(cells: Cells) -> str:
    """Return the note for a group whose faces cannot be counted."""
    seen_at_all = cells.narrow.sum() > 0
    why = (
        "all faces are narrower than 8 px" if seen_at_all else "faces were seen in single frames, for no time"
    )
    return f"{why}: there is no figure"


def _corrected(
    seen: Sightings,
    cells: Cells,
    names: list[str],
    clusters: Clusters,
    known: Knowledge,
    target: str,
    notes: list[str],
    group: Group,
) -> tuple[dict[str, Figure] | None, Corrected | None, int | None]:
    photos = cells.known + _by_usual_width(cells, known)
    if photos.sum() <= 0:
        notes.append(_why_no_figure(cells))
        return None, None, None
    if not known.corrections:
        notes.append(_NO_CORRECTION)
    likeness = compare(photos, float(cells.narrow.sum()), known, seen.is_video)
    scale = likeness.kind_scale
    notes += likeness.notes
    seed = group.seed
    kept, kept_draws = _kept_passages(seen, group, known, seed)
    photos *= kept[:, None, None]
    if seen.is_video:
        notes.append(_video_note(seen, kept))
    if cells.no_width.any():
        notes.append("events carry no width of faces: the usual widths of faces from 16 px on are assumed")
    raw, shown = cells.raw, cells.shown
    freedom: int | None = None
    watched, person = None, 1.0
    if seen.unit == PERSON_TIME:
        watched = Watched(seen.observed_s[cells.looks], seen.stay_s or USUAL_STAY_S)
        person = watched.moment_s
    if target == PHOTOS:
        best, draws = draw_people(photos, known, seed, watched, scale)
        figures = make_figures(best.people, draws * kept_draws, raw, shown, person=person)
    else:
        placed = _of_place(photos, names, clusters, known, seed, scale, notes, seen.is_video)
        if placed is None:
            notes.insert(0, notes.pop())  # why there is no figure
            return None, None, None
        best, draws, freedom = placed
        wide = partial(widen, freedom=freedom)
        figures = make_figures(best.people, draws * kept_draws, raw, shown, wide, person)
    refused = [name for name in FIGURES if figures[name].share is None]
    if refused:
        notes.append(
            f"too little was seen to tell {', '.join(refused)}: the interval would hold nearly everything"
        )
    return figures, best, freedom


def _of_place(
    photos: Floats,
    names: list[str],
    clusters: Clusters,
    known: Knowledge,
    seed: int,
    scale: float,
    notes: list[str],
    is_video: bool,
) -> tuple[Corrected, Floats, int] | None:
    """Return the counts of a place, their draws and degrees of freedom; None, with a note, without figure."""
    sample, told = make_sample(photos, names, clusters.stratum, clusters.weight)
    notes += told
    left = sum(not name for name in names)
    if left:
        notes.append(f"{left} photos or minutes have no cluster in the table and were left out")
    if sample.clusters < FEWEST or sample.freedom < 1:
        notes.append(
            f"{sample.clusters} clusters: a figure for the place needs at least {FEWEST}; "
            f"the target photos tells of these photos alone"
        )
        return None
    if sample.clusters < FEW:
        notes.append(f"only {sample.clusters} clusters: under {FEW} the interval is itself uncertain")
    best, draws = draw_place(sample, known, seed, scale, is_video)
    if best.people.sum() <= 0:
        notes.append("no face was found in the clusters of the table: there is no figure")
        return None
    return best, draws, sample.freedom


def _by_usual_width(cells: Cells, known: Knowledge) -> Floats:
    """Distribute faces of unknown width over the widths from 16 px, like the measured ones."""
    found, _ = known.rates.from_floor(SHOWN)
    usual = found[:, :NO_FACE].sum(axis=(0, 1, 2, 4))[_FOLLOWED_FROM:]
    spread = np.zeros_like(cells.known)
    part = usual / max(float(usual.sum()), 1.0)
    spread[:, :, _FOLLOWED_FROM:, N_CONFIDENCES - 1] = cells.no_width[:, :, None] * part
    return spread


def _kept_passages(seen: Sightings, group: Group, known: Knowledge, seed: int) -> tuple[Floats, Floats]:
    """Return the part of each label's tracks that begin a passage, (3,), and relative draws, (draws, 3)."""
    if seen.near_end is None or not known.corrections:
        return np.ones(N_LABELS), np.ones((known.draws, N_LABELS))
    mine = seen.faces_of(group.looks, group.faces)
    mine = mine[seen.label[mine] < N_LABELS]
    random = np.random.default_rng([known.seed, 4, seed])
    kept, draws = kept_parts(seen.label[mine], seen.near_end.of(mine), known.draws, random)
    return kept, draws / kept


def _video_note(seen: Sightings, kept: Floats) -> str:
    if seen.unit == PASSAGE:
        told = (
            "passages are corrected for confused labels, not for recall: who is missed in one frame is "
            "found in another"
        )
        if seen.near_end is None:
            return (
                f"{told}; a track that breaks counts twice: frames' records of track would tell how many do"
            )
        where = "ago" if np.isnan(seen.width_px).all() else "before near there"
        parts = ", ".join(f"{percent(1 - part)} of {label}" for label, part in zip(LABELS, kept, strict=True))
        return f"{told}; tracks that go on with one that broke shortly {where} are taken out: {parts}"
    return "the error rates were measured on photos, not on video: the interval was widened"


def _bounds(best: Corrected, unjudged: float) -> dict[str, tuple[float, float] | None]:
    found = best.found.sum(axis=-1)
    rest = float(best.missed.sum()) + unjudged
    bounds: dict[str, tuple[float, float] | None] = {}
    for name in FIGURES:
        ends = []
        for label in range(len(found)):
            people = found.copy()
            people[label] += rest
            part, whole = (float(value) for value in parts(name, people))
            if whole > 0:
                ends.append(part / whole)
        bounds[name] = (min(ends), max(ends)) if ends else None
    return bounds


def _sensitivity(cells: Cells, known: Knowledge, raw: Floats) -> dict[str, float]:
    """Return the share with a mask under other choices of corrections."""
    total = cells.known.sum(axis=0) + _by_usual_width(cells, known).sum(axis=0)
    shares = {"none (raw)": float(raw[0] / raw.sum())} if raw.sum() else {}
    for corrections in (
        (CONFIDENCE,),
        (CONFIDENCE, CONFUSION),
        (CONFUSION, RECALL),
        (CONFIDENCE, CONFUSION, RECALL),
    ):
        other = Knowledge(known.rates, known.floor, corrections)
        people = correct(total, other.best).people
        if people.sum() > 0:
            shares[" and ".join(corrections)] = float(people[0] / people.sum())
    return shares
