"""The cards and tables, made of small results whose numbers are known."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

import card_tables
import model_cards
import targets
import write_cards
from crowdmask.cli.main import app
from crowdmask.detections import Detections
from crowdmask.evaluation.appearance import FaceAppearance
from crowdmask.evaluation.matching import ScoredPicture
from crowdmask.evaluation.report import build_report
from crowdmask.inference.backends.onnx_runtime import read_metadata
from crowdmask.inference.model_file import hash_of, locate
from stored import Results

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = [
    "# crowd",
    "## Intended use",
    "## Unfit uses",
    "## Data",
    "## Recipe",
    "## Scores on `test`",
    "## Calibration",
    "## Speed",
    "## By apparent skin tone and light",
    "## Limits",
]


def scored(source: str, labels: list[int], said: list[int], confidence: float) -> ScoredPicture:
    """A picture whose faces stand in a row, the first 12 px wide, the others 24; each of `said` is found."""
    boxes = np.array([(100 * i, 0, 100 * i + (24 if i else 12), 30) for i in range(len(labels))], np.float32)
    found = Detections(boxes[: len(said)], np.full(len(said), confidence, np.float32), np.array(said, int))
    ignore = np.zeros(len(labels), bool)
    return ScoredPicture(f"{source}/a.jpg", source, boxes, np.array(labels), ignore, found, found)


@pytest.fixture
def report() -> dict[str, Any]:
    """Ten faces of three sources, one missed and one labelled wrongly, all at a confidence of 0.85."""
    pictures = [
        scored("gotg", [0, 0, 1, 2], [0, 0, 1, 0], 0.85),
        scored("jolignier", [0, 1, 2], [0, 1, 2], 0.85),
        scored("wider", [1, 1, 1], [1, 1], 0.85),
    ]
    looks = [FaceAppearance(np.full(len(p.boxes), 1), np.full(len(p.boxes), 2)) for p in pictures]
    about = {"model": "crowd", "model_hash": hash_of(locate("crowd"))}
    content = build_report(pictures, about, bootstrap=20, looks=looks).to_dict()
    return json.loads(json.dumps(content))


def spread(median: float) -> dict[str, Any]:
    return {
        "median": median,
        "middle_half": [median - 1, median + 1],
        "interval_95": [median - 0.1, median + 0.1],
    }


@pytest.fixture
def speed() -> dict[str, Any]:
    entry = {
        "network_ms": spread(24),
        "whole_ms": spread(36),
        "cpu_ms": spread(7),
        "network_by_peer": spread(1.2),
        "whole_by_peer": spread(1.25),
        "float_model": "crowd-float",
        "float_by_int8": spread(1.8),
        "model_hash": hash_of(locate("crowd")),
        "precision": "int8",
        "input_size": 768,
        "process_s": 0.51,
    }
    peer = {"name": "yolov5n-pruned-640", "network_ms": spread(20), "whole_ms": spread(30)}
    head = {"format": 1, "photos": 60, "threads": 2, "backend": "onnxruntime"}
    return {**head, "models": {"crowd": entry}, "peer": peer}


def row_of(text: str, start: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in line.strip("| ").split(" | ")]


@pytest.mark.parametrize(
    ("value", "ends", "expected"),
    [
        (None, None, "–"),
        (0.12345, None, "0.123"),
        (0.12345, [0.1, 0.2], "0.123 (0.100–0.200)"),
        (0.5, [None, None], "0.500"),
    ],
)
def test_numbers(value, ends, expected):
    assert card_tables.number(value, ends) == expected


@pytest.mark.parametrize(
    ("part", "name", "expected"),
    [
        ("all", "recall", 0.9),
        ("all", "precision", 1.0),
        ("all", "class_accuracy", 8 / 9),
        # Of 3 masked faces all are right, of 6 others 5.
        ("all", "balanced_accuracy", (1 + 5 / 6) / 2),
        # Of 2 faces with an incorrect mask one is found as such: half of 101 points of recall, and one.
        ("all", "AP50_mask_worn_incorrect", 51 / 101),
        ("all", "face_AP50_8-16", 1.0),
        ("wider", "face_AP50_16-32", 51 / 101),
        ("wider", "AP50_with_mask", None),
        # All say 0.85 and 8 of 9 are right.
        ("all", "ece", 8 / 9 - 0.85),
    ],
)
def test_measures_are_found_by_the_names_of_their_intervals(report, part, name, expected):
    value, ends = card_tables.value_of(report["slices"][part], name)
    assert value == (None if expected is None else pytest.approx(expected, abs=1e-6))
    assert ends is report["slices"][part]["intervals_95"][name]


def test_results_of_an_older_report_have_no_intervals(report):
    part = report["slices"]["all"]
    part["intervals_95"] = {}
    assert card_tables.value_of(part, "ece")[1] is None


def test_reliability_has_a_row_for_each_bin_that_holds_something(report):
    lines = card_tables.reliability_table(report).splitlines()
    assert lines[2:] == ["| 0.8 to 0.9 | 9 | 0.850 | 0.889 |"]


def test_appearance_tables(report):
    text = card_tables.appearance_tables(report, ["all"])
    # The ten faces include three of 12 px, which a real look could not sort; here all were given one.
    assert row_of(text, "dark to very light")[:4] == ["dark to very light", "10", "0.50", "24 px"]
    assert "all, by apparent skin tone" in text
    assert "all, by apparent light" in text
    assert "**gap, best less worst**" in text
    del report["appearance"]
    assert card_tables.appearance_tables(report) == ""


def test_a_gap_names_both_groups():
    def group(name: str, recall: float) -> dict[str, Any]:
        rates = {"recall": recall, "class_accuracy": None}
        return {
            "name": name,
            "faces": 60,
            "masked": 0.5,
            "median_width_px": 40.0,
            **rates,
            "intervals_95": {},
        }

    gap = {"best": "bright", "worst": "dark", "value": 0.2, "interval_95": [0.1, 0.3]}
    groups = [group("dark", 0.7), group("bright", 0.9)]
    light = {"groups": groups, "unknown": 3, "gaps": {"recall": gap}}
    text = card_tables.appearance_tables({"appearance": {"slices": {"all": {"light": light}}}}, ["all"])
    assert row_of(text, "**gap")[-2:] == ["**0.200 (0.100–0.300)** (bright; dark)", "–"]
    assert row_of(text, "dark")[-2:] == ["0.700", "–"]
    assert "(3 more faces show too little to tell.)" in text


def test_speed_table(speed):
    text = card_tables.speed_table(speed)
    assert row_of(text, "crowd (int8, 768 px)")[1:] == [
        "24.0 (23.9–24.1)",
        "36.0 (35.9–36.1)",
        "1.20 (1.10–1.30)",
        "1.25 (1.15–1.35)",
        "1.80 (1.70–1.90)",
        "0.51 s",
    ]
    assert row_of(text, "yolov5n")[1] == "20.0 (19.9–20.1)"
    del speed["peer"]
    assert "the peer" not in card_tables.speed_table(speed)


def changed(report: dict[str, Any], **values: float) -> dict[str, Any]:
    result = copy.deepcopy(report)
    result["slices"]["all"] |= values
    return result


def test_targets_stand_beside_what_is_reached(report, speed):
    reports = {
        "crowd": {"test": changed(report, mAP50=0.8), "val": changed(report, mAP50=0.78)},
        "crowd-float": {"test": changed(report, mAP50=0.805), "val": changed(report, mAP50=0.796)},
    }
    reports["crowd"]["test"]["slices"]["all"]["intervals_95"]["mAP50"] = [0.75, 0.85]
    text = targets.target_table(reports, speed)
    command = "`crowdmask evaluate recipes/data/crowdmask.yaml --split test --bootstrap 1000`"
    assert row_of(text, "mAP50, all")[1:] == ["at least 0.79", "0.800 (0.750–0.850)", "0.780", "yes", command]
    accuracy = row_of(text, "class accuracy")
    assert "97.01 %" in accuracy[0]
    assert "unknown" in accuracy[0]
    assert accuracy[1] == "at least 0.985"
    assert (accuracy[2][:5], accuracy[4]) == ("0.857", "**no**")
    assert row_of(text, "expected calibration error")[4] == "yes"
    assert row_of(text, "network time")[1:5] == ["at most 1.20", "1.20 (1.10–1.30)", "", "yes"]
    assert row_of(text, "whole")[4] == "**no**"
    assert row_of(text, "float32's")[2:5] == ["1.80 (1.70–1.90)", "", "yes"]
    assert row_of(text, "mAP50 that int8 loses")[2:5] == ["0.005", "0.016", "yes"]
    # What was not measured is not judged.
    assert row_of(text, "`crowd-fast`: mAP50")[2:5] == ["–", "–", "–"]
    assert "--model crowd-fast" in row_of(text, "`crowd-fast`: mAP50")[5]
    assert row_of(text, "`crowd-fast`: network")[4] == "–"


def test_targets_without_any_results():
    text = targets.target_table({}, None)
    assert len(text.splitlines()) == 2 + len(targets.SCORES) + len(targets.TIMES) + 1
    assert all(row.split(" | ")[4] == "–" for row in text.splitlines()[2:])


@pytest.fixture
def card(report, speed) -> str:
    model = model_cards.Model("crowd", "The default model.", ("recipes/crowd-start.yaml",), "crowd-float")
    metadata = read_metadata(locate("crowd"))
    about = json.loads(metadata["crowdmask"])
    int8 = {"crowdmask": json.dumps({**about, "precision": "int8"})}
    return model_cards.card(model, {"test": report, "val": report}, speed, int8, "crowd.safetensors")


def test_a_card_begins_with_what_hugging_face_reads(card):
    _, head, text = card.split("---\n", 2)
    front = yaml.safe_load(head)
    assert list(front) == [
        "license",
        "license_name",
        "library_name",
        "pipeline_tag",
        "tags",
        "datasets",
        "metrics",
        "model-index",
    ]
    assert front["license"] == "other"
    assert {"gotg", "wider_more"} <= set(front["datasets"])
    (index,) = front["model-index"]
    assert index["name"] == "crowd"
    everything, *_, wider = index["results"]
    assert everything["dataset"]["split"] == "test"
    values = {metric["type"]: metric["value"] for metric in everything["metrics"]}
    assert (values["recall"], values["accuracy"]) == (0.9, 0.8889)
    assert wider["dataset"]["name"].endswith("wider")
    # Nobody wears a mask there, so there is no score of incorrect ones.
    assert "average_precision" not in {metric["type"] for metric in wider["metrics"]}
    assert text.startswith("\n# crowd\n")


def test_a_card_says_all_that_it_should(card):
    places = [card.index(f"\n{section}\n") for section in SECTIONS]
    assert places == sorted(places)
    assert hash_of(locate("crowd")) in card
    assert "crowdmask quantize crowd-float" in card
    assert "| `recipes/crowd-start.yaml` | 1 | 3,000 | 32 | 320 px |" in card
    assert "non-commercial" in card
    assert "| 0.8 to 0.9 | 9 | 0.850 | 0.889 |" in card
    assert "rough proxy" in card
    assert "nothing about any person" in " ".join(card.split())
    assert row_of(card, "wider")[0] == "wider"
    assert "| crowd (int8, 768 px) |" in card


def test_a_card_without_times_and_looks_says_so(report):
    model = model_cards.Model("crowd", "The default model.", ("recipes/crowd-start.yaml",))
    del report["appearance"]
    reports = {"test": report, "val": report}
    text = model_cards.card(model, reports, None, read_metadata(locate("crowd")), "crowd.safetensors")
    assert "Not measured. `crowdmask bench`" in text
    assert "Not measured for this model yet" in text


def write(folder: Path, name: str, content: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(content), encoding="utf-8")


def test_results_that_are_missing_or_of_another_file_are_named(tmp_path, report, speed):
    hashes = {"crowd": report["model_hash"], "old": "0" * 16, "bare": "1" * 16}
    for name in ("crowd", "old"):
        for split in ("val", "test"):
            write(tmp_path, f"{name}-{split}.json", report)
    speed["models"]["old"] = {**speed["models"]["crowd"]}
    write(tmp_path, "speed.json", speed)
    results = Results(tmp_path, hashes.get)
    assert set(results.reports("crowd") or {}) == {"val", "test"}
    assert results.reports("old") is None
    assert results.reports("bare") is None
    assert results.reports("unshipped") is None
    found = results.speed()
    assert found is not None
    assert list(found["models"]) == ["crowd"]
    # The float form was not timed in this run, or has changed since.
    assert "float_by_int8" not in found["models"]["crowd"]
    assert len(results.missing) == 3
    assert len(results.stale) == 3
    assert any("old-test.json" in line for line in results.stale)
    assert Results(tmp_path / "nowhere", hashes.get).speed() is None


@pytest.fixture
def project(tmp_path, report, speed, monkeypatch) -> Path:
    """A copy of the pages, with results of the shipped `crowd` alone."""
    for name in ("README.md", "docs", "recipes"):
        copy_of = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy_of(ROOT / name, tmp_path / name)
    (tmp_path / "assets").mkdir()
    for split in ("val", "test"):
        write(tmp_path / "benchmarks" / "results", f"crowd-{split}.json", report)
    write(tmp_path / "benchmarks" / "results", "speed.json", speed)
    monkeypatch.setattr(write_cards, "ROOT", tmp_path)
    monkeypatch.setattr(write_cards, "ASSETS", tmp_path / "assets")
    monkeypatch.setattr(model_cards, "ROOT", tmp_path)
    return tmp_path


def test_pages_are_filled_and_what_lacks_is_named(project, capsys):
    assert write_cards.main() == 0
    said = capsys.readouterr().err
    assert "ssdlite-test.json is missing" in said
    assert "peers.md is missing" in said
    assert [file.name for file in (project / "assets").iterdir()] == ["crowd.md"]
    readme = (project / "README.md").read_text(encoding="utf-8")
    assert row_of(readme, "**crowd** (ours)")[-1] == "0.900 / 1.000"
    assert row_of(readme, "recall, all")[2][:5] == "0.900"
    assert "| crowd (int8, 768 px) | 24.0" in readme
    page = (project / "docs" / "responsible-use.md").read_text(encoding="utf-8")
    assert "about 10 are not found" in page
    assert "rough proxy" in page
    assert "all, by apparent skin tone" in page
    recipe = yaml.safe_load((project / "recipes" / "crowd-mean.yaml").read_text(encoding="utf-8"))
    assert recipe["scores"]["test_face_AP50"] == round(91 / 101, 3)
    # A second time changes nothing.
    assert write_cards.main() == 0
    assert (project / "README.md").read_text(encoding="utf-8") == readme


def test_results_of_another_file_end_with_1_and_leave_the_card(project, report, capsys):
    report["model_hash"] = "0" * 16
    write(project / "benchmarks" / "results", "crowd-val.json", report)
    assert write_cards.main() == 1
    assert "crowd-val.json is of another file" in capsys.readouterr().err
    assert not list((project / "assets").iterdir())


def test_a_page_without_the_place_is_named(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("nothing here\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="no place for the table scores"):
        write_cards.fill(page, "scores", "text")


def test_the_readme_holds_every_target():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for row in (*targets.SCORES, *targets.TIMES, targets.INT8_LOSS):
        assert row_of(readme, row.what)[1] == row.shown_target


def test_the_card_is_what_the_command_shows():
    result = CliRunner().invoke(app, ["model", "crowd"])
    assert result.exit_code == 0, result.output
    places = [result.stdout.index(f"\n{section}\n") for section in SECTIONS]
    assert places == sorted(places)
    assert "model-index:" in result.stdout
