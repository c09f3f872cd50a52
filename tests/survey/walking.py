"""People who cross a picture, and whose tracks break; the truth is known since it is made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crowdmask.survey.breaks import Tracks

WIDTH_PX, STAY_S, SECONDS = 1920.0, 12.0, 600.0


def walk(
    random: np.random.Generator,
    people: int,
    breaks_a_second: tuple[float, float],
    gap_s: float = 0.8,
    *,
    uneven: float = 0.0,
    standing: float = 0.0,
    like_gaps: bool = False,
) -> tuple[Tracks, NDArray[np.int64], NDArray[np.bool_]]:
    """Return tracks, their labels, and which of them is the first one of a person.

    Args:
        breaks_a_second: of tracks with and without a mask.
        gap_s: mean time until a broken track goes on, beyond 0.2 s.
        uneven: standard deviation of the places where tracks begin and end, in widths of the face.
        standing: part of the people who stand still, four times as long.
        like_gaps: all gaps last about as long, instead of an exponential time.
    """
    masked = random.uniform(0.2, 0.8)
    rows, labels, begins = [], [], []
    for _ in range(people):
        label = int(random.random() >= masked)
        enters, stays = random.uniform(0, SECONDS - STAY_S), STAY_S * random.uniform(0.6, 1.6)
        way, width, y = random.choice((-1, 1)), random.uniform(20, 70), random.uniform(200, 800)
        now, first = enters, True
        stands = random.random() < standing
        if stands:
            stays, spot = 4 * stays, random.uniform(0, WIDTH_PX)
        while now < enters + stays:
            end = min(now + random.exponential(1 / max(breaks_a_second[label], 1e-9)), enters + stays)
            part = (np.array([now, end]) - enters) / stays
            x = WIDTH_PX / 2 * (1 - way) + way * WIDTH_PX * part
            if stands:
                x = np.full(2, spot)
            x += random.normal(0, uneven * width, 2)
            rows.append((now, end, x[0], y, width, x[1], y, width))
            labels.append(label)
            begins.append(first)
            gap = gap_s * random.uniform(0.8, 1.2) if like_gaps else random.exponential(gap_s)
            now, first = end + 0.2 + gap, False
    table = np.array(rows)
    tracks = Tracks(np.zeros(len(rows), int), table[:, 0], table[:, 1], table[:, 2:5], table[:, 5:8])
    return tracks, np.array(labels), np.array(begins)
