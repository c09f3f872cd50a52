"""Estimate a group from an audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from crowdmask.errors import DataError, UsageError
from crowdmask.labels import LABELS, MASK_WORN_INCORRECT, WITHOUT_MASK
from crowdmask.survey.audit.agreement import agreement
from crowdmask.survey.audit.answers import CANNOT_TELL, CHIN, AuditedPhoto, read_answers
from crowdmask.survey.audit.draw import FEWEST_PHOTOS
from crowdmask.survey.audit.errors import expected_errors
from crowdmask.survey.audit.figures import combined_figures, labelled_figures
from crowdmask.survey.audit.inference import (
    Audited,
    estimate_labelled,
    estimate_place,
)
from crowdmask.survey.audit.moments import MOMENT_S, audited_moments, look_of, split_name
from crowdmask.survey.cells import LEAST_WIDTH_PX, SHOWN, Floats
from crowdmask.survey.estimate import PHOTOS, Estimate
from crowdmask.survey.grouping import Clusters, Group
from crowdmask.survey.place import FEWEST
from crowdmask.survey.quantify import CORRECTIONS
from crowdmask.survey.shares import FIGURES, Figure
from crowdmask.survey.sightings import PASSAGE, Sightings, sort_faces
from crowdmask.survey.uncertainty import DRAWS, Knowledge

INCORRECT, NONE = "incorrect", "none"
CHIN_MASKS = (INCORRECT, NONE)
_BASIS = "the figures rest on them, whatever the model's rates"
_NO_PASSAGES = "an audit tells of person-time: passages rest on the rates of the model"


@dataclass(frozen=True, eq=False)
class Audit:
    """The labelled photos of a survey.

    Attributes:
        photos: by source.
        counts: (3,) people by label, and the number of undecided ones, by source.
        notes: the agreement, and what was left out.
        as_measured: whether the labels mean what they mean in the model's rates.
    """

    photos: dict[str, AuditedPhoto]
    counts: dict[str, tuple[Floats, int]]
    notes: tuple[str, ...]
    as_measured: bool


def read_audit(paths: Sequence[str], chin_mask: str, sources: Sequence[str]) -> Audit:
    """Read one or two people's answers; the first one's are used, the second one's only show the agreement.

    Args:
        paths: one or two files.
        chin_mask: how a mask under the chin counts, one of `CHIN_MASKS`.
        sources: the surveyed sources.
    Raises:
        UsageError: more than two files.
        DataError: a file contains no answers, or none for these photos.
    """
    if len(paths) > 2:
        raise UsageError(f"`answers` takes one or two people's files, not {len(paths)}")
    all_ = [read_answers(path) for path in paths]
    first = all_[0]
    notes = [agreement(first, all_[1]).sentence()] if len(all_) == 2 else []
    known = set(sources)
    photos = {photo.source: photo for photo in first.photos if split_name(photo.source)[0] in known}
    if not photos:
        raise DataError(f"{first.name}: none of its finished photos is among those surveyed")
    strange = len(first.photos) - len(photos)
    if strange:
        notes.append(f"{strange} labelled photos are not among those surveyed and were left out")
    if first.unfinished:
        notes.append(
            f"{first.unfinished} photos of the audit are not finished: where these are the hard "
            f"ones, the figures are biased"
        )
    counts = {name: _count(photo, chin_mask) for name, photo in photos.items()}
    return Audit(photos, counts, tuple(notes), chin_mask == INCORRECT)


def apply_audit(
    seen: Sightings,
    group: Group,
    clusters: Clusters,
    known: Knowledge | None,
    target: str,
    audit: Audit,
    before: Estimate,
) -> Estimate:
    """Return the estimate of a group based on its labelled photos.

    Args:
        seen, group, clusters, known, target: as of `estimate_group`.
        audit: the labelled photos.
        before: the estimate with the shipped rates; its raw figures stay.
    """
    looks = np.flatnonzero(group.looks)
    mine = _labelled(seen, looks, audit)
    if note := _why_not_audited(group, len(mine)):
        return replace(before, notes=(*before.notes, note))
    if seen.unit == PASSAGE:
        return replace(before, notes=(*before.notes, _NO_PASSAGES))
    predicted, errors = _predicted(seen, group, known)
    agrees = audit.as_measured and _corrects_all(known)
    audited, row_looks = _audited(seen, looks, predicted, errors if agrees else None, audit, mine)
    unit_s, what = (MOMENT_S, "frames") if seen.is_video else (1.0, "photos")
    notes = [*_kept(before.notes), *audit.notes]
    labelled = int(audited.truth.sum())
    notes.append(f"{len(mine)} {what} with {labelled} faces were labelled by a person: {_BASIS}")
    untold = sum(audit.counts[source][1] for source in mine)
    if untold:
        notes.append(f"of {untold} faces the labeller could not tell: they are not judged")
    random = np.random.default_rng([0 if known is None else known.seed, 9, group.seed])
    freedom, draws = len(mine) - 1, DRAWS if known is None else known.draws
    if target == PHOTOS:
        people, as_labelled = estimate_labelled(audited)
        figures, told_of_rates = combined_figures(before.figures, as_labelled, agrees, random, draws)
        notes += told_of_rates
    else:
        names = [clusters.names[look] for look in row_looks]
        people, found, freedom = estimate_place(audited, names, clusters.stratum, clusters.weight)
        if freedom < FEWEST - 1:
            notes.append(f"a figure for the place needs at least {FEWEST} clusters")
        figures = labelled_figures(before.figures, found, random, draws)
    told = untold / max(labelled + untold, 1)
    total = float(people.sum()) * unit_s
    return replace(
        before,
        people=total,
        figures=figures,
        not_judged=told * total,
        notes=tuple(notes),
        bounds={name: _bounds(figures[name], told) for name in FIGURES},
        freedom=freedom,
    )


def _labelled(seen: Sightings, looks: NDArray[np.intp], audit: Audit) -> dict[str, int]:
    """Return the labelled photos or moments of a group, each with the row of its look."""
    row = {int(look): number for number, look in enumerate(looks)}
    if not seen.is_video:
        place = {seen.sources[seen.source[look]]: number for look, number in row.items()}
        return {source: place[source] for source in audit.photos if source in place}
    found = {}
    for name in audit.photos:
        source, time_s = split_name(name)
        look = None if time_s is None else look_of(seen, source, time_s)
        if look in row:
            found[name] = row[look]
    return found


def _audited(
    seen: Sightings,
    looks: NDArray[np.intp],
    predicted: Floats,
    errors: Floats | None,
    audit: Audit,
    mine: dict[str, int],
) -> tuple[Audited, NDArray[np.intp]]:
    """Return the labelled photos or moments beside what the model expects, and the look of each row."""
    rows = [(row, audit.counts[source][0], audit.photos[source].probability) for source, row in mine.items()]
    if seen.is_video:
        return audited_moments(predicted, looks, seen, rows)
    at, chance = np.array([row for row, _, _ in rows]), np.array([each for _, _, each in rows])
    return Audited(predicted, at, np.stack([people for _, people, _ in rows]), chance, errors), looks


def _why_not_audited(group: Group, labelled: int) -> str:
    """Return why a group still uses the model's rates; empty if its labelled photos replace them."""
    if labelled < FEWEST_PHOTOS:
        return (
            f"only {labelled} labelled photos are in this group: its figures rest on the rates of the model"
        )
    if group.faces is not None:
        return (
            "an audit is of whole photos: this group is a part of their faces, and rests on the model's rates"
        )
    return ""


def _predicted(seen: Sightings, group: Group, known: Knowledge | None) -> tuple[Floats, Floats | None]:
    """Return what `expected_errors` does of each look; without rates the faces shown, and None."""
    edges = seen.edges if known is None else known.rates.edges
    cells = sort_faces(seen, group.looks, None, edges, 0 if known is None else known.floor)
    if known is None:
        return cells.known[..., SHOWN:].sum(axis=(2, 3)), None
    return expected_errors(cells.known, known)


def _count(photo: AuditedPhoto, chin_mask: str) -> tuple[Floats, int]:
    counts, untold = np.zeros(len(LABELS)), 0
    for box, answer in zip(photo.boxes, photo.answers, strict=True):
        if box[2] - box[0] < LEAST_WIDTH_PX:
            continue
        if answer == CANNOT_TELL:
            untold += 1
        elif answer == CHIN:
            counts[WITHOUT_MASK if chin_mask == NONE else MASK_WORN_INCORRECT] += 1
        else:
            counts[LABELS.index(answer)] += 1
    return counts, untold


def _corrects_all(known: Knowledge | None) -> bool:
    """Return whether the shipped rates give all that they know: otherwise their draws are too narrow."""
    return known is not None and set(known.corrections) == set(CORRECTIONS)


def _bounds(figure: Figure, untold: float) -> tuple[float, float] | None:
    if figure.share is None:
        return None
    return figure.share * (1 - untold), figure.share * (1 - untold) + untold


def _kept(notes: Sequence[str]) -> list[str]:
    """Remove notes about the shipped rates, which the audit replaces."""
    return [note for note in notes if "interval was" not in note and "no error rates" not in note]
