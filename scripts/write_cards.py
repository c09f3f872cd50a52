"""Write the cards of the shipped models, the scores of their recipes and the tables of README and docs.

    crowdmask evaluate recipes/data/crowdmask.yaml --split test --model NAME --bootstrap 1000 \\
        --json benchmarks/results/NAME-test.json          (for each shipped model; likewise --split val)
    python benchmarks/peers.py ... > benchmarks/results/peers.md
    python benchmarks/speed.py ... > benchmarks/results/speed.md
    python scripts/write_cards.py

No number is typed by hand: what a file in benchmarks/results lacks, no page shows.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from crowdmask.data.dataset import read_spec
from crowdmask.inference.backends import read_metadata
from crowdmask.inference.model_file import METADATA_KEY, hash_of, locate
from crowdmask.labels import LABELS
from crowdmask.training.recipe import load_recipe

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
ASSETS = ROOT / "src" / "crowdmask" / "assets"
# The recipes of each model, in the order in which they are run.
MODELS = {"crowd": ("recipes/crowd-start.yaml", "recipes/crowd.yaml"), "ssdlite": ("recipes/ssdlite.yaml",)}
WHAT = {
    "crowd": "SSDLite heads on MobileNetV2 with a light top-down path, a stride-8 level and boxes from 8 px: "
    "made for crowds, any input size, 768 px by default. The default model.",
    "ssdlite": "SSDLite-MobileNetV2 as published, 300×300, 1,917 default boxes from 60 px up. The baseline: "
    "it shows what the published design reaches on the same photos; it does not see crowds.",
}
CALIBRATION_ROWS = ("all", "masks")


def report(name: str, split: str) -> dict[str, Any]:
    """Return a stored report, checked to be of the shipped file."""
    path = RESULTS / f"{name}-{split}.json"
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if content["model_hash"] != hash_of(locate(name)):
        raise SystemExit(f"{path} measured another file than the shipped {name}: measure it again")
    return content


def number(value: float | None) -> str:
    """Return three digits, or a dash where there was nothing to measure."""
    return "–" if value is None else f"{value:.3f}"


def table(header: list[str], rows: list[list[str]]) -> str:
    """Return a markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def slice_table(content: dict[str, Any]) -> str:
    """Return average precision and default-threshold measures of each slice."""
    header = ["photos of", "number", "mAP50 (95 % interval)", "AP50 with", "AP50 without", "AP50 incorrect (of three)"]
    header += ["mAP50-95", "recall", "precision", "class accuracy", "balanced", "ECE (≥ .1)"]
    rows = []
    for name, s in content["slices"].items():
        shown, interval = s["at_default"], s["intervals_95"].get("mAP50")
        spread = f" ({interval[0]:.3f}–{interval[1]:.3f})" if interval else ""
        rows.append(
            [
                name,
                str(s["pictures"]),
                number(s["mAP50"]) + spread,
                number(s["AP50"]["with_mask"]),
                number(s["AP50"]["without_mask"]),
                number(s["AP50_3class"]["mask_worn_incorrect"]),
                number(s["mAP50_95"]),
                *(number(shown[k]) for k in ("recall", "precision", "class_accuracy", "balanced_accuracy")),
                number(s["calibration"]["ece"]),
            ]
        )
    return table(header, rows)


def width_table(contents: dict[str, dict[str, Any]]) -> str:
    """Return AP50 of any face by its width, a row a model."""
    first = next(iter(contents.values()))["slices"]["all"]["face_AP50_by_width_px"]
    header = ["any face, AP50", "all", *(f"{k} px ({v['faces']})" for k, v in first.items())]
    rows = []
    for name, content in contents.items():
        s = content["slices"]["all"]
        widths = [number(v["AP50"]) for v in s["face_AP50_by_width_px"].values()]
        rows.append([name, number(s["face_AP50"]), *widths])
    return table(header, rows)


def confusion_table(content: dict[str, Any]) -> str:
    """Return the confusion of found faces at the default thresholds."""
    shown = content["slices"]["all"]["at_default"]
    rows = [[label, *map(str, row)] for label, row in zip(LABELS, shown["confusion"], strict=True)]
    return table(["truth", *(f"said {label}" for label in LABELS)], rows)


def sources_table() -> str:
    """Return the sources of the training photos and their licences."""
    rows = []
    for file in ("crowdmask.yaml", "crowdmask-more.yaml"):
        for name, source in read_spec(ROOT / "recipes" / "data" / file).sources.items():
            origin = source.origin
            place = origin.repository or origin.archive or ""
            rows.append([name, place + (f" at `{origin.commit}`" if origin.commit else ""), origin.licence])
    return table(["source", "published as", "licence as stated"], rows)


def card(name: str) -> str:
    """Return the card of one model, in Hugging Face form."""
    test, val = report(name, "test"), report(name, "val")
    everything = test["slices"]["all"]
    recipes = []
    for path in MODELS[name]:
        recipe = load_recipe(ROOT / path)
        crop = "" if name == "ssdlite" else f" of {recipe.crop_px} px"
        recipes.append(f"`{path}` (seed {recipe.seed}, {recipe.steps} steps of {recipe.batch_size} crops{crop})")
    about = json.loads(read_metadata(locate(name))[METADATA_KEY])
    thresholds = ", ".join(f"{k} {v:.3f}" for k, v in about["threshold"].items())
    front = {
        "license": "other",
        "license_name": "research-and-evaluation",
        "library_name": "crowdmask",
        "pipeline_tag": "object-detection",
        "tags": "[face-mask, face-detection, crowd, ssdlite, mobilenetv2, onnx]",
    }
    head = "\n".join(["---", *(f"{k}: {v}" for k, v in front.items()), "---"])
    return f"""{head}

# {name}

{WHAT[name]} It finds faces and says of each whether it wears a mask, none, or wears it incorrectly.

- File: `{name}.onnx`, SHA-256 begins with `{test["model_hash"]}`; weights to fine-tune: `{name}.safetensors`.
- Recipe: {", then ".join(recipes)}, from MobileNetV2's ImageNet weights (torchvision's IMAGENET1K_V1).
- Default thresholds: {thresholds}. Confidence is calibrated on `val`; a detection counts as right when it
  is on a face and its two-class label is right.

## Uses

Meant for counting, safety and research on photos and video of people. Not meant for, and not good enough to,
decide alone about any single person; it identifies nobody and must not be built into something that does.

**For research and evaluation only.** The code is Apache-2.0, but these weights learnt from photos of mixed,
partly non-commercial (WIDER FACE) and partly unstated licences. To have weights that owe them nothing:
`crowdmask train recipes/own-photos.yaml --photos DIR --format voc`.

## Data

{sources_table()}

Trained on the `train` photos; calibrated and thresholds chosen on `val` (310 photos); measured on `test` (390
photos). When the rule for thresholds was set, `test` was
in view beside `val`. Near-duplicates were removed across all sources and splits. WIDER FACE photos are part of its
validation set, so no score on that benchmark may be claimed. Faces without a box in the sources are ignored
where they are known.

## Scores on `test`

{slice_table(test)}

mAP50 is over two classes: an incorrectly worn mask counts as without. `masks` are the sources in which people
wear masks (all but wider). Intervals are from drawing the photos again 1,000 times. Repeat with
`crowdmask evaluate recipes/data/crowdmask.yaml --split test --model {name} --bootstrap 1000`.

{width_table({name: test})}

Found faces at the default thresholds:

{confusion_table(test)}

On `val`: mAP50 {number(val["slices"]["all"]["mAP50"])}, calibration error {number(val["slices"]["all"]["calibration"]["ece"])}
(on `test` {number(everything["calibration"]["ece"])}).

## Limits

- {everything["faces"]["mask_worn_incorrect"]} incorrectly worn masks in `test` and about 470 in all: the label is the least sure.
- Hands, beards, scarves and cups before the mouth are taken for masks; black and printed masks, profiles and
  far faces are missed or mislabelled more often than others.
- Faces on posters and screens are found, too.
- The photos are from the web, in no way a fair sample of people, places, cameras and light. Measure on your own.
"""


def score_rows(contents: dict[str, dict[str, Any]]) -> str:
    """Return the README's table: the shipped models, then the peers as measured by `benchmarks/peers.py`."""
    header = [f"mAP50 {name}" for name in ("all", "masks", "gotg", "jolignier", "wider")]
    header = ["", *header, "class accuracy of found faces, masks (all)", "recall / precision at default, all"]
    rows = []
    for name, content in contents.items():
        slices = content["slices"]
        masks, everything = slices["masks"]["at_default"], slices["all"]["at_default"]
        rows.append(
            [
                f"**{name}** (ours)",
                *(number(slices[s]["mAP50"]) for s in ("all", "masks", "gotg", "jolignier", "wider")),
                f"{number(masks['class_accuracy'])} ({number(everything['class_accuracy'])})",
                f"{number(everything['recall'])} / {number(everything['precision'])}",
            ]
        )
    peers = [
        [cell.strip() for cell in line.strip("| \n").split("|")]
        for line in (RESULTS / "peers.md").read_text(encoding="utf-8").splitlines()
        if line.startswith(("| yolov5n", "| aizoo"))
    ]
    return table(header, rows + peers)


def error_rates(content: dict[str, Any]) -> str:
    """Return the error rates in plain words."""
    masks, everything = content["slices"]["masks"]["at_default"], content["slices"]["all"]["at_default"]
    confusion = masks["confusion"]

    def of(row: int, said: tuple[int, ...]) -> str:
        wrong, total = sum(confusion[row][i] for i in said), sum(confusion[row])
        return f"{wrong} of {total} ({wrong / max(total, 1) * 100:.1f} %)"

    return f"""On our `test` photos, at the default settings:

- Of 100 faces, about {round((1 - everything["recall"]) * 100)} are not found. Most of those are narrower than 16 pixels; on the photos
  of people with masks it is {round((1 - masks["recall"]) * 100)} of 100.
- Of 100 boxes that it shows, about {round((1 - everything["precision"]) * 100)} are on no face.
- Of the found faces with a mask, {of(0, (1, 2))} are said to wear none or to wear it incorrectly.
- Of the found faces without a mask, on the same photos, {of(1, (0,))} are said to wear one.
- Of the found faces with an incorrectly worn mask, {of(2, (0,))} are said to wear it correctly."""


def note_scores(name: str) -> None:
    """Write what a recipe reached into its head."""
    path = ROOT / MODELS[name][-1]
    scores = {
        f"{split}_{key}": round(report(name, split)["slices"]["all"][key], 3)
        for split in ("val", "test")
        for key in ("mAP50", "mAP50_95", "face_AP50")
    }
    line = "scores: {" + ", ".join(f"{k}: {v}" for k, v in scores.items()) + "}"
    text = re.sub(r"^scores:.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    path.write_text(re.sub(r"^(name: .*\n)", rf"\1{line}\n", text, flags=re.MULTILINE), encoding="utf-8")


def fill(path: Path, name: str, text: str) -> None:
    """Put a text between the marks of a page."""
    page = path.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- table:{name} -->\n).*?(<!-- /table -->)", re.DOTALL)
    if not pattern.search(page):
        raise SystemExit(f"{path} has no place for the table {name}")
    path.write_text(pattern.sub(lambda m: f"{m[1]}{text}\n{m[2]}", page), encoding="utf-8")


def main() -> None:
    """Write cards and tables."""
    contents = {name: report(name, "test") for name in MODELS}
    for name in MODELS:
        note_scores(name)
        (ASSETS / f"{name}.md").write_text(card(name), encoding="utf-8")
    fill(ROOT / "README.md", "scores", score_rows(contents))
    fill(ROOT / "README.md", "widths", width_table(contents))
    fill(ROOT / "README.md", "speed", (RESULTS / "speed.md").read_text(encoding="utf-8").strip())
    fill(ROOT / "docs" / "responsible-use.md", "error-rates", error_rates(contents["crowd"]))


if __name__ == "__main__":
    main()
