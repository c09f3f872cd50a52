from __future__ import annotations

import pytest
from PIL import Image

pytest.importorskip("matplotlib", reason="the extra 'train' is not installed")

from crowdmask.errors import DataError, OutputError
from crowdmask.training.curves import _gap, _smooth, draw_curves


def row(step: int, kind: str, **losses: float) -> dict[str, object]:
    return {"step": step, "kind": kind, "images_per_s": 9.5, **losses}


ROWS = [row(s, "train", face=2 / s, total=3 / s) for s in range(20, 201, 20)]
VAL = [row(s, "val", face=2.5 / s, total=4 / s) for s in (100, 200)]


# A teacher's answers are learnt by and not validated, and are not part of every row.
TAUGHT = [*ROWS[:2], *({**each, "teacher": 0.3} for each in ROWS[2:]), *VAL]


@pytest.mark.parametrize("rows", [ROWS + VAL, ROWS, ROWS[:1], [VAL[0], *ROWS], TAUGHT])
def test_each_part_of_the_loss_has_a_picture(tmp_path, rows):
    path = draw_curves(rows, tmp_path / "curves.png")
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.width > picture.height
    assert [p.name for p in tmp_path.iterdir()] == ["curves.png"]


@pytest.mark.parametrize("rows", [[], VAL])
def test_without_training_there_is_nothing_to_draw(tmp_path, rows):
    with pytest.raises(DataError, match="no losses to draw"):
        draw_curves(rows, tmp_path / "curves.png")


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(OutputError, match=r"cannot write the curves .*gone.curves\.png: no such file"):
        draw_curves(ROWS, tmp_path / "gone" / "curves.png")


def test_the_gap_is_to_the_last_train_value_before():
    train, val = [(10, 5.0), (20, 3.0), (30, 2.0)], [(5, 6.0), (20, 3.5), (29, 4.0)]
    assert _gap(train, val) == [(5, 1.0), (20, 0.5), (29, 1.0)]


def test_smoothing_keeps_a_constant_and_damps_a_jump():
    assert _smooth([(1, 4.0), (2, 4.0)]) == [(1, 4.0), (2, 4.0)]
    assert [value for _, value in _smooth([(1, 1.0), (2, 11.0)])] == pytest.approx([1, 2])
