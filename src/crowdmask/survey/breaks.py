"""How often tracks broke, by label: a person whose track breaks would count as several passages.

A track that begins where another one ended a moment before may continue it. In a crowd this happens by
chance, too: about as often as a track begins where another one, begun earlier, ends a moment later, which
cannot be the same person. So the excess of the former over the latter shows how many tracks continue others,
without knowing which.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crowdmask.survey.cells import N_LABELS, Floats

WITHIN_S = 5.0
"""Longest time that a broken track is looked for, seconds."""

# How far from where its speed leads a person may be, in widths of the face: at once, and for each second; and
# how much larger or smaller the face may have become.
_LEAST_S = 0.5
_WIDTHS_AWAY, _WIDTHS_A_SECOND = 1.0, 1.0
_TIMES_AS_WIDE = 1.6
# Tracks of every label that count toward the rate of each, so that few of them do not decide it.
_POOLED = 5.0
_MOST = 0.9
# So many tracks that end within so many seconds, and no others there, are the end of a scene: a cut.
_SCENE, _AT_ONCE_S = 3, 0.4
# Tracks that go on later than `WITHIN_S`, or from where the speed does not lead, at most, for each one found.
_MOST_UNFOUND = 0.15


@dataclass(frozen=True, eq=False)
class Tracks:
    """Beginnings and ends of tracks.

    Attributes:
        source: (T,) the video of each.
        began_s, ended_s: (T,) seconds.
        first, last: (T, 3) centre x, centre y and width of the face then, pixels.
    """

    source: NDArray[np.integer]
    began_s: Floats
    ended_s: Floats
    first: Floats
    last: Floats


def near_ends(tracks: Tracks) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return for each track whether another one ended near its beginning, (T,): before, and after it."""
    before, after = np.zeros(len(tracks.source), bool), np.zeros(len(tracks.source), bool)
    order = np.lexsort((tracks.ended_s, tracks.source))
    for source in np.unique(tracks.source):
        ends = order[tracks.source[order] == source]
        times = tracks.ended_s[ends]
        over = times[-1]
        by_cut = _at_cuts(np.sort(tracks.began_s[ends]), times)
        for track in np.flatnonzero(tracks.source == source).tolist():
            began = tracks.began_s[track]
            low, high = np.searchsorted(times, (began - WITHIN_S, began + WITHIN_S))
            others = ends[low:high][~by_cut[low:high]]
            # Tracks that the end of the video cut off did not break.
            others = others[(others != track) & (tracks.ended_s[others] < over)]
            close = others[_is_near(tracks, track, others)]
            before[track] = bool((tracks.ended_s[close] < began).any())
            there = (tracks.ended_s[close] >= began) & (tracks.began_s[close] < began)
            after[track] = bool(there.any())
    return before, after


def _at_cuts(began_s: Floats, ended_s: Floats) -> NDArray[np.bool_]:
    """Return which ends are those of a scene: three or more at once, and nobody stays; both increasing."""
    low, high = (np.searchsorted(ended_s, ended_s + way * _AT_ONCE_S) for way in (-1, 1))
    there = np.searchsorted(began_s, ended_s - _AT_ONCE_S) - high
    scene: NDArray[np.bool_] = (high - low >= _SCENE) & (there <= 0)
    return scene


def _is_near(tracks: Tracks, track: int, others: NDArray[np.intp]) -> NDArray[np.bool_]:
    here, there = tracks.first[track], tracks.last[others]
    widest = np.maximum(here[2], there[:, 2])
    seconds = tracks.began_s[track] - tracks.ended_s[others]
    # Where the other one would be by its mean speed; a short track tells none.
    lasted = tracks.ended_s[others] - tracks.began_s[others]
    speed = (there - tracks.first[others])[:, :2] / np.maximum(lasted, _LEAST_S)[:, None]
    moved = there[:, :2] + speed * seconds[:, None]
    away = np.hypot(*(moved - here[:2]).T)
    alike = widest <= _TIMES_AS_WIDE * np.maximum(np.minimum(here[2], there[:, 2]), 1e-9)
    reach: NDArray[np.bool_] = away <= widest * (_WIDTHS_AWAY + _WIDTHS_A_SECOND * np.abs(seconds))
    return reach & alike


def kept_parts(
    label: NDArray[np.integer],
    before: NDArray[np.bool_],
    after: NDArray[np.bool_],
    draws: int,
    random: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Return the part of the tracks of each label that begin a passage, (3,), and draws of it, (draws, 3).

    Args:
        label: (T,) index into `LABELS` of each track.
        before, after: (T,) of `near_ends`.
        draws, random: for the draws.
    """
    hits, number = _pooled(label, before)
    # Where nothing ended before, the track begins a passage: so often something ends near one by chance.
    alone = ~before
    chance, of = _pooled(label[alone], after[alone])
    drawn = [
        random.beta(some + 0.5, all_ - some + 0.5, (draws, N_LABELS))
        for some, all_ in ((hits, number), (chance, of))
    ]
    unfound = random.uniform(1, 1 + _MOST_UNFOUND, (draws, 1))
    return _kept(hits / number, chance / of, 1.0), _kept(drawn[0], drawn[1], unfound)


def _pooled(label: NDArray[np.integer], near: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return how many tracks of each label have an end near them, of how many, with some of all labels."""
    tracks = np.bincount(label, minlength=N_LABELS)[:N_LABELS].astype(np.float64)
    mine = np.bincount(label[near], minlength=N_LABELS)[:N_LABELS].astype(np.float64)
    usual = mine.sum() / max(float(tracks.sum()), 1.0)
    return mine + _POOLED * usual, tracks + _POOLED


def _kept(before: Floats, after: Floats, unfound: Floats | float) -> Floats:
    broken = (before - after) / np.maximum(1 - after, 1e-9) * unfound
    return 1 - np.clip(broken, 0.0, _MOST)
