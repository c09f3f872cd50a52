"""A model of another task is detected with, drawn and written with its own labels; the rest refuses it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from crowdmask import Detector, Tracker
from crowdmask.cli.main import app
from crowdmask.drawing.palette import COLOURS, colour_of
from crowdmask.errors import EXIT_INPUT, ModelError
from crowdmask.evaluation.run import both_views
from crowdmask.labels import LABELS, require_mask_labels

from .conftest import records

HELMETS = ["helmet", "bare_head", "cap"]


@pytest.fixture(scope="module")
def helmets(make_model: Callable[..., Path]) -> Path:
    """Return a model file that tells other things apart."""
    return make_model("helmets", labels=HELMETS, threshold=dict.fromkeys(HELMETS, 0.5))


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_detect_draws_counts_and_writes_the_models_own_labels(
    helmets: Path, place: Path, blocks: Image.Image
) -> None:
    blocks.save("site.png")
    done = run(
        "detect", "--model", helmets, "--threads", "1", "site.png", "--json", "out.jsonl", "--csv", "out.csv"
    )
    assert done.exit_code == 0, done.output
    assert "site.png: 3 faces: 1 Helmet, 1 Bare head, 1 Cap" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["picture", "faces", "Helmet", "Bare", "head", "Cap"] in rows
    assert ["site.png", "3", "1", "1", "1"] in rows
    assert "share masked" not in done.stdout
    (record,) = records(place / "out.jsonl")
    assert record["counts"] == dict.fromkeys(HELMETS, 1)
    assert [found["label"] for found in record["detections"]] == HELMETS
    assert [row.split(",")[7] for row in (place / "out.csv").read_text().splitlines()[1:]] == HELMETS
    with Image.open(place / "crowdmask-out" / "site.png") as drawn:
        pixels = {tuple(pixel) for pixel in np.asarray(drawn.convert("RGB")).reshape(-1, 3).tolist()}
    assert {colour_of(name, HELMETS) for name in HELMETS} <= pixels


def test_a_model_of_one_label(make_model: Callable[..., Path], place: Path) -> None:
    """Its network has three scores a box, so the file is refused by a message, not by a traceback."""
    path = make_model("one", labels=["face"], threshold={"face": 0.5})
    Image.new("RGB", (64, 64)).save("a.png")
    done = run("detect", "--model", path, "a.png")
    assert done.exit_code == EXIT_INPUT
    assert "Traceback" not in done.output
    assert isinstance(done.exception, SystemExit)


def test_model_names_its_labels(helmets: Path) -> None:
    done = run("model", helmets)
    assert done.exit_code == 0, done.output
    assert "thresholds: helmet 0.5, bare_head 0.5, cap 0.5" in done.stdout


def test_track_says_that_it_needs_the_mask_labels(helmets: Path, place: Path, clip: Path) -> None:
    done = run("track", "-m", helmets, clip, "--json", "out.jsonl")
    assert done.exit_code == EXIT_INPUT
    assert "helmets: tracking needs a model with the labels with_mask" in done.stderr
    assert "Traceback" not in done.output
    assert not (place / "out.jsonl").exists()


def test_tracking_and_measuring_from_python_say_so_too(helmets: Path) -> None:
    detector = Detector(helmets, threads=1)
    with pytest.raises(ModelError, match="tracking needs"):
        Tracker(detector)
    with pytest.raises(ModelError, match="measuring needs"):
        both_views(detector)


@pytest.mark.parametrize("labels", [LABELS[::-1], LABELS[:2], ("face",)], ids=["order", "fewer", "other"])
def test_the_order_of_the_labels_counts(labels: tuple[str, ...]) -> None:
    require_mask_labels(list(LABELS), "crowd", "tracking")
    with pytest.raises(ModelError, match=r"m: tracking needs .* this one has"):
        require_mask_labels(labels, "m", "tracking")


def test_colours_of_other_labels_differ_and_stay() -> None:
    assert len({colour_of(name, HELMETS) for name in HELMETS}) == 3
    assert colour_of("cap") == colour_of("cap")
    assert [colour_of(label) for label in LABELS] == [COLOURS[label] for label in LABELS]
