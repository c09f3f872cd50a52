from __future__ import annotations

import csv
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from crowdmask.batch.items import BytesSource, PhotoFailure, PhotoResult
from crowdmask.batch.run import PhotoBatch, detect_photos
from crowdmask.batch.sinks import BaseSink, CsvSink, JsonSink, PictureSink
from crowdmask.batch.totals import Totals
from crowdmask.errors import OutputError, UsageError
from crowdmask.inference.detector import Detector
from crowdmask.labels import LABELS
from crowdmask.media.sources import Source


@pytest.fixture
def detector(colour_model: Path) -> Detector:
    return Detector(colour_model, threads=1)


@pytest.fixture
def folder(tmp_path: Path, blocks: Image.Image) -> Path:
    for name in ("a.png", "b.png", "c.png"):
        blocks.save(tmp_path / name)
    (tmp_path / "b.png").write_bytes(b"")
    return tmp_path


def sources(folder: Path) -> list[Source]:
    return [Source(str(folder / name), name) for name in ("a.png", "b.png", "c.png")]


def test_every_source_becomes_a_result_or_a_failure_in_its_order(detector: Detector, folder: Path) -> None:
    items = list(detect_photos(detector, [*sources(folder), Source("gone.png", "gone.png")]))
    assert [type(item) for item in items] == [PhotoResult, PhotoFailure, PhotoResult, PhotoFailure]
    first, empty, _, gone = items
    assert first.to_record()["counts"] == dict.fromkeys(LABELS, 1)
    assert list(first.to_record()) == [
        "source", "width", "height", "detections", "counts", "model", "model_hash",
    ]  # fmt: skip
    assert empty.to_record() == {
        "source": str(folder / "b.png"),
        "error": f"{folder / 'b.png'}: empty file",
        "kind": "empty",
    }
    assert (gone.name, gone.kind) == ("gone.png", "missing")


def test_a_photo_in_memory_is_found_as_in_its_file(detector: Detector, folder: Path) -> None:
    (from_file,) = detect_photos(detector, sources(folder)[:1])
    data = (folder / "a.png").read_bytes()
    from_memory, cut, nothing = detect_photos(
        detector, [BytesSource("up.png", data), BytesSource("cut.png", data[:200]), BytesSource("0.png", b"")]
    )
    assert from_memory.to_record() == {**from_file.to_record(), "source": "up.png"}
    assert (cut.kind, nothing.kind) == ("damaged", "empty")
    assert str(nothing.error) == "0.png: empty file"


def test_sources_are_taken_one_by_one_and_let_go(detector: Detector, folder: Path) -> None:
    taken = 0

    def endless() -> Iterator[Source]:
        nonlocal taken
        while True:
            taken += 1
            yield Source(str(folder / "a.png"), "a.png")

    items = detect_photos(detector, endless(), ahead=2)
    for _ in range(5):
        next(items)
    assert taken <= 5 + 2 + 1
    items.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("crowdmask-open")]


class Notes(BaseSink):
    def __init__(self, floor: float | None = None) -> None:
        self.floor = floor
        self.seen: list[str] = []
        self.fainter = 0
        self.closed = 0

    def add(self, result: PhotoResult) -> None:
        self.seen.append(result.source.name)
        self.fainter += len(result.candidates) - len(result.faces)

    def add_failure(self, failure: PhotoFailure) -> None:
        self.seen.append(f"not {failure.name}")

    def close(self) -> None:
        self.closed += 1


def test_a_sink_gets_everything_with_the_faint_boxes_that_it_needs(detector: Detector, folder: Path) -> None:
    plain, faint = Notes(), Notes(0.0)
    list(detect_photos(detector, sources(folder), [plain]))
    assert plain.fainter == 0
    list(detect_photos(detector, sources(folder), [plain, faint]))
    assert faint.fainter > 0
    assert faint.seen == [str(folder / "a.png"), f"not {folder / 'b.png'}", str(folder / "c.png")]
    assert faint.closed == 0


def test_each_sink_writes_its_own_form(detector: Detector, folder: Path) -> None:
    out = folder / "out"
    lines, table = out / "a.jsonl", out / "a.csv"
    with JsonSink(str(lines), with_failures=True) as records, CsvSink(str(table)) as rows:
        list(detect_photos(detector, sources(folder), [PictureSink(out), records, rows]))
        assert not lines.exists()
    read = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [row.get("kind") for row in read] == [None, "empty", None]
    with table.open(newline="") as file:
        assert len(list(csv.reader(file))) == 1 + 3 + 3
    assert sorted(path.name for path in out.iterdir()) == ["a.csv", "a.jsonl", "a.png", "c.png"]


def test_blurring_takes_no_more_than_its_own_floor(
    detector: Detector, folder: Path, blocks: Image.Image
) -> None:
    drawn = {}
    for name, others in (("alone", []), ("beside", [Notes(0.0)])):
        sink = PictureSink(folder / name, blurred=True)
        list(detect_photos(detector, sources(folder)[:1], [*others, sink]))
        drawn[name] = (folder / name / "a.png").read_bytes()
    assert drawn["alone"] == drawn["beside"]


def test_a_name_of_an_upload_does_not_lead_out_of_the_folder(detector: Detector, folder: Path) -> None:
    data = (folder / "a.png").read_bytes()
    for name in ("../../up.png", "/etc/up.png"):
        list(detect_photos(detector, [BytesSource(name, data)], [PictureSink(folder / "out")]))
    assert not (folder.parent / "up.png").exists()
    assert all(path.is_relative_to(folder / "out") for path in folder.rglob("up*.png"))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"blur": "eyes"}, UsageError, "`blur` is faces or none, not 'eyes'"),
        ({"json": "x", "csv": "x"}, UsageError, "`json` and `csv` cannot both write to 'x'"),
        ({"out": "a.png"}, OutputError, "choose another `out`"),
    ],
)
def test_a_batch_that_cannot_be_done_writes_nothing(
    options: dict[str, str],
    error: type[Exception],
    message: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(error, match=message):
        PhotoBatch(["a.png"], **options)
    assert sorted(os.listdir(folder)) == ["a.png", "b.png", "c.png"]


def test_a_batch_counts_what_it_did_and_leaves_whole_files_where_it_is_left(
    detector: Detector, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    batch = PhotoBatch([".", "nowhere", "*.tif"], out="out", json="a.jsonl", csv="a.csv")
    assert [problem.kind for problem in batch.problems] == ["nothing to read"] * 2
    assert (len(batch.photos), batch.totals.failed) == (3, 2)
    items = batch.run(detector)
    next(items)
    items.close()
    assert len((folder / "a.jsonl").read_text().splitlines()) == 1
    assert batch.totals.to_record() == {
        "photos": 1,
        "faces": 3,
        "counts": dict.fromkeys(LABELS, 1),
        "failed": 2,
        "failures": {"nothing to read": 2},
    }
    list(PhotoBatch(["."], out=None, json="b.jsonl").run(detector))
    assert len((folder / "b.jsonl").read_text().splitlines()) == 3  # the drawn picture is one, too


def test_totals_of_workers_are_those_of_one(detector: Detector, folder: Path) -> None:
    items = list(detect_photos(detector, sources(folder)))
    one, first, second = Totals(), Totals(), Totals()
    for index, item in enumerate(items):
        one.add(item)
        (first if index < 2 else second).add(item)
    first.join(second)
    assert first == one
    assert (one.photos, one.failed, one.done) == (2, 1, 3)


@pytest.mark.parametrize(
    ("draws", "tiles", "decoded"), [(False, "off", 800), (True, "off", 1600), (False, "2x2", 1600)]
)
def test_photos_that_are_not_drawn_on_are_decoded_no_larger_than_detection_needs(
    detector: Detector, blocks: Image.Image, tmp_path: Path, draws: bool, tiles: str, decoded: int
) -> None:
    large = blocks.resize((1600, 1600 * blocks.height // blocks.width), Image.Resampling.NEAREST)
    large.save(tmp_path / "large.jpg", quality=95)
    chosen = detector.with_options(tiles=tiles)
    assert (chosen.full_scale_pixels == (2 * 1.25 * chosen.info.input.size) ** 2) is (tiles == "off")
    batch = PhotoBatch([tmp_path / "large.jpg"], out=tmp_path / "out" if draws else None)
    (item,) = batch.run(chosen)
    assert isinstance(item, PhotoResult)
    assert item.picture.image.width == decoded
    assert (item.picture.width, item.picture.height) == large.size
    whole = chosen.detect(large)
    assert item.faces.class_id.tolist() == whole.class_id.tolist()
    assert item.faces.xyxy == pytest.approx(whole.xyxy, abs=6)
