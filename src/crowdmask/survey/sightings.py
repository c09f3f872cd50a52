"""Sightings: what was observed and which faces were seen, in columns; the common form of all sources."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from crowdmask.survey.breaks import NearEnds
from crowdmask.survey.cells import (
    N_CONFIDENCES,
    N_LABELS,
    N_WIDTHS,
    SHOWN,
    Floats,
    confidence_class,
    confidence_edges,
    width_class,
)

FACE, PASSAGE, PERSON_TIME = "face", "passage", "person-time"
UNITS = (FACE, PASSAGE, PERSON_TIME)
UNKNOWN = N_LABELS
"""The label of somebody who was seen without a known state."""

LOOK_S = 60.0
"""Length of a look in video, seconds; looks that are closer together are one cluster."""


@dataclass(frozen=True, eq=False)
class Sightings:
    """Looks (photos, or minutes of a video) and the faces in them.

    Attributes:
        unit: unit of the amounts, one of `UNITS`.
        sources: displayed names, each once.
        source: (L,) int32, index into `sources`, of each look.
        time_s: (L,) when it was taken, seconds since 1970 in local time; NaN: unknown.
        offset_s: (L,) seconds since the source's beginning; NaN for photos.
        observed_s: (L,) observed seconds; 0 for photos.
        gaps_s: (L,) seconds without observation.
        frames: (L,) number of photos or frames.
        look: (F,) int32, index of the look of each face.
        label: (F,) int8, index into `LABELS`, or `UNKNOWN`.
        width_px, confidence: (F,) float32; NaN: unknown.
        amount: (F,) float32: 1 for a face or passage, seconds for person-time.
        zones: names, and `zone`: (F,) int16, index into them, -1: in none.
        near_end: (F,) of passages: the ends of other tracks near their beginning; None: places are unknown.
        stay_s: of person-time: how long people stay in view; None: it is not known.
        model, model_hash: of the detector; None if the records do not state them.
        thresholds: (3,) its own, from which on faces are shown; None: records do not state them.
        problems: what could not be read, one line each.
    """

    unit: str
    sources: tuple[str, ...]
    source: NDArray[np.int32]
    time_s: Floats
    offset_s: Floats
    observed_s: Floats
    gaps_s: Floats
    frames: NDArray[np.int64]
    look: NDArray[np.int32]
    label: NDArray[np.int8]
    width_px: NDArray[np.float32]
    confidence: NDArray[np.float32]
    amount: NDArray[np.float32]
    zones: tuple[str, ...] = ()
    zone: NDArray[np.int16] | None = None
    near_end: NearEnds | None = None
    stay_s: float | None = None
    model: str | None = None
    model_hash: str | None = None
    thresholds: tuple[float, ...] | None = None
    problems: tuple[str, ...] = ()

    @property
    def looks(self) -> int:
        """The number of photos, or minutes of video."""
        return len(self.source)

    @property
    def is_video(self) -> bool:
        """Whether looks have a duration."""
        return self.unit != FACE

    @property
    def edges(self) -> Floats:
        """Lower limits of the model's confidence classes, (3, 6); thresholds unknown: every face is shown."""
        return confidence_edges(self.thresholds or (1e-9,) * N_LABELS)

    def with_times(self, time_s: Floats) -> Sightings:
        """Return a copy with other times of the looks."""
        return replace(self, time_s=time_s)

    def faces_of(self, looks: NDArray[np.bool_], faces: NDArray[np.bool_] | None = None) -> NDArray[np.intp]:
        """Return the faces in the marked looks, (L,), and in `faces`, (F,), if given."""
        mine = looks[self.look]
        return np.flatnonzero(mine if faces is None else mine & faces)


class Source(Protocol):
    """Anything from which sightings can be read: files of records, photos, a store."""

    def read(self) -> Sightings:
        """Read everything.

        Raises:
            CrowdmaskError: nothing can be read.
        """


@dataclass(frozen=True, eq=False)
class Cells:
    """The faces of some looks, counted in cells.

    Attributes:
        looks: (L',) indices of the looks.
        known: (L', 3, 4, 6) amounts by label, width and confidence.
        unjudged: (L',) amounts without a label.
        narrow: (3,) shown amounts that are too narrow for the survey, by label.
        no_width: (L', 3) amounts of unknown width, by label.
        shown: number of faces, faces in frames, or passages shown at the model's own thresholds.
    """

    looks: NDArray[np.intp]
    known: Floats
    unjudged: Floats
    narrow: Floats
    no_width: Floats
    shown: int

    @property
    def raw(self) -> Floats:
        """The amounts shown at the model's own thresholds, by label, (3,)."""
        return self.known[..., SHOWN:].sum(axis=(0, 2, 3)) + self.narrow + self.no_width.sum(axis=0)


def sort_faces(
    seen: Sightings, looks: NDArray[np.bool_], faces: NDArray[np.bool_] | None, edges: Floats, floor: int
) -> Cells:
    """Count the faces of some looks in cells.

    Args:
        seen: all sightings.
        looks: (L,) bool; looks to include.
        faces: (F,) bool; faces to include; None: all.
        edges: lower limits of the confidence classes, (3, 6).
        floor: the first class that counts.
    """
    chosen = np.flatnonzero(looks)
    place = np.full(seen.looks, -1)
    place[chosen] = np.arange(len(chosen))
    mine = seen.faces_of(looks, faces)
    judged = seen.label[mine] < N_LABELS
    rest = mine[~judged]
    unjudged = _added(place[seen.look[rest]], seen.amount[rest], len(chosen))
    mine = mine[judged]
    # Faces without a confidence were shown, and count as shown; so do faces that continue a track.
    sure = confidence_class(seen.label[mine], np.nan_to_num(seen.confidence[mine], nan=1.0), edges)
    if seen.is_video:
        sure = np.maximum(sure, SHOWN)
    mine, sure = mine[sure >= floor], sure[sure >= floor]
    at, label = place[seen.look[mine]], seen.label[mine].astype(np.int64)
    amount, width = seen.amount[mine], seen.width_px[mine]
    unsized = np.isnan(width)
    wide = width_class(width)
    small = ~unsized & (wide < 0) & (sure >= SHOWN)
    keep = wide >= 0
    shape = (len(chosen), N_LABELS, N_WIDTHS, N_CONFIDENCES)
    flat = np.ravel_multi_index((at[keep], label[keep], wide[keep], sure[keep]), shape)
    return Cells(
        looks=chosen,
        known=_added(flat, amount[keep], int(np.prod(shape))).reshape(shape),
        unjudged=unjudged,
        narrow=_added(label[small], amount[small], N_LABELS),
        no_width=_added(
            at[unsized] * N_LABELS + label[unsized], amount[unsized], len(chosen) * N_LABELS
        ).reshape(-1, N_LABELS),
        shown=int((sure >= SHOWN).sum()),
    )


def _added(at: NDArray[np.integer], amount: NDArray[np.float32], number: int) -> Floats:
    return np.bincount(at, amount, number).astype(np.float64)
