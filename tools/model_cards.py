"""The card of a shipped model, in Hugging Face form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import card_tables as tables
from card_tables import Report, number, table
from crowdmask.data.dataset import read_spec
from crowdmask.inference.model_file import METADATA_KEY
from crowdmask.labels import LABELS
from crowdmask.training.recipe import load_recipe
from targets import evaluate_command

ROOT = Path(__file__).parents[1]
DATA_FILES = ("crowdmask.yaml", "crowdmask-more.yaml")
CLOSE_DATA_FILES = (*DATA_FILES, "crowdmask-close.yaml")
DESIGNS = {
    "crowd": "SSDLite heads on MobileNetV2 with a light top-down path, a stride-8 level and boxes from\n"
    "8 px: made for crowds, any shape of input",
    "ssdlite": "SSDLite-MobileNetV2 as published, 300×300, 1,917 default boxes from 60 px up: it shows\n"
    "what the published design reaches on the same photos, and does not see crowds",
}


@dataclass(frozen=True)
class Model:
    """A shipped model.

    Attributes:
        name: of its files.
        role: what it is for, a sentence.
        recipes: in the order in which they are run.
        made_from: the float model that it is the int8 form of; a file, where that one is not shipped.
        data: the files in recipes/data with the sources that it learnt from.
    """

    name: str
    role: str
    recipes: tuple[str, ...]
    made_from: str | None = None
    data: tuple[str, ...] = DATA_FILES


def card(
    model: Model,
    reports: dict[str, Report],
    speed: dict[str, Any] | None,
    metadata: dict[str, str],
    weights: str,
) -> str:
    """Return the whole card.

    Args:
        model: what it is about.
        reports: its report by split.
        speed: all times, None without any.
        metadata: of its file.
        weights: name of the file to fine-tune from.
    """
    test, val = reports["test"], reports["val"]
    about = json.loads(metadata[METADATA_KEY])
    precision = about.get("precision", "fp32")
    size = about["input"]["size"]
    parts = [
        front_matter(model, test),
        f"# {model.name}",
        f"{DESIGNS[about['architecture']]}. {model.role}\n"
        "It finds faces and says of each whether it wears a mask, none, or wears it incorrectly.",
        f"- File: `{model.name}.onnx`, SHA-256 begins with `{test['model_hash']}`; arithmetic {precision}; "
        f"input {size} px{closer_text(about)}.\n"
        f"- Weights to fine-tune: `{weights}`, in the package `crowdmask-supplement`.",
        USES,
        f"## Data\n\n{sources_table(model)}\n\n{DATA_NOTE}",
        f"## Recipe\n\n{recipe_text(model, about)}",
        scores_text(model, test),
        f"## Calibration\n\n{calibration_text(test, val)}",
        f"## Speed\n\n{speed_text(model, speed)}",
        f"## By apparent skin tone and light\n\n{appearance_text(test)}",
        limits_text(test),
    ]
    return "\n\n".join(parts) + "\n"


def front_matter(model: Model, test: Report) -> str:
    """Return the YAML head with the scores of each slice."""
    sources = [name for file in model.data for name in read_spec(ROOT / "recipes" / "data" / file).sources]
    head = {
        "license": "other",
        "license_name": "research-and-evaluation",
        "library_name": "crowdmask",
        "pipeline_tag": "object-detection",
        "tags": ["face-mask", "face-detection", "crowd", "ssdlite", "mobilenetv2", "onnx"],
        "datasets": sources,
        "metrics": [
            "mean_average_precision",
            "recall",
            "precision",
            "accuracy",
            "expected_calibration_error",
        ],
        "model-index": [
            {
                "name": model.name,
                "results": [_result(name, part) for name, part in test["slices"].items()],
            }
        ],
    }
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=110)}---"


def _result(name: str, part: Report) -> dict[str, Any]:
    measures = {
        "mAP50": ("mean_average_precision", "mAP at IoU 0.5, two classes"),
        "AP50_mask_worn_incorrect": (
            "average_precision",
            "AP at IoU 0.5, worn incorrectly, of three classes",
        ),
        "recall": ("recall", "recall of faces at the default thresholds"),
        "precision": ("precision", "precision of faces at the default thresholds"),
        "class_accuracy": ("accuracy", "label accuracy of found faces, two classes"),
        "ece": ("expected_calibration_error", "ECE of detections at 0.1 and above"),
    }
    metrics = []
    for measure, (kind, title) in measures.items():
        value, _ = tables.value_of(part, measure)
        if value is not None:
            metrics.append({"type": kind, "name": title, "value": round(value, 4)})
    return {
        "task": {"type": "object-detection", "name": "faces with, without and with an incorrectly worn mask"},
        "dataset": {"type": "crowdmask", "name": f"crowdmask test photos, {name}", "split": "test"},
        "metrics": metrics,
    }


def sources_table(model: Model) -> str:
    """Return the sources of a model's training photos and their licences."""
    rows = []
    for file in model.data:
        for name, source in read_spec(ROOT / "recipes" / "data" / file).sources.items():
            origin = source.origin
            place = origin.repository or origin.archive or ""
            rows.append([name, place + (f" at `{origin.commit}`" if origin.commit else ""), origin.licence])
    return table(["source", "published as", "licence as stated"], rows)


def closer_text(about: dict[str, Any]) -> str:
    """Return at which size small faces are looked at once more."""
    closer, farther = about.get("closer_look"), about.get("farther_look")
    looks = f"; a part with small faces is looked at once more, as at {closer['size']:,} px" if closer else ""
    return looks + (f"; pictures with near faces or none again, at {farther['size']:,} px" if farther else "")


def recipe_text(model: Model, about: dict[str, Any]) -> str:
    """Return how the weights were made."""
    rows = []
    for path in model.recipes:
        recipe = load_recipe(ROOT / path)
        crop = "300 px" if recipe.model == "ssdlite" else f"{recipe.crop_px} px"
        each = (
            [f"{recipe.steps:,}", str(recipe.batch_size), crop]
            if recipe.steps
            else ["mean of runs", "–", "–"]
        )
        rows.append([f"`{path}`", str(recipe.seed), *each])
    steps = table(["run, one after the other", "seed", "steps", "crops a step", "size of a crop"], rows)
    int8 = ""
    if model.made_from and about.get("precision") == "int8":
        closer = about.get("closer_look")
        farther = about.get("farther_look")
        options = f" --input-size {about['input']['size']} --closer-look {closer['size'] if closer else 0}"
        options += f" --farther-look {farther['size']}" if farther else ""
        exported = (
            f"`crowdmask export {model.name}.safetensors --to {model.made_from}{options}`, then "
            if model.made_from.endswith(".onnx")
            else ""
        )
        int8 = (
            f"\n\nThen {exported}`crowdmask quantize {model.made_from}{options}`: static int8, per channel, "
            "ranges from photos of `val`;\n"
            "refused if it loses more than 0.01 mAP50 on `val`; calibrated anew."
        )
    thresholds = ", ".join(f"{label} {about['threshold'][label]:.3f}" for label in LABELS)
    return (
        f"From MobileNetV2's ImageNet weights (torchvision's IMAGENET1K_V1):\n\n{steps}{int8}\n\n"
        f"Default thresholds: {thresholds}.\n"
        "Confidence is calibrated on `val`; a detection counts as right when it is on a face and its\n"
        "two-class label is right."
    )


def scores_text(model: Model, test: Report) -> str:
    """Return the scores by source, class and width of the face."""
    return f"""## Scores on `test`

By source; in brackets 95 % intervals, from drawing the photos again 1,000 times. mAP50 is over two classes:
an incorrectly worn mask counts as without. `masks` are the sources in which people wear masks (all but
wider). Recall, precision and accuracies are at the default thresholds.

{tables.slice_table(test)}

AP50 by class, and how many faces there are of each:

{tables.class_table(test)}

By width of the face in the photo:

{tables.width_table({model.name: test}, intervals=True)}

Found faces at the default thresholds:

{tables.confusion_table(test)}

Repeat with {evaluate_command(model.name, "--appearance")}."""


def calibration_text(test: Report, val: Report) -> str:
    """Return the calibration error and the reliability table behind it."""
    error, chosen = (tables.value_of(report["slices"]["all"], "ece") for report in (test, val))
    return (
        "Expected calibration error of detections at 0.1 and above, in ten bins: "
        f"{number(*error)} on `test`,\n{number(chosen[0])} on `val`, where it was calibrated. On `test`:\n\n"
        f"{tables.reliability_table(test)}"
    )


def speed_text(model: Model, speed: dict[str, Any] | None) -> str:
    """Return the times of this model beside the peer's."""
    if speed is None or model.name not in speed["models"]:
        return "Not measured. `crowdmask bench` times every stage on your machine."
    mine = {**speed, "models": {model.name: speed["models"][model.name]}}
    where = "On a machine with 2 cores and no graphics card; `crowdmask bench` times every stage on yours."
    return f"{where}\n\n{tables.speed_table(mine)}"


def appearance_text(report: Report) -> str:
    """Return the groups by apparent tone and light with what they mean, or that none were measured."""
    groups = tables.appearance_tables(report)
    if not groups:
        return "Not measured for this model yet: `crowdmask evaluate ... --appearance` does it."
    return f"{APPEARANCE_NOTE}\n\n{groups}"


def limits_text(test: Report) -> str:
    """Return what it is bad at."""
    incorrect = test["slices"]["all"]["faces"]["mask_worn_incorrect"]
    return f"""## Limits

- {incorrect} incorrectly worn masks in `test` and about 470 in all: the label is the least sure.
- Hands, beards, scarves and cups before the mouth are taken for masks; black and printed masks, profiles and
  far faces are missed or mislabelled more often than others.
- Faces on posters and screens are found, too.
- The photos are from the web, in no way a fair sample of people, places, cameras and light. Measure on
  your own."""


USES = """## Intended use

Counting, safety and research on photos and video of people: how many wear a mask, as a share or a trend;
where masks are required and often missing; how such detectors err.

**For research and evaluation only.** The code is Apache-2.0, but these weights learnt from photos of mixed,
partly non-commercial (WIDER FACE) and partly unstated licences. To have weights that owe them nothing:
`crowdmask train recipes/own-photos.yaml --photos DIR --format voc`.

## Unfit uses

- To decide alone about any single person: entry, work, travel, warnings, fines. It is not good enough.
- To identify people. It identifies nobody and must not be built into something that does.
- To judge whether a mask protects: it sees where cloth is, not what it filters.
- On pictures unlike those below (thermal, night vision, drawings, from straight above), unless measured."""

DATA_NOTE = """Trained on the `train` photos; calibrated and thresholds chosen on `val` (310 photos);
measured on `test` (390 photos). When the rule for thresholds was set, `test` was in view beside `val`.
Near-duplicates were removed across all sources and splits. WIDER FACE photos are part of its validation
set, so no score on that benchmark may be claimed. Faces without a box in the sources are ignored where
they are known. Labels were made by others and have errors: jolignier lacks some background faces, which
bounds precision there."""

APPEARANCE_NOTE = """Faces of 24 px width and more on `test`, sorted by their pixels: the individual
typology angle of the skin that shows above a mask, with its usual limits (55, 41, 28, 10, −30 degrees),
and the lightness of the face. **This is a rough proxy of apparent skin tone. Light, white balance and
exposure move it as much as skin does; it says nothing about any person.** Neighbouring groups of fewer
than 50 faces are joined. Groups also differ in the size of faces, the photos' sources and the share of
masks, and the best and worst groups are picked after the fact, so a gap is a reason to look closer, not a
finding about its cause."""
