from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner, Result

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch
from safetensors.torch import load_file

from crowdmask.cli.main import app
from crowdmask.inference.detector import Detector
from crowdmask.labels import LABELS
from crowdmask.models.pretrained import FILE_NAME
from crowdmask.models.registry import build
from crowdmask.paths import cache_folder
from crowdmask.signals import StopOnSignal
from crowdmask.training.checkpoint import save_weights
from crowdmask.training.start import shipped_weights

COLOURS = ((20, 200, 40), (230, 40, 40), (40, 60, 230))
RECIPE = {
    "name": "tiny",
    "start": "start.safetensors",
    "steps": 2,
    "batch_size": 2,
    "crop_px": 64,
    "warmup_steps": 1,
    "precision": "float32",
    "validate_every": 2,
    "validation_crops": 2,
    "checkpoint_every": 2,
}


def run(*arguments: object) -> Result:
    before = torch.get_num_threads()
    try:
        return CliRunner().invoke(app, [str(a) for a in arguments])
    finally:
        torch.set_num_threads(before)


def write_recipe(folder: Path, **changes: Any) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump({**RECIPE, **changes}))
    return path


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Path:
    """A folder with weights to start from, so that no test needs the network."""
    folder = tmp_path_factory.mktemp("start")
    torch.manual_seed(0)
    save_weights(build("crowd"), folder / "start.safetensors", {})
    return folder


@pytest.fixture
def recipe(start, tmp_path) -> Path:
    (tmp_path / "start.safetensors").symlink_to(start / "start.safetensors")
    return write_recipe(tmp_path)


def faces(index: int) -> tuple[Image.Image, list[tuple[int, int, int, int]]]:
    random = np.random.default_rng(index)
    pixels = random.integers(90, 130, (96, 128, 3)).astype(np.uint8)
    boxes = []
    for colour in COLOURS:
        side = int(random.integers(14, 40))
        x, y = int(random.integers(0, 128 - side)), int(random.integers(0, 96 - side))
        pixels[y : y + side, x : x + side] = colour
        boxes.append((x, y, x + side, y + side))
    return Image.fromarray(pixels), boxes


def voc(folder: Path, name: str, boxes: list[tuple[int, int, int, int]]) -> None:
    objects = "".join(
        f"<object><name>{label}</name><bndbox><xmin>{b[0]}</xmin><ymin>{b[1]}</ymin>"
        f"<xmax>{b[2]}</xmax><ymax>{b[3]}</ymax></bndbox></object>"
        for label, b in zip(LABELS, boxes, strict=True)
    )
    (folder / "annotations").mkdir(exist_ok=True)
    (folder / "annotations" / f"{name}.xml").write_text(f"<annotation>{objects}</annotation>")


def yolo(folder: Path, name: str, boxes: list[tuple[int, int, int, int]]) -> None:
    lines = [
        f"{i} {(b[0] + b[2]) / 256} {(b[1] + b[3]) / 192} {(b[2] - b[0]) / 128} {(b[3] - b[1]) / 96}"
        for i, b in enumerate(boxes)
    ]
    (folder / "labels").mkdir(exist_ok=True)
    (folder / "labels" / f"{name}.txt").write_text("\n".join(lines))
    (folder / "classes.txt").write_text("\n".join(LABELS))


def coco(folder: Path, name: str, boxes: list[tuple[int, int, int, int]]) -> None:
    path = folder / "annotations.json"
    content: dict[str, list[Any]] = {"images": [], "annotations": []}
    if path.is_file():
        content = json.loads(path.read_text())
    content["categories"] = [{"id": i, "name": label} for i, label in enumerate(LABELS)]
    content["images"].append({"id": name, "file_name": f"{name}.jpg"})
    for i, b in enumerate(boxes):
        box = [b[0], b[1], b[2] - b[0], b[3] - b[1]]
        content["annotations"].append({"image_id": name, "category_id": i, "bbox": box})
    path.write_text(json.dumps(content))


def photo_folder(folder: Path, form: str = "voc", photos: int = 8) -> Path:
    (folder / "images").mkdir(parents=True)
    for index in range(photos):
        picture, boxes = faces(index)
        picture.save(folder / "images" / f"p{index}.jpg", quality=95)
        {"voc": voc, "yolo": yolo, "coco": coco}[form](folder, f"p{index}", boxes)
    return folder


@pytest.fixture
def photos(tmp_path) -> Path:
    return photo_folder(tmp_path / "photos")


def train(recipe: Path, *arguments: object) -> Result:
    return run("train", recipe, "--run-folder", recipe.parent / "run", "--threads", 1, *arguments)


@pytest.mark.parametrize("form", ["voc", "yolo", "coco"])
def test_ones_own_photos_make_a_detector(recipe, tmp_path, form):
    folder = photo_folder(tmp_path / "photos", form)
    done = train(recipe, "--photos", folder, "--format", form)
    assert done.exit_code == 0, done.stderr
    assert "tiny: 7 photos to train on, 1 to validate on" in done.stderr
    assert "problem" not in done.stderr
    # The output is no terminal: lines instead of a bar.
    assert re.search(r"^training: 2 of 2 \(100 %\), [\d.]+ images/s, loss [\d.]+$", done.stderr, re.M)
    assert "step 2: val face " in done.stderr
    files = {path.name for path in (tmp_path / "run").iterdir() if "tfevents" not in path.name}
    assert files == {
        "checkpoint.pt", "history.jsonl", "tiny.safetensors", "tiny.onnx", "curves.png", "report.json",
        "precision_recall.png", "reliability.png", "confusion.png",
    }  # fmt: skip
    assert json.loads((tmp_path / "run" / "report.json").read_text())["slices"]["all"]["pictures"] == 1
    assert f"--model {tmp_path / 'run' / 'tiny.onnx'}" in done.stdout
    detector = Detector(tmp_path / "run" / "tiny.onnx", confidence=0.0, threads=1)
    assert detector.model_name == "tiny"
    assert len(detector.detect(folder / "images" / "p0.jpg")) > 0


def test_the_same_command_ends_where_it_was_and_another_is_refused(recipe, photos, tmp_path):
    first = train(recipe, "--photos", photos)
    before = [(tmp_path / "run" / name).read_bytes() for name in ("tiny.safetensors", "tiny.onnx")]
    again = train(recipe, "--photos", photos)
    assert (first.exit_code, again.exit_code) == (0, 0), again.stderr
    assert "going on at step" not in first.stderr
    assert "going on at step 2" in again.stderr
    assert [(tmp_path / "run" / name).read_bytes() for name in ("tiny.safetensors", "tiny.onnx")] == before
    more = train(recipe, "--photos", photos, "--steps", 3)
    assert more.exit_code == 1
    assert "holds a run of another recipe" in more.stderr
    (photos / "annotations" / "p0.xml").unlink()
    other = train(recipe, "--photos", photos)
    assert other.exit_code == 1
    assert "holds a run on other photos or annotations" in other.stderr


def start_process(recipe: Path, photos: Path, project_root: Path) -> subprocess.Popen[str]:
    command = ["train", recipe, "--photos", photos, "--run-folder", recipe.parent / "run", "--threads", "1"]
    return subprocess.Popen(
        [sys.executable, "-m", "crowdmask", *map(str, command)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(project_root / "src")},
    )


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as on Unix")
def test_an_interrupted_run_keeps_its_last_step(recipe, photos, tmp_path, project_root):
    write_recipe(tmp_path, steps=5000, checkpoint_every=2, validate_every=5000)
    process = start_process(recipe, photos, project_root)
    deadline = time.monotonic() + 120
    while not (tmp_path / "run" / "checkpoint.pt").is_file() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    other = train(recipe, "--photos", photos, "--run-folder", tmp_path / "run")
    assert other.exit_code == 1
    assert f"another command is writing {tmp_path / 'run'}" in other.stderr
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    last = said.strip().splitlines()[-1]
    state = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert last == f"stopped at step {state['step']}; the same command goes on from there"
    assert state["step"] >= 2


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as on Unix")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_waits_for_the_step_and_the_second_does_not(number):
    before = signal.getsignal(number)
    with StopOnSignal() as signals:
        assert not signals.interrupted
        os.kill(os.getpid(), number)
        assert signals.interrupted
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_what_is_broken_is_named_and_counted_and_the_rest_is_trained_on(recipe, photos):
    (photos / "annotations" / "p1.xml").write_text("<annotation>")
    (photos / "images" / "p2.jpg").write_bytes(b"")
    (photos / "images" / "p3.jpg").unlink()
    done = train(recipe, "--photos", photos)
    assert done.exit_code == 0, done.stderr
    assert "p1.xml: not readable as XML" in done.stderr
    assert "p2.jpg: not readable as a picture" in done.stderr
    assert "p3.xml: its picture is missing" in done.stderr
    assert "3 problems in the data; what is named above is left out" in done.stderr


def test_a_photo_that_turns_out_broken_is_passed_over_and_the_end_is_not_clean(recipe, photos, tmp_path):
    """Its header is whole, so that it shows only once it is decoded: two to train on, one of val."""
    describe_data(tmp_path)
    for name in ("p0", "p1", "p5"):
        path = photos / "images" / f"{name}.jpg"
        path.write_bytes(path.read_bytes()[:2000])
    done = train(write_recipe(tmp_path, data="data.yaml", steps=6))
    assert done.exit_code == 1
    assert (tmp_path / "run" / "tiny.onnx").is_file()
    lines = done.stderr.strip().splitlines()[-4:]
    assert [name for name in ("p0", "p1", "p5") if any(f"{name}.jpg: " in line for line in lines[:3])] == [
        "p0",
        "p1",
        "p5",
    ]
    assert lines[3] == "3 problems in the data; what is named above is left out"
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not shipped_weights("crowd").is_file(), reason="no shipped weights in this checkout")
def test_our_own_weights_are_a_start(photos, tmp_path):
    done = train(write_recipe(tmp_path, start="shipped", learning_rate=1e-5), "--photos", photos)
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "run" / "tiny.onnx").is_file()


def test_the_imagenet_weights_are_a_start(photos, tmp_path):
    if not (cache_folder() / FILE_NAME).is_file():
        pytest.skip("the ImageNet weights were not fetched on this machine")
    done = train(write_recipe(tmp_path, start="imagenet"), "--photos", photos)
    assert done.exit_code == 0, done.stderr


def describe_data(folder: Path, **changes: Any) -> None:
    """Write a data set of the photos, split by files."""
    (folder / "train.txt").write_text("".join(f"photos/images/p{i}.jpg\n" for i in range(5)))
    (folder / "val.txt").write_text("".join(f"photos/images/p{i}.jpg\n" for i in range(5, 8)))
    source = {
        "folder": "photos",
        "format": "voc",
        "classes": {label: label for label in LABELS},
        "origin": {"licence": "none"},
    }
    content = {"sources": {"street": source}, "splits": {"train": "train.txt", "val": "val.txt"}, **changes}
    (folder / "data.yaml").write_text(yaml.safe_dump(content))


def test_a_recipe_names_its_data_and_its_weights_can_be_exported(recipe, photos, tmp_path):
    describe_data(tmp_path)
    done = train(write_recipe(tmp_path, data="data.yaml"))
    assert done.exit_code == 0, done.stderr
    assert "tiny: 5 photos to train on, 3 to validate on" in done.stderr
    assert "not calibrated, usual thresholds: too little was found on val" in done.stdout
    weights, to = tmp_path / "run" / "tiny.safetensors", tmp_path / "new" / "mine.onnx"
    exported = run("export", weights, "--data", tmp_path / "data.yaml", "--to", to, "--input-size", "224")
    assert exported.exit_code == 0, exported.stderr
    assert f"wrote {to}" in exported.stdout
    detector = Detector(to, threads=1)
    assert detector.model_name == "mine"
    assert detector.info.input.size == 224
    assert detector.info.calibration is None
    assert detector.info.closer_look is not None
    assert detector.info.closer_look.size == 416  # 1.8 times as large, in steps of 32
    once = run("export", weights, "--data", tmp_path / "data.yaml", "--to", to, "--closer-look", "0")
    assert once.exit_code == 0, once.stderr
    assert Detector(to, threads=1).info.closer_look is None
    other = run("export", weights, "--data", tmp_path / "data.yaml", "--to", to, "--architecture", "ssdlite")
    assert other.exit_code == 1
    assert "weights of another architecture" in other.stderr


def test_a_run_of_no_steps_gives_the_weights_it_starts_with(recipe, photos, tmp_path):
    describe_data(tmp_path)
    save_weights(build("crowd"), tmp_path / "one.safetensors", {})
    save_weights(build("crowd"), tmp_path / "two.safetensors", {})
    start = ["one.safetensors", "two.safetensors"]
    done = train(write_recipe(tmp_path, data="data.yaml", steps=0, start=start))
    assert done.exit_code == 0, done.stderr
    one, two, mean = (
        load_file(path)["judge.0.weight"].float()
        for path in (tmp_path / start[0], tmp_path / start[1], tmp_path / "run" / "tiny.safetensors")
    )
    assert torch.allclose(mean, (one + two) / 2, atol=1e-3)
    assert not (tmp_path / "run" / "curves.png").exists()


def test_an_export_is_calibrated_and_its_thresholds_are_chosen_on_val(photos, tmp_path):
    describe_data(tmp_path)
    torch.manual_seed(0)
    model = build("crowd")
    with torch.no_grad():
        for judge in model.judge:  # type: ignore[union-attr]
            judge.weight.mul_(10)
            judge.bias[::4] = 0  # faces everywhere
    save_weights(model, tmp_path / "eager.safetensors", {})
    to = tmp_path / "eager.onnx"
    exported = run(
        "export", tmp_path / "eager.safetensors", "--data", tmp_path / "data.yaml", "--to", to, "--name", "e"
    )
    assert exported.exit_code == 0, exported.stderr
    info = Detector(to, threads=1).info
    assert info.name == "e"
    assert info.calibration is not None
    # Nearly all of it is wrong, and it says so.
    assert all(np.interp(0.15, table.raw, table.confidence) < 0.15 for table in info.calibration)
    assert "thresholds {" in exported.stdout
    assert info.threshold != (0.4, 0.4, 0.4)


@pytest.mark.parametrize(
    ("changes", "arguments", "code", "message"),
    [
        ({}, ["--map", "a=with_mask"], 2, "--map belongs to --photos"),
        ({}, [], 2, "names no data: give your own with  --photos DIR --format FORMAT"),
        ({}, ["--photos", "photos", "--val", "1.5"], 2, "--val must lie between 0 and 1"),
        ({}, ["--photos", "photos", "--map", "a=b"], 2, "write  old=new"),
        ({}, ["--photos", "photos", "--format", "xml"], 2, "xml"),
        ({}, ["--photos", "gone"], 1, "gone is not a folder"),
        ({}, ["--photos", "photos", "--format", "yolo"], 1, "no boxes in the format yolo"),
        ({}, ["--photos", "photos", "--run-folder", "leak.yaml"], 1, "cannot make the run's folder"),
        ({"stepz": 3}, ["--photos", "photos"], 1, "tiny.yaml: stepz: there is no such key"),
        ({"model": "yolo"}, ["--photos", "photos"], 1, "no architecture 'yolo'; choose from crowd, ssdlite"),
        ({"start": "gone.safetensors"}, ["--photos", "photos"], 1, "there are no weights at"),
        ({"model": "ssdlite"}, ["--photos", "photos"], 1, "weights of another architecture"),
        ({"crop_px": 50}, ["--photos", "photos"], 1, "crop_px is 50, not a multiple of 32"),
        ({"data": "gone.yaml"}, [], 1, "gone.yaml: No such file"),
        ({"data": "leak.yaml"}, [], 1, "p3.jpg is in the splits 'train' and 'val': a leak"),
    ],
)
def test_what_does_not_fit_is_one_line(
    recipe, photos, tmp_path, monkeypatch, changes, arguments, code, message
):
    monkeypatch.chdir(tmp_path)
    describe_data(tmp_path)
    (tmp_path / "data.yaml").rename(tmp_path / "leak.yaml")
    with (tmp_path / "val.txt").open("a") as file:
        file.write("photos/images/p3.jpg\n")
    done = run("train", write_recipe(tmp_path, **changes), "--run-folder", "run", "--threads", 1, *arguments)
    assert done.exit_code == code, done.stderr
    assert message in " ".join(done.stderr.replace("│", " ").split()).replace("with --", "with  --").replace(
        "write old", "write  old"
    )
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) <= 1
    assert not (tmp_path / "run" / "checkpoint.pt").exists()


@pytest.mark.parametrize("command", ["train", "export"])
@pytest.mark.parametrize("missing", ["torch", "matplotlib", "onnx"])
def test_without_the_extra_one_is_told_which_before_anything_else(monkeypatch, tmp_path, command, missing):
    def find(name: str) -> object:
        return None if name == missing else find_spec(name)

    monkeypatch.setattr("crowdmask.cli.extras.find_spec", find)
    more = [] if command == "train" else ["--data", "x.yaml", "--to", "x.onnx"]
    done = run(command, tmp_path / "gone.yaml", *more)
    assert done.exit_code == 2
    assert f"crowdmask {command} needs the extra 'train'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert run(command, "--help").exit_code == 0
