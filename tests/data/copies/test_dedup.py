from __future__ import annotations

import hashlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from crowdmask.data.copies.dedup import (
    PREFIX,
    Duplicates,
    best_of,
    drop_copies,
    find_duplicates,
    with_groups,
)
from crowdmask.data.copies.hashing import Fingerprint, difference_hash, small_grey
from crowdmask.data.manifest import Photo


def scene(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), np.uint8)
    return Image.fromarray(coarse).resize((200, 150), Image.Resampling.BICUBIC)


def looks(image: Image.Image) -> Fingerprint:
    digest = hashlib.sha256(image.tobytes()).hexdigest()
    return Fingerprint(digest, difference_hash(image), small_grey(image))


def photo(name: str, **changes) -> Photo:
    return Photo.model_validate({"photo": name, "width": 200, "height": 150, "source": "s", **changes})


def test_copies_are_grouped_across_sources_and_one_that_cannot_be_read_is_left_alone():
    images = [scene(1), scene(2), ImageOps.mirror(scene(1)), scene(1), scene(3)]
    photos = [photo(f"{i}.jpg", source=f"s{i % 2}") for i in range(6)]
    found = find_duplicates(photos, [*map(looks, images), None])
    assert [sorted(group) for group in found.groups] == [[0, 2, 3]]
    assert sorted((c.first, c.second, c.exact) for c in found.copies) == [(0, 2, False), (0, 3, True)]
    assert all(copy.likeness > 0.99 for copy in found.copies)


@pytest.mark.parametrize("count", [0, 1])
def test_few_photos_have_no_copies(count):
    photos = [photo("a.jpg")] * count
    assert find_duplicates(photos, [None] * count) == Duplicates([], [])
    assert find_duplicates(photos, [looks(scene(1))] * count).groups == []


def test_files_that_are_the_same_are_copies_even_when_flat():
    flat = looks(Image.new("RGB", (100, 100), (9, 9, 9)))
    assert find_duplicates([photo("a"), photo("b")], [flat, flat]).groups == [[0, 1]]


def groups_of(photos, groups, seen=None):
    made = seen or [looks(scene(i)) for i in range(len(photos))]
    return [p.group for p in with_groups(photos, made, Duplicates(groups, []))]


def test_photos_get_their_hashes_and_a_group_name_of_what_they_show():
    seen = [looks(scene(i)) for i in range(3)]
    filled = with_groups([photo("a"), photo("b"), photo("c")], seen, Duplicates([[1, 2]], []))
    assert [p.sha256 for p in filled] == [found.sha256 for found in seen]
    assert [p.hash for p in filled] == [found.hash for found in seen]
    name = PREFIX + seen[1].sha256[:16]
    assert [p.group for p in filled] == [None, name, name]


@pytest.mark.parametrize(
    ("before", "groups", "after"),
    [
        # An old group keeps its name when a photo joins it, also one that comes first.
        ([None, "copy-x", "copy-x"], [[0, 1, 2]], ["copy-x"] * 3),
        # What is no copy any more leaves the group.
        (["copy-x", "copy-x", "copy-x"], [[0, 1]], ["copy-x", "copy-x", None]),
        # A group that someone named stays, and copies of its members join it.
        (["video 7", "video 7", None, None], [[1, 2]], ["video 7"] * 3 + [None]),
        (["b", "a", None], [[0, 1]], ["a", "a", None]),
        # Of two sets with one old name, the larger one has it.
        (["copy-x"] * 5, [[0, 1, 2], [3, 4]], None),
    ],
)
def test_groups_keep_their_names(before, groups, after):
    photos = [photo(f"{i}", group=name) for i, name in enumerate(before)]
    found = groups_of(photos, groups)
    if after is not None:
        assert found == after
    else:
        assert found[:3] == ["copy-x"] * 3
        assert found[3] == found[4] not in ("copy-x", None)


def test_a_photo_that_cannot_be_read_keeps_its_group():
    photos = [photo("a", group="copy-x"), photo("b", group="copy-x"), photo("c", group="copy-x")]
    seen = [None, looks(scene(1)), looks(scene(1))]
    filled = with_groups(photos, seen, Duplicates([[1, 2]], []))
    assert [p.group for p in filled] == ["copy-x"] * 3
    assert filled[0].hash is None


@pytest.mark.parametrize(
    ("changes", "best"),
    [
        ([{}, {}], 0),
        ([{}, {"width": 201}], 1),
        ([{"width": 900}, {"faces": []}], 1),
        ([{"faces": [], "width": 900}, {"faces": [], "reviewed": True}], 1),
        ([{}, {"split": "val"}], 1),
    ],
)
def test_the_best_copy_is_reviewed_annotated_large(changes, best):
    assert best_of([photo(f"{i}", **c) for i, c in enumerate(changes)], [0, 1]) == best


def test_dropping_keeps_one_of_each_group_and_its_split():
    photos = [
        photo("a", split="val"), photo("b", width=400), photo("c"),
        photo("d", split="train"), photo("e", split="test"), photo("f", width=999),
    ]  # fmt: skip
    kept, dropped = drop_copies(photos, Duplicates([[0, 1], [3, 4, 5]], []))
    assert [(p.photo, p.split) for p in kept] == [("b", "val"), ("c", None), ("f", None)]
    assert [p.photo for p in dropped] == ["a", "d", "e"]
