"""How often a survey's 95 % intervals hold the truth, over random groups of annotated photos.

Groups of 20 to 60 photos are drawn so that 10 to 90 % of the annotated faces wear a mask; the truth is the
share among annotated faces of 8 px and wider. Detections in regions without annotation stay in, as they would
with a user. With --cross-fit the rates come from one half of the photos and the groups from the other, anew
each time: that is how the constants in `crowdmask.survey.uncertainty` were chosen, on `val`. Without it the
shipped rates are used.

    crowdmask evaluate DATA.yaml --split val --detections val.jsonl
    python benchmarks/survey_coverage.py DATA.yaml --split val --detections val.jsonl --cross-fit
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crowdmask.data.dataset import load_dataset
from crowdmask.data.sample import Sample
from crowdmask.labels import LABELS
from crowdmask.survey.cells import N_CONFIDENCES, N_LABELS, N_WIDTHS, SHOWN, confidence_class, width_class
from crowdmask.survey.outside import compare
from crowdmask.survey.rates import PhotoCounts, Rates, count_photo, shipped_rates
from crowdmask.survey.uncertainty import Knowledge, draw_people

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo's detections by cell, (3, 4, 6), its annotated faces by label, (3,), and its errors."""

    cells: Floats
    truth: Floats
    counts: PhotoCounts


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--split", default="val")
    parser.add_argument("--detections", type=Path, required=True)
    parser.add_argument("--cross-fit", action="store_true")
    parser.add_argument("--groups", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rates = shipped_rates(None, "crowd")
    assert rates is not None
    photos = read_photos(
        load_dataset(options.data, options.root).split(options.split), options.detections, rates
    )
    random = np.random.default_rng(options.seed)
    for floor, name in ((SHOWN, "records at the model's thresholds"), (0, "records with --confidence 0.01")):
        report(name, list(trials(photos, rates, floor, options, random)))


def trials(
    photos: list[Photo], rates: Rates, floor: int, options: argparse.Namespace, random: np.random.Generator
) -> Iterator[tuple[Floats, Floats, Floats, Floats, int]]:
    """Yield truth (3,), estimate (3,), interval (2, 3), raw share (3,) and faces of random groups."""
    per_split = 10 if options.cross_fit else options.groups
    for number in range(options.groups // per_split):
        known, held = Knowledge(rates, floor, seed=number), photos
        if options.cross_fit:
            order = random.permutation(len(photos))
            learnt = [photos[i].counts for i in order[: len(order) // 2]]
            half = Rates.of_photos(learnt, rates.model, rates.model_hash, rates.thresholds, "half")
            known = Knowledge(half, floor, draws=500, seed=number)
            held = [photos[i] for i in order[len(order) // 2 :]]
        for group in groups(held, per_split, random):
            cells = np.stack([held[i].cells for i in group])
            truth = np.sum([held[i].truth for i in group], axis=0)
            shown = cells[..., SHOWN:].sum(axis=(0, 2, 3))
            cells[..., :floor] = 0
            scale = compare(cells, 0.0, known).kind_scale
            best, drawn = draw_people(cells, known, int(group.sum()), None, scale)
            shares = drawn / drawn.sum(axis=1, keepdims=True)
            yield (
                truth / truth.sum(), best.people / best.people.sum(),
                np.quantile(shares, [0.025, 0.975], axis=0), shown / shown.sum(), int(shown.sum()),
            )  # fmt: skip


def groups(photos: list[Photo], number: int, random: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Draw groups of 20 to 60 photos whose share with a mask is 10 to 90 %, spread evenly over that."""
    faces = np.array([photo.truth.sum() for photo in photos])
    masked = np.array([photo.truth[0] for photo in photos])
    share = masked / np.maximum(faces, 1)
    high, low = np.flatnonzero((faces > 0) & (share > 0.5)), np.flatnonzero((faces > 0) & (share <= 0.5))
    parts = np.linspace(0, 1, 101)
    expected = (parts * masked[high].mean() + (1 - parts) * masked[low].mean()) / (
        parts * faces[high].mean() + (1 - parts) * faces[low].mean()
    )
    while number:
        size = int(random.integers(20, 61))
        part = parts[np.abs(expected - random.uniform(0.1, 0.9)).argmin()]
        of_high = int(random.binomial(size, part))
        if of_high > len(high) or size - of_high > len(low):
            continue
        group = np.concatenate(
            [random.choice(high, of_high, False), random.choice(low, size - of_high, False)]
        )
        if 0.1 <= masked[group].sum() / faces[group].sum() <= 0.9:
            number -= 1
            yield group


def read_photos(samples: list[Sample], detections: Path, rates: Rates) -> list[Photo]:
    """Read the detections of annotated photos."""
    by_name = {str(sample.path): sample for sample in samples}
    photos = []
    for line in detections.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        sample = by_name[record["source"]]
        found = record["detections"]
        xyxy = np.array([face["box"] for face in found], np.float32).reshape(-1, 4)
        confidence = np.array([face["confidence"] for face in found], np.float32)
        label = np.array([LABELS.index(face["label"]) for face in found], np.int64)
        faces, kinds = sample.boxes[~sample.ignore], sample.class_id[~sample.ignore]
        counts = count_photo(
            xyxy, confidence, label, faces, kinds, sample.boxes[sample.ignore], rates.thresholds
        )
        widths = width_class(xyxy[:, 2] - xyxy[:, 0])
        sure = confidence_class(label, confidence, rates.edges)
        kept = (widths >= 0) & (sure >= 0)
        cells = np.zeros((N_LABELS, N_WIDTHS, N_CONFIDENCES))
        np.add.at(cells, (label[kept], widths[kept], sure[kept]), 1)
        wide = faces[:, 2] - faces[:, 0] >= 8
        photos.append(Photo(cells, np.bincount(kinds[wide], minlength=3).astype(float), counts))
    return photos


def report(name: str, rows: list[tuple[Floats, Floats, Floats, Floats, int]]) -> None:
    """Print coverage, width and bias."""
    truth, estimate, interval, raw = (np.stack([row[i] for row in rows]) for i in range(4))
    faces = np.array([row[4] for row in rows])[:, None]
    held = (interval[:, 0] <= truth) & (truth <= interval[:, 1])
    half = 1.96 * np.sqrt(raw * (1 - raw) / faces)
    raw_held = np.abs(raw - truth) <= half
    print(f"\n{name}: {len(rows)} groups")
    for index, label in enumerate(LABELS):
        print(
            f"  {label:20} covers {held[:, index].mean():.3f} (raw {raw_held[:, index].mean():.3f})"
            f"  width {np.diff(interval, axis=1)[:, 0, index].mean():.3f} (raw "
            f"{2 * half[:, index].mean():.3f})"
            f"  bias {(estimate - truth)[:, index].mean():+.4f} (raw {(raw - truth)[:, index].mean():+.4f})"
            f"  sd {(estimate - truth)[:, index].std():.4f} (raw {(raw - truth)[:, index].std():.4f})"
        )
    for low in (0.1, 0.3, 0.5, 0.7):
        mine = (truth[:, 0] >= low) & (truth[:, 0] < low + 0.2)
        print(
            f"    true share {low:.1f} to {low + 0.2:.1f}: covers {held[mine, 0].mean():.3f}, "
            f"bias {(estimate - truth)[mine, 0].mean():+.4f}"
        )


if __name__ == "__main__":
    main()
