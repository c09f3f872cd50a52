"""What a detector said is kept, and asked again only where something changed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from crowdmask import Detector
from crowdmask.data.labelling.answers import Answers
from crowdmask.detections import Detections
from crowdmask.errors import PictureError


def test_kept_and_asked_again(tmp_path: Path, colour_model: Path, blocks: Image.Image) -> None:
    photo, file = tmp_path / "a.png", tmp_path / "answers.jsonl"
    blocks.save(photo)
    detector = Detector(colour_model)
    ((_, first),) = Answers(detector, file).ask([("a", photo)])
    assert isinstance(first, Detections)
    assert len(first) == 3
    # Told apart from a new answer by a change in the file, which only a kept one shows.
    head, line = file.read_text().splitlines()
    row = json.loads(line)
    row["xyxy"].insert(0, [1, 2, 3, 4])
    row["confidence"].insert(0, 0.123)
    row["class_id"].insert(0, 2)
    file.write_text(f"{head}\n{json.dumps(row)}\n")
    ((_, kept),) = Answers(detector, file).ask([("a", photo)])
    assert isinstance(kept, Detections)
    assert len(kept) == 4
    assert kept.xyxy[0].tolist() == [1, 2, 3, 4]

    Image.fromarray(np.full((192, 320, 3), 90, np.uint8)).save(photo)
    ((_, changed),) = Answers(detector, file).ask([("a", photo)])
    assert isinstance(changed, Detections)
    assert len(changed) == 0

    ((_, other),) = Answers(Detector(colour_model, confidence=0.9), file).ask([("a", photo)])
    assert isinstance(other, Detections)
    assert file.read_text().count("\n") == 2  # begun afresh: other settings, other answers


def test_half_a_line_of_a_killed_run(tmp_path: Path, colour_model: Path, blocks: Image.Image) -> None:
    photos = []
    for name in ("a", "b"):
        blocks.save(tmp_path / f"{name}.png")
        photos.append((name, tmp_path / f"{name}.png"))
    file = tmp_path / "answers.jsonl"
    detector = Detector(colour_model)
    list(Answers(detector, file).ask(photos))
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])

    answers = Answers(detector, file)
    assert [len(answer) for _, answer in answers.ask(photos) if isinstance(answer, Detections)] == [3, 3]
    assert file.read_bytes() == whole
    answers.forget()
    assert not file.exists()


def test_what_cannot_be_read_is_said_and_not_kept(tmp_path: Path, colour_model: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no photo")
    file = tmp_path / "answers.jsonl"
    (pair,) = Answers(Detector(colour_model), file).ask([("a", tmp_path / "a.jpg")])

    assert isinstance(pair[1], PictureError)
    assert file.read_text().count("\n") == 1
