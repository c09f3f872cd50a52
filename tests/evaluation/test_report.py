from __future__ import annotations

import builtins
import json

import pytest
from PIL import Image

from crowdmask.errors import MissingExtraError, OutputError
from crowdmask.evaluation.report import build_report, write_json, write_pictures, write_text

FACE = (0, 0, 20, 20)


@pytest.fixture
def report(crowd):
    return build_report(crowd, {"model": "crowd", "split": "test"}, ["b.jpg: truncated"], bootstrap=20)


def test_json_has_every_slice_and_no_nan(report, tmp_path):
    file = tmp_path / "new" / "report.json"
    write_json(report, file)
    content = json.loads(
        file.read_text(encoding="utf-8"), parse_constant=lambda name: pytest.fail(f"{name} is not JSON")
    )
    assert (content["model"], content["failed"]) == ("crowd", ["b.jpg: truncated"])
    assert list(content["slices"]) == ["all", "masks", "bare", "masked"]
    everything, bare = content["slices"]["all"], content["slices"]["bare"]
    assert everything["pictures"] == 60
    assert sum(everything["faces"].values()) == sum(
        w["faces"] for w in everything["face_AP50_by_width_px"].values()
    )
    # Nobody wears a mask in this source.
    assert bare["AP50"]["with_mask"] is None
    assert bare["mAP50"] == bare["AP50"]["without_mask"]
    assert not list(file.parent.glob("*.part"))


def test_intervals_hold_their_measure(report):
    everything = report.to_dict()["slices"]["all"]
    widths = everything["face_AP50_by_width_px"]
    values = {
        "mAP50": everything["mAP50"],
        "AP50_with_mask": everything["AP50"]["with_mask"],
        "AP50_without_mask": everything["AP50"]["without_mask"],
        "AP50_mask_worn_incorrect": everything["AP50_3class"]["mask_worn_incorrect"],
        "face_AP50": everything["face_AP50"],
        **{f"face_AP50_{name}": width["AP50"] for name, width in widths.items()},
        **{
            name: everything["at_default"][name]
            for name in ("recall", "precision", "class_accuracy", "balanced_accuracy")
        },
        # Drawing pictures again adds noise to each bin, so its interval lies a little above the value.
        "ece": everything["calibration"]["ece"] * 1.05,
    }
    assert list(everything["intervals_95"]) == list(values)
    for name, value in values.items():
        low, high = everything["intervals_95"][name]
        assert low < value < high, name


def test_intervals_are_shown_by_measure_and_slice(report):
    lines = report.to_text().splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("95 % interval"))
    assert lines[at].split()[3:] == ["all", "masks", "bare", "masked"]
    cells = {line.split()[0]: line.split()[1:] for line in lines[at + 2 : at + 16]}
    low, high = report.slices["all"].intervals["recall"]
    assert cells["recall"][:3] == [f"{low:.3f}", "to", f"{high:.3f}"]
    # Nobody wears a mask in the source "bare".
    low, high = report.slices["masked"].intervals["AP50_with_mask"]
    assert cells["AP50_with_mask"][6:] == ["-", f"{low:.3f}", "to", f"{high:.3f}"]


def test_text_is_written_whole(report, tmp_path):
    file = tmp_path / "new" / "report.txt"
    write_text(report, file)
    text = file.read_text(encoding="utf-8")
    assert text.startswith("model crowd, split test\n\n")
    assert text.endswith(report.to_text() + "\n")
    assert not list(file.parent.glob("*.part"))


def test_tables_say_what_was_measured(scored):
    pictures = [
        scored([(*FACE, 0, 0), (100, 0, 140, 40, 1, 0)], [(*FACE, 0, 0.9), (300, 0, 320, 20, 2, 0.8)])
    ]
    text = build_report(pictures, {}).to_text()
    lines = {line.split("  ")[0]: line.split() for line in text.splitlines()[::-1]}
    # Reversed, so each name stands for its first line: that of average precision.
    assert lines["all"] == ["all", "1", "2", "0.500", "1.000", "0.000", "0.500", "-"]
    assert lines["Mask"] == ["Mask", "1", "0", "0", "0"]
    assert lines["No mask"] == ["No", "mask", "0", "0", "0", "1"]
    assert lines["no face"] == ["no", "face", "0", "0", "1"]
    assert "95 %" not in text


def test_pictures(report, crowd, tmp_path):
    pytest.importorskip("matplotlib")
    files = write_pictures(report, crowd, tmp_path / "out")
    assert [file.name for file in files] == ["precision_recall.png", "reliability.png", "confusion.png"]
    for file in files:
        with Image.open(file) as picture:
            assert min(picture.size) >= 500
            # More than a blank page.
            assert len(picture.convert("RGB").getcolors(1 << 20)) > 20


def test_pictures_of_nothing(tmp_path):
    pytest.importorskip("matplotlib")
    assert len(write_pictures(build_report([], {}), [], tmp_path)) == 3


def test_pictures_without_their_extra(report, crowd, tmp_path, monkeypatch):
    real_import = builtins.__import__

    def without_matplotlib(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    with pytest.raises(MissingExtraError, match="'train'"):
        write_pictures(report, crowd, tmp_path)


def test_a_report_that_cannot_be_written_is_named(report, crowd, tmp_path):
    blocker = tmp_path / "in_the_way"
    blocker.write_text("a file")
    with pytest.raises(OutputError, match="in_the_way"):
        write_json(report, blocker / "report.json")
    pytest.importorskip("matplotlib")
    with pytest.raises(OutputError, match="in_the_way"):
        write_pictures(report, crowd, blocker)
