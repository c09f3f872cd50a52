"""Copies that are turned or have a frame are found, and the other pictures stay apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from crowdmask.data.copies.dedup import find_duplicates
from crowdmask.data.copies.frames import MOST_PARTS, inner_parts
from crowdmask.data.copies.hashing import Fingerprint, difference_hash, inner_pictures, small_grey
from crowdmask.data.copies.orientation import BETWEEN, ORIENTATIONS, turned
from crowdmask.data.copies.photo_cache import PhotoCache, iterate_fingerprints
from crowdmask.data.manifest import Photo
from crowdmask.media.pictures import open_picture

Turn = Image.Transpose
Change = Callable[[Image.Image], Image.Image]


def scene(seed: int) -> Image.Image:
    """Draw a picture with coarse and fine detail, as a photo has."""
    rng = np.random.default_rng(seed)
    whole = np.zeros((240, 320))
    for cells in (2, 4, 8, 16, 32, 64, 120):
        noise = Image.fromarray(rng.normal(size=(cells, cells)).astype(np.float32))
        whole += np.asarray(noise.resize((320, 240), Image.Resampling.BICUBIC)) / cells**0.7
    grey = np.clip(128 + 45 * whole / whole.std(), 0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def framed(left: float, top: float, right: float, bottom: float, colour: str) -> Change:
    """Return what sets a photo into a frame, thick as a part of the photo's width or height."""

    def change(photo: Image.Image) -> Image.Image:
        w, h = photo.size
        x, y = round(left * w), round(top * h)
        whole = Image.new("RGB", (w + x + round(right * w), h + y + round(bottom * h)), colour)
        whole.paste(photo, (x, y))
        return whole

    return change


def blurred(across: float, down: float) -> Change:
    """Return what sets a photo before its own enlarged and blurred picture."""

    def change(photo: Image.Image) -> Image.Image:
        w, h = photo.size
        size = (round(w * (1 + 2 * across)), round(h * (1 + 2 * down)))
        whole = ImageOps.fit(photo, size).filter(ImageFilter.GaussianBlur(15))
        whole.paste(photo, ((size[0] - w) // 2, (size[1] - h) // 2))
        return whole

    return change


def screenshot(photo: Image.Image) -> Image.Image:
    """Return a telephone's screen: a line of signs above, keys below, and the photo between."""
    screen = Image.new("RGB", (photo.width, photo.height + 280), (18, 18, 18))
    screen.paste(photo, (0, 130))
    pen = ImageDraw.Draw(screen)
    pen.text((12, 6), "12:30", fill="white", font_size=12)
    pen.rectangle((290, 6, 306, 16), outline="white")
    pen.ellipse((150, 490, 170, 510), outline="white")
    return screen


def viewer(photo: Image.Image) -> Image.Image:
    """Return a window with a heading and a border around the photo."""
    window = framed(0.1, 0.3, 0.1, 0.1, "#e8eaed")(photo)
    pen = ImageDraw.Draw(window)
    pen.rectangle((0, 0, window.width, 24), fill="#3c4048")
    pen.text((8, 5), "photo.jpg", fill="white", font_size=12)
    return window


TURNS: dict[str, Change] = {way.name.lower(): lambda photo, way=way: photo.transpose(way) for way in Turn}
FRAMES: dict[str, Change] = {
    "black bars": framed(0, 0.25, 0, 0.25, "black"),
    "white bars": framed(0, 0.15, 0, 0.15, "white"),
    "coloured bars at the sides": framed(0.3, 0, 0.3, 0, "#1e5aa0"),
    "one bar": framed(0, 0.2, 0, 0, "black"),
    "blurred bars": blurred(0, 0.25),
    "blurred bars at the sides": blurred(0.3, 0),
    "border": framed(0.06, 0.08, 0.06, 0.08, "#f0f0f0"),
    "screenshot": screenshot,
    "window": viewer,
    "turned, with bars": lambda photo: framed(0, 0.2, 0, 0.2, "black")(photo.transpose(Turn.ROTATE_90)),
    "mirrored, with a border": lambda photo: framed(0.1, 0.1, 0.1, 0.1, "gray")(ImageOps.mirror(photo)),
}
KINDS = TURNS | FRAMES
NUMBER = 6
ORIGINALS = [scene(seed) for seed in range(2 * NUMBER)]


def looks(image: Image.Image, name: str) -> Fingerprint:
    grey = image.convert("L")
    return Fingerprint(name, difference_hash(grey), small_grey(grey), inner_pictures(grey))


def groups_of(images: list[Image.Image]) -> list[list[int]]:
    sizes = [image.size for image in images]
    photos = [Photo(photo=f"{i}.png", width=w, height=h, source="s") for i, (w, h) in enumerate(sizes)]
    found = find_duplicates(photos, [looks(image, str(i)) for i, image in enumerate(images)])
    assert all(copy.likeness >= 0.96 and not copy.exact for copy in found.copies)
    return [sorted(group) for group in found.groups]


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_turned_or_framed_copy_is_found_among_other_pictures(kind: str) -> None:
    images = [*ORIGINALS, *(KINDS[kind](photo) for photo in ORIGINALS[:NUMBER])]
    assert groups_of(images) == [[i, 2 * NUMBER + i] for i in range(NUMBER)]


def test_different_pictures_in_the_same_frame_stay_apart() -> None:
    for kind in ("black bars", "screenshot", "window"):
        assert groups_of([KINDS[kind](photo) for photo in ORIGINALS]) == []


def test_all_kinds_of_one_picture_are_one_group() -> None:
    images = [scene(99), *ORIGINALS[:3], *(change(scene(99)) for change in KINDS.values())]
    assert groups_of(images) == [[0, *range(4, 4 + len(KINDS))]]


@pytest.mark.parametrize(
    ("frame", "part"),
    [
        ((0, 0.25, 0, 0.25), (0, 1 / 6, 1, 5 / 6)),
        ((0.5, 0, 0.5, 0), (0.25, 0, 0.75, 1)),
        ((0.25, 0.5, 0.25, 0.5), (1 / 6, 0.25, 5 / 6, 0.75)),
        ((0, 0.25, 0, 0), (0, 0.2, 1, 1)),
    ],
)
def test_the_inner_picture_lies_where_it_was_put(
    frame: tuple[float, float, float, float], part: tuple[float, float, float, float]
) -> None:
    found = inner_parts(framed(*frame, "black")(scene(1)).convert("L"))
    assert found[0] == pytest.approx(part, abs=0.01)
    assert len(found) <= MOST_PARTS


def test_a_picture_without_a_frame_of_one_colour_or_tiny_has_no_inner_picture() -> None:
    assert inner_parts(scene(2).convert("L")) == []
    for size in ((300, 200), (3, 2), (1, 500), (1, 1)):
        assert inner_parts(Image.new("L", size, 90)) == []


def test_the_table_of_orientations_holds() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (1, 6, 6), np.uint8)
    every = [turned(picture, np.array([way])) for way in range(ORIENTATIONS)]
    assert len({one.tobytes() for one in every}) == ORIENTATIONS
    for i in range(ORIENTATIONS):
        for j in range(ORIENTATIONS):
            # Undo what was done to A: what is left of B is then A in terms of B.
            ways = [np.array([way]) for way in range(ORIENTATIONS)]
            undone = next(way for way in ways if (turned(every[i], way) == picture).all())
            other = turned(every[j], undone)
            assert (other == turned(picture, BETWEEN[i : i + 1, j])).all()


def test_what_is_inside_a_frame_is_kept_in_the_cache(tmp_path: Path) -> None:
    viewer(scene(3)).save(tmp_path / "a.png")
    with PhotoCache(tmp_path) as cache:
        one, two = (next(iter(iterate_fingerprints(tmp_path, ["a.png"], cache))) for _ in range(2))
    assert isinstance(one, Fingerprint)
    assert isinstance(two, Fingerprint)
    assert one.inner
    assert [inner.part for inner in two.inner] == [inner.part for inner in one.inner]
    assert all((a.small == b.small).all() for a, b in zip(one.inner, two.inner, strict=True))


def test_real_photos_turned_and_framed(shared: Path) -> None:
    """A small part of what docs/data-clean.md reports."""
    listed = (shared / "data" / "splits" / "train.txt").read_text().split("\n")[:3000:300]
    photos = [open_picture(shared / "data" / name, full_scale_pixels=90_000).image for name in listed]
    kinds = ["rotate_90", "transpose", "black bars", "blurred bars", "screenshot", "window"]
    images = [image for photo in photos for image in (photo, *(KINDS[kind](photo) for kind in kinds))]
    groups = groups_of(images)
    family = len(kinds) + 1
    assert all(len({i // family for i in group}) == 1 for group in groups)
    assert sum(len(group) - 1 for group in groups) >= 0.9 * len(kinds) * len(photos)
