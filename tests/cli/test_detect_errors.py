from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest
from PIL import Image

from .conftest import Detect, listing, process, records


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


def test_another_kind_of_blur_is_refused(detect: Detect, blocks: Image.Image) -> None:
    blocks.save("street.png")
    done = detect("street.png", "--blur", "eyes")
    assert (done.exit_code, done.stderr) == (2, "error: --blur is faces or none, not 'eyes'\n")


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
    assert done.stderr.splitlines() == ["error: cannot write /dev/full: no space left on device"]


def test_a_mistake_of_ours_is_one_line_too(
    detect: Detect, blocks: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("first\nsecond")

    blocks.save("a.png")
    monkeypatch.setattr("crowdmask.batch.sinks.draw_on", broken)
    done = detect("a.png")
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        "error: RuntimeError: first\\nsecond (internal error: set CROWDMASK_DEBUG=1 for the "
        "details, and please report it)"
    ]
    monkeypatch.setenv("CROWDMASK_DEBUG", "1")
    assert isinstance(detect("a.png").exception, RuntimeError)


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
@pytest.mark.parametrize("words", ["model --list", "--version", "--help", "detect --help"])
def test_a_summary_that_finds_a_full_disk_is_one_line(words: str, place: Path) -> None:
    source = Path(__file__).parents[2] / "src"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "crowdmask", *words.split()],
            cwd=place,
            env={**os.environ, "PYTHONPATH": str(source)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    told = "error: cannot write standard output: no space left on device"
    assert (done.returncode, done.stderr.splitlines()[:1]) == (1, [told])


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
    assert done.stderr.splitlines() == ["error: cannot write standard output: no space left on device"]


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
    told = "error: cannot write standard output: the program that reads it has ended"
    assert complaints.splitlines() == [told]


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
