"""How often a survey's intervals hold the truth on photos unlike those that its rates were measured on.

The photos of a split are blurred, darkened, put into fog, or reduced, and looked at again; the rates come
from one half of the photos as they are, the groups from the other half as they were changed. So the constants
in `crowdmask.survey.outside` were chosen, on `val`.

python benchmarks/survey_other_photos.py DATA.yaml --split val --detections val.jsonl --work FOLDER
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from survey_coverage import Photo, read_photos

from crowdmask.data.dataset import load_dataset
from crowdmask.data.sample import Sample
from crowdmask.inference.detector import Detector
from crowdmask.survey.cells import SHOWN
from crowdmask.survey.outside import compare
from crowdmask.survey.rates import Rates, shipped_rates
from crowdmask.survey.uncertainty import Knowledge, draw_people

Indices = NDArray[np.intp]
SIZES = (40, 200)


def main() -> None:
    """Change, look and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--split", default="val")
    parser.add_argument("--detections", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="Keeps the detections of changed photos.")
    parser.add_argument("--trials", type=int, default=150)
    options = parser.parse_args()
    rates = shipped_rates(None, "crowd")
    assert rates is not None
    samples = load_dataset(options.data, options.root).split(options.split)
    plain = read_photos(samples, options.detections, rates)
    options.work.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(11)
    halves = [random.permutation(len(plain)) for _ in range(10)]
    kinds = {"as they are": plain}
    for name, change in CHANGES.items():
        path = options.work / f"{options.split}-{name}.jsonl"
        if not path.exists():
            look(samples, change, path)
        kinds[name] = read_photos(samples, path, rates)
    for name, photos in kinds.items():
        trials = []
        for order in halves:
            learnt, rest = order[: len(order) // 2], order[len(order) // 2 :]
            known = knowledge(plain, learnt, rates)
            trials += [(known, photos, rest)] * (options.trials // len(halves))
        report(name, trials, random)


def knowledge(photos: list[Photo], chosen: Indices, rates: Rates) -> Knowledge:
    """Return the rates of some photos."""
    counts = [photos[at].counts for at in chosen]
    part = Rates.of_photos(counts, rates.model, rates.model_hash, rates.thresholds, "a part")
    return Knowledge(part, SHOWN, draws=400)


def look(samples: list[Sample], change: Callable[[Image.Image], Image.Image], path: Path) -> None:
    """Detect faces in changed photos and write records."""
    detector = Detector("crowd", confidence=0.01)
    lines = []
    for sample in samples:
        with Image.open(sample.path) as opened:
            found = detector.detect(np.asarray(change(opened.convert("RGB"))))
        faces = [
            {"box": box.tolist(), "confidence": float(sure), "label": detector.labels[label]}
            for box, sure, label in zip(found.xyxy, found.confidence, found.class_id, strict=True)
        ]
        lines.append(json.dumps({"source": str(sample.path), "detections": faces}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def report(
    name: str, trials: list[tuple[Knowledge, list[Photo], Indices]], random: np.random.Generator
) -> None:
    """Print coverage and width, with the usual uncertainty of the miss rates and with that of `compare`."""
    for size in SIZES:
        rows = []
        for known, photos, rest in trials:
            group = random.choice(rest, size)
            cells = np.stack([photos[at].cells for at in group])
            cells[..., :SHOWN] = 0
            truth = np.sum([photos[at].truth for at in group], axis=0)
            scale, row = compare(cells, 0.0, known).kind_scale, []
            for each in (1.0, scale):
                _, people = draw_people(cells, known, 0, None, each)
                low, high = np.quantile(people[:, 0] / people.sum(axis=1), [0.025, 0.975])
                row += [low <= truth[0] / truth.sum() <= high, high - low]
            rows.append((*row, scale))
        mean = np.mean(rows, axis=0)
        print(
            f"{name}, {size} photos: covers {mean[0]:.3f} (width {mean[1]:.3f}); compared with the photos "
            f"measured {mean[2]:.3f} (width {mean[3]:.3f}, miss rates vary {mean[4]:.1f} times as much)",
            flush=True,
        )


def blurred(image: Image.Image) -> Image.Image:
    """Return it out of focus."""
    return image.filter(ImageFilter.GaussianBlur(max(image.size) / 640 * 1.2))


def dark(image: Image.Image) -> Image.Image:
    """Return it under little light, with the noise of few photons."""
    random = np.random.default_rng(0)
    light = (np.asarray(image).astype(np.float32) / 255) ** 2.2 * 0.45
    seen = random.poisson(light * 60) / 60 + random.normal(0, 0.02, light.shape)
    return Image.fromarray((np.clip(seen, 0, 1) * 255).astype(np.uint8))


def fogged(image: Image.Image) -> Image.Image:
    """Return it with little contrast."""
    return Image.fromarray((np.asarray(image).astype(np.float32) * 0.3 + 150).clip(0, 255).astype(np.uint8))


def reduced(image: Image.Image) -> Image.Image:
    """Return it as from half the pixels, strongly compressed."""
    small = image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)
    buffer = io.BytesIO()
    small.resize(image.size, Image.Resampling.BILINEAR).save(buffer, "JPEG", quality=15)
    return Image.open(buffer).convert("RGB")


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "blurred": blurred, "dark": dark, "fogged": fogged, "reduced": reduced,
}  # fmt: skip

if __name__ == "__main__":
    main()
