from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crowdmask.labels import LABELS
from crowdmask.media.sources import Source

from .conftest import Detect, listing, process, records


def test_a_photo_becomes_a_picture_a_table_and_a_record(
    detect: Detect, place: Path, blocks: Image.Image, block_boxes: dict[str, list[float]], colour_model: Path
) -> None:
    blocks.save("street.png")
    done = detect("street.png", "--json", "out.jsonl", "--csv", "out.csv")
    assert done.exit_code == 0, done.output
    assert done.stderr == ""

    assert "street.png: 3 faces: 1 with, 1 without, 1 incorrectly worn" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["street.png", "3", "1", "1", "1", "33.3", "%"] in rows
    assert ["total", "of", "1", "picture", "3", "1", "1", "1", "33.3", "%"] in rows

    (record,) = records(place / "out.jsonl")
    assert list(record) == ["source", "width", "height", "detections", "counts", "model", "model_hash"]
    assert (record["source"], record["width"], record["height"]) == ("street.png", 320, 192)
    assert record["model"] == "colours"
    assert len(record["model_hash"]) == 16
    assert record["counts"] == dict.fromkeys(LABELS, 1)
    for found in record["detections"]:
        assert list(found) == ["box", "label", "confidence"]
        assert found["box"] == pytest.approx(block_boxes[found["label"]], abs=0.01)
    confidences = [found["confidence"] for found in record["detections"]]
    assert confidences == sorted(confidences, reverse=True)

    with (place / "out.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["source", "width", "height", "x1", "y1", "x2", "y2", "label", "confidence"]
    assert [row[7] for row in rows[1:]] == [found["label"] for found in record["detections"]]

    with Image.open(place / "crowdmask-out" / "street.png") as drawn:
        assert drawn.size == blocks.size
        changed = np.asarray(drawn) != np.asarray(blocks)
    assert changed.any()
    assert listing(place) == ["crowdmask-out/street.png", "out.csv", "out.jsonl", "street.png"]


def test_folders_and_patterns(detect: Detect, place: Path, blocks: Image.Image) -> None:
    for name in ("town/a/1.png", "town/b/1.png", "village/1.png", "village/2.jpg"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        blocks.save(name)
    done = detect("town", "village/*.png", "village/1.png", "--json", "out.jsonl", "--out", "drawn")
    assert done.exit_code == 0, done.output
    found = [record["source"] for record in records(place / "out.jsonl")]
    assert found == [os.path.join("town", "a", "1.png"), os.path.join("town", "b", "1.png"), "village/1.png"]
    assert listing(place / "drawn") == ["1.png", "a/1.png", "b/1.png"]
    assert "total of 3 pictures" in done.stdout
    # A second run over all finds no picture of the first one's.
    done = detect(".", "--json", "-", "--out", "drawn")
    assert len(done.stdout.splitlines()) == 4


def test_pictures_of_one_name_do_not_overwrite_each_other_or_their_sources(
    detect: Detect, place: Path, blocks: Image.Image
) -> None:
    for folder in ("a", "b"):
        (place / folder).mkdir()
        blocks.save(f"{folder}/1.png")
    before = (place / "a/1.png").read_bytes()
    assert detect("a/1.png", "b/1.png", "--out", "a").exit_code == 0
    assert (place / "a/1.png").read_bytes() == before
    assert listing(place / "a") == ["1-2.png", "1-3.png", "1.png"]


def test_another_photo_of_the_users_in_the_output_folder_stays(
    detect: Detect, place: Path, blocks: Image.Image
) -> None:
    (place / "photos").mkdir()
    blocks.save("a.jpg")
    blocks.rotate(180).save("photos/a.jpg")
    before = (place / "photos/a.jpg").read_bytes()
    for _ in range(2):  # the second run replaces the first one's picture
        assert detect("a.jpg", "--out", "photos").exit_code == 0
        assert (place / "photos/a.jpg").read_bytes() == before
        assert listing(place / "photos") == ["a-2.jpg", "a.jpg"]


def test_records_alone_on_standard_output(detect: Detect, place: Path, blocks: Image.Image) -> None:
    for i in range(5):
        blocks.save(f"{i}.png")
    done = detect("*.png", "missing.png", "--no-pictures", "--json", "-")
    assert done.exit_code == 1
    assert [json.loads(line)["source"] for line in done.stdout.splitlines()] == [f"{i}.png" for i in range(5)]
    assert "total of 5 pictures" in done.stderr
    assert "error: missing.png: no such file or folder" in done.stderr
    assert listing(place) == [f"{i}.png" for i in range(5)]


def test_blurred_faces(detect: Detect, place: Path, blocks: Image.Image) -> None:
    pixels = np.array(blocks)
    pixels[34:62:4, 66:94] = (180, 0, 0)  # stripes on the red face
    pixels[10:30:4, 200:230] = (200, 200, 200)  # and on the ground
    unsure = pixels[96:128, 32:64]
    unsure[:], unsure[::4] = (100, 0, 0), (130, 0, 0)  # a face below the threshold
    Image.fromarray(pixels).save("striped.png")
    options = ("striped.png", "--input-size", "320")
    done = detect(*options, "--blur", "faces", "--json", "-")
    assert done.exit_code == 0
    assert len(json.loads(done.stdout)["detections"]) == 3
    assert detect(*options, "--out", "plain").exit_code == 0

    def detail(folder: str, x: int, y: int) -> float:
        with Image.open(place / folder / "striped.png") as drawn:
            part = np.asarray(drawn)[y : y + 16, x : x + 16].astype(int)
        return float(np.abs(np.diff(part, axis=0)).mean())

    assert detail("plain", 72, 40) > 5
    assert detail("crowdmask-out", 72, 40) < 0.3 * detail("plain", 72, 40)
    assert detail("crowdmask-out", 40, 104) < 0.3 * detail("plain", 40, 104)
    assert detail("crowdmask-out", 205, 12) == detail("plain", 205, 12) > 5


@pytest.mark.parametrize(("orientation", "size"), [(1, (320, 192)), (6, (192, 320)), (3, (320, 192))])
def test_orientation_of_the_camera(
    orientation: int, size: tuple[int, int], detect: Detect, place: Path, blocks: Image.Image
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    blocks.save("turned.png", exif=exif)
    done = detect("turned.png", "--json", "-", "--input-size", "320")
    record = json.loads(done.stdout)
    assert (record["width"], record["height"]) == size
    with_mask = next(d["box"] for d in record["detections"] if d["label"] == "with_mask")
    expected = {1: [64, 32, 96, 64], 3: [224, 128, 256, 160], 6: [128, 64, 160, 96]}
    assert with_mask == pytest.approx(expected[orientation], abs=0.01)
    with Image.open(place / "crowdmask-out" / "turned.png") as drawn:
        assert drawn.size == size
        assert drawn.getexif().get(0x0112, 1) == 1


def test_a_huge_jpeg_is_drawn_smaller_but_measured_whole(
    detect: Detect,
    place: Path,
    blocks: Image.Image,
    block_boxes: dict[str, list[float]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blocks.resize((1280, 768), Image.Resampling.NEAREST).save("huge.jpg", quality=100, subsampling=0)
    # Photos to be drawn keep the default of their source.
    monkeypatch.setattr(Source.__init__, "__defaults__", (1280 * 768 - 1,))
    record = json.loads(detect("huge.jpg", "--json", "-").stdout)
    assert (record["width"], record["height"]) == (1280, 768)
    for found in record["detections"]:
        assert found["box"] == pytest.approx([4 * v for v in block_boxes[found["label"]]], abs=0.1)
    with Image.open(place / "crowdmask-out" / "huge.jpg") as drawn:
        assert drawn.size == (640, 384)
        assert drawn.getpixel((64 * 2 + 8, 32 * 2 - 1))[2] > 130  # the blue frame above the red square


def test_a_picture_of_one_pixel_is_processed_and_holds_no_face(detect: Detect, place: Path) -> None:
    Image.new("RGB", (1, 1), (255, 0, 0)).save("dot.png")
    done = detect("dot.png", "--json", "out.jsonl", "--confidence", "0")
    assert done.exit_code == 0, done.output
    (record,) = records(place / "out.jsonl")
    assert (record["width"], record["height"], record["detections"]) == (1, 1, [])
    assert record["counts"] == dict.fromkeys(LABELS, 0)
    assert "dot.png: no face" in done.stdout
    assert listing(place / "crowdmask-out") == ["dot.png"]


@pytest.mark.parametrize(("confidence", "number"), [(None, 3), ("0.9", 2), ("1", 1), ("0", 60)])
def test_confidence(confidence: str | None, number: int, detect: Detect, blocks: Image.Image) -> None:
    blocks.save("a.png")
    options = [] if confidence is None else ["--confidence", confidence]
    record = json.loads(detect("a.png", "--no-pictures", "--json", "-", *options).stdout)
    assert len(record["detections"]) == sum(record["counts"].values()) == number


def test_the_shipped_model_on_the_example_photo(place: Path, example_photo: Path) -> None:
    running = process(place, "detect", example_photo, "--json", "out.jsonl", "--confidence", "0.01")
    said, complaints = running.communicate(timeout=60)
    assert running.returncode == 0, complaints
    (record,) = records(place / "out.jsonl")
    assert (record["width"], record["height"], record["model"]) == (1024, 683, "crowd")
    for found in record["detections"]:
        x1, y1, x2, y2 = found["box"]
        assert 0 <= x1 < x2 <= 1024
        assert 0 <= y1 < y2 <= 683
    assert str(example_photo) in said
    assert listing(place / "crowdmask-out") == ["1.jpg"]


ORIGINAL = "Detect_image.py"


def test_the_original_command(
    place: Path, project_root: Path, blocks: Image.Image, colour_model: Path
) -> None:
    blocks.save(place / "1.png")
    done = subprocess.run(
        [
            *(sys.executable, project_root / ORIGINAL, "-i", "1.png", "-m", colour_model),
            *("-c", "0.9", "-f", "face_detector"),
        ],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(project_root / "src")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "1.png: 2 faces: 1 with, 1 without\n" in done.stdout
    assert "--face face_detector is no longer needed" in done.stderr
    assert listing(place / "crowdmask-out") == ["1.png"]


def test_the_original_command_outside_of_the_environment(place: Path, project_root: Path) -> None:
    # Isolated, without site packages: as any other Python of this machine sees it.
    done = subprocess.run(
        [sys.executable, "-I", "-S", project_root / ORIGINAL, "--image", "1.jpg"],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "make setup" in done.stderr


def test_the_example_program(place: Path, project_root: Path, example_photo: Path) -> None:
    done = subprocess.run(
        [sys.executable, project_root / "examples" / "detect_photo.py", example_photo, "drawn.png"],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(project_root / "src")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "with_mask" in done.stdout
    with Image.open(place / "drawn.png") as drawn:
        assert drawn.size == (1024, 683)


def test_small_faces_are_looked_at_once_more_unless_told_not_to(
    detect: Detect, place: Path, far_crowd: Image.Image, crowd_model: Path
) -> None:
    far_crowd.save("far.png")
    surest = {}
    for option in ("--closer-look", "--no-closer-look"):
        done = detect("far.png", "--confidence", "0.2", "--json", "out.jsonl", option, model=crowd_model)
        assert done.exit_code == 0, done.output
        (record,) = records(place / "out.jsonl")
        surest[option] = max(found["confidence"] for found in record["detections"])
        (place / "out.jsonl").unlink()
    assert surest["--closer-look"] > surest["--no-closer-look"] + 0.1


def test_zips_and_standard_input(detect: Detect, place: Path, blocks: Image.Image) -> None:
    blocks.save("a.png")
    with zipfile.ZipFile("photos.zip", "w") as archive:
        archive.write("a.png", "in/a.png")
        archive.writestr("in/notes.txt", "x")
    result = detect("photos.zip", "-", "--json", "-", piped=Path("a.png").read_bytes())
    assert result.exit_code == 0
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["source"] for record in records] == ["photos.zip/in/a.png", "-"]
    assert records[0]["detections"] == records[1]["detections"] != []
    assert "passed over 1 file that is no photo: 1 .txt" in result.stderr
    assert listing(place / "crowdmask-out") == ["in/a.png", "standard-input.jpg"]


def test_only_the_first_page_is_read_with_a_word(detect: Detect, place: Path, blocks: Image.Image) -> None:
    blocks.save("a.tif", save_all=True, append_images=[blocks, blocks])
    result = detect("a.tif", "--no-pictures")
    assert result.exit_code == 0
    assert "a.tif: only the first of its 3 pictures (pages or frames) was read" in result.stderr


def test_verbose_tells_each_face_and_quiet_errors_only(
    detect: Detect, place: Path, blocks: Image.Image, block_boxes: dict[str, list[float]]
) -> None:
    blocks.save("a.png")
    Image.new("RGB", (64, 64)).save("empty.png")
    done = detect("a.png", "empty.png", "--verbose")
    lines = done.stdout.splitlines()
    boxes = [" ".join(str(round(edge)) for edge in block_boxes[label]) for label in LABELS]
    assert lines[:5] == [
        "a.png: 3 faces: 1 with, 1 without, 1 incorrectly worn",
        f"  Mask 100.0 %  at {boxes[0]}",
        f"  No mask 94.1 %  at {boxes[1]}",
        f"  Mask worn incorrectly 86.3 %  at {boxes[2]}",
        "empty.png: no face",
    ]
    (place / "notes").mkdir()
    blocks.save("notes/a.tif", save_all=True, append_images=[blocks])
    (place / "notes/a.txt").touch()
    done = detect("a.png", "notes", "gone.png", "--quiet", "--json", "out.jsonl")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "error: gone.png: no such file or folder\n1 could not be read (named above)\n"
    assert len(records(place / "out.jsonl")) == 2
    assert detect("a.png", "--quiet", "--verbose").exit_code == 2


@pytest.mark.parametrize("form", ["coco", "yolo", "voc", "cvat"])
def test_annotations_for_other_tools(form: str, detect: Detect, place: Path, blocks: Image.Image) -> None:
    (place / "photos").mkdir()
    blocks.save("photos/a.png")
    (place / "photos/broken.png").write_bytes(b"x")
    for _ in range(2):
        done = detect("photos", "--format", form, "--no-pictures", "--out", "out")
        assert done.exit_code == 1
        assert f"annotations: out/{form}" in done.stdout
    assert len(listing(place / "out" / form)) == {"coco": 2, "yolo": 4, "voc": 2, "cvat": 2}[form]
    (place / "out" / form / "mine.txt").write_text("mine")
    refused = detect("photos", "--format", form, "--out", "out")
    assert refused.exit_code == 1
    assert "did not write" in refused.stderr
    assert (place / "out" / form / "mine.txt").read_text() == "mine"


def test_an_unknown_format_is_refused(detect: Detect, place: Path, blocks: Image.Image) -> None:
    blocks.save("a.png")
    assert detect("a.png", "--format", "yollo").exit_code == 2
