"""How well passages are counted where tracks break, more often under one label than under another.

People cross the picture at a constant speed; their tracks break at a rate of their label, and go on after 0.2
seconds and an exponential time. Shares of tracks and of corrected passages are compared with those of people.

python benchmarks/survey_breaks.py
"""

from __future__ import annotations

import argparse
import sys
from itertools import product
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.survey.walking import SECONDS, walk

from crowdmask.survey.breaks import kept_parts, near_ends

PEOPLE = (100, 500, 1500)
BREAKS_A_SECOND = ((0.0, 0.0), (0.02, 0.1), (0.1, 0.02), (0.2, 0.05))
GAPS_S = (0.8, 2.0)


def main() -> None:
    """Simulate and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=40)
    options = parser.parse_args()
    for people, rates, gap_s in product(PEOPLE, BREAKS_A_SECOND, GAPS_S):
        rows = np.array([trial(seed, people, rates, gap_s) for seed in range(options.trials)])
        mean = rows.mean(axis=0)
        print(
            f"{people} people in {SECONDS / 60:.0f} minutes, {rates[0]} and {rates[1]} breaks a second with "
            f"and without mask, gaps of {gap_s} s: {mean[0]:.2f} tracks a person; "
            f"tracks' share {mean[1]:+.3f}, corrected {mean[2]:+.3f}, "
            f"interval covers {mean[3]:.3f} (width {mean[4]:.3f})",
            flush=True,
        )


def trial(seed: int, people: int, rates: tuple[float, float], gap_s: float) -> tuple[float, ...]:
    """Return tracks a person, both errors of the share, whether the interval holds it, and its width."""
    random = np.random.default_rng(seed)
    tracks, label, begins = walk(random, people, rates, gap_s)
    true = float((label[begins] == 0).mean())
    number = np.bincount(label, minlength=3).astype(float)
    kept, draws = kept_parts(label, *near_ends(tracks), 500, random)
    best, drawn = number * kept, number * draws
    low, high = np.quantile(drawn[:, 0] / drawn.sum(axis=1), [0.025, 0.975])
    return (
        len(label) / people, number[0] / number.sum() - true, best[0] / best.sum() - true,
        float(low <= true <= high), high - low,
    )  # fmt: skip


if __name__ == "__main__":
    main()
