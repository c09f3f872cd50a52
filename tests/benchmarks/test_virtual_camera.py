"""The virtual camera is true: boxes lie where faces are drawn, numbers stay, the hidden is said to be."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from crowdmask.data.sample import Sample

SQUARES = np.array([[100 + 90 * i, 150 + 60 * (i % 3), 130 + 90 * i, 180 + 60 * (i % 3)] for i in range(8)])


@pytest.fixture
def camera(project_root: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(project_root / "benchmarks"))
    sys.modules.pop("virtual_camera", None)
    import virtual_camera

    return virtual_camera


@pytest.fixture
def photo(tmp_path: Path) -> Sample:
    """A grey photo with a red square for each face; the last one is to be ignored."""
    picture = np.full((500, 900, 3), 90, np.uint8)
    for x1, y1, x2, y2 in SQUARES:
        picture[y1:y2, x1:x2] = (220, 20, 20)
    path = tmp_path / "photo.png"
    Image.fromarray(picture).save(path)
    ignore = np.arange(8) == 7
    return Sample(path, "photo.png", "made", 900, 500, SQUARES.astype(np.float32), np.arange(8) % 3, ignore)


def test_boxes_lie_on_the_squares(camera: ModuleType, photo: Sample) -> None:
    views = list(camera.film(photo, 60, 25, seed=4))
    assert len(views) == 60
    assert sum(len(view.person) for view in views) > 60
    for view in views:
        assert view.picture.shape == (360, 640, 3)
        for box, person, class_id in zip(view.boxes, view.person, view.class_id, strict=True):
            assert person != 7
            assert class_id == person % 3
            x1, y1, x2, y2 = np.round(box).astype(int)
            inside = view.picture[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2].astype(int)
            # At least half of it can be seen.
            assert ((inside[..., 0] > 150) & (inside[..., 1] < 80)).mean() >= 0.4


def test_every_red_pixel_is_in_a_box_or_ignored(camera: ModuleType, photo: Sample) -> None:
    for view in camera.film(photo, 40, 25, seed=5):
        red = (view.picture[..., 0] > 180) & (view.picture[..., 1] < 60)
        for x1, y1, x2, y2 in np.round([*view.boxes, *view.ignore]).astype(int).reshape(-1, 4):
            red[max(y1 - 2, 0) : y2 + 2, max(x1 - 2, 0) : x2 + 2] = False
        assert not red.any()


def test_people_leave_and_come_back_and_are_hidden(camera: ModuleType, photo: Sample) -> None:
    views = list(camera.film(photo, 300, 25, seed=6))
    seen = np.array([[person in view.person for person in range(7)] for view in views])
    returns = (np.diff(seen.astype(int), axis=0) == 1).sum(axis=0)
    assert (returns >= 1).any()
    assert any(len(view.ignore) for view in views)


def test_a_seed_is_a_film(camera: ModuleType, photo: Sample) -> None:
    first, again, other = (list(camera.film(photo, 5, 25, seed)) for seed in (1, 1, 2))
    assert all((a.picture == b.picture).all() for a, b in zip(first, again, strict=True))
    assert any((a.picture != b.picture).any() for a, b in zip(first, other, strict=True))
