"""What needs the pixels: light, skin, sample faces, and thumbnails of suspicious annotations."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw

from crowdmask.data.manifest import Box, Face
from crowdmask.data.statistics.appearance import face_light, skin_band, skin_ita, skin_region
from crowdmask.data.statistics.checks import Finding, Kind
from crowdmask.data.statistics.items import Item
from crowdmask.errors import PictureError
from crowdmask.labels import LABELS
from crowdmask.media.pictures import open_picture
from crowdmask.progress import Progress, counted, silent

TILE_PX = 88
TILES = 40
THUMB_PX = 200
FACES_A_PHOTO = 30
"""Maximum number of faces examined in one photo; more of the same photo would add little."""

_TILES_A_PHOTO = 4
_MIN_LOOK_PX = 12
_MAX_LOOK_PX = 96
_BACKGROUND = (245, 246, 248)
UNTOLD = "unclear"


@dataclass
class Inspection:
    """What was seen.

    Attributes:
        opened: number of photos examined for light and skin.
        photo_light: median lightness L* of each, 0 to 100.
        face_light: lightness of each face, by label.
        skin: number of faces in each band of apparent skin tone, by label, including `UNTOLD`.
        mosaics: sample faces by label, one picture each.
        thumbnails: one for each finding; None if the photo cannot be opened.
        findings: found when opening the photos: unreadable ones, and sizes that differ from the annotation.
    """

    opened: int = 0
    photo_light: list[float] = field(default_factory=list)
    face_light: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    skin: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    mosaics: dict[str, Image.Image] = field(default_factory=dict)
    thumbnails: dict[Finding, Image.Image] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def inspect_photos(
    items: Sequence[Item],
    findings: Sequence[Finding],
    sample: int,
    seed: int,
    progress: Progress = silent,
) -> Inspection:
    """Open a random sample of the photos, and those with findings.

    Args:
        findings: the findings that need thumbnails.
        sample: photos to open for light, skin and mosaics.
        progress: receives the number of completed photos.
    """
    order = list(range(len(items)))
    random.Random(seed).shuffle(order)
    sampled = set(order[:sample])
    wanted: dict[int, list[Finding]] = defaultdict(list)
    for finding in findings:
        wanted[finding.index].append(finding)
    inspection = Inspection()
    tiles: dict[str, list[Image.Image]] = defaultdict(list)
    # In shuffled order, so that the mosaics do not only show the first source.
    todo = [*order[:sample], *(index for index in wanted if index not in sampled)]
    for index in counted(todo, "opening photos", progress):
        _look_at(index, items[index], index in sampled, wanted[index], inspection, tiles)
    opened = set(todo)
    for index, item in enumerate(items):
        if index not in opened and not item.path.is_file():
            inspection.findings.append(Finding(Kind.UNREADABLE, index, "there is no such file"))
    inspection.mosaics = {label: _mosaic(tiles[label]) for label in LABELS if tiles[label]}
    return inspection


def _look_at(
    index: int,
    item: Item,
    sampled: bool,
    findings: list[Finding],
    inspection: Inspection,
    tiles: dict[str, list[Image.Image]],
) -> None:
    try:
        picture = open_picture(item.path)
    except PictureError as error:
        inspection.findings.append(Finding(Kind.UNREADABLE, index, error.reason))
        return
    photo = item.photo
    if (picture.width, picture.height) != (photo.width, photo.height):
        text = (
            f"it has {picture.width} x {picture.height} pixels, the annotation {photo.width} x {photo.height}"
        )
        finding = Finding(Kind.SIZE, index, text)
        inspection.findings.append(finding)
        inspection.thumbnails[finding] = _thumbnail(picture.image, (), photo.width)
        return
    for finding in findings:
        inspection.thumbnails[finding] = _thumbnail(picture.image, finding.boxes, photo.width)
    if not sampled:
        return
    inspection.opened += 1
    small = picture.image.copy()
    small.thumbnail((64, 64), Image.Resampling.BOX)
    inspection.photo_light.append(face_light(np.asarray(small)))
    judged = [face for face in photo.faces or () if face.label is not None and not face.ignore]
    scale = picture.image.width / photo.width
    for face in judged[:FACES_A_PHOTO]:
        _look_at_face(picture.image, scale, face, inspection)
    for label in LABELS:
        for face in [face for face in judged if face.label == label][:_TILES_A_PHOTO]:
            if len(tiles[label]) < TILES:
                x1, y1, x2, y2 = (edge * scale for edge in face.box)
                tiles[label].append(_tile(picture.image, (x1, y1, x2, y2)))


def _look_at_face(image: Image.Image, scale: float, face: Face, inspection: Inspection) -> None:
    label = str(face.label)
    x1, y1, x2, y2 = (edge * scale for edge in face.box)
    left, top = max(0, math.floor(x1)), max(0, math.floor(y1))
    right, bottom = min(image.width, math.ceil(x2)), min(image.height, math.ceil(y2))
    if min(right - left, bottom - top) < _MIN_LOOK_PX:
        inspection.skin[label][UNTOLD] += 1
        return
    crop = image.crop((left, top, right, bottom))
    crop.thumbnail((_MAX_LOOK_PX, _MAX_LOOK_PX), Image.Resampling.BOX)
    pixels = np.asarray(crop)
    inspection.face_light[label].append(face_light(pixels))
    whole = (0.0, 0.0, float(crop.width), float(crop.height))
    band = skin_band(skin_ita(skin_region(pixels, whole, covered=label != "without_mask")))
    inspection.skin[label][band or UNTOLD] += 1


def _tile(image: Image.Image, box: tuple[float, float, float, float]) -> Image.Image:
    """Return a face with a margin, as a square."""
    x1, y1, x2, y2 = box
    half = max(x2 - x1, y2 - y1) * 0.65
    cx, cy = (x1 + x2) / 2, (y1 + y2) / 2
    return _cut(image, (cx - half, cy - half, cx + half, cy + half), TILE_PX)


def _cut(image: Image.Image, area: tuple[float, float, float, float], size: int) -> Image.Image:
    """Return a square part, scaled; the area outside the picture has a plain colour."""
    x1, y1, x2, y2 = area
    scale = size / max(x2 - x1, y2 - y1, 1e-6)
    left, top = max(0, math.floor(x1)), max(0, math.floor(y1))
    right, bottom = min(image.width, math.ceil(x2)), min(image.height, math.ceil(y2))
    tile = Image.new("RGB", (size, size), _BACKGROUND)
    if right > left and bottom > top:
        part = image.crop((left, top, right, bottom))
        shape = (max(1, round(part.width * scale)), max(1, round(part.height * scale)))
        tile.paste(
            part.resize(shape, Image.Resampling.LANCZOS),
            (round((left - x1) * scale), round((top - y1) * scale)),
        )
    return tile


def _mosaic(tiles: list[Image.Image], columns: int = 10) -> Image.Image:
    rows = -(-len(tiles) // columns)
    wide = min(columns, len(tiles))
    sheet = Image.new("RGB", (wide * (TILE_PX + 2) - 2, rows * (TILE_PX + 2) - 2), (255, 255, 255))
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        sheet.paste(tile, (column * (TILE_PX + 2), row * (TILE_PX + 2)))
    return sheet


def _thumbnail(image: Image.Image, boxes: Sequence[Box], width: int) -> Image.Image:
    """Return the area around some boxes with the boxes drawn, or the whole photo."""
    scale = image.width / width
    finite = [np.array(box) * scale for box in boxes if np.isfinite(box).all()]
    if not finite:
        half = max(image.size) / 2
        centre = (image.width / 2, image.height / 2)
    else:
        every = np.stack(finite)
        x1, y1, x2, y2 = every[:, 0].min(), every[:, 1].min(), every[:, 2].max(), every[:, 3].max()
        half = float(np.clip(max(x2 - x1, y2 - y1) * 1.1, 24, max(image.size)))
        centre = (float(x1 + x2) / 2, float(y1 + y2) / 2)
    area = (centre[0] - half, centre[1] - half, centre[0] + half, centre[1] + half)
    thumbnail = _cut(image, area, THUMB_PX)
    draw = ImageDraw.Draw(thumbnail)
    zoom = THUMB_PX / (2 * half)
    for box, colour in zip(finite, ((230, 60, 0), (0, 114, 178)), strict=False):
        corners = [(box[i] - area[i % 2]) * zoom for i in range(4)]
        left, right = sorted((corners[0], corners[2]))
        top, bottom = sorted((corners[1], corners[3]))
        draw.rectangle((left, top, right, bottom), outline=colour, width=2)
    return thumbnail
