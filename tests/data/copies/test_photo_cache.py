from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from crowdmask.data.copies import hashing, photo_cache
from crowdmask.data.copies.hashing import Fingerprint
from crowdmask.data.copies.photo_cache import FILE_NAME, PhotoCache, iterate_fingerprints, stamp_of
from crowdmask.errors import OutputError, PictureError


@pytest.fixture
def folder(tmp_path):
    for seed in range(5):
        coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), np.uint8)
        Image.fromarray(coarse).resize((90, 70)).save(tmp_path / f"{seed}.png")
    return tmp_path


NAMES = [f"{seed}.png" for seed in range(5)]


def count_looks(monkeypatch) -> list[str]:
    """Watch which photos are really read."""
    read: list[str] = []
    real = hashing.fingerprint_of

    def look(path):
        read.append(path.name)
        return real(path)

    monkeypatch.setattr(photo_cache, "fingerprint_of", look)
    return read


def test_looks_come_in_order_and_a_second_run_reads_no_photo(folder, monkeypatch):
    read = count_looks(monkeypatch)
    with PhotoCache(folder) as cache:
        first = list(iterate_fingerprints(folder, NAMES, cache))
    assert sorted(read) == NAMES
    read.clear()
    with PhotoCache(folder) as cache:
        second = list(iterate_fingerprints(folder, NAMES[::-1], cache))[::-1]
    assert read == []
    for a, b in zip(first, second, strict=True):
        assert (a.sha256, a.hash) == (b.sha256, b.hash)
        assert np.array_equal(a.small, b.small)
    assert len({a.sha256 for a in first}) == 5


def test_a_photo_that_changed_is_looked_at_again(folder, monkeypatch):
    with PhotoCache(folder) as cache:
        before = list(iterate_fingerprints(folder, NAMES, cache))
    Image.new("RGB", (50, 50), (200, 10, 10)).save(folder / "2.png")
    os.utime(folder / "4.png", ns=(1, 1))
    read = count_looks(monkeypatch)
    with PhotoCache(folder) as cache:
        after = list(iterate_fingerprints(folder, NAMES, cache))
    assert sorted(read) == ["2.png", "4.png"]
    same = [a.sha256 == b.sha256 for a, b in zip(before, after, strict=True)]
    assert same == [True, True, False, True, True]


def test_what_was_looked_at_before_an_interruption_is_kept(folder, monkeypatch):
    def stop() -> None:
        with PhotoCache(folder) as cache:
            for number, _ in enumerate(iterate_fingerprints(folder, NAMES, cache, threads=1)):
                if number == 2:
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    read = count_looks(monkeypatch)
    with PhotoCache(folder) as cache:
        assert len(list(iterate_fingerprints(folder, NAMES, cache))) == 5
    assert set(read) <= {"3.png", "4.png"}


def test_a_photo_that_cannot_be_read_is_an_error_in_its_place(folder):
    (folder / "1.png").write_bytes(b"not a picture")
    with PhotoCache(folder) as cache:
        found = list(iterate_fingerprints(folder, ["0.png", "1.png", "gone.png", "2.png"], cache))
    assert [type(item) for item in found] == [Fingerprint, PictureError, PictureError, Fingerprint]
    assert "1.png: not a picture" in str(found[1])
    assert "gone.png: no such file" in str(found[2])


def test_tones_are_kept_for_a_photo_and_its_boxes(folder):
    stamp = stamp_of(folder / "0.png")
    with PhotoCache(folder) as cache:
        cache.keep_tones("0.png", stamp, "boxes", [1.5, None])
    with PhotoCache(folder) as cache:
        assert cache.tones("0.png", stamp, "boxes") == [1.5, None]
        assert cache.tones("0.png", stamp, "other boxes") is None
        assert cache.tones("0.png", (stamp[0] + 1, stamp[1]), "boxes") is None


def test_a_damaged_cache_is_one_clear_error(folder):
    (folder / FILE_NAME).write_bytes(b"not a database" * 100)
    with pytest.raises(OutputError, match="if it is damaged, delete it"):
        PhotoCache(folder)
