"""Measure what drawn masks are worth: the same short run with and without them, both measured on val.

    python benchmarks/synthesis.py recipes/compare-base.yaml --synthetic 0.2 --seeds 2 --out synthesis.md

Runs start from the same weights, with the same seed and steps. A run that was stopped goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from crowdmask.data.dataset import load_dataset
from crowdmask.data.sample import Sample
from crowdmask.evaluation.measures import SliceMeasures, measure
from crowdmask.evaluation.run import both_views, run_detector
from crowdmask.export.onnx import export_onnx, metadata
from crowdmask.inference.detector import Detector
from crowdmask.labels import LABELS, MASK_WORN_INCORRECT
from crowdmask.paths import cache_folder
from crowdmask.training.recipe import Recipe, load_recipe
from crowdmask.training.start import starting_model
from crowdmask.training.trainer import Trainer

HEADS = ("mAP50", "AP50 with", "AP50 without", "AP50 incorrect (3 classes)", "mAP50 (3 classes)", "any face")


def train_and_measure(
    recipe: Recipe, beside: Path, train: list[Sample], val: list[Sample], folder: Path
) -> SliceMeasures:
    """Train one run to its end and measure it as users would run it."""
    trainer = Trainer(recipe, starting_model(recipe, beside), train, val, folder)
    for progress in trainer.run():
        if progress.step % 20 == 0:
            print(f"{folder.name}: step {progress.step}, loss {progress.losses['total']:.3f}", flush=True)
    model = trainer.average.model.cpu().eval()
    path = folder / "model.onnx"
    export_onnx(model, path, metadata(model, recipe.name))
    return measure(run_detector(both_views(Detector(path)), val).pictures)


def row(measures: SliceMeasures) -> tuple[float, ...]:
    """Return the measures of `HEADS`."""
    two, three = measures.two_class, measures.three_class
    return (two.map50, *two.ap50[:2], three.ap50[MASK_WORN_INCORRECT], three.map50, measures.face_ap50)


def table(rows: dict[float, list[tuple[float, ...]]], recipe: Recipe, val: Sequence[Sample]) -> str:
    """Return the means over seeds as Markdown, with the spread where there are several."""
    incorrect = sum(int((s.class_id[~s.ignore] == MASK_WORN_INCORRECT).sum()) for s in val)
    lines = [
        f"`{recipe.name}`, {recipe.steps} steps of {recipe.batch_size} crops from `{recipe.start}`, "
        f"{len(next(iter(rows.values())))} seed(s), val: {len(val)} photos, {incorrect} {LABELS[2]}.",
        "",
        f"| synthetic | {' | '.join(HEADS)} |",
        "|" + "---|" * (1 + len(HEADS)),
    ]
    for chance, found in rows.items():
        mean, spread = np.mean(found, axis=0), np.std(found, axis=0)
        cells = [
            f"{m:.3f} ± {s:.3f}" if len(found) > 1 else f"{m:.3f}" for m, s in zip(mean, spread, strict=True)
        ]
        lines.append(f"| {chance:g} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--synthetic", type=float, default=0.2, help="chance to compare with 0")
    parser.add_argument("--steps", type=int, help="overrides the recipe")
    parser.add_argument("--seeds", type=int, default=1, help="repeat with so many seeds")
    parser.add_argument("--val-photos", type=int, help="measure on so many photos of val")
    parser.add_argument("--root", type=Path, help="folder of the data")
    parser.add_argument("--folder", type=Path, default=cache_folder() / "synthesis", help="of the runs")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", type=Path, help="write the table here")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    base = load_recipe(options.recipe)
    if base.data is None:
        parser.error(f"{options.recipe} names no data")
    if options.steps:
        base = base.model_copy(update={"steps": options.steps})
    dataset = load_dataset(options.recipe.parent / base.data, options.root)
    train, val = dataset.split("train"), dataset.split("val")
    if options.val_photos:
        val = [val[i * len(val) // options.val_photos] for i in range(options.val_photos)]
    rows: dict[float, list[tuple[float, ...]]] = {0.0: [], options.synthetic: []}
    for seed in range(base.seed, base.seed + options.seeds):
        for chance, found in rows.items():
            augmentation = base.augmentation.model_copy(update={"synthetic": chance})
            recipe = base.model_copy(update={"augmentation": augmentation, "seed": seed})
            folder = options.folder / f"{base.name}-{base.steps}-{seed}-{chance:g}"
            found.append(row(train_and_measure(recipe, options.recipe.parent, train, val, folder)))
            print(f"seed {seed}, synthetic {chance:g}: mAP50 {found[-1][0]:.4f}", flush=True)
    text = table(rows, base, val)
    print(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
