from __future__ import annotations

import csv
import json
import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from crowdmask.cli.main import app
from crowdmask.labels import LABELS
from crowdmask.media import pictures

Detect = Callable[..., Result]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the command runs in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def detect(colour_model: Path, place: Path) -> Detect:
    """Run ``crowdmask detect`` in this process with the model that finds colours."""

    def run(*arguments: str | Path, model: Path = colour_model) -> Result:
        words = ["detect", "--model", str(model), "--threads", "1", *map(str, arguments)]
        return CliRunner().invoke(app, words)

    return run


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def listing(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_photo_becomes_a_picture_a_table_and_a_record(
    detect: Detect, place: Path, blocks: Image.Image, block_boxes: dict[str, list[float]], colour_model: Path
) -> None:
    blocks.save("street.png")
    done = detect("street.png", "--json", "out.jsonl", "--csv", "out.csv")
    assert done.exit_code == 0, done.output
    assert done.stderr == ""

    assert "street.png: Mask 100.0 %, No mask 94.1 %, Mask worn incorrectly 86.3 %" in done.stdout
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


def test_another_kind_of_blur_is_refused(detect: Detect, blocks: Image.Image) -> None:
    blocks.save("street.png")
    done = detect("street.png", "--blur", "eyes")
    assert (done.exit_code, done.stderr) == (2, "error: --blur is faces or none, not 'eyes'\n")


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
    monkeypatch.setattr(pictures.open_picture, "__defaults__", (pictures.MAX_PIXELS, 1280 * 768 - 1))
    record = json.loads(detect("huge.jpg", "--json", "-").stdout)
    assert (record["width"], record["height"]) == (1280, 768)
    for found in record["detections"]:
        assert found["box"] == pytest.approx([4 * v for v in block_boxes[found["label"]]], abs=0.1)
    with Image.open(place / "crowdmask-out" / "huge.jpg") as drawn:
        assert drawn.size == (640, 384)
        assert drawn.getpixel((64 * 2 + 8, 32 * 2 - 1))[2] > 130  # the blue frame above the red square


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64))


def test_bad_input_is_named_and_the_others_are_done(detect: Detect, place: Path, blocks: Image.Image) -> None:
    blocks.save("good.jpg", quality=95)
    Path("empty.jpg").write_bytes(b"")
    Path("cut.jpg").write_bytes(Path("good.jpg").read_bytes()[:1500])
    Path("text.jpg").write_text("no picture\n")
    Path("huge.png").write_bytes(png_header(50_000, 50_000))
    Path("nothing").mkdir()
    Path("new\nline.jpg").write_bytes(b"")
    bad = {
        "empty.jpg": "empty file",
        "cut.jpg": "truncated",
        "text.jpg": "not a picture",
        "huge.png": "50,000 x 50,000 pixels",
        "nothing": "no picture in this folder",
        "nowhere.jpg": "no such file",
        "new\nline.jpg": "empty file",
    }
    if hasattr(os, "symlink") and os.name != "nt":
        Path("dangling.jpg").symlink_to("gone.jpg")
        bad["dangling.jpg"] = "a link to gone.jpg, which is not there"
    done = detect(*bad, "good.jpg", "--json", "out.jsonl")
    assert done.exit_code == 1
    lines = done.stderr.splitlines()
    assert len(lines) == len(bad) + 1
    for name, reason in bad.items():
        shown = name.replace("\n", "\\n")
        assert [line for line in lines if line.startswith(f"error: {shown}: ") and reason in line], name
    assert lines[-1] == f"{len(bad)} could not be read (named above)"
    assert [record["source"] for record in records(place / "out.jsonl")] == ["good.jpg"]
    assert listing(place / "crowdmask-out") == ["good.jpg"]
    assert "Traceback" not in done.output


def test_nothing_but_bad_input_still_ends_properly(detect: Detect, place: Path) -> None:
    done = detect("nowhere", "--json", "out.jsonl")
    assert done.exit_code == 1
    assert records(place / "out.jsonl") == []
    assert not (place / "crowdmask-out").exists()
    assert done.stdout == ""


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param([], "Missing argument", id="no source"),
        pytest.param(["a.png", "--confidence", "1.5"], "--confidence", id="confidence"),
        pytest.param(["a.png", "--confidence", "high"], "--confidence", id="confidence in words"),
        pytest.param(["a.png", "--threads", "0"], "--threads", id="threads"),
        pytest.param(["a.png", "--input-size", "7"], "64 to 4096 pixels, not 7", id="input size"),
        pytest.param(["a.png", "--backend", "tensorrt"], "choose from onnxruntime, openvino", id="backend"),
        pytest.param(["a.png", "--json", "x", "--csv", "x"], "cannot both write", id="one file for two"),
        pytest.param(["a.png", "--what"], "No such option", id="unknown option"),
    ],
)
def test_wrong_usage_ends_with_2(
    arguments: list[str], message: str, detect: Detect, place: Path, blocks: Image.Image
) -> None:
    blocks.save("a.png")
    done = detect(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output
    assert listing(place) == ["a.png"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["--out", "file"], "file: not a folder", id="the output folder is a file"),
        pytest.param(["--out", "file/below"], "file: not a folder", id="it lies below a file"),
        pytest.param(["--json", "folder"], "folder: a folder, not a file", id="the record is a folder"),
        pytest.param(["--model", "nothing"], "nothing: no such model", id="no such model"),
        pytest.param(["--model", "a.png"], "a.png: not a usable ONNX model", id="a picture as model"),
    ],
)
def test_what_cannot_work_stops_at_once_with_one_line(
    options: list[str], message: str, detect: Detect, place: Path, blocks: Image.Image
) -> None:
    blocks.save("a.png")
    (place / "file").write_text("")
    (place / "folder").mkdir()
    done = detect("a.png", *options)
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert listing(place) == ["a.png", "file"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_full_disk(detect: Detect, blocks: Image.Image) -> None:
    blocks.save("a.png")
    done = detect("a.png", "--no-pictures", "--json", "/dev/full")
    assert done.exit_code == 1
    assert done.stderr.splitlines() == ["error: /dev/full: cannot be written: no space left on device"]


def test_a_mistake_of_ours_is_one_line_too(
    detect: Detect, blocks: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("first\nsecond")

    blocks.save("a.png")
    monkeypatch.setattr("crowdmask.media.draw.draw_on", broken)
    done = detect("a.png")
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        "error: RuntimeError: first\\nsecond (a mistake of crowdmask's: set CROWDMASK_DEBUG=1 for the "
        "details to report)"
    ]
    monkeypatch.setenv("CROWDMASK_DEBUG", "1")
    assert isinstance(detect("a.png").exception, RuntimeError)


def process(place: Path, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    source = Path(__file__).parents[2] / "src"
    return subprocess.Popen(
        [sys.executable, "-m", "crowdmask", *map(str, arguments)],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(source)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_leaves_what_was_finished(place: Path, blocks: Image.Image, colour_model: Path) -> None:
    big = blocks.resize((2560, 1536), Image.Resampling.NEAREST)
    (place / "many").mkdir()
    big.save(place / "many" / "000.bmp")
    for i in range(1, 400):
        os.link(place / "many" / "000.bmp", place / "many" / f"{i:03}.bmp")
    running = process(
        place, "detect", "many", "--model", colour_model, "--json", "out.jsonl", "--out", "drawn"
    )
    deadline = time.monotonic() + 60
    while len(list(place.glob("drawn/*.bmp"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, complaints = running.communicate(timeout=60)
    assert running.returncode == 130, complaints
    assert "of 400 pictures; what was written is whole" in complaints
    assert "Traceback" not in complaints
    finished = records(place / "out.jsonl")
    assert 2 <= len(finished) < 400
    assert all(record["counts"]["with_mask"] for record in finished)
    for path in (place / "drawn").iterdir():
        assert not path.name.startswith(".")
        with Image.open(path) as image:
            image.load()
    assert len(list((place / "drawn").iterdir())) - len(finished) in (0, 1)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_full_standard_output_is_one_line(place: Path, blocks: Image.Image, colour_model: Path) -> None:
    blocks.save(place / "a.png")
    source = Path(__file__).parents[2] / "src"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "crowdmask",
                "detect",
                "a.png",
                "--model",
                colour_model,
                "--no-pictures",
                "--json",
                "-",
            ],
            cwd=place,
            env={**os.environ, "PYTHONPATH": str(source)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["error: standard output: cannot be written: no space left on device"]


def test_a_reader_that_leaves_early(place: Path, blocks: Image.Image, colour_model: Path) -> None:
    for i in range(3):
        blocks.save(place / f"{i}.png")
    running = process(place, "detect", ".", "--model", colour_model, "--no-pictures", "--json", "-")
    assert running.stdout is not None
    running.stdout.close()
    assert running.stderr is not None
    complaints = running.stderr.read()
    running.stderr.close()
    assert running.wait(timeout=60) == 1
    assert complaints.splitlines() == ["error: standard output: the program that reads it has ended"]


def test_libraries_do_not_chatter(place: Path, blocks: Image.Image, colour_model: Path) -> None:
    blocks.save(place / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12\0\x03")
    blocks.save(place / "b.tif", compression="tiff_lzw")
    whole = (place / "b.tif").read_bytes()
    (place / "b.tif").write_bytes(whole[: len(whole) * 2 // 3])
    running = process(place, "detect", "a.jpg", "b.tif", "--model", colour_model, "--no-pictures")
    _, complaints = running.communicate(timeout=60)
    assert running.returncode == 1
    first, last = complaints.splitlines()
    assert first.startswith("error: b.tif: ")
    assert last.startswith("1 could not be read")


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
    assert "1.png: Mask 100.0 %, No mask 94.1 %\n" in done.stdout
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
