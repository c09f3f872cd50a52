from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

from crowdmask.errors import DataError, ModelError, SourceError, UsageError
from crowdmask.survey import Settings, read, survey
from crowdmask.survey.audit.agreement import agreement
from crowdmask.survey.audit.answers import Answers, AuditedPhoto, read_answers
from crowdmask.survey.audit.draw import draw_photos
from crowdmask.survey.audit.inference import Audited, estimate
from crowdmask.survey.audit.prepare import prepare_audit
from crowdmask.survey.sources.looking import Looking

from .conftest import THRESHOLDS, face, frame, photo


def test_probabilities_give_about_as_many_faces_as_wanted() -> None:
    faces = np.random.default_rng(0).poisson(5, 400)
    drawn = [faces[draw_photos(faces, 100, seed).looks].sum() for seed in range(60)]
    assert np.mean(drawn) == pytest.approx(100, rel=0.1)
    assert np.std(drawn) < 40


def test_weights_make_the_total_right() -> None:
    faces = np.random.default_rng(1).poisson(4, 300)
    totals = []
    for seed in range(300):
        draw = draw_photos(faces, 80, seed)
        totals.append((faces[draw.looks] / draw.probability).sum())
        assert len(set(draw.looks.tolist())) == len(draw.looks)
    assert np.mean(totals) == pytest.approx(faces.sum(), rel=0.03)


def test_all_are_drawn_where_there_are_few() -> None:
    draw = draw_photos(np.array([2, 0, 3]), 100)
    assert sorted(draw.looks.tolist()) == [0, 1, 2]
    assert (draw.probability == 1).all()


@pytest.mark.parametrize("doubt", [None, np.full(9, 3.0)])
def test_of_crowds_so_many_are_drawn_that_they_tell_something(doubt) -> None:
    for seed in range(20):
        draw = draw_photos(np.full(9, 40), 30, seed, None, doubt)
        assert len(draw.looks) == 5
        assert draw.probability == pytest.approx(5 / 9)


def photo_answers(source: str, *answers: str, probability: float = 1.0) -> AuditedPhoto:
    boxes = np.array([(50 * at, 0, 50 * at + 40, 40) for at in range(len(answers))], np.float32).reshape(
        -1, 4
    )
    return AuditedPhoto(source, probability, boxes, answers)


def test_agreement_and_kappa() -> None:
    # The example of Cohen (1960) in shape: 20 + 15 agreed of 50, kappa 0.4.
    pairs = [("with_mask",) * 2] * 20 + [("without_mask",) * 2] * 15
    pairs += [("with_mask", "without_mask")] * 5 + [("without_mask", "with_mask")] * 10
    first = Answers("a", "A", tuple(photo_answers(str(at), one) for at, (one, _) in enumerate(pairs)), 0)
    second = Answers("b", "B", tuple(photo_answers(str(at), two) for at, (_, two) in enumerate(pairs)), 0)
    found = agreement(first, second)
    assert (found.faces, found.agreed, found.one_only) == (50, 35, 0)
    assert found.kappa == pytest.approx(0.4)
    assert "kappa is 0.40" in found.sentence()


def test_faces_that_one_labeller_boxed_alone() -> None:
    first = Answers("a", "A", (photo_answers("x", "with_mask", "with_mask"),), 0)
    second = Answers("b", "B", (photo_answers("x", "with_mask"),), 0)
    found = agreement(first, second)
    assert (found.faces, found.one_only, found.kappa) == (1, 1, None)
    with pytest.raises(DataError, match="in common"):
        agreement(first, Answers("c", "C", (photo_answers("y", "with_mask"),), 0))


def simulated(seed: int, lost: float) -> tuple[bool, float, float]:
    """Label about 100 faces of 150 photos, whose masked faces are missed more than the model expects."""
    random = np.random.default_rng(seed)
    level = random.beta(1.2, 1.2, 150)
    people = random.poisson(6, 150)
    masked = random.binomial(people, level)
    truth = np.stack([masked, people - masked, np.zeros(150, int)], axis=1).astype(float)
    predicted = truth.copy()
    predicted[:, 0] = random.binomial(masked, 1 - lost)
    draw = draw_photos(predicted.sum(axis=1).astype(int), 100, seed)
    told = estimate(Audited(predicted, draw.looks, truth[draw.looks], draw.probability))[1]["with_mask"]
    assert told is not None
    share, (low, high) = told
    true = truth[:, 0].sum() / truth.sum()
    return low <= true <= high, high - low, share - true


@pytest.mark.parametrize("lost", [0.05, 0.4])
def test_an_audit_covers_whatever_the_detector_does(lost) -> None:
    held, widths, errors = zip(*(simulated(seed, lost) for seed in range(150)), strict=True)
    assert 0.9 <= np.mean(held) <= 1.0
    assert abs(np.mean(errors)) < 0.015
    assert np.mean(widths) < 0.25


def test_a_better_detector_narrows_the_interval() -> None:
    good, poor = (np.mean([simulated(seed, lost)[1] for seed in range(40)]) for lost in (0.02, 0.5))
    assert good < poor


@pytest.fixture
def audited(tmp_path, write):
    """Records of 60 photos that are there, and their sheet."""
    random = np.random.default_rng(0)
    records = []
    for at in range(60):
        name = str(tmp_path / f"{at}.png")
        Image.new("RGB", (320, 240), (at, 80, 120)).save(name)
        faces = [face(int(random.random() < 0.3)) for _ in range(int(random.poisson(3)))]
        records.append(photo(name, faces))
    return write(records), {record["source"]: len(record["detections"]) for record in records}


def sheet_payload(path) -> dict:
    found = re.search(r'<script type="application/json" id="payload">(.*?)</script>', path.read_text(), re.S)
    assert found is not None
    return json.loads(found[1])


def filled(payload: dict, label, labeller: str = "A") -> dict:
    return {
        "crowdmask_audit": 1, "labeller": labeller,
        "photos": [
            {"source": each["source"], "probability": each["probability"], "done": True,
             "faces": [{"box": box, "label": label(at)} for at, box in enumerate(each["boxes"])]}
            for each in payload["photos"]
        ],
    }  # fmt: skip


def test_sheet_holds_photos_and_boxes_but_no_label_of_the_model(audited, tmp_path) -> None:
    path, faces = audited
    sheet = tmp_path / "sheet.html"
    number = prepare_audit(read([str(path)]), [str(path)], 60, str(sheet), 0, THRESHOLDS, Looking())
    payload = sheet_payload(sheet)
    assert len(payload["photos"]) == number
    for each in payload["photos"]:
        assert set(each) == {"source", "probability", "width", "height", "image", "boxes"}
        assert len(each["boxes"]) == faces[each["source"]]
        assert 0 < each["probability"] <= 1
        assert each["image"].startswith("data:image/jpeg;base64,")
    assert "http://" not in sheet.read_text().replace("http://www.w3.org", "")
    assert "https://" not in sheet.read_text()


def test_answers_replace_the_rates(audited, tmp_path, rates_file) -> None:
    path, _ = audited
    sheet = tmp_path / "sheet.html"
    prepare_audit(read([str(path)]), [str(path)], 60, str(sheet), 0, THRESHOLDS, Looking())
    files = []
    for name in ("A", "B"):
        answers = filled(sheet_payload(sheet), lambda at: "mask_under_chin" if at % 2 else "with_mask", name)
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps(answers))

    def run(chin_mask: str, *answers) -> dict:
        settings = Settings(rates=str(rates_file), answers=tuple(map(str, answers)), chin_mask=chin_mask)
        return next(iter(survey(read([str(path)]), settings).records()))

    worn = run("incorrect", *files)
    bare = run("none", files[0])
    assert worn["mask_worn_incorrect"]["share"] > 0.2
    assert worn["without_mask"]["share"] < 0.1
    assert bare["without_mask"]["share"] == pytest.approx(worn["mask_worn_incorrect"]["share"], abs=0.1)
    assert bare["definition"] != worn["definition"]
    assert worn["corrections"][-1] == "audit"
    assert any("kappa is 1.00" in note for note in worn["notes"])
    assert any("labelled by a person" in note for note in worn["notes"])


def test_chin_mask_none_needs_an_audit(audited, rates_file) -> None:
    with pytest.raises(UsageError, match="needs an audit"):
        survey(read([str(audited[0])]), Settings(rates=str(rates_file), chin_mask="none"))


def test_label_studio_there_and_back(audited, tmp_path) -> None:
    path, _ = audited
    tasks_file = tmp_path / "tasks.json"
    prepare_audit(read([str(path)]), [str(path)], 60, str(tasks_file), 0, THRESHOLDS, Looking())
    tasks = json.loads(tasks_file.read_text())
    assert "with_mask" not in json.dumps(tasks)
    assert "mask_under_chin" in (tmp_path / "tasks.xml").read_text()
    for task in tasks:
        result = json.loads(json.dumps(task["predictions"][0]["result"]))
        for region in result:
            region["value"]["rectanglelabels"] = ["without_mask"]
        task["annotations"] = [{"result": result, "completed_by": 3}]
    back = tmp_path / "export.json"
    back.write_text(json.dumps(tasks))
    answers = read_answers(str(back))
    assert answers.labeller == "3"
    assert sum(len(each.answers) for each in answers.photos) == sum(
        len(task["predictions"][0]["result"]) for task in tasks
    )
    first = next(each for each in answers.photos if len(each.boxes))
    assert first.boxes[0] == pytest.approx([10, 10, 50, 50], abs=0.1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "no JSON"),
        ("{}", "no answers"),
        ('{"crowdmask_audit": 1}', "damaged"),
        (
            '{"crowdmask_audit": 1, "photos": [{"source": "a", "probability": 0, "done": true, '
            '"faces": []}]}',
            "damaged",
        ),
        (
            '{"crowdmask_audit": 1, "photos": [{"source": "a", "probability": 1, "done": true, '
            '"faces": [{"box": [0, 0, 9, 9], "label": "unlabelled"}]}]}',
            "have no label",
        ),
    ],
)
def test_damaged_answers_are_one_clear_error(tmp_path, text, told) -> None:
    path = tmp_path / "answers.json"
    path.write_text(text)
    with pytest.raises(DataError, match=told):
        read_answers(str(path))


def test_a_model_with_other_labels_is_refused(write, make_model, tmp_path) -> None:
    helmets = make_model("helmets", labels=["helmet", "head"], threshold={"helmet": 0.5, "head": 0.5})
    seen = read([str(write([photo("a.jpg", [face()])]))])
    with pytest.raises(ModelError, match="helmets: an audit needs a model with the labels with_mask"):
        prepare_audit(seen, ["a.jpg"], 9, str(tmp_path / "s.html"), 0, None, Looking(str(helmets)))
    assert not (tmp_path / "s.html").exists()


def test_audit_of_a_video_without_its_file_or_of_missing_photos_is_refused(write, tmp_path) -> None:
    film = write([frame("cam", at / 10, [face()]) for at in range(20)], "film.jsonl")
    with pytest.raises(UsageError, match="frames of the video"):
        prepare_audit(read([str(film)]), [str(film)], 9, str(tmp_path / "s.html"), 0, None, Looking())
    gone = write([photo("gone.jpg", [face()])])
    with pytest.raises(SourceError, match="photos beside the records"):
        prepare_audit(read([str(gone)]), [str(gone)], 9, str(tmp_path / "s.html"), 0, None, Looking())
