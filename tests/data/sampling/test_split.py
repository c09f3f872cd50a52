from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdmask.data.manifest import Photo
from crowdmask.data.sampling.split import find_leaks, parse_fractions, refuse_leaks, split_photos
from crowdmask.data.sampling.strata import CROWD, FACE_WIDTH, LABEL, SOURCE, in_order, strata_of, total_strata
from crowdmask.errors import DataError, UsageError
from crowdmask.labels import LABELS

PARTS = {"train": 0.8, "val": 0.1, "test": 0.1}


def face(label: str | None = "with_mask", width: float = 20, **changes) -> dict:
    return {"box": (0, 0, width, width), "label": label, **changes}


def photo(name: str, source: str = "s", faces: list[dict] | None = None, **changes) -> Photo:
    faces = [face()] if faces is None else faces
    content = {"photo": name, "width": 640, "height": 480, "source": source, "faces": faces, **changes}
    return Photo.model_validate(content)


def crowd(number: int, seed: int = 0) -> list[Photo]:
    """Photos of three sources with few or many faces; few of them wear the mask incorrectly."""
    rng = np.random.default_rng(seed)
    photos = []
    for i in range(number):
        labels = rng.choice(LABELS, size=int(rng.geometric(0.2)), p=(0.5, 0.46, 0.04))
        faces = [face(str(label), float(rng.choice((10, 20, 50, 90, 200)))) for label in labels]
        group = f"g{i // 3}" if i % 10 < 3 else None
        source = str(rng.choice(["a", "b", "c"], p=(0.6, 0.3, 0.1)))
        photos.append(photo(f"{i}.jpg", source, faces, group=group))
    return photos


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train=.8,val=.1,test=.1", PARTS),
        (" train = 0.5 , val=.5", {"train": 0.5, "val": 0.5}),
        ("train=1", {"train": 1.0}),
        ("train=.8", "add up to 1"),
        ("train=.8,dev=.2", "'dev=.2' should be one of"),
        ("train=.5,train=.5", "should be one of"),
        ("train=x,val=1", "'x' is not a number"),
        ("train=1.5,val=-.5", "must be 0 to 1"),
        ("train=nan,val=1", "must be 0 to 1"),
        ("", "should be one of"),
    ],
)
def test_fractions_are_read_or_refused(text, expected):
    if isinstance(expected, dict):
        assert parse_fractions(text) == expected
    else:
        with pytest.raises(UsageError, match=expected):
            parse_fractions(text)


def test_strata_count_photos_and_judged_faces():
    faces = [face(width=10), face("without_mask", 16), face("without_mask", 500), face(None, ignore=True)]
    assert strata_of(photo("a", "street", faces)) == {
        (SOURCE, "street"): 1,
        (CROWD, "2-5"): 1,
        (LABEL, "with_mask"): 1,
        (LABEL, "without_mask"): 2,
        (FACE_WIDTH, "under 16"): 1,
        (FACE_WIDTH, "16-31"): 1,
        (FACE_WIDTH, "128 or more"): 1,
    }
    bare = Photo(photo="b", width=9, height=9, source="web")
    assert strata_of(bare) == {(SOURCE, "web"): 1}
    assert in_order([(LABEL, "without_mask"), (SOURCE, "b"), (LABEL, "with_mask"), (SOURCE, "a")]) == [
        (SOURCE, "a"), (SOURCE, "b"), (LABEL, "with_mask"), (LABEL, "without_mask"),
    ]  # fmt: skip


def test_splits_are_alike_in_what_they_hold():
    photos = split_photos(crowd(1500), PARTS)
    whole = total_strata(photos)
    for name, part in PARTS.items():
        mine = [p for p in photos if p.split == name]
        assert len(mine) / len(photos) == pytest.approx(part, abs=0.01)
        for stratum, count in total_strata(mine).items():
            assert count / whole[stratum] == pytest.approx(part, abs=0.03), stratum
    assert find_leaks(photos) == []


def test_the_seed_decides_and_the_same_seed_gives_the_same():
    photos = crowd(200)
    first, again, other = (split_photos(photos, PARTS, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_split_is_kept_when_data_are_added_and_new_copies_follow():
    old = split_photos(crowd(300), PARTS)
    added = [p.model_copy(update={"photo": f"new/{p.photo}"}) for p in crowd(300, seed=5)]
    twin = old[17].model_copy(update={"photo": "twin.jpg", "split": None, "group": None, "sha256": "a" * 64})
    old[17] = old[17].model_copy(update={"sha256": "a" * 64})
    after = split_photos([*added, *old, twin], PARTS, seed=9)
    assert after[300:600] == old
    assert after[-1].split == old[17].split
    of_group = {p.group: p.split for p in old if p.group}
    follow = [p for p in after[:300] if p.group in of_group]
    assert follow
    assert all(p.split == of_group[p.group] for p in follow)
    share = Counter(p.split for p in after)
    assert share["train"] / len(after) == pytest.approx(0.8, abs=0.02)


def test_again_forgets_the_split_before():
    photos = [photo(f"{i}", split="test") for i in range(50)]
    assert {p.split for p in split_photos(photos, PARTS)} == {"test"}
    assert Counter(p.split for p in split_photos(photos, PARTS, again=True)) == {
        "train": 40,
        "val": 5,
        "test": 5,
    }


LEAKS = [
    ([photo("a", group="g", split="train"), photo("b", group="g", split="test")], "g lies in 2 splits"),
    ([photo("a", sha256="b" * 64, split="train"), photo("b", sha256="b" * 64, split="val")], "bb lies in 2"),
]


@pytest.mark.parametrize(("photos", "message"), LEAKS)
def test_a_split_that_leaks_is_refused(photos, message):
    assert len(find_leaks(photos)) == 1
    for refuse in (refuse_leaks, lambda p: split_photos([*p, photo("c")], PARTS)):
        with pytest.raises(DataError, match=message):
            refuse(photos)
    assert find_leaks(split_photos(photos, PARTS, again=True)) == []


def test_a_new_photo_that_joins_two_splits_is_refused():
    photos = [
        photo("a", group="g", split="train"),
        photo("b", group=None, split="test", sha256="c" * 64),
        photo("new", group="g", sha256="c" * 64),
    ]
    with pytest.raises(DataError, match="lies in 2 splits"):
        split_photos(photos, PARTS)


def test_what_is_not_annotated_gets_no_split_unless_asked():
    photos = [photo("a"), Photo(photo="b", width=9, height=9, source="s")]
    assert [p.split is None for p in split_photos(photos, {"train": 1.0})] == [False, True]
    assert [p.split for p in split_photos(photos, {"train": 1.0}, unannotated=True)] == ["train", "train"]
    with pytest.raises(DataError, match="no photo is annotated"):
        split_photos(photos[1:], PARTS)


def test_a_split_of_no_part_stays_empty_and_a_large_group_goes_where_there_is_room():
    photos = [photo(f"{i}", group="big" if i < 60 else None) for i in range(100)]
    after = split_photos(photos, {"train": 0.8, "val": 0.2, "test": 0.0})
    assert {p.split for p in after[:60]} == {"train"}
    assert Counter(p.split for p in after) == {"train": 80, "val": 20}


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.sampled_from("abcd") | st.none(), st.sampled_from(LABELS), st.integers(0, 3)),
        max_size=40,
    ),
    st.integers(0, 5),
)
def test_no_group_is_ever_torn_apart(rows, seed):
    photos = [photo("first")]
    photos += [photo(f"{i}", faces=[face(label)] * n, group=g) for i, (g, label, n) in enumerate(rows)]
    after = split_photos(photos, {"train": 0.5, "val": 0.3, "test": 0.2}, seed)
    assert find_leaks(after) == []
    assert all(p.split is not None for p in after)
    assert [p.model_copy(update={"split": None}) for p in after] == photos
