"""Convert counts of detections to expected counts of people, using a detector's error rates.

There are three optional corrections: a detection counts as the share of detections of its cell that were
faces (confidence); labels are corrected by the confusion matrix (confusion); and for each face found of a
label and width, the expected missed ones are added (recall).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crowdmask.survey.cells import N_CONFIDENCES, N_LABELS, N_WIDTHS, SHOWN, Floats
from crowdmask.survey.rates import NO_FACE

CONFIDENCE, CONFUSION, RECALL = "confidence", "confusion", "recall"
CORRECTIONS = (CONFIDENCE, CONFUSION, RECALL)

# Chosen on `val` alone, with rates from one half and groups from the other (benchmarks/survey_coverage.py).
# Number of missed faces by which all labels of a width are taken to be missed equally often: the labels come
# from different kinds of photos, so their difference rests on few independent photos.
_ALIKE = 32.0
_MISS_STEPS = 8
# Number of detections, with the share of all labels, that is added to each cell: the share of a cell with one
# detection would be 0 or 1.
_PRIOR_DETECTIONS = 20.0
# Number of right and wrong answers that is added to each label of the confusion matrix.
_PRIOR_RIGHT, _PRIOR_WRONG = 0.55, 0.05
# Number of people that is added to each label before its share is computed: an unseen label is not
# impossible.
_PRIOR_SHARE = 0.1
_EM_STEPS = 40


@dataclass(frozen=True, eq=False)
class Factors:
    """The rates as correction factors; each may have leading axes of draws.

    Attributes:
        face: (..., 3, 4, 6): share of a cell's detections that are faces; 0 below the floor.
        confusion: (..., 3, 3): share of each true label (row) that is predicted as each label (column).
        missed: (..., 3, 4): number of missed faces for each one found, by true label and width.
    """

    face: Floats
    confusion: Floats
    missed: Floats


@dataclass(frozen=True, eq=False)
class Corrected:
    """Expected counts; each may have leading axes of draws.

    Attributes:
        found: (..., 3, 4): the faces that were found, by true label and width.
        missed: (..., 3, 4): the faces that were missed.
        truth: (..., 3, 3): share of each predicted label (column) that truly is each label (row).
    """

    found: Floats
    missed: Floats
    truth: Floats

    @cached_property
    def people(self) -> Floats:
        """All faces by true label, (..., 3)."""
        return (self.found + self.missed).sum(axis=-1)


def factors(
    found: Floats,
    missed: Floats,
    floor: int,
    corrections: tuple[str, ...] = CORRECTIONS,
    prior: NDArray[np.float64] | float = 1.0,
    hits: Floats | None = None,
    alike: Floats | None = None,
) -> Factors:
    """Turn counts into correction factors.

    Args:
        found, missed: (..., 4, 3, 4, 6 - floor) and (..., 3, 4), added over photos.
        floor: the first confidence class that is counted.
        corrections: the corrections to make; the factors of the others do not change counts.
        prior: (...) or one number: weight of the rate of all labels in cells with few faces.
        hits: (..., 3, 4) found faces, on the scale of `missed`; None: those of `found`.
        alike: (..., 3) how often each label is missed, relative to all labels, if nothing is known of it;
            None: 1.
    """
    faces = found[..., :NO_FACE, :, :, :]
    if hits is None:
        hits = faces.sum(axis=(-3, -1))
    lead = found.shape[:-4]
    weight = np.broadcast_to(np.asarray(prior, np.float64), lead)[..., None, None]
    face = _face_shares(faces.sum(axis=-4), found.sum(axis=-4), weight[..., None])
    if CONFIDENCE not in corrections:
        # Without it only shown detections count, each as one face.
        face = np.zeros_like(face)
        face[..., max(SHOWN - floor, 0) :] = 1.0
    shown = np.zeros((*lead, N_LABELS, N_WIDTHS, N_CONFIDENCES))
    shown[..., floor:] = face
    confusion = np.broadcast_to(np.eye(N_LABELS), (*lead, N_LABELS, N_LABELS)).copy()
    if CONFUSION in corrections:
        confusion = faces.sum(axis=(-2, -1)) + weight * (
            _PRIOR_WRONG + (_PRIOR_RIGHT - _PRIOR_WRONG) * np.eye(N_LABELS)
        )
        confusion = confusion / confusion.sum(axis=-1, keepdims=True)
    odds = np.zeros((*lead, N_LABELS, N_WIDTHS))
    if RECALL in corrections:
        odds = _miss_odds(hits, missed, np.ones((*lead, N_LABELS)) if alike is None else alike)
    return Factors(shown, confusion, odds)


def correct(detections: Floats, given: Factors) -> Corrected:
    """Correct counts of detections.

    Args:
        detections: (..., 3, 4, 6) by predicted label, width and confidence.
        given: the factors, with the same leading axes or none.
    """
    faces = (detections * given.face).sum(axis=-1)
    truth = _truth_of_said(faces.sum(axis=-1), given.confusion)
    found = truth @ faces
    return Corrected(found, found * given.missed, truth)


def correct_photos(detections: Floats, given: Factors, truth: Floats) -> tuple[Floats, Floats, Floats]:
    """Correct each photo's counts with the label correction of the whole group.

    Args:
        detections: (P, 3, 4, 6).
        given: factors without draws.
        truth: (3, 3) of `correct` for the group.
    Returns:
        Expected faces found and missed, and the variance of those found (each is a face or not), each (P, 3)
        by
        true label.
    """
    faces = (detections * given.face).sum(axis=-1)
    doubt = (detections * given.face * (1 - given.face)).sum(axis=(-2, -1))
    found = np.einsum("ts,psw->ptw", truth, faces)
    return found.sum(axis=-1), (found * given.missed).sum(axis=-1), doubt @ truth.T


def _face_shares(faces: Floats, all_: Floats, weight: Floats) -> Floats:
    pooled = (faces.sum(axis=-3) + 1) / (all_.sum(axis=-3) + 1.2)
    extra = _PRIOR_DETECTIONS * weight
    return (faces + extra * pooled[..., None, :, :]) / (all_ + extra)


def _miss_odds(hits: Floats, missed: Floats, alike: Floats) -> Floats:
    """Return the number of missed faces for each one found, (..., 3, 4): of the width, times of the label.

    Both factors are found alternately. That of a label is pulled toward `alike` as if `_ALIKE` more faces
    had been missed in that proportion (partial pooling with a gamma prior).

    Source: Clayton and Kaldor, Empirical Bayes estimates of age-standardized relative risks (1987).
    """
    of_label = np.broadcast_to(alike, (*missed.shape[:-2], N_LABELS))
    of_width = np.zeros((*missed.shape[:-2], N_WIDTHS))
    for _ in range(_MISS_STEPS):
        exposed = (hits * of_label[..., None]).sum(axis=-2)
        of_width = (missed.sum(axis=-2) + 0.5) / (exposed + 1)
        expected = (hits * of_width[..., None, :]).sum(axis=-1)
        of_label = (missed.sum(axis=-1) + _ALIKE * alike) / (expected + _ALIKE)
    return of_label[..., None] * of_width[..., None, :]


def _truth_of_said(said: Floats, confusion: Floats) -> Floats:
    """Return the true labels of each predicted label, (..., 3, 3), by expectation-maximisation.

    The shares of the true labels in the group are unknown and differ from those where the confusion was
    measured, so both are estimated alternately. Unlike with an inverted matrix, no share becomes negative.

    Source: Saerens, Latinne and Decaestecker, Adjusting the outputs of a classifier to new a priori
        probabilities (2002), equations 2.3 and 2.4, here on labels instead of confidences.
    """
    share = said + 0.1
    share = share / share.sum(axis=-1, keepdims=True)
    truth = np.zeros((*said.shape[:-1], N_LABELS, N_LABELS))
    for _ in range(_EM_STEPS):
        joint = share[..., :, None] * confusion
        truth = joint / joint.sum(axis=-2, keepdims=True)
        expected = (truth * said[..., None, :]).sum(axis=-1) + _PRIOR_SHARE
        share = expected / expected.sum(axis=-1, keepdims=True)
    return truth
