"""How well passages are counted where tracks break, more often under one label than under another.

People cross the picture at a constant speed; their tracks break at a rate of their label, and go on after 0.2
seconds and an exponential time; in the last settings some stand, tracks begin and end half a width of the
face elsewhere, or all gaps are alike. Shares of tracks and of corrected passages are compared with those of
people.

python benchmarks/survey_breaks.py
"""

from __future__ import annotations

import argparse
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.survey.walking import SECONDS, walk

from crowdmask.survey.breaks import kept_parts, near_ends

PEOPLE = (100, 500, 1500)
BREAKS_A_SECOND = ((0.0, 0.0), (0.02, 0.1), (0.1, 0.02), (0.2, 0.05))
GAPS_S = (0.8, 2.0)
OTHERS = ({"standing": 0.3}, {"uneven": 0.5}, {"like_gaps": True})


def main() -> None:
    """Simulate and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=40)
    options = parser.parse_args()
    settings: list[tuple[int, tuple[float, float], float, dict[str, Any]]] = [
        (*setting, {}) for setting in product(PEOPLE, BREAKS_A_SECOND, GAPS_S)
    ]
    settings += [(500, rates, 1.5, other) for rates, other in product(BREAKS_A_SECOND[1:], OTHERS)]
    for people, rates, gap_s, other in settings:
        rows = np.array([trial(seed, people, rates, gap_s, other) for seed in range(options.trials)])
        mean = rows.mean(axis=0)
        told = "".join(f", {name} {value}" for name, value in other.items())
        print(
            f"{people} people in {SECONDS / 60:.0f} minutes, {rates[0]} and {rates[1]} breaks a second with "
            f"and without mask, gaps of {gap_s} s{told}: {mean[0]:.2f} tracks a person; "
            f"tracks' share {mean[1]:+.3f}, corrected {mean[2]:+.3f}, "
            f"interval covers {mean[3]:.3f} (width {mean[4]:.3f})",
            flush=True,
        )


def trial(
    seed: int, people: int, rates: tuple[float, float], gap_s: float, other: dict[str, Any]
) -> tuple[float, ...]:
    """Return tracks a person, both errors of the share, whether the interval holds it, and its width."""
    random = np.random.default_rng(seed)
    tracks, label, begins = walk(random, people, rates, gap_s, **other)
    true = float((label[begins] == 0).mean())
    number = np.bincount(label, minlength=3).astype(float)
    kept, draws = kept_parts(label, near_ends(tracks), 500, random)
    best, drawn = number * kept, number * draws
    low, high = np.quantile(drawn[:, 0] / drawn.sum(axis=1), [0.025, 0.975])
    return (
        len(label) / people, number[0] / number.sum() - true, best[0] / best.sum() - true,
        float(low <= true <= high), high - low,
    )  # fmt: skip


if __name__ == "__main__":
    main()
