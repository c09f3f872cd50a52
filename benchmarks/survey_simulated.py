"""How often a survey's intervals hold the truth where the truth is made: audits, and places.

crowdmask evaluate DATA.yaml --split val --detections val.jsonl
python benchmarks/survey_simulated.py DATA.yaml --split val --detections val.jsonl
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from survey_coverage import Photo, read_photos

from crowdmask.data.dataset import load_dataset
from crowdmask.data.sample import Sample
from crowdmask.survey.audit.draw import draw_photos
from crowdmask.survey.audit.errors import expected_errors
from crowdmask.survey.audit.inference import Audited, estimate_labelled
from crowdmask.survey.audit.prior import combine
from crowdmask.survey.cells import SHOWN
from crowdmask.survey.outside import compare
from crowdmask.survey.place import draw_place, make_sample, widen
from crowdmask.survey.quantify import correct_photos
from crowdmask.survey.rates import Rates, shipped_rates
from crowdmask.survey.uncertainty import Knowledge, draw_people

Floats = NDArray[np.float64]
BARE = "wider"
"""The source that holds no masks."""


def main() -> None:
    """Run the simulations."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--split", default="val")
    parser.add_argument("--detections", type=Path, required=True)
    parser.add_argument("--changed", type=Path, help="The folder that survey_other_photos.py wrote.")
    parser.add_argument("--trials", type=int, default=200)
    options = parser.parse_args()
    rates = shipped_rates(None, "crowd")
    assert rates is not None
    samples = load_dataset(options.data, options.root).split(options.split)
    photos = read_photos(samples, options.detections, rates)
    root = next(
        each for each in samples[0].path.parents if all(each in other.path.parents for other in samples)
    )
    places = [sample.path.relative_to(root).parts[0] for sample in samples]
    for size in (200, 60):
        for settings in audit_settings(photos, places, rates, options.changed, samples):
            audit(settings, options.trials, size)
    for visits in (5, 10, 30):
        place(photos, rates, 2 * options.trials, visits)
    for visits in (10, 30):
        place(photos, rates, 2 * options.trials, visits, strata=2)


@dataclass(frozen=True, eq=False)
class Setting:
    """Photos to survey, and rates from other photos.

    Attributes:
        name: for the table.
        rates: of other photos.
        photos: those to survey.
        lost: a further part of the detections of masks that is dropped.
    """

    name: str
    rates: Rates
    photos: list[Photo]
    lost: float = 0.0


def audit_settings(photos: list[Photo], places: list[str], rates: Rates, changed: Path | None,
                   samples: list[Sample]) -> Iterator[list[Setting]]:  # fmt: skip
    """Yield what is reported together: rates from halves, rates from other sources, and changed photos."""
    random = np.random.default_rng(4)
    halves = [np.array_split(random.permutation(len(photos)), 2) for _ in range(12)]
    for lost in (0.0, 0.3, 0.5):
        name = f"other half, {lost:.0%} of the masks dropped"
        yield [
            Setting(name, part(photos, one, rates), [photos[at] for at in other], lost)
            for one, other in halves
        ]
    bare = [photo for photo, place in zip(photos, places, strict=True) if place == BARE]
    for place in sorted(set(places) - {BARE}):
        learnt = np.array([at for at, each in enumerate(places) if each != place])
        mine = [photo for photo, each in zip(photos, places, strict=True) if each == place]
        more = [bare[at] for at in random.integers(0, len(bare), len(mine) // 4)]
        yield [Setting(f"{place}, rates of other sources", part(photos, learnt, rates), mine + more)]
    for path in sorted(changed.glob("*.jsonl")) if changed else ():
        other_photos = read_photos(samples, path, rates)
        yield [
            Setting(path.stem, part(photos, one, rates), [other_photos[at] for at in other])
            for one, other in halves
        ]


def part(photos: list[Photo], chosen: NDArray[np.intp], rates: Rates) -> Rates:
    """Return the rates of some photos."""
    counts = [photos[at].counts for at in chosen]
    return Rates.of_photos(counts, rates.model, rates.model_hash, rates.thresholds, "a part")


def audit(settings: list[Setting], trials: int, size: int) -> None:
    """Survey so many photos, by the shipped rates and with about 100 labelled faces."""
    random = np.random.default_rng(5)
    rows = []
    for trial in range(trials):
        setting = settings[trial % len(settings)]
        known = Knowledge(setting.rates, SHOWN, draws=500)
        group = random.choice(len(setting.photos), size, size > len(setting.photos))
        cells = np.stack([setting.photos[at].cells for at in group])
        cells[..., :SHOWN] = 0
        cells[:, 0] = random.binomial(cells[:, 0].astype(int), 1 - setting.lost)
        rows.append(
            one_audit(cells, np.stack([setting.photos[at].truth for at in group]), known, trial, random)
        )
    mean = np.mean(rows, axis=0)
    print(
        f"audit of {mean[0]:.0f} faces of {size} photos ({settings[0].name}): "
        + ", ".join(
            f"{name} covers {held:.3f} (width {width:.3f}, bias {bias:+.4f})"
            for name, (held, width, bias) in zip(
                ("rates", "labels alone", "both"), mean[1:].reshape(3, 3), strict=True
            )
        ),
        flush=True,
    )


def one_audit(
    cells: Floats, truth: Floats, known: Knowledge, seed: int, random: np.random.Generator
) -> tuple[float, ...]:
    """Return labelled faces, then whether each interval holds the truth, its width and error."""
    share = truth[:, 0].sum() / truth.sum()
    best, people = draw_people(cells, known, seed, None, compare(cells, 0.0, known).kind_scale)
    shipped = people[:, 0] / people.sum(axis=1)
    _, missed, doubt = correct_photos(cells, known.best, best.truth)
    shown = cells.sum(axis=(2, 3)).astype(int)
    drawn = draw_photos(shown.sum(axis=1), 100, seed, shown[:, 0], (missed + doubt).sum(axis=1))
    predicted, errors = expected_errors(cells, known)
    audited = Audited(predicted, drawn.looks, truth[drawn.looks], drawn.probability, errors)
    labelled = estimate_labelled(audited)[1]["with_mask"]
    assert labelled is not None
    both = combine(labelled.share, labelled.worth, shipped, random)
    told = [(best.people[0] / best.people.sum(), np.quantile(shipped, [0.025, 0.975])),
            (labelled.share, labelled.interval),
            (labelled.share, labelled.interval) if both is None else (both.share, both.interval)]  # fmt: skip
    row = [float(audited.truth.sum())]
    for middle, (low, high) in told:
        row += [float(low <= share <= high), float(high - low), float(middle - share)]
    return tuple(row)


def place(photos: list[Photo], rates: Rates, trials: int, visits: int, strata: int = 1) -> None:
    """Visits whose share of masks differs, each of 15 photos, drawn from a place with many.

    The rates come from one half of the photos, the visits from the other. With two strata their levels
    differ, and as many visits of each are drawn, of 225 and 75 there, which their weights say.
    """
    random = np.random.default_rng(6)
    halves = [np.array_split(random.permutation(len(photos)), 2) for _ in range(20)]
    knowledge = [Knowledge(part(photos, one, rates), SHOWN, draws=500) for one, _ in halves]
    share = np.array([photo.truth[0] / max(photo.truth.sum(), 1) for photo in photos])
    faces = np.array([photo.truth.sum() for photo in photos])
    there = (300,) if strata == 1 else (225, 75)

    def visit(level: float, held: NDArray[np.intp]) -> NDArray[np.intp]:
        of_high = int(random.binomial(15, level))
        high, low = (held[(share[held] > 0.5) == way] for way in (True, False))
        return np.concatenate([random.choice(high, of_high), random.choice(low, 15 - of_high)])

    rows = []
    for trial in range(trials):
        known = knowledge[trial % len(halves)]
        held = halves[trial % len(halves)][1]
        held = held[faces[held] > 0]
        cells, truth, names = [], np.zeros(3), []
        stratum, weight = {}, {}
        for number, all_ in enumerate(there):
            spread, middle = random.uniform(2, 12), random.uniform(0.3, 0.9)

            def levels(count: int, middle: float = middle, spread: float = spread) -> NDArray[np.float64]:
                return random.beta(middle * spread, (1 - middle) * spread, count)

            everyone = np.concatenate([visit(level, held) for level in levels(all_)])
            truth += np.sum([photos[at].truth for at in everyone], axis=0)
            drawn = visits // strata
            for at, level in enumerate(levels(drawn)):
                name = f"{number}-{at}"
                stratum[name], weight[name] = str(number), all_ / drawn
                cells += [photos[each].cells for each in visit(level, held)]
                names += [name] * 15
        seen = np.stack(cells)
        seen[..., :SHOWN] = 0
        sample, _ = make_sample(seen, names, stratum, weight)
        best, people = draw_place(sample, known, trial, compare(seen, 0.0, known).kind_scale)
        estimate_ = best.people[0] / best.people.sum()
        ends = np.quantile(people[:, 0] / people.sum(axis=1), [0.025, 0.975])
        wide = widen((float(ends[0]), float(ends[1])), float(estimate_), sample.freedom)
        true = truth[0] / truth.sum()
        shown = seen.sum(axis=(0, 2, 3))
        raw = shown[0] / shown.sum()
        half = 1.96 * np.sqrt(raw * (1 - raw) / shown.sum())
        rows.append((
            wide[0] <= true <= wide[1], wide[1] - wide[0], estimate_ - true,
            abs(raw - true) <= half, raw - true,
        ))  # fmt: skip
    mean = np.mean(rows, axis=0)
    print(
        f"place of {visits} visits, {strata} strata: covers {mean[0]:.3f} (width {mean[1]:.3f}, "
        f"bias {mean[2]:+.4f}), raw {mean[3]:.3f} (bias {mean[4]:+.4f})",
        flush=True,
    )


if __name__ == "__main__":
    main()
