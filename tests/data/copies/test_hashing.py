from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from crowdmask.data.copies.hashing import (
    HASH_SIDE,
    SIDE,
    difference_hash,
    fingerprint_of,
    hamming,
    hash_file,
    small_grey,
)
from crowdmask.errors import PictureError


def scene(seed: int, size: tuple[int, int] = (200, 150)) -> Image.Image:
    """Draw a picture that is unlike those of other seeds and smooth like a photo."""
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def test_the_hash_is_that_of_the_library_or_of_the_mirror_image():
    imagehash = pytest.importorskip("imagehash", reason="ImageHash is not installed")
    photo = scene(1)
    theirs = [str(imagehash.dhash(p, hash_size=HASH_SIDE)) for p in (photo, ImageOps.mirror(photo))]
    assert difference_hash(photo) in theirs


@given(st.integers(0, 500))
def test_a_mirrored_picture_has_the_same_hash(seed):
    # Pixels for pixels of the hash, so that no resampling rounds differently.
    pixels = np.random.default_rng(seed).integers(0, 256, (HASH_SIDE, HASH_SIDE + 1), np.uint8)
    assert difference_hash(Image.fromarray(pixels)) == difference_hash(Image.fromarray(pixels[:, ::-1]))


def test_a_scaled_copy_has_nearly_the_same_hash_and_another_photo_has_not():
    photo = scene(1)
    copy = photo.resize((120, 90), Image.Resampling.LANCZOS)
    assert len(difference_hash(photo)) * 4 == HASH_SIDE**2
    assert hamming(difference_hash(photo), difference_hash(copy)) < 20
    assert hamming(difference_hash(photo), difference_hash(scene(2))) > 80


def test_hamming_counts_bits():
    assert hamming("ff00", "fe01") == 2
    assert hamming("0" * 64, "f" * 64) == 256


def test_looks_are_of_the_upright_photo(tmp_path):
    photo = scene(3)
    photo.save(tmp_path / "a.png")
    exif = photo.getexif()
    exif[0x0112] = 3
    photo.transpose(Image.Transpose.ROTATE_180).save(tmp_path / "b.jpg", exif=exif, quality=95)
    a, b = fingerprint_of(tmp_path / "a.png"), fingerprint_of(tmp_path / "b.jpg")
    assert a.small.shape == (SIDE, SIDE)
    assert np.array_equal(a.small, small_grey(photo))
    assert np.abs(a.small.astype(int) - b.small).max() < 12
    assert a.sha256 == hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest() != b.sha256


def test_a_file_that_cannot_be_read_says_so(tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    with pytest.raises(PictureError, match=r"bad\.jpg: not a picture"):
        fingerprint_of(tmp_path / "bad.jpg")
    with pytest.raises(PictureError, match=r"gone\.jpg: no such file"):
        hash_file(tmp_path / "gone.jpg")
