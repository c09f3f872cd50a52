"""Two commands that change one data set: what the first one wrote is not undone by the second."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from crowdmask.cli.main import app
from crowdmask.data.manifest import Face, Manifest, Photo, editing, read_manifest, write_manifest, writing
from crowdmask.errors import BusyError

REVIEW = [{"data": {"photo": "photos/0.png"}, "annotations": [{"result": []}]}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "set/photos").mkdir(parents=True)
    face = Face(box=(4, 4, 30, 40), label="with_mask")
    photos = []
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 255, (60, 80, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"set/photos/{number}.png")
        photos.append(Photo(photo=f"photos/{number}.png", width=80, height=60, source="s", faces=[face]))
    write_manifest(Manifest(tmp_path / "set", photos))
    (tmp_path / "review.json").write_text(json.dumps(REVIEW))
    (tmp_path / "more/a").mkdir(parents=True)
    Image.new("RGB", (50, 50)).save(tmp_path / "more/with_mask.png")
    return tmp_path / "set"


WRITERS = {
    "label": ["label", "set", "--import", "review.json"],
    "dedup": ["dedup", "set"],
    "split": ["split", "set"],
    "balance": ["balance", "set", "--no-tones"],
    "clear": ["balance", "set", "--clear"],
    "import": ["import", "more", "--format", "folders", "--box", "whole", "--to", "set"],
    "synth": ["synth", "set", "--to", "set"],
    "crawl": ["crawl", "two", "--to", "set", "--api-url", "http://127.0.0.1:9"],
}


@pytest.mark.parametrize("words", WRITERS.values(), ids=WRITERS)
def test_who_writes_a_manifest_waits_for_no_other_writer(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(folder.parent)
    before = (folder / "manifest.jsonl").read_bytes()
    with writing(folder):
        done = CliRunner().invoke(app, ["data", *words])
    assert done.exit_code == 1, done.output
    assert "another command is changing the data set set: wait until it has ended" in done.stderr
    assert (folder / "manifest.jsonl").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir() if path.suffix == ".lock") == []


def test_who_only_reads_is_not_stopped(folder: Path, tmp_path: Path) -> None:
    with writing(folder):
        for words in (
            ["split", folder, "--check"],
            ["export", folder, "--format", "voc", "--to", tmp_path / "v"],
        ):
            done = CliRunner().invoke(app, ["data", *map(str, words)])
            assert done.exit_code == 0, done.output


def test_a_review_is_refused_while_copies_are_searched_and_kept_afterwards(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crowdmask.data.copies.run import deduplicate
    from crowdmask.data.labelling.correct import read_corrections

    refused = []

    def progress(stage: str, done: int, total: int) -> None:
        if not refused:
            with pytest.raises(BusyError):
                read_corrections(folder, folder.parent / "review.json")
            refused.append(stage)

    deduplicate(folder, alike=0.972, progress=progress)
    assert refused
    assert read_corrections(folder, folder.parent / "review.json").reviewed == 1
    first, second, *_ = read_manifest(folder).photos
    assert (first.reviewed, first.faces, second.reviewed) == (True, [], False)
    assert first.sha256 is not None  # what dedup wrote is there, too


def test_editing_gives_the_manifest_as_it_is_under_the_lock(folder: Path) -> None:
    with editing(folder / "manifest.jsonl") as manifest:
        assert len(manifest.photos) == 4
        with pytest.raises(BusyError), editing(folder):
            pass
