"""Candidates, alignment and verification, on pictures drawn here and on real photos where they are."""

from __future__ import annotations

import io
from itertools import combinations

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from crowdmask.data.copies.alignment import likeness
from crowdmask.data.copies.groups import UnionFind
from crowdmask.data.copies.hashing import small_grey
from crowdmask.data.copies.near_duplicates import ALIKE, _bit_count, compare, find_pairs
from crowdmask.media.pictures import open_picture


def scene(seed: int) -> Image.Image:
    """Draw a picture of about a photo's spectrum: noise of all scales, the coarser the stronger."""
    rng = np.random.default_rng(seed)
    whole = np.zeros((240, 320, 3))
    for cells in (2, 4, 8, 16, 32):
        noise = rng.normal(size=(cells, cells, 3)).astype(np.float32)
        layers = [
            np.asarray(Image.fromarray(noise[:, :, i]).resize((320, 240), Image.Resampling.BICUBIC))
            for i in range(3)
        ]
        whole += np.stack(layers, 2) / cells**0.7
    whole = 128 + 45 * whole / whole.std()
    return Image.fromarray(np.clip(whole, 0, 255).astype(np.uint8))


def crop(photo: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    width, height = photo.size
    return photo.crop(
        (round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height))
    )


def recompress(photo: Image.Image, quality: int) -> Image.Image:
    data = io.BytesIO()
    photo.save(data, "JPEG", quality=quality)
    return Image.open(data).convert("RGB")


def recolour(photo: Image.Image) -> Image.Image:
    photo = ImageEnhance.Color(ImageEnhance.Brightness(photo).enhance(1.1)).enhance(0.85)
    return ImageEnhance.Contrast(photo).enhance(0.9)


COPIES = {
    "mirrored": ImageOps.mirror,
    "scaled": lambda photo: photo.resize((round(photo.width * 0.6), round(photo.height * 0.6))),
    "compressed": lambda photo: recompress(photo, 40),
    "cropped on all sides": lambda photo: crop(photo, 0.05, 0.05, 0.05, 0.05),
    "cropped at one side": lambda photo: crop(photo, 0, 0, 0.05, 0),
    "cropped at a corner": lambda photo: crop(photo, 0.05, 0.05, 0, 0),
    "cropped off centre": lambda photo: crop(photo, 0.035, 0.01, 0.015, 0.04),
    "recoloured": recolour,
    "cropped, mirrored": lambda photo: ImageOps.mirror(crop(photo, 0.05, 0, 0, 0.05)),
}


@pytest.mark.parametrize("kind", list(COPIES))
def test_a_copy_is_found_among_other_pictures(kind):
    photos = [scene(seed) for seed in range(40)]
    small = np.stack([small_grey(p) for p in [*photos, *(COPIES[kind](photo) for photo in photos[:20])]])
    pairs = find_pairs(small)
    assert list(zip(pairs.first, pairs.second, strict=True)) == [(i, 40 + i) for i in range(20)]
    assert pairs.mirrored.tolist() == ["mirrored" in kind] * 20
    assert (pairs.likeness >= ALIKE).all()
    assert (pairs.likeness <= 1.001).all()


def test_pictures_of_one_grey_and_no_pictures_make_no_pairs():
    flat = np.full((5, 40, 40), 200, np.uint8)
    assert len(find_pairs(flat)) == 0
    assert len(find_pairs(flat[:0])) == 0


def test_one_picture_many_times_over_is_all_joined():
    small = np.repeat(small_grey(scene(1))[None], 200, axis=0)
    small = (small.astype(int) + np.random.default_rng(0).integers(-2, 3, small.shape)).clip(0, 255)
    pairs = find_pairs(small.astype(np.uint8))
    union = UnionFind(200)
    for a, b in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True):
        union.join(a, b)
    assert [len(group) for group in union.sets()] == [200]
    assert len(pairs) < 200 * 199 / 4


def test_copies_of_quite_another_shape_are_no_pairs():
    small = np.repeat(small_grey(scene(1))[None], 2, axis=0)
    assert len(find_pairs(small, np.array([1.5, 1.4]))) == 1
    assert len(find_pairs(small, np.array([1.5, 0.7]))) == 0


def test_progress_goes_from_nothing_to_all():
    told: list[float] = []
    find_pairs(np.stack([small_grey(scene(i % 3)) for i in range(6)]), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1


def test_likeness_does_not_mind_light_and_contrast_or_which_comes_first():
    one = small_grey(scene(1))
    darker = (one * 0.6 + 20).astype(np.uint8)
    cut = small_grey(crop(scene(1), 0.05, 0, 0.02, 0.05))
    other = small_grey(scene(2))
    found = likeness(np.stack([one, one, cut, one]), np.stack([darker, cut, one, other]))
    assert (found[:3] > 0.985).all()
    assert found[3] < 0.8


def test_the_quick_look_only_spares_what_is_unlike():
    small = np.stack([small_grey(p) for seed in range(12) for p in (scene(seed), recolour(scene(seed)))])
    first, second = (np.array(x) for x in zip(*combinations(range(24), 2), strict=True))
    orientation = np.zeros(len(first), np.int64)
    exact, quick = (compare(small, first, second, orientation, least) for least in (-1.0, ALIKE))
    assert ((exact >= ALIKE) == (quick >= ALIKE)).all()
    assert (exact >= ALIKE).sum() == 12


def test_bits_are_counted():
    values = np.array([0, 1, 2**63, 2**64 - 1, 0b1011 << 40], np.uint64)
    assert _bit_count(values).tolist() == [0, 1, 1, 64, 3]


def test_real_photos_and_their_copies(shared):
    """A small part of what docs/data-clean.md reports."""
    listed = (shared / "data" / "splits" / "train.txt").read_text().split("\n")[:3000:100]
    photos = [open_picture(shared / "data" / name, full_scale_pixels=90_000).image for name in listed]
    copies = [(photo, *(make(photo) for make in COPIES.values())) for photo in photos]
    small = np.stack([small_grey(copy) for family in copies for copy in family])
    family = np.arange(len(small)) // (1 + len(COPIES))
    pairs = find_pairs(small)
    right = family[pairs.first] == family[pairs.second]
    assert right.mean() >= 0.98
    wanted = len(photos) * (len(COPIES) + 1) * len(COPIES) / 2
    assert right.sum() / wanted >= 0.98
