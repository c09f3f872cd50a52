from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from crowdmask.data.copies.photo_cache import PhotoCache
from crowdmask.data.manifest import Manifest, Photo, to_sample
from crowdmask.data.sampling.balance import TONE, iterate_tones, margins_of, pick, to_balance, weigh
from crowdmask.errors import PictureError, UsageError

SKIN = {"light": (224, 190, 165), "dark": (90, 58, 42)}


def photo(name: str, labels=("with_mask",), source: str = "s", width: float = 40, **changes) -> Photo:
    faces = [{"box": (10, 10, 10 + width, 60), "label": label} for label in labels]
    content = {"photo": name, "width": 100, "height": 80, "source": source, "faces": faces, **changes}
    return Photo.model_validate(content)


def test_annotated_photos_of_train_are_weighed_or_all_where_none_is_split():
    photos = [photo("a"), photo("b"), Photo(photo="c", width=9, height=9, source="s")]
    assert to_balance(photos) == [0, 1]
    photos[1] = photo("b", split="train")
    photos.append(photo("d", split="val"))
    assert to_balance(photos) == [1]


def test_a_photo_counts_once_whatever_the_number_of_its_faces():
    photos = [photo("a", ["with_mask"] * 3 + ["without_mask"]), photo("b", [], source="t"), photo("c")]
    sources, classes, widths = margins_of(photos, None)
    assert sources.values == ("s", "t")
    assert sources.parts.tolist() == [[1, 0], [0, 1], [1, 0]]
    assert classes.parts.tolist() == [[0.75, 0.25, 0], [0, 0, 0], [1, 0, 0]]
    assert widths.parts.sum(1).tolist() == [1, 0, 1]
    tones = margins_of(photos, [[60.0, None, 5.0, 5.0], [], [None]])[-1]
    assert tones.name == TONE
    assert tones.parts[0].tolist() == pytest.approx([0, 2 / 3, 0, 0, 0, 1 / 3])
    assert tones.parts[2].sum() == 0


def test_weights_even_out_and_rare_photos_weigh_more():
    photos = [photo(f"{i}", ["without_mask"] if i % 10 else ["mask_worn_incorrect"]) for i in range(100)]
    margins = margins_of(photos, None)
    weights = weigh(margins, 1, 5)
    assert weights[0] == pytest.approx(5)
    after = margins[1].shares(weights)
    assert after[2] == pytest.approx(0.5, abs=0.01)


def test_a_subset_has_so_many_photos_and_is_nearer_to_even():
    photos = [photo(f"{i}", source="rare" if i % 8 == 0 else "common") for i in range(160)]
    margins = margins_of(photos, None)
    weights = pick(margins, 40, 1, seed=3)
    assert sorted(set(weights.tolist())) == [0, 1]
    assert weights.sum() == 40
    assert margins[0].shares(weights) == pytest.approx([0.5, 0.5], abs=0.03)
    assert (weights == pick(margins, 40, 1, seed=3)).all()
    assert (weights != pick(margins, 40, 1, seed=4)).any()
    with pytest.raises(UsageError, match="only 160 photos"):
        pick(margins, 161, 1, 0)


def test_tones_are_those_of_the_faces_and_are_kept(tmp_path):
    for name, colour in SKIN.items():
        pixels = np.full((80, 100, 3), (60, 90, 200), np.uint8)
        pixels[10:60, 10:50] = colour
        if name == "dark":
            pixels[38:60, 10:50] = (240, 240, 240)  # a white mask
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    photos = [
        photo("light.png", ["without_mask"]), photo("dark.png"), photo("gone.png"),
        photo("light.png", width=12), photo("light.png", []),
    ]  # fmt: skip
    with PhotoCache(tmp_path) as cache:
        light, dark, gone, narrow, empty = iterate_tones(tmp_path, photos, cache)
        assert light[0] > 55
        assert dark[0] < -30
        assert isinstance(gone, PictureError)
        assert narrow == [None]
        assert empty == []
    # The photo has changed, but neither its size nor its time: what was kept is taken.
    stat = (tmp_path / "dark.png").stat()
    (tmp_path / "dark.png").write_bytes(b"x" * stat.st_size)
    os.utime(tmp_path / "dark.png", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with PhotoCache(tmp_path) as cache:
        assert list(iterate_tones(tmp_path, [photos[1]], cache)) == [dark]


@pytest.mark.parametrize(("weight", "drawn"), [(None, 1.0), (0.0, 0.0), (2.5, 2.5)])
def test_the_weight_reaches_training(tmp_path, weight, drawn):
    manifest = Manifest(tmp_path, [photo("a.jpg", weight=weight)])
    assert to_sample(manifest, manifest.photos[0]).weight == drawn
