from __future__ import annotations

import csv
import io
import json

import pytest
from typer.testing import CliRunner

from crowdmask.cli.main import app


def record(source: str, masked: int, bare: int) -> str:
    def face(label: str) -> dict:
        return {"box": [0, 0, 40, 40], "label": label, "confidence": 0.97}

    faces = [face("with_mask")] * masked + [face("without_mask")] * bare
    return json.dumps({"source": source, "detections": faces}) + "\n"


@pytest.fixture
def records(place):
    path = place / "photos.jsonl"
    path.write_text("".join(record(f"hall/{at}.jpg", 6, 2) for at in range(30)))
    return path


def survey(*words):
    return CliRunner().invoke(app, ["survey", *map(str, words)])


def test_sentence_files_and_page(records, place) -> None:
    result = survey(records, "--json", "s.jsonl", "--csv", "s.csv", "--out", "s.html", "--by", "folder")
    assert result.exit_code == 0
    assert "hall: 30 photos, 240 faces seen: of an estimated" in result.stdout
    assert "with a mask" in result.stdout
    (line,) = (place / "s.jsonl").read_text().splitlines()
    share = json.loads(line)["with_mask"]["share"]
    (row,) = csv.DictReader(io.StringIO((place / "s.csv").read_text()))
    assert float(row["with_mask_share"]) == share
    page = (place / "s.html").read_text()
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert all(word in page for word in ("STROBE", "Ethics", "Funding", "Bounds and sensitivity"))


def test_records_go_to_standard_output_alone(records) -> None:
    result = survey(records, "--json", "-")
    assert json.loads(result.stdout)["group"] == "all"
    assert "95 % intervals" in result.stderr


def test_records_come_from_standard_input(records) -> None:
    result = CliRunner().invoke(app, ["survey", "-", "--json", "-"], input=records.read_bytes())
    assert json.loads(result.stdout)["photos"] == 30


def test_cut_off_line_is_named_and_the_rest_surveyed(records) -> None:
    with records.open("a") as file:
        file.write('{"source": "hall/99.jpg", "dete')
    result = survey(records, "--json", "-")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["photos"] == 30
    assert "line 31 is cut off" in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["none.jsonl"], 1, "no such file"),
        (["photos.jsonl", "--by", "none.csv"], 1, "no such file"),
        (["photos.jsonl", "--by", "mood"], 2, "--by mood"),
        (["photos.jsonl", "--correct", "none,recall"], 2, "--correct"),
        (["photos.jsonl", "--target", "place"], 2, "--target place"),
        (["photos.jsonl", "--json", "x", "--csv", "x"], 2, "cannot both write"),
        (["photos.jsonl", "--rates", "none.json"], 1, "no such file"),
        (["photos.jsonl", "--unit", "passage"], 1, "--unit passage"),
        (["photos.jsonl", "--json", "no/such/../.."], 1, "folder"),
    ],
)
def test_errors_are_one_line(records, words, code, told) -> None:
    result = survey(*words)
    assert result.exit_code == code
    assert told in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1 or code == 2


def test_two_groups_are_compared_in_a_plain_word(place) -> None:
    path = place / "two.jsonl"
    path.write_text(
        "".join(record(f"hall/{at}.jpg", 6, 2) + record(f"yard/{at}.jpg", 2, 6) for at in range(30))
        + "".join(record(f"gate/{at}.jpg", 6, 2) for at in range(30))
    )
    result = survey(path, "--by", "folder", "--compare", "hall", "yard", "--comparisons", "c.jsonl")
    assert "hall less yard, with a mask:" in result.stdout
    first = json.loads((place / "c.jsonl").read_text().splitlines()[0])
    assert first["verdict"] == "differs"
    assert first["p_adjusted"] is None
    assert first["interval"][0] < first["difference"] < first["interval"][1]
    alike = survey(path, "--by", "folder", "--compare", "hall", "gate")
    assert "cannot be told apart from chance" in alike.stdout
    both = survey(path, "--by", "folder", "--compare-all", "--out", "c.html")
    assert both.stdout.count("adjusted for all comparisons") == 9
    assert "Comparisons" in (place / "c.html").read_text()
    assert survey(path, "--by", "folder", "--compare", "hall", "moon").exit_code == 2


def test_audit_there_and_back(place) -> None:
    from PIL import Image

    lines = ""
    for at in range(20):
        Image.new("RGB", (200, 200), (90, at, 40)).save(place / f"{at}.png")
        lines += record(f"{at}.png", 2, 1)
    (place / "photos.jsonl").write_text(lines)
    drawn = survey("photos.jsonl", "--audit", "30", "--out", "sheet.html")
    assert drawn.exit_code == 0
    assert "photos to label" in drawn.stdout
    text = (place / "sheet.html").read_text()
    payload = json.loads(text.split('id="payload">')[1].split("</script>")[0])
    answers = {
        "crowdmask_audit": 1,
        "labeller": "A",
        "photos": [
            {**each, "done": True, "faces": [{"box": box, "label": "without_mask"} for box in each["boxes"]]}
            for each in payload["photos"]
        ],
    }
    (place / "answers.json").write_text(json.dumps(answers))
    result = survey("photos.jsonl", "--answers", "answers.json", "--json", "-")
    told = json.loads(result.stdout)
    assert told["without_mask"]["share"] > 0.9
    assert told["corrections"][-1] == "audit"
    assert survey("photos.jsonl", "--chin-mask", "none").exit_code == 2
    assert survey("photos.jsonl", "--answers", "photos.jsonl").exit_code == 1
    assert survey("photos.jsonl", "--audit", "30", "--out", "no/such/sheet.html").exit_code == 1
