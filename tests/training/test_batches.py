from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Generator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch", reason="the extra 'train' is not installed")

import torch

from crowdmask.errors import DataError, PictureError
from crowdmask.labels import MASK_WORN_INCORRECT
from crowdmask.models.crowd import Crowd
from crowdmask.models.ssdlite import SsdLite
from crowdmask.training.batches import Batches, Photos, Sampler, collate, validation_batches
from crowdmask.training.views import Crop

SPEC = Crowd.input_spec


def same(a, b) -> bool:
    pictures_a, targets_a = a
    pictures_b, targets_b = b
    return torch.equal(pictures_a, pictures_b) and all(
        torch.equal(x[key], y[key]) for x, y in zip(targets_a, targets_b, strict=True) for key in x
    )


def test_a_batch_depends_on_the_seed_and_its_number_alone(samples, recipe):
    numbers = [3, 4, 5, 9]
    expected = [Batches(samples, recipe(), SPEC).make(n) for n in numbers]
    for threads, cache in ((1, 0), (2, 6), (5, 6)):
        batches = Batches(samples, recipe(cache_gib=cache), SPEC, threads)
        for made, wanted in zip(batches.iterate(numbers), expected, strict=True):
            assert same(made, wanted)
    assert not same(expected[0], expected[1])
    assert not same(expected[0], Batches(samples, recipe(seed=1), SPEC).make(3))


@pytest.mark.parametrize(("spec", "side"), [(Crowd.input_spec, 64), (SsdLite.input_spec, 300)])
def test_a_batch_is_pictures_and_a_target_for_each(samples, recipe, spec, side):
    pictures, targets = Batches(samples, recipe(), spec).make(0)
    assert pictures.shape == (4, 3, side, side)
    assert pictures.dtype == torch.uint8
    assert len(targets) == 4
    assert sum(len(t["boxes"]) for t in targets) > 0
    for t in targets:
        n = len(t["boxes"])
        assert {key: (tuple(v.shape), v.dtype) for key, v in t.items()} == {
            "boxes": ((n, 4), torch.float32),
            "labels": ((n,), torch.int64),
            "label_weight": ((n,), torch.float32),
            "ignore": ((len(t["ignore"]), 4), torch.float32),
        }
        assert ((t["boxes"] >= 0) & (t["boxes"] <= side)).all()


def test_many_batches_come_in_order_however_fast_they_are_taken(samples, recipe):
    """The one who takes is now faster, now slower than those who make."""
    batches = Batches(samples, recipe(batch_size=2, crop_px=32), SPEC, threads=4)
    numbers = list(range(60))
    taken = [pictures for pictures, _ in batches.iterate(numbers)]
    assert len(taken) == 60
    assert all(torch.equal(taken[n], batches.make(n)[0]) for n in (0, 1, 30, 59))


def test_the_threads_end_with_the_iteration(samples, recipe):
    before = threading.active_count()
    iteration = Batches(samples, recipe(), SPEC).iterate(list(range(100)))
    next(iteration)
    assert threading.active_count() > before
    assert isinstance(iteration, Generator)
    iteration.close()
    assert threading.active_count() == before


def test_a_photo_that_cannot_be_read_is_named_and_another_drawn(samples, recipe):
    samples[2].path.write_bytes(samples[2].path.read_bytes()[:200])
    samples[4].path.unlink()
    batches = Batches(samples, recipe(), SPEC)
    made = [batches.make(n) for n in range(8)]
    assert len(batches.unreadable) == 2
    assert str(samples[2].path) in batches.unreadable[0]
    assert str(samples[4].path) in batches.unreadable[1]
    again = Batches(samples, recipe(), SPEC)
    assert all(same(again.make(n), made[n]) for n in reversed(range(8)))


def test_when_no_photo_can_be_read_the_run_ends(samples, recipe):
    for sample in samples:
        sample.path.write_bytes(b"")
    with pytest.raises(DataError, match=r"photos in a row cannot be read, such as .*0\.png"):
        next(Batches(samples, recipe(), SPEC).iterate([0, 1, 2]))
    with pytest.raises(DataError, match=r"none of the val photos can be read, such as .*0\.png"):
        validation_batches(samples, recipe(), SPEC)


def test_photos_are_kept_up_to_the_limit_and_come_upright(samples, tmp_path):
    size = 128 * 96 * 4
    photos = Photos(2.5 * size)
    first = [photos.get(s) for s in samples[:3]]
    again = [photos.get(s) for s in samples[:3]]
    assert [a is b for a, b in zip(first, again, strict=True)] == [True, True, False]
    assert np.array_equal(np.asarray(first[2]), np.asarray(again[2]))
    picture = Image.new("RGB", (1600, 800), (200, 0, 0))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "large.jpg", exif=exif)
    large = replace(samples[0], path=tmp_path / "large.jpg", width=800, height=1600)
    assert photos.get(large).size == (512, 1024)
    with pytest.raises(PictureError):
        photos.get(replace(samples[0], path=tmp_path / "gone.jpg"))


def test_two_sources_may_use_the_same_names(samples):
    """Photos of two roots can have one name; each must be its own."""
    photos = Photos(1e9)
    twin = replace(samples[1], name=samples[0].name)
    assert not np.array_equal(np.asarray(photos.get(samples[0])), np.asarray(photos.get(twin)))


def test_validation_crops_are_the_same_each_time_and_not_augmented(samples, recipe):
    """Also where there are fewer val photos than crops."""
    once, again = (validation_batches(samples[:1], recipe(validation_crops=6), SPEC) for _ in range(2))
    assert [len(targets) for _, targets in once] == [4, 2]
    assert all(same(a, b) for a, b in zip(once, again, strict=True))
    plain = recipe(validation_crops=6, augmentation={"blur": 1, "noise": 1, "aspect": 0.5})
    assert all(same(a, b) for a, b in zip(once, validation_batches(samples[:1], plain, SPEC), strict=True))
    few = validation_batches(samples, recipe(validation_crops=3), SPEC)
    assert [len(targets) for _, targets in few] == [3]


def test_a_val_photo_that_cannot_be_read_gives_way_to_the_next(samples, recipe):
    samples[0].path.write_bytes(b"")
    batches = validation_batches(samples[:2], recipe(), SPEC)
    assert [len(targets) for _, targets in batches] == [4]


def draws(samples, recipe, count=6000) -> dict[str, float]:
    sampler, rng = Sampler(samples, recipe), np.random.default_rng(0)
    counter = Counter(sampler.draw(rng).name for _ in range(count))
    return {name: number / count for name, number in counter.items()}


def test_sources_are_drawn_by_weight_and_photos_of_a_source_alike(samples, recipe):
    mixed = [replace(s, source="far") if i < 2 else s for i, s in enumerate(samples)]
    plain = draws(mixed, recipe())
    assert all(part == pytest.approx(1 / 6, abs=0.03) for part in plain.values())
    weighted = draws(mixed, recipe(sampling={"sources": {"far": 3, "street": 1}}))
    assert [weighted[s.name] for s in mixed] == pytest.approx([3 / 8] * 2 + [1 / 16] * 4, abs=0.03)
    none = draws(mixed, recipe(sampling={"sources": {"far": 0, "street": 1}}))
    assert set(none) == {s.name for s in mixed[2:]}


def test_photos_with_an_incorrect_mask_are_drawn_more_often(samples, recipe):
    plain = [replace(s, class_id=np.minimum(s.class_id, 1)) for s in samples[1:]]
    hidden = replace(plain[0], class_id=samples[0].class_id, ignore=np.array([False, False, True]))
    found = draws([samples[0], hidden, *plain[1:]], recipe(sampling={"incorrect": 0.5}))
    assert found[samples[0].name] == pytest.approx(0.5 + 0.5 / 6, abs=0.03)
    assert found[hidden.name] == pytest.approx(0.5 / 6, abs=0.03)


@pytest.mark.parametrize(
    ("weights", "message"),
    [({"street": 1, "north": 1}, "does not have: north"), ({"street": 0}, "every source the weight 0")],
)
def test_weights_that_do_not_fit_the_data_are_an_error(samples, recipe, weights, message):
    with pytest.raises(DataError, match=message):
        Batches(samples, recipe(sampling={"sources": weights}), SPEC)


@pytest.mark.parametrize(
    ("width", "label", "weight"),
    [(40, 0, 1), (16, 1, 1), (8, 1, 0.5), (2, 0, 0.25), (40, MASK_WORN_INCORRECT, 3), (8, 2, 1.5)],
)
def test_labels_of_small_faces_count_less_and_rare_ones_more(recipe, width, label, weight):
    crop = Crop(
        np.zeros((64, 64, 3), np.uint8),
        np.array([[4, 4, 4 + width, 30]], np.float32),
        np.array([label]),
        np.zeros((0, 4), np.float32),
    )
    _, targets = collate([crop], recipe(sampling={"incorrect_label_weight": 3}))
    assert targets[0]["label_weight"].tolist() == [weight]


def test_photos_are_drawn_by_their_own_weight(samples, recipe):
    heavy = [replace(s, weight=w) for s, w in zip(samples, (4, 1, 1, 0, 1, 1), strict=True)]
    found = draws(heavy, recipe())
    assert found[samples[0].name] == pytest.approx(0.5, abs=0.03)
    assert samples[3].name not in found
    rare = draws(heavy, recipe(sampling={"incorrect": 0.9}))
    assert samples[3].name not in rare
    assert rare[samples[0].name] == pytest.approx(0.5, abs=0.03)


def test_a_source_that_the_recipe_weighs_keeps_its_part_and_its_photos_share_it_by_weight(samples, recipe):
    weights = (9, 3, 1, 1, 1, 1)
    mixed = [
        replace(s, source="far" if i < 2 else "street", weight=w)
        for i, (s, w) in enumerate(zip(samples, weights, strict=True))
    ]
    found = draws(mixed, recipe(sampling={"sources": {"far": 1, "street": 1}}))
    assert [found[s.name] for s in mixed] == pytest.approx([3 / 8, 1 / 8] + [1 / 8] * 4, abs=0.03)


def test_where_all_photos_weigh_nothing_there_is_nothing_to_draw(samples, recipe):
    with pytest.raises(DataError, match="or the manifest every photo"):
        Sampler([replace(s, weight=0.0) for s in samples], recipe())


def test_each_so_many_batches_are_of_close_faces(samples, recipe):
    close = {"every": 3, "crop_px": 128, "batch_size": 2, "views": {"face_px": (60, 120)}}
    batches = Batches(samples, recipe(close=close), SPEC)
    shapes = [tuple(pictures.shape) for pictures, _ in batches.iterate(list(range(6)))]
    assert shapes == [(4, 3, 64, 64), (4, 3, 64, 64), (2, 3, 128, 128)] * 2
    assert same(batches.make(0), Batches(samples, recipe(), SPEC).make(0))
