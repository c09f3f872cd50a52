from __future__ import annotations

import csv
import json
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

from crowdmask.detections import Detections
from crowdmask.errors import OutputError
from crowdmask.tracking.track_writers import FORGET_S, SharedLines, TrackTable, frame_record

FACES = Detections(
    np.array([[10, 20, 30.123, 50], [5, 5, 15, 18]], np.float32),
    np.array([0.9, 0.2], np.float32),
    np.array([0, 1], np.int64),
)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_record_of_a_frame() -> None:
    record = frame_record("a.mp4", 7, 0.28, FACES, np.array([4, -1]), ["without_mask", "unknown"], "r1")
    assert record == {
        "source": "a.mp4",
        "frame": 7,
        "time_s": 0.28,
        "detections": [
            {
                "box": [10.0, 20.0, 30.12, 50.0],
                "label": "without_mask",
                "detected_label": "with_mask",
                "confidence": 0.9,
                "track": 4,
            },
            {
                "box": [5.0, 5.0, 15.0, 18.0],
                "label": "unknown",
                "detected_label": "without_mask",
                "confidence": 0.2,
                "track": None,
            },
        ],
        "run": "r1",
    }
    assert json.loads(json.dumps(record)) == record


def test_a_track_is_summed_up(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    with TrackTable(str(table)) as tracks:
        for frame, states in enumerate([["unknown"] * 2, ["with_mask"] * 2, ["with_mask", "without_mask"]]):
            tracks.add("a.mp4", frame + 10, frame / 10, FACES, np.array([1, -1]), states)
        tracks.add("b.mp4", 0, 0.0, FACES, np.array([1, 2]), ["unknown", "without_mask"])
    found = rows(table)
    assert [(row["source"], row["track"], row["label"]) for row in found] == [
        ("a.mp4", "1", "with_mask"),
        ("b.mp4", "1", "unknown"),
        ("b.mp4", "2", "without_mask"),
    ]
    first = found[0]
    assert (first["first_frame"], first["last_frame"], first["first_s"], first["last_s"]) == (
        "10", "12", "0.0", "0.2",
    )  # fmt: skip
    assert (first["frames"], first["with_mask_frames"], first["unknown_frames"]) == ("3", "2", "1")
    assert float(first["mean_confidence"]) == pytest.approx(0.9, abs=1e-3)
    assert float(first["mean_width_px"]) == pytest.approx(20.1, abs=0.05)


def test_runs_over_one_source_are_told_apart(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    with TrackTable(str(table)) as tracks:
        for run in ("r1", "r2"):
            tracks.add("cam", 0, 0.0, FACES, np.array([1, -1]), ["with_mask", "unknown"], run)
        tracks.finish("cam", "r2")
        tracks.add("cam", 1, 0.1, FACES, np.array([1, -1]), ["with_mask", "unknown"], "r1")
    assert [(row["run"], row["track"], row["frames"]) for row in rows(table)] == [
        ("r2", "1", "1"),
        ("r1", "1", "2"),
    ]


def test_who_left_long_ago_is_not_kept_in_memory(tmp_path: Path) -> None:
    part = Detections.empty()
    with TrackTable(str(tmp_path / "t.csv")) as tracks:
        for minute in range(5):
            tracks.add("cam", minute, minute * 100.0, FACES[:1], np.array([minute]), ["with_mask"])
            tracks.add("cam", minute, minute * 100.0 + FORGET_S + 1, part, np.zeros(0, np.int64), [])
            assert sum(map(len, tracks._lives.values())) == 0
    assert [row["track"] for row in rows(tmp_path / "t.csv")] == ["0", "1", "2", "3", "4"]


def test_threads_do_not_mix_their_records(tmp_path: Path) -> None:
    def write(lines: SharedLines, name: str) -> None:
        for index in range(50):
            pair: list[dict[str, Any]] = [{"name": name, "index": index, "half": half} for half in (0, 1)]
            lines.write(pair)

    with SharedLines(str(tmp_path / "f.jsonl")) as lines:
        threads = [Thread(target=write, args=(lines, name)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = [json.loads(line) for line in (tmp_path / "f.jsonl").read_text().splitlines()]
    assert len(found) == 400
    for first, second in zip(found[::2], found[1::2], strict=True):
        assert {**first, "half": 1} == second


def test_a_folder_is_no_file_to_write_to(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="a folder, not a file"):
        TrackTable(str(tmp_path))
