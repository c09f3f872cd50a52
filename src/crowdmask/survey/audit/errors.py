"""How much the model's error in each photo varies, as its rates expect."""

from __future__ import annotations

import numpy as np

from crowdmask.survey.cells import N_LABELS, Floats
from crowdmask.survey.quantify import correct, correct_photos
from crowdmask.survey.uncertainty import LABEL_EXCESS, Knowledge

# A photo without doubt has the mixture of labels of the others.
_NO_DOUBT = 0.05


def expected_errors(photos: Floats, known: Knowledge) -> tuple[Floats, Floats]:
    """Return the people that the model expects in each photo, and how its error varies.

    Args:
        photos: (P, 3, 4, 6) detections of each photo of a group.
        known: the rates.
    Returns:
        (P, 3) people by label, and (P, 3, 3) covariance of their error: of missed and false faces as it grows
        with the faces in doubt (`Knowledge.spread`), and of confused labels.
    """
    truth = correct(photos.sum(axis=0), known.best).truth
    found, missed, variance = correct_photos(photos, known.best, truth)
    doubt = missed + variance
    size, total = doubt.sum(axis=1), doubt.sum(axis=0)
    usual = total / max(float(total.sum()), 1e-9)
    shares = np.where((size > _NO_DOUBT)[:, None], doubt / np.maximum(size, _NO_DOUBT)[:, None], usual)
    spread = known.spread @ np.stack([np.ones_like(size), size, size**2])
    errors: Floats = (spread[:, None] * shares)[:, :, None] * np.eye(N_LABELS)
    said = (photos * known.best.face).sum(axis=(-2, -1))
    for label in range(N_LABELS):
        true = truth[:, label]
        errors += LABEL_EXCESS * said[:, label, None, None] * (np.diag(true) - np.outer(true, true))
    return found + missed, errors
