from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from crowdmask import boxes
from crowdmask.default_boxes import GridSpec
from crowdmask.errors import UsageError
from crowdmask.inference.detector import Detector
from crowdmask.inference.model_file import InputSpec, ModelInfo, shipped_models
from crowdmask.inference.preprocess import input_sides
from crowdmask.inference.tiles import (
    AUTO,
    AUTO_FROM_PX,
    MAX_TILES,
    OFF,
    check_setting,
    plan_tiles,
)
from crowdmask.media.pictures import Picture, open_picture

INFO = ModelInfo(
    name="crowd",
    architecture="crowd",
    input=InputSpec("fit", 640, 32, 114),
    grid=GridSpec((8, 16), (((8.0, 10.0),), ((32.0, 40.0),))),
    variances=(0.1, 0.2),
    nms_iou=0.45,
    max_detections=500,
    threshold=(0.5, 0.5, 0.5),
    calibration=None,
)
SQUARE = replace(INFO, input=InputSpec("stretch", 300, 1, 0))


def pixels(width: int, height: int, spec: InputSpec, size: int) -> int:
    _, (across, down) = input_sides(width, height, replace(spec, size=size))
    return across * down


@pytest.mark.parametrize("setting", ["off", "auto", "1x1", "2x2", "3×2", "32x32"])
def test_settings_that_are_understood(setting):
    assert check_setting(setting) == setting


@pytest.mark.parametrize("setting", ["", "on", "2", "0x2", "2x0", "2x2x2", "33x1", "100x1", "-1x2", "2 x 2"])
def test_settings_that_are_not(setting):
    with pytest.raises(UsageError, match="COLSxROWS"):
        check_setting(setting)


@pytest.mark.parametrize(
    ("setting", "width", "height", "tiles"),
    [
        (OFF, 6000, 4000, 0),
        (AUTO, AUTO_FROM_PX, AUTO_FROM_PX, 0),
        (AUTO, AUTO_FROM_PX + 1, 1000, 4),
        (AUTO, 1000, AUTO_FROM_PX + 1, 4),
        (AUTO, 2048, 1366, 6),
        (AUTO, 4032, 3024, 15),
        ("1x1", 6000, 4000, 0),
        ("2x2", 640, 480, 4),
        ("3x1", 640, 480, 3),
        ("2x2", 100, 480, 2),  # no room for two columns
        ("2x2", 20, 20, 0),
    ],
)
def test_number_of_tiles(setting, width, height, tiles):
    assert len(plan_tiles(setting, width, height, INFO).tiles) == tiles


@given(
    width=st.integers(8, 9000),
    height=st.integers(8, 9000),
    setting=st.sampled_from([AUTO, "2x2", "2x1", "1x3", "3x2", "4x4", "8x5"]),
    info=st.sampled_from([INFO, SQUARE]),
    data=st.data(),
)
@settings(max_examples=150, deadline=None)
def test_every_face_up_to_the_overlap_lies_entirely_in_a_tile(width, height, setting, info, data):
    plan = plan_tiles(setting, width, height, info)
    assert (plan.whole.x1, plan.whole.y1, plan.whole.x2, plan.whole.y2) == (0, 0, width, height)
    for tile in plan.tiles:
        assert 0 <= tile.x1 < tile.x2 <= width
        assert 0 <= tile.y1 < tile.y2 <= height
    if not plan.tiles:
        assert plan.whole.size == info.input.size
        return
    across, down = min(plan.overlap_px, width), min(plan.overlap_px, height)
    x, y = data.draw(st.floats(0, width - across)), data.draw(st.floats(0, height - down))
    tolerance = 1e-6 * max(width, height)
    assert any(
        tile.x1 <= x + tolerance
        and tile.y1 <= y + tolerance
        and x + across <= tile.x2 + tolerance
        and y + down <= tile.y2 + tolerance
        for tile in plan.tiles
    )


@given(
    width=st.integers(300, 9000),
    aspect=st.floats(0.5, 2.0),
    setting=st.sampled_from([AUTO, "2x2", "2x1", "1x2", "3x2", "4x3", "6x6"]),
    size=st.sampled_from([320, 480, 640, 960]),
)
@settings(max_examples=150, deadline=None)
def test_tiles_cost_no_more_than_as_many_pictures(width, aspect, setting, size):
    height = round(width * aspect)
    info = replace(INFO, input=replace(INFO.input, size=size))
    plan = plan_tiles(setting, width, height, info)
    cost = sum(pixels(v.x2 - v.x1, v.y2 - v.y1, info.input, v.size) for v in plan.views)
    usual = max(pixels(width, height, info.input, size), size**2 / 2)
    assert cost <= usual * max(1, len(plan.tiles))
    if setting == AUTO:
        assert len(plan.tiles) <= MAX_TILES


def test_tiles_show_more_than_the_picture_in_one_piece():
    for width, height in ((2048, 1366), (4032, 3024), (1501, 1000), (6000, 1500)):
        usual = INFO.input.size / max(width, height)
        assert all(tile.scale > 1.25 * usual for tile in plan_tiles(AUTO, width, height, INFO).tiles)


def test_tiles_of_a_row_follow_each_other():
    plan = plan_tiles("4x1", 4000, 1000, INFO)
    assert [t.x1 for t in plan.tiles] == sorted(t.x1 for t in plan.tiles)
    assert all(a.x2 - b.x1 >= plan.overlap_px for a, b in pairwise(plan.tiles))
    assert {(t.y1, t.y2) for t in plan.tiles} == {(0, 1000)}


needs_model = pytest.mark.skipif("crowd" not in shipped_models(), reason="no shipped model in this checkout")


@needs_model
def test_auto_leaves_a_usual_picture_as_it_is():
    pixels = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    usual = Detector(confidence=0.001, threads=1).detect(pixels)
    auto = Detector(confidence=0.001, threads=1, tiles="auto").detect(pixels)
    assert auto.to_records() == usual.to_records()


@needs_model
@pytest.mark.parametrize("decoded", [(512, 384), (256, 192)], ids=["full", "decoded at half its scale"])
def test_boxes_of_tiles_are_measured_in_the_photo(decoded):
    photo = Image.effect_noise((512, 384), 80).convert("RGB").resize(decoded)
    picture = Picture(photo, 512, 384)
    detector = Detector(confidence=0.0, input_size=160, threads=1, tiles="2x2")
    found = detector.detect(picture)
    assert len(found) > 0
    assert (found.xyxy >= 0).all()
    assert (found.xyxy <= np.array([512, 384, 512, 384])).all()
    # Untrained or trained, with a threshold of 0 there are boxes everywhere.
    assert found.xyxy[:, 2].max() > 400
    assert found.xyxy[:, 3].max() > 300


@needs_model
def test_a_setting_that_is_none_stops_at_once():
    with pytest.raises(UsageError, match="'many'"):
        Detector(tiles="many")


@needs_model
def test_tiles_find_more_far_faces_and_none_of_them_twice():
    example = open_picture(Path(__file__).parents[2] / "1.jpg").image
    side, (width, height) = 8, (256, 170)
    small = example.resize((width, height), Image.Resampling.LANCZOS)
    crowd = Image.new("RGB", (width * side, height * side))
    for place in range(side * side):
        crowd.paste(small, (place % side * width, place // side * height))
    usual = Detector(threads=1).detect(crowd)
    tiled = Detector(threads=1, tiles="auto").detect(crowd)
    assert len(usual) < len(tiled) <= side * side * len(Detector(threads=1).detect(example))
    overlap = boxes.iou(tiled.xyxy, tiled.xyxy) + boxes.ioa(tiled.xyxy, tiled.xyxy)
    assert (overlap - 2 * np.eye(len(tiled))).max() < 0.9
