from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from crowdmask.cli.main import app
from crowdmask.data.manifest import Manifest, Photo, read_manifest, write_manifest

SKIN = ((224, 190, 165), (90, 58, 42))


@pytest.fixture
def data(tmp_path):
    """Twenty training photos, every fifth of the rarer source, label and skin; and two of val."""
    photos = []
    for i in range(22):
        rare = i % 5 == 0
        pixels = np.full((48, 64, 3), (60, 90, 200), np.uint8)
        pixels[4:44, 10:50] = SKIN[rare]
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        face = {"box": (10, 4, 50, 44), "label": "mask_worn_incorrect" if rare else "without_mask"}
        photos.append(
            Photo.model_validate(
                {
                    "photo": f"{i}.png", "width": 64, "height": 48, "source": "rare" if rare else "common",
                    "faces": [face], "split": "train" if i < 20 else "val",
                }
            )
        )  # fmt: skip
    write_manifest(Manifest(tmp_path, photos))
    return tmp_path


def run(*options: object):
    return CliRunner().invoke(app, ["data", "balance", *map(str, options)])


def weights(folder) -> list[float | None]:
    return [photo.weight for photo in read_manifest(folder).photos]


def row(output: str, name: str) -> list[str]:
    line = next(line for line in output.splitlines() if name in line)
    return line.split(name)[1].replace(" %", "").split()


def test_rare_photos_of_train_weigh_more_and_the_table_says_what_it_changes(data):
    result = run(data, "--strength", 1)
    assert result.exit_code == 0, result.output
    found = weights(data)
    assert found[20:] == [None, None]
    assert all(found[i] > 2 * found[1] for i in (0, 5, 10, 15))
    assert np.mean(found[:20]) == pytest.approx(1, abs=0.001)
    assert row(result.output, "class: mask_worn_incorrect") == ["20.0", "50.0", "50.0"]
    assert row(result.output, "apparent skin tone: dark") == ["20.0", "50.0", "50.0"]
    assert row(result.output, "source: rare") == ["20.0", "50.0", "50.0"]


def test_a_subset_has_weight_one_and_clear_takes_all_away(data):
    result = run(data, "--subset", 8, "--strength", 1, "--no-tones")
    assert result.exit_code == 0, result.output
    found = weights(data)
    assert sorted(found[:20]) == [0] * 12 + [1] * 8
    assert [found[i] for i in (0, 5, 10, 15)] == [1] * 4
    assert "skin" not in result.output
    assert run(data, "--clear").exit_code == 0
    assert weights(data) == [None] * 22


def test_a_photo_that_cannot_be_read_is_named_and_weighed_all_the_same(data):
    (data / "3.png").write_bytes(b"no picture")
    result = run(data)
    assert result.exit_code == 1
    assert "3.png: not a picture" in result.output
    assert all(weight > 0 for weight in weights(data)[:20])


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--subset", 21], 2, "only 20 photos to choose from"),
        (["--cap", 0.5], 2, "--cap"),
        (["--strength", 2], 2, "--strength"),
    ],
)
def test_what_does_not_fit_is_one_line(data, options, code, message):
    result = run(data, *options)
    assert result.exit_code == code
    assert message in result.output


def test_where_nothing_is_annotated_there_is_nothing_to_weigh(tmp_path):
    write_manifest(Manifest(tmp_path, [Photo(photo="a", width=9, height=9, source="s")]))
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "no annotated photo to weigh" in result.output


def test_a_split_that_leaks_is_refused_and_nothing_is_changed(data):
    photos = read_manifest(data).photos
    leak = [p.model_copy(update={"group": "g"}) if i in (3, 21) else p for i, p in enumerate(photos)]
    write_manifest(Manifest(data, leak))
    before = (data / "manifest.jsonl").read_bytes()
    result = run(data, "--no-tones")
    assert result.exit_code == 1
    assert "the split leaks: g lies in 2 splits (train: 3.png, val: 21.png)" in result.stderr
    assert (data / "manifest.jsonl").read_bytes() == before
    assert run(data, "--clear").exit_code == 0
