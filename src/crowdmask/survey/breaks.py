"""How often tracks broke, by label: a person whose track breaks would count as several passages.

A track that begins where another one ended a moment before may continue it. In a crowd this happens by
chance, too: about as often as a track begins near another one that ends a moment later, which cannot be the
same person. So the excess of the former over the latter shows how many tracks continue others, without
knowing which.
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
# Least part of the ends that a track is long enough to have near it: rarer ones would weigh too much.
_LEAST_PART = 0.05
# Breaks found, of which a usual part in the second half of `WITHIN_S`, that are added to those counted.
_USUAL_BREAKS, _USUAL_LATE = 3.0, 0.1
_MOST_LATE = 0.7
# Tracks without an end before them that are added to each label, and ends by chance that are believed.
_AT_LEAST, _MOST_ENDS = 0.5, 5.0
# Tracks that begin near one end: these are not independent.
_SHARED = 1.25
# Tracks that go on from where the speed does not lead, at most, for each one found.
_MOST_UNFOUND = 0.05


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


@dataclass(frozen=True, eq=False)
class NearEnds:
    """The ends of other tracks near the beginning of each.

    Attributes:
        before: (T, 2) bool; whether one ended before it, within half of `WITHIN_S` and within all of it.
        chance: (T, 2) expected number of such ends if no track continued another one: those that ended after
            it, within the same times.
    """

    before: NDArray[np.bool_]
    chance: Floats

    def of(self, tracks: NDArray[np.intp]) -> NearEnds:
        """Return those of some tracks."""
        return NearEnds(self.before[tracks], self.chance[tracks])


def near_ends(tracks: Tracks) -> NearEnds:
    """Find the ends of other tracks near the beginning of each.

    An end counts where the person would still be in view by then, so that who left the picture is not taken
    for a broken track. Of an end after the beginning the track must have been there before, so ends after a
    longer time are seen less often than before it, by the part of the tracks that last as long: they are
    weighted by one over that part.
    """
    before, chance = np.zeros((len(tracks.source), 2), bool), np.zeros((len(tracks.source), 2))
    order = np.lexsort((tracks.ended_s, tracks.source))
    for source in np.unique(tracks.source):
        ends = order[tracks.source[order] == source]
        times = tracks.ended_s[ends]
        by_cut = _at_cuts(np.sort(tracks.began_s[ends]), times)
        # Tracks that the end of the video cut off did not break.
        broke = ends[~by_cut & (times < times[-1])]
        times = tracks.ended_s[broke]
        lasted = np.sort(times - tracks.began_s[broke])
        view = _view(tracks, ends)
        for track in ends.tolist():
            began = tracks.began_s[track]
            low, high = np.searchsorted(times, (began - WITHIN_S, began + WITHIN_S))
            others = broke[low:high]
            others = others[others != track]
            close = others[_is_near(tracks, track, others, view)]
            seconds = began - tracks.ended_s[close]
            ago = seconds[seconds > 0]
            before[track] = (ago <= WITHIN_S / 2).any(), len(ago) > 0
            later = -seconds[(seconds <= 0) & (tracks.began_s[close] < began)]
            if len(later):
                part = 1 - np.searchsorted(lasted, later) / len(lasted)
                weight = 1 / np.maximum(part, _LEAST_PART)
                chance[track] = weight[later <= WITHIN_S / 2].sum(), weight.sum()
    return NearEnds(before, chance)


def _at_cuts(began_s: Floats, ended_s: Floats) -> NDArray[np.bool_]:
    """Return which ends are those of a scene: three or more at once, and nobody stays; both increasing."""
    low, high = (np.searchsorted(ended_s, ended_s + way * _AT_ONCE_S) for way in (-1, 1))
    there = np.searchsorted(began_s, ended_s - _AT_ONCE_S) - high
    scene: NDArray[np.bool_] = (high - low >= _SCENE) & (there <= 0)
    return scene


def _view(tracks: Tracks, mine: NDArray[np.intp]) -> Floats:
    """Return the least and the greatest x and y of all faces, (2, 2): where a person is in view."""
    places = np.concatenate([tracks.first[mine, :2], tracks.last[mine, :2]])
    return np.stack([places.min(axis=0), places.max(axis=0)])


def _is_near(tracks: Tracks, track: int, others: NDArray[np.intp], view: Floats) -> NDArray[np.bool_]:
    here, there = tracks.first[track], tracks.last[others]
    widest = np.maximum(here[2], there[:, 2])
    seconds = tracks.began_s[track] - tracks.ended_s[others]
    # Where the other one would be by its mean speed; a short track tells none.
    lasted = tracks.ended_s[others] - tracks.began_s[others]
    speed = (there - tracks.first[others])[:, :2] / np.maximum(lasted, _LEAST_S)[:, None]
    away = np.hypot(*(there[:, :2] + speed * seconds[:, None] - here[:2]).T)
    alike = widest <= _TIMES_AS_WIDE * np.maximum(np.minimum(here[2], there[:, 2]), 1e-9)
    # So long after its end the person is in view; the same is asked of ends after the beginning.
    ahead = there[:, :2] + speed * np.abs(seconds)[:, None]
    margin = there[:, 2:] / 2
    inside = ((ahead >= view[0] - margin) & (ahead <= view[1] + margin)).all(axis=1)
    reach: NDArray[np.bool_] = away <= widest * (_WIDTHS_AWAY + _WIDTHS_A_SECOND * np.abs(seconds))
    return reach & alike & inside


def kept_parts(
    label: NDArray[np.integer], near: NearEnds, draws: int, random: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return the part of the tracks of each label that begin a passage, (3,), and draws of it, (draws, 3).

    How many tracks have an end before them is counted, not estimated. What is not known is how many of these
    have it by chance: where m ends are expected by chance, there are exp(m) - 1 such tracks for each one that
    has none. And how many breaks last longer than is looked for.

    Args:
        label: (T,) index into `LABELS` of each track.
        near: their `near_ends`.
        draws, random: for the draws.
    """
    hit = near.before[:, 1]
    number, hits = _sums(label, np.ones(len(label))), _sums(label, hit)
    expected, shape, one = _expected_ends(label, near)
    without = number - hits + _AT_LEAST
    found, found_draws = _found_part(near, draws, random)
    best = (hits - without * np.expm1(expected)) / found
    several = np.minimum(random.gamma(shape + 0.5, size=(draws, N_LABELS)) * one, _MOST_ENDS)
    odds = random.gamma(without, size=(draws, N_LABELS)) * np.expm1(several)
    continued = np.maximum(hits - random.poisson(odds / _SHARED) * _SHARED, 0.0)
    longer = random.poisson(random.gamma(continued + 1e-9) * (1 / found_draws - 1)[:, None])
    drawn = (continued + longer) * random.uniform(1, 1 + _MOST_UNFOUND, (draws, 1))
    of = np.maximum(number, 1.0)
    return 1 - np.clip(best / of, 0.0, _MOST), 1 - np.clip(drawn / of, 0.0, _MOST)


def _expected_ends(label: NDArray[np.integer], near: NearEnds) -> tuple[Floats, Floats, Floats]:
    """Return the number of ends expected by chance near the beginning of a passage, each (3,).

    It is counted on tracks that have no end before them: these do begin a passage.

    Returns:
        The number; how many independent ends tell of it; and the part of the number that is one of these.
    """
    alone = ~near.before[:, 1]
    ends = near.chance[:, 1]
    usual = float(ends.mean()) if len(ends) else 0.0
    total = _sums(label[alone], ends[alone]) + _POOLED * usual
    squares = _sums(label[alone], ends[alone] ** 2) + _POOLED * usual
    of = _sums(label[alone], np.ones(int(alone.sum()))) + _POOLED
    # An end of the mean weight; where none was seen, one of the weight 1.
    weight = np.where(total > 0, squares / np.maximum(total, 1e-12), 1.0) * _SHARED
    return np.minimum(total / of, _MOST_ENDS), total / weight, weight / of


def _found_part(near: NearEnds, draws: int, random: np.random.Generator) -> tuple[float, Floats]:
    """Return the part of the breaks that are shorter than `WITHIN_S`, and draws of it, (draws,).

    Their length is taken to be exponential: of those that last half of the time, as many last twice as long.
    """
    early, all_ = (float(each) for each in near.before.sum(axis=0))
    alone = ~near.before[:, 1]
    expected = np.minimum(near.chance[alone].mean(axis=0), _MOST_ENDS) if alone.any() else np.zeros(2)
    # As many as for each track that has no end in the whole time.
    by_chance = alone.sum() * (np.exp(expected[1]) - np.exp(expected[1] - expected))

    def part(hits: Floats) -> Floats:
        early, all_ = np.moveaxis(np.maximum(hits - by_chance, 0.0), -1, 0)
        late = np.maximum(all_ - early, 0.0) + _USUAL_LATE * _USUAL_BREAKS
        ratio: Floats = np.minimum(late / (early + _USUAL_BREAKS), _MOST_LATE)
        return 1 - ratio**2

    steps = random.gamma(np.array([early, all_ - early]) + 0.5, size=(draws, 2))
    return float(part(np.array([early, all_]))), part(np.cumsum(steps, axis=1))


def _sums(label: NDArray[np.integer], values: NDArray[np.floating] | NDArray[np.bool_]) -> Floats:
    """Return the sum of the values of each label, (3,)."""
    return np.bincount(label, values.astype(np.float64), N_LABELS)[:N_LABELS].astype(np.float64)
