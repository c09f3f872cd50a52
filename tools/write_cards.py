"""Write the cards of the shipped models, the scores of their recipes and the tables of README and docs.

    crowdmask evaluate recipes/data/crowdmask.yaml --split test --model NAME --bootstrap 1000 --appearance \\
        --json benchmarks/results/NAME-test.json          (for each shipped model; likewise --split val)
    python benchmarks/peers.py ... > benchmarks/results/peers.md
    python benchmarks/speed.py ... --models crowd,crowd-fast,crowd-float --json benchmarks/results/speed.json
    python tools/write_cards.py

No number is typed by hand: what the files in benchmarks/results lack, no page shows. A model without results, or
with those of another file, keeps its old card, and a line says so.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from card_tables import Report, appearance_tables, number, speed_table, table, width_table
from crowdmask.inference.backends.onnx_runtime import read_metadata
from crowdmask.inference.model_file import locate
from model_cards import APPEARANCE_NOTE, CLOSE_DATA_FILES, Model, card
from stored import Results
from targets import target_table

ROOT = Path(__file__).parents[1]
ASSETS = ROOT / "src" / "crowdmask" / "assets"
WEIGHTS = ROOT / "supplement" / "src" / "crowdmask_supplement" / "weights"
CROWD_RECIPES = (
    "recipes/crowd-start.yaml",
    "recipes/crowd.yaml",
    "recipes/crowd-long.yaml",
    "recipes/crowd-far.yaml",
    "recipes/crowd-mean.yaml",
)
NARROW_RECIPES = (
    *CROWD_RECIPES,
    "recipes/crowd-narrow.yaml",
    "recipes/crowd-narrow-on.yaml",
    "recipes/crowd-narrow-last.yaml",
    "recipes/crowd-narrow-more.yaml",
    "recipes/crowd-narrow-fifth.yaml",
)
MODELS = (
    Model("crowd", "The default model.", CROWD_RECIPES, made_from="crowd-float"),
    Model(
        "crowd-fast",
        "The quick one: a narrower network, taught by that of `crowd`, and a smaller input.",
        NARROW_RECIPES,
        made_from="crowd-narrow.onnx",
        data=CLOSE_DATA_FILES,
    ),
    Model("crowd-float", "The same network as `crowd`, in float32.", CROWD_RECIPES),
    Model("ssdlite", "The baseline.", ("recipes/ssdlite.yaml",)),
)
DEFAULT = MODELS[0].name
SLICES = ("all", "masks", "gotg", "jolignier", "wider")


def score_rows(reports: dict[str, Report], peers: str) -> str:
    """Return the README's table: the shipped models, then the peers as `benchmarks/peers.py` measured them."""
    header = ["", *(f"mAP50 {name}" for name in SLICES)]
    header += ["class accuracy of found faces, masks (all)", "recall / precision at default, all"]
    rows = []
    for name, report in reports.items():
        slices = report["slices"]
        masks, everything = slices["masks"]["at_default"], slices["all"]["at_default"]
        rows.append(
            [
                f"**{name}** (ours)",
                *(number(slices[each]["mAP50"]) for each in SLICES),
                f"{number(masks['class_accuracy'])} ({number(everything['class_accuracy'])})",
                f"{number(everything['recall'])} / {number(everything['precision'])}",
            ]
        )
    rows += [
        [cell.strip() for cell in line.strip("| \n").split("|")]
        for line in peers.splitlines()
        if line.startswith(("| yolov5n", "| aizoo"))
    ]
    return table(header, rows)


def error_rates(report: Report) -> str:
    """Return the error rates in plain words."""
    masks, everything = report["slices"]["masks"]["at_default"], report["slices"]["all"]["at_default"]
    confusion = masks["confusion"]

    def of(row: int, said: tuple[int, ...]) -> str:
        wrong, total = sum(confusion[row][i] for i in said), sum(confusion[row])
        return f"{wrong} of {total} ({wrong / max(total, 1) * 100:.1f} %)"

    missed, false = (1 - everything["recall"]) * 100, (1 - everything["precision"]) * 100
    return f"""On our `test` photos, at the default settings:

- Of 100 faces, about {missed:.0f} are not found. Most of those are narrower than 16 pixels; on the photos
  of people with masks it is {(1 - masks["recall"]) * 100:.0f} of 100.
- Of 100 boxes that it shows, about {false:.0f} are on no face.
- Of the found faces with a mask, {of(0, (1, 2))} are said to wear none or to wear it incorrectly.
- Of the found faces without a mask, on the same photos, {of(1, (0,))} are said to wear one.
- Of the found faces with an incorrectly worn mask, {of(2, (0,))} are said to wear it correctly."""


def appearance_section(report: Report) -> str:
    """Return what is known of differences between groups."""
    groups = appearance_tables(report)
    if not groups:
        return (
            "We did not measure whether errors differ between groups of people, since the test photos do not say\n"
            "who is in them. They may well differ. Check it on photos of the people whom your use concerns."
        )
    return (
        "Whether errors differ between groups of people cannot be measured on our photos, which do not say who is\n"
        f"in them. What can be measured is a stand-in. {APPEARANCE_NOTE}\n\n{groups}\n\n"
        "Errors may well differ between people in ways that this does not show. Check it on photos of the people\n"
        "whom your use concerns, with `crowdmask evaluate DATA.yaml --appearance`."
    )


def note_scores(recipe: Path, reports: dict[str, Report]) -> None:
    """Write what a recipe reached into its head."""
    scores = {
        f"{split}_{key}": round(reports[split]["slices"]["all"][key], 3)
        for split in ("val", "test")
        for key in ("mAP50", "mAP50_95", "face_AP50")
    }
    line = "scores: {" + ", ".join(f"{k}: {v}" for k, v in scores.items()) + "}"
    text = re.sub(r"^scores:.*\n", "", recipe.read_text(encoding="utf-8"), flags=re.MULTILINE)
    recipe.write_text(re.sub(r"^(name: .*\n)", rf"\1{line}\n", text, flags=re.MULTILINE), encoding="utf-8")


def fill(path: Path, name: str, text: str) -> None:
    """Put a text between the marks of a page."""
    page = path.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- table:{name} -->\n).*?(<!-- /table -->)", re.DOTALL)
    if not pattern.search(page):
        raise SystemExit(f"{path} has no place for the table {name}")
    path.write_text(pattern.sub(lambda m: f"{m[1]}{text}\n{m[2]}", page), encoding="utf-8")


def weights_of(name: str, folder: Path = WEIGHTS) -> str:
    """Return the file to fine-tune a model from: its own, or that of the model that it is a form of."""
    for candidate in (name, name.partition("-")[0]):
        if (folder / f"{candidate}.safetensors").is_file():
            return f"{candidate}.safetensors"
    return "none"


def main() -> int:
    """Write cards and tables; return 1 where some results are of other files than the shipped ones."""
    results = Results(ROOT / "benchmarks" / "results")
    reports = {model.name: found for model in MODELS if (found := results.reports(model.name))}
    speed = results.speed()
    readme, responsible = ROOT / "README.md", ROOT / "docs" / "responsible-use.md"

    noted: set[str] = set()
    for model in sorted(MODELS, key=lambda model: model.made_from is not None):
        if model.name not in reports:
            continue
        # A recipe makes the float form; others are made from that.
        if model.recipes[-1] not in noted:
            note_scores(ROOT / model.recipes[-1], reports[model.name])
            noted.add(model.recipes[-1])
        metadata = read_metadata(locate(model.name))
        text = card(model, reports[model.name], speed, metadata, weights_of(model.name))
        (ASSETS / f"{model.name}.md").write_text(text, encoding="utf-8")

    tests = {name: splits["test"] for name, splits in reports.items()}
    if tests:
        fill(readme, "scores", score_rows(tests, results.text("peers.md")))
        fill(readme, "widths", width_table(tests))
    fill(readme, "targets", target_table(reports, speed))
    if speed is not None:
        fill(readme, "speed", f"{speed_table(speed)}\n\n{results.text('memory.md')}".strip())
    if DEFAULT in tests:
        fill(responsible, "error-rates", error_rates(tests[DEFAULT]))
        fill(responsible, "appearance", appearance_section(tests[DEFAULT]))
    for line in (*results.missing, *results.stale):
        print(f"warning: {line}", file=sys.stderr)
    return 1 if results.stale else 0


if __name__ == "__main__":
    sys.exit(main())
