from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from crowdmask.data.sample import Sample
from crowdmask.data.statistics.appearance import SKIN_BANDS
from crowdmask.evaluation.appearance import (
    LIGHT,
    LIGHT_BANDS,
    TONE,
    UNKNOWN,
    FaceAppearance,
    appearance_of,
    appearance_of_samples,
    join_bands,
    measure_appearance,
)

FACE = (20, 20, 60, 70)


def painted(skin: tuple[int, int, int], mask: tuple[int, int, int] | None = None) -> np.ndarray:
    """A grey picture with one face of 40 x 50 pixels, its lower half behind a mask."""
    pixels = np.full((100, 100, 3), 128, np.uint8)
    pixels[20:70, 20:60] = skin
    if mask is not None:
        pixels[45:70, 20:60] = mask
    return pixels


@pytest.mark.parametrize(
    ("skin", "tone", "light"),
    [
        ((243, 205, 180), "very light", "bright"),
        ((224, 172, 140), "light", "bright"),
        ((198, 134, 96), "tan", "bright"),
        ((150, 100, 70), "brown", "medium"),
        ((70, 45, 35), "dark", "dark"),
        ((150, 150, 150), None, "bright"),
        ((60, 110, 190), None, "medium"),
    ],
)
def test_a_face_is_sorted_by_its_pixels(skin, tone, light):
    looks = appearance_of(painted(skin), np.array([FACE], np.float32))
    assert looks.tone.tolist() == [UNKNOWN if tone is None else SKIN_BANDS.index(tone)]
    assert looks.light.tolist() == [LIGHT_BANDS.index(light)]


def test_the_mask_says_nothing_about_the_tone():
    boxes = np.array([FACE], np.float32)
    bare = appearance_of(painted((150, 100, 70)), boxes)
    for mask in ((235, 235, 235), (90, 150, 200), (10, 10, 10)):
        assert appearance_of(painted((150, 100, 70), mask), boxes).tone.tolist() == bare.tone.tolist()


def test_narrow_faces_and_boxes_outside_are_not_told():
    boxes = np.array([(20, 20, 43.9, 70), (20, 20, 44, 70), (200, 200, 260, 260)], np.float32)
    looks = appearance_of(painted((150, 100, 70)), boxes)
    assert looks.tone.tolist() == [UNKNOWN, SKIN_BANDS.index("brown"), UNKNOWN]
    assert looks.light.tolist() == [UNKNOWN, LIGHT_BANDS.index("medium"), UNKNOWN]
    nothing = appearance_of(painted((1, 1, 1)), np.zeros((0, 4), np.float32))
    assert (len(nothing.tone), len(nothing.light)) == (0, 0)


def test_photos_are_read_again_without_their_ignored_regions(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(painted((70, 45, 35))).save(path)
    sample = Sample(
        path=path,
        name="street/a.png",
        source="street",
        width=100,
        height=100,
        boxes=np.array([(0, 0, 100, 100), FACE], np.float32),
        class_id=np.array([0, 1]),
        ignore=np.array([True, False]),
    )
    (looks,) = appearance_of_samples([sample])
    assert looks.tone.tolist() == [SKIN_BANDS.index("dark")]


@pytest.mark.parametrize(
    ("faces", "groups"),
    [
        ([60, 60, 60], [(0, 0), (1, 1), (2, 2)]),
        ([70, 10, 20, 60], [(0, 0), (1, 3)]),
        ([60, 30, 20, 60], [(0, 0), (1, 2), (3, 3)]),
        ([10, 90, 90], [(0, 1), (2, 2)]),
        ([90, 70, 49], [(0, 0), (1, 2)]),
        ([10, 20, 10], [(0, 2)]),
        ([0, 0], [(0, 1)]),
        ([3], [(0, 0)]),
    ],
    ids=[
        "enough",
        "three joined",
        "two joined",
        "the first",
        "the last",
        "too few in all",
        "none",
        "one band",
    ],
)
def test_small_groups_are_joined_to_the_next(faces, groups):
    assert join_bands(faces, least=50) == groups


@pytest.fixture
def measured(scored):
    """Twelve pictures of ten faces: dark ones found less often, the light ones among them mislabelled."""

    def face(column: int) -> tuple[float, float, float, float]:
        return (column * 100, 0, column * 100 + 30, 40)

    pictures, looks = [], []
    for index in range(12):
        dark = index % 2 == 0
        faces = [(*face(column), column % 2, 0) for column in range(10)]
        found = []
        for column in range(5 if dark else 8):
            wrong = not dark and column < 2
            found.append((*face(column), 1 - column % 2 if wrong else column % 2, 0.9))
        pictures.append(scored(faces, found, name=f"{index}.jpg"))
        tone = np.full(10, SKIN_BANDS.index("dark" if dark else "very light"))
        light = np.full(10, LIGHT_BANDS.index("medium"))
        if index == 0:
            tone[9] = UNKNOWN
        looks.append(FaceAppearance(tone, light))
    return pictures, looks


def test_rates_and_gaps_by_hand(measured):
    tone, light = measure_appearance(*measured).slices["all"]
    assert (tone.by, light.by) == (TONE, LIGHT)
    # Of 60 dark faces one, which was missed, cannot be told; the bands between hold none and are joined.
    assert [group.faces for group in tone.groups] == [59, 60]
    assert tone.groups[-1].name.endswith("very light")
    assert tone.groups[0].name.startswith("dark")
    assert tone.unknown == 1
    assert [group.rates["recall"] for group in tone.groups] == pytest.approx([30 / 59, 48 / 60])
    assert [group.rates["class_accuracy"] for group in tone.groups] == pytest.approx([1, 36 / 48])
    assert [group.masked for group in tone.groups] == pytest.approx([30 / 59, 0.5])
    assert [group.median_width_px for group in tone.groups] == [30, 30]
    gap = tone.gaps["recall"]
    assert (gap.best, gap.worst) == (tone.groups[1].name, tone.groups[0].name)
    assert gap.value == pytest.approx(48 / 60 - 30 / 59)
    assert gap.interval is None
    assert tone.gaps["class_accuracy"].value == pytest.approx(0.25)
    assert tone.gaps["class_accuracy"].worst == tone.groups[1].name
    # All stand in the same light, so there is nothing to compare.
    assert [group.faces for group in light.groups] == [120]
    assert light.gaps == {}


def test_intervals_are_by_picture(measured):
    pictures, looks = measured
    tone, _ = measure_appearance(pictures, looks, bootstrap=200, seed=1).slices["all"]
    # All pictures of very light faces are alike, so drawing them again changes nothing.
    assert tone.groups[1].intervals["recall"] == pytest.approx((0.8, 0.8))
    low, high = tone.groups[0].intervals["recall"]
    assert low == pytest.approx(0.5)
    assert 30 / 59 < high < 0.56
    gap = tone.gaps["recall"]
    assert gap.interval is not None
    assert gap.interval[0] < gap.value < gap.interval[1] + 1e-9


def test_masks_are_a_slice_of_their_own_where_there_are_others(measured, scored):
    pictures, looks = measured
    bare = scored([(0, 0, 30, 40, 1, 0)], [], source="bare")
    result = measure_appearance([*pictures, bare], [*looks, FaceAppearance(np.array([0]), np.array([0]))])
    assert list(result.slices) == ["all", "masks"]
    assert result.slices["all"][1].groups[0].faces == 121
    assert result.slices["masks"][1].groups[0].faces == 120


def test_nothing_to_measure():
    content = measure_appearance([], []).to_dict()
    (group,) = content["slices"]["all"][TONE]["groups"]
    assert (group["name"], group["faces"]) == ("dark to very light", 0)
    assert math.isnan(group["recall"])
    assert content["slices"]["all"][LIGHT]["gaps"] == {}
