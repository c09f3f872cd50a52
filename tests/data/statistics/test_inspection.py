"""What the pixels tell, on photos whose pixels are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crowdmask.data.manifest import Face, Photo
from crowdmask.data.statistics.checks import Finding, Kind
from crowdmask.data.statistics.inspection import THUMB_PX, UNTOLD, inspect_photos
from crowdmask.data.statistics.items import Item


def item(folder: Path, name: str, colour: tuple[int, int, int], *faces: Face, size: int = 100) -> Item:
    Image.new("RGB", (size, size), colour).save(folder / name)
    return Item(Photo(photo=name, width=100, height=100, source="s", faces=list(faces)), folder / name)


def face(label: str, *box: float) -> Face:
    return Face.model_validate({"box": box, "label": label})


def test_light_and_skin(tmp_path: Path) -> None:
    items = [
        item(tmp_path, "dark.png", (60, 40, 30), face("without_mask", 10, 10, 60, 70)),
        item(tmp_path, "light.png", (240, 210, 190), face("with_mask", 10, 10, 60, 70)),
        item(tmp_path, "blue.png", (40, 80, 200), face("with_mask", 10, 10, 60, 70)),
        item(tmp_path, "small.png", (240, 210, 190), face("with_mask", 10, 10, 18, 18)),
    ]
    looks = inspect_photos(items, [], sample=10, seed=0)

    assert looks.opened == 4
    assert looks.findings == []
    assert looks.face_light["without_mask"] == pytest.approx([18], abs=3)
    assert sorted(looks.photo_light)[0] == pytest.approx(18, abs=3)
    assert looks.skin["without_mask"] == {"dark": 1}
    assert looks.skin["with_mask"] == {"very light": 1, UNTOLD: 2}
    assert set(looks.mosaics) == {"with_mask", "without_mask"}
    # A sample face is mostly of its own colour.
    pixels = np.asarray(looks.mosaics["without_mask"])
    assert np.median(pixels.reshape(-1, 3), axis=0) == pytest.approx([60, 40, 30], abs=6)


def test_a_sample_is_drawn_by_its_seed(tmp_path: Path) -> None:
    items = [item(tmp_path, f"{n}.png", (n * 20, n * 20, n * 20)) for n in range(10)]
    first, again = (inspect_photos(items, [], sample=3, seed=1).photo_light for _ in range(2))

    assert len(first) == 3
    assert first == again
    assert any(inspect_photos(items, [], sample=3, seed=seed).photo_light != first for seed in range(2, 6))


def test_thumbnails(tmp_path: Path) -> None:
    items = [item(tmp_path, "a.png", (0, 0, 0)), item(tmp_path, "b.png", (0, 0, 0))]
    boxed = Finding(Kind.OUTSIDE, 0, "by 20 px", ((80, 40, 120, 80),))
    broken = Finding(Kind.NO_AREA, 1, "", ((float("nan"), 1, 9, 9),))
    looks = inspect_photos(items, [boxed, broken], sample=1, seed=0)

    thumbnail = np.asarray(looks.thumbnails[boxed]).astype(int)
    assert thumbnail.shape == (THUMB_PX, THUMB_PX, 3)
    red = (thumbnail[..., 0] > 150) & (thumbnail[..., 2] < 80)
    rows, columns = np.nonzero(red)
    # The box is the middle of its surroundings, and the part outside the picture is plain.
    assert rows.mean() == pytest.approx(THUMB_PX / 2, abs=3)
    assert columns.mean() == pytest.approx(THUMB_PX / 2, abs=3)
    assert thumbnail[100, -3].min() > 200
    assert thumbnail[100, 3].max() == 0
    assert looks.thumbnails[broken].size == (THUMB_PX, THUMB_PX)


def test_photos_that_are_missing_broken_or_of_another_size(tmp_path: Path) -> None:
    items = [item(tmp_path, f"{n}.png", (9, 9, 9)) for n in range(3)]
    items.append(item(tmp_path, "3.png", (9, 9, 9), size=60))
    items[0].path.unlink()
    items[1].path.write_bytes(b"no photo")
    looks = inspect_photos(items, [], sample=4, seed=0)

    found = {finding.index: finding for finding in looks.findings}
    assert {index: finding.kind for index, finding in found.items()} == {
        0: Kind.UNREADABLE, 1: Kind.UNREADABLE, 3: Kind.SIZE
    }  # fmt: skip
    assert "60 x 60 pixels, the annotation 100 x 100" in found[3].text
    assert looks.opened == 1
    # A missing photo is noticed also where it is not in the sample.
    assert {f.index for f in inspect_photos(items, [], sample=1, seed=3).findings} >= {0}
