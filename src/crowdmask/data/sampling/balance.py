"""Weight photos, or choose some, so that classes, face sizes, sources and skin tones are more balanced."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np

from crowdmask.data.copies.photo_cache import PhotoCache, Stamp, stamp_of
from crowdmask.data.manifest import Photo
from crowdmask.data.sampling.raking import Margin, Weights, choose, rake
from crowdmask.data.sampling.strata import FACE_WIDTHS, SOURCE, judged_faces, width_name
from crowdmask.data.statistics.appearance import SKIN_BANDS, skin_band, skin_ita, skin_region
from crowdmask.errors import PictureError, UsageError
from crowdmask.labels import LABELS
from crowdmask.media.pictures import open_picture
from crowdmask.progress import Progress, silent

TONE: Final = "apparent skin tone"
MIN_FACE_PX: Final = 16
"""Minimum face width for the skin tone proxy."""

_ENOUGH_PIXELS: Final = 1_500_000
_AHEAD: Final = 32
# In a subset no photo occurs more than once, so no other limit is needed.
_NO_CAP: Final = 1e6

Tones = list[float | None]


def to_balance(photos: Sequence[Photo]) -> list[int]:
    """Return which photos are weighted: annotated ones in train, or all annotated ones without a split."""
    split = any(photo.split is not None for photo in photos)
    return [
        i
        for i, photo in enumerate(photos)
        if photo.faces is not None and (photo.split == "train" or not split)
    ]


def iterate_tones(
    folder: Path, photos: Sequence[Photo], cache: PhotoCache, threads: int = 2
) -> Iterator[Tones | PictureError]:
    """Yield the skin tone proxy of each photo's faces, see `skin_ita`, or why the photo cannot be read.

    It is None for a face that is narrow or shows too little skin. New values are cached.
    """
    with ThreadPoolExecutor(threads, "tones") as pool:
        for start in range(0, len(photos), _AHEAD):
            batch = photos[start : start + _AHEAD]
            keys: list[tuple[str, Stamp, str]] = []
            known: list[Tones | PictureError | None] = []
            for photo in batch:
                boxes = _boxes_key(photo)
                try:
                    stamp = stamp_of(folder / photo.photo)
                except PictureError as error:
                    keys.append((photo.photo, (0, 0), boxes))
                    known.append(error)
                    continue
                keys.append((photo.photo, stamp, boxes))
                known.append(cache.tones(photo.photo, stamp, boxes))
            new = [photo for photo, found in zip(batch, known, strict=True) if found is None]
            made = pool.map(lambda photo: _try_tones(folder / photo.photo, photo), new)
            for key, found in zip(keys, known, strict=True):
                if found is None:
                    found = next(made)
                    if not isinstance(found, PictureError):
                        cache.keep_tones(*key, found)
                yield found


def look_at_tones(
    folder: Path,
    photos: Sequence[Photo],
    *,
    threads: int = 2,
    progress: Progress = silent,
    complain: Callable[[PictureError], None] = lambda error: None,
) -> tuple[list[Tones], int]:
    """Return the skin tone proxies of each photo's faces, and the number of photos that cannot be read.

    Args:
        folder: of the data set; fingerprints are cached there, so an interrupted run can continue.
        photos: annotated ones.
        threads: number of photos decoded at the same time.
        progress: receives every photo.
        complain: receives the error of each photo that cannot be read; it has no tones then.
    """
    looked: list[Tones] = []
    failed = 0
    with PhotoCache(folder) as cache:
        for found in iterate_tones(folder, photos, cache, threads):
            if isinstance(found, PictureError):
                failed += 1
                complain(found)
                found = []
            looked.append(found)
            progress("looking", len(looked), len(photos))
    return looked, failed


def margins_of(photos: Sequence[Photo], tones: Sequence[Sequence[float | None]] | None) -> list[Margin]:
    """Return what each photo contributes to its source, class, face size and, if known, skin tone.

    Each photo counts once; its faces share it equally.

    Args:
        photos: annotated ones.
        tones: the skin tone proxies of each photo's labelled faces; None: leave the skin tone out.
    """
    faces = [judged_faces(photo) for photo in photos]
    sources = tuple(sorted({photo.source for photo in photos}))
    margins = [
        _margin(SOURCE, sources, [[photo.source] for photo in photos]),
        _margin("class", LABELS, [[str(face.label) for face in found] for found in faces]),
        _margin(
            "face width, px",
            FACE_WIDTHS,
            [[width_name(face.box[2] - face.box[0]) for face in found] for found in faces],
        ),
    ]
    if tones is not None:
        bands = [
            [band for ita in found if ita is not None and (band := skin_band(ita)) is not None]
            for found in tones
        ]
        margins.append(_margin(TONE, SKIN_BANDS, bands))
    return margins


def weigh(margins: Sequence[Margin], strength: float, cap: float) -> Weights:
    """Return a weight for each photo, (N,), see `raking.rake`."""
    return rake(margins, strength, cap)


def pick(margins: Sequence[Margin], number: int, strength: float, seed: int) -> Weights:
    """Return the weight 1 for `number` photos, chosen so that they are more balanced, and 0 for the others.

    Raises:
        UsageError: there are fewer photos.
    """
    have = len(margins[0].parts)
    if number > have:
        raise UsageError(f"`subset` {number:,}: there are only {have:,} photos to choose from")
    weights = rake(margins, strength, _NO_CAP)
    # Similar photos are adjacent, so that each kind gets its share.
    shuffled = np.random.default_rng((seed, 1)).permutation(have)
    main = [np.argmax(margin.parts, axis=1) for margin in reversed(margins)]
    order = shuffled[np.lexsort([values[shuffled] for values in main])]
    return choose(weights, number, order, seed).astype(np.float64)


def _margin(name: str, values: Sequence[str], found: Sequence[Sequence[str]]) -> Margin:
    place = {value: i for i, value in enumerate(values)}
    parts = np.zeros((len(found), len(values)))
    for row, items in enumerate(found):
        for value, count in Counter(items).items():
            parts[row, place[value]] = count / len(items)
    return Margin(name, tuple(values), parts)


def _try_tones(path: Path, photo: Photo) -> Tones | PictureError:
    try:
        return _look_at_faces(path, photo)
    except PictureError as error:
        return error


def _look_at_faces(path: Path, photo: Photo) -> Tones:
    faces = judged_faces(photo)
    if all(face.box[2] - face.box[0] < MIN_FACE_PX for face in faces):
        return [None] * len(faces)
    picture = open_picture(path, full_scale_pixels=_ENOUGH_PIXELS)
    pixels = np.asarray(picture.image)
    scale = pixels.shape[1] / picture.width
    tones: Tones = []
    for face in faces:
        ita = math.nan
        if face.box[2] - face.box[0] >= MIN_FACE_PX:
            left, top, right, bottom = (scale * value for value in face.box)
            ita = skin_ita(skin_region(pixels, (left, top, right, bottom), face.label != "without_mask"))
        tones.append(None if math.isnan(ita) else round(ita, 2))
    return tones


def _boxes_key(photo: Photo) -> str:
    rows = [(face.box, face.label) for face in judged_faces(photo)]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]
