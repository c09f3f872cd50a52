"""Draw on the bare faces of a data set: new photos with the group, split and licence of the original ones."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from crowdmask import boxes as box_arithmetic
from crowdmask.data.copies.hashing import hash_file
from crowdmask.data.importing.workplace import PHOTOS, Workplace
from crowdmask.data.manifest import FILE_NAME, Face, Manifest, Photo, read_manifest, write_manifest
from crowdmask.data.synthesis.face_view import view_face
from crowdmask.data.synthesis.faces import change_face, others
from crowdmask.errors import DataError, OutputError, PictureError
from crowdmask.files import whole_file
from crowdmask.labels import LABELS, WITHOUT_MASK
from crowdmask.media.pictures import open_picture
from crowdmask.progress import Progress, silent

SOURCE: Final = "synth"
_GROUP: Final = "synth-of:"
# Maximum part of a face that another one may cover; otherwise nothing is drawn on it.
_MOST_COVERED: Final = 0.05
_QUALITY: Final = 95
_JOURNAL: Final = "done.jsonl"


@dataclass(frozen=True)
class Settings:
    """What to draw.

    Attributes:
        share: part of the suitable bare faces to draw on, 0 to 1.
        occluded: part of these faces that is covered by something other than a mask, 0 to 1.
        min_face_px: narrower faces are not changed.
        seed: random seed; each photo depends only on it and on its own name.
    """

    share: float = 0.3
    occluded: float = 0.2
    min_face_px: float = 20.0
    seed: int = 0


@dataclass(eq=False)
class Drawn:
    """The result.

    Attributes:
        photos: the new photos.
        faces: number of suitable bare faces in all photos.
        changed: number of changed faces, by their new label; `without_mask` are the covered ones.
        passed: number of skipped photos, by reason.
        untied: number of new photos whose originals have neither group nor split.
        failed: photos that cannot be read, each as ``where: why``.
    """

    photos: list[Photo] = field(default_factory=list)
    faces: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    untied: int = 0
    failed: list[str] = field(default_factory=list)


def synthesize(data: Path, to: Path, settings: Settings, progress: Progress = silent) -> Drawn:
    """Draw on the faces of a data set's photos and write them as the source ``synth``.

    Photos in val and test are not used: measurements need unchanged photos. If `to` is the data set
    itself, the new photos are added to it; otherwise `to` is, or becomes, a separate data set.

    Args:
        data: the data set's folder, or its manifest.
        to: folder of the data set for the new photos.
        settings: what to draw.
        progress: receives the number of completed photos.
    Raises:
        DataError: no manifest, no face that can be drawn on, or `to` has drawn photos already.
        OutputError: `to` cannot be written.
    """
    manifest = read_manifest(data)
    result = Drawn()
    parents = list(_parents(manifest, result))
    described = "".join(parent.model_dump_json() for parent in parents)
    what = [repr(settings), hashlib.sha256(described.encode()).hexdigest()]
    if (to / FILE_NAME).is_file() and any(p.source == SOURCE for p in read_manifest(to).photos):
        raise DataError(f"{to} has drawn photos already: choose another folder, or take them out first")
    with Workplace(to, SOURCE, what) as place:
        _draw_all(manifest, parents, place, settings, result, progress)
        if not result.photos:
            raise DataError(
                f"{data}: nothing was drawn; {result.faces} bare faces can be drawn on (of "
                f"{settings.min_face_px:g} px and more, seen from the front): give more photos or `share`"
            )
        if to.resolve() == manifest.folder.resolve():
            _tie(to, {photo.group for photo in result.photos if photo.group})
            result.untied = 0
        place.place(result.photos, _report(settings, result))
    return result


def draw_photo(
    pixels: NDArray[np.uint8], faces: list[Face], settings: Settings, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], list[Face], list[str], int]:
    """Draw on some bare faces of one photo.

    Args:
        pixels: (H, W, 3) RGB.
        faces: all annotated faces and regions.
        settings: what to draw.
        rng: random generator.
    Returns:
        The photo (the same array if nothing was drawn), its faces with their new labels, the labels of
        the changed ones, and the number of suitable faces.
    """
    boxes = np.array([face.box for face in faces], np.float32).reshape(-1, 4)
    drawn = list(faces)
    possible = [i for i in range(len(faces)) if _can_be_drawn_on(pixels, faces, boxes, i, settings)]
    changed = []
    for index in possible:
        # Each face has its own random generator, independent of the faces before it.
        mine = np.random.default_rng(rng.integers(2**63))
        if mine.random() >= settings.share:
            continue
        keep = others(boxes, index, pixels.shape)
        before = pixels
        pixels, label = change_face(before, faces[index].box, mine, settings.occluded, keep)
        if pixels is not before:
            drawn[index] = faces[index].model_copy(update={"label": LABELS[label]})
            changed.append(LABELS[label])
    return pixels, drawn, changed, len(possible)


def _can_be_drawn_on(
    pixels: NDArray[np.uint8], faces: list[Face], boxes: NDArray[np.float32], index: int, settings: Settings
) -> bool:
    face = faces[index]
    if face.ignore or face.label != LABELS[WITHOUT_MASK] or face.box[2] - face.box[0] < settings.min_face_px:
        return False
    rest = np.delete(boxes, index, axis=0)
    if len(rest) and box_arithmetic.ioa(boxes[index : index + 1], rest).max() > _MOST_COVERED:
        return False
    look = view_face(pixels, face.box)
    return look is not None and look.bare


def _parents(manifest: Manifest, result: Drawn) -> Iterator[Photo]:
    for photo in manifest.photos:
        if photo.split in ("val", "test"):
            result.passed[f"split {photo.split}"] += 1
        elif photo.source == SOURCE:
            result.passed["drawn already"] += 1
        elif photo.faces is None:
            result.passed["not annotated"] += 1
        elif not any(f.label == LABELS[WITHOUT_MASK] and not f.ignore for f in photo.faces):
            result.passed["no bare face"] += 1
        else:
            yield photo


def _draw_all(
    manifest: Manifest,
    parents: list[Photo],
    place: Workplace,
    settings: Settings,
    result: Drawn,
    progress: Progress,
) -> None:
    folder, journal = place.work / PHOTOS, place.work / _JOURNAL
    done = {row["parent"]: row for row in _rows(journal)}
    try:
        folder.mkdir(exist_ok=True)
        with journal.open("a", encoding="utf-8") as file:
            file.write("\n")  # after an incomplete line of a killed run
            for number, parent in enumerate(parents):
                row = done.get(parent.photo)
                if row is None:
                    row = _draw_one(manifest, parent, folder, settings)
                    file.write(json.dumps(row) + "\n")
                    file.flush()
                _count(row, parent, result)
                progress("drawing", number + 1, len(parents))
    except OSError as error:
        raise OutputError(f"cannot write {place.to}: {error.strerror or error}") from error


def _draw_one(manifest: Manifest, parent: Photo, folder: Path, settings: Settings) -> dict[str, Any]:
    """Draw on one photo; return its row of the journal."""
    row: dict[str, Any] = {"parent": parent.photo, "faces": 0, "changed": [], "photo": None, "failed": None}
    path = manifest.path(parent)
    try:
        opened = open_picture(path)
    except PictureError as error:
        return {**row, "failed": str(error)}
    pixels = np.asarray(opened.image)
    scale = np.array([opened.image.width / parent.width, opened.image.height / parent.height] * 2)
    faces = [
        face.model_copy(update={"box": tuple((np.array(face.box) * scale).round(2).tolist())})
        for face in parent.faces or ()
    ]
    name = hashlib.sha256(parent.photo.encode("utf-8", "surrogateescape")).digest()
    rng = np.random.default_rng([settings.seed, int.from_bytes(name[:8], "big")])
    drawn, labelled, row["changed"], row["faces"] = draw_photo(pixels, faces, settings, rng)
    if drawn is pixels:
        return row
    stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in path.stem)[:60]
    file = folder / f"{stem}-{name.hex()[:10]}.jpg"
    with whole_file(file) as out:
        Image.fromarray(drawn).save(out, "JPEG", **_as_saved(path))
    photo = Photo(
        photo=f"{PHOTOS}/{SOURCE}/{file.name}",
        width=opened.image.width,
        height=opened.image.height,
        source=SOURCE,
        licence=parent.licence,
        faces=labelled,
        split=parent.split,
        group=parent.group or _GROUP + parent.photo,
        sha256=hash_file(file),
        title=parent.title,
        author=parent.author,
        url=parent.url,
    )
    return {**row, "photo": photo.model_dump(mode="json", exclude_defaults=True)}


def _as_saved(path: Path) -> dict[str, Any]:
    """Return the photo's compression settings, so that unchanged parts stay nearly identical."""
    with Image.open(path) as image:
        if isinstance(image, JpegImagePlugin.JpegImageFile) and image.mode == "RGB":
            sampling = JpegImagePlugin.get_sampling(image)
            if sampling >= 0:
                return {"qtables": image.quantization, "subsampling": sampling}
    return {"quality": _QUALITY, "subsampling": 0}


def _count(row: dict[str, Any], parent: Photo, result: Drawn) -> None:
    result.faces += row["faces"]
    if row["failed"]:
        result.failed.append(row["failed"])
    if row["photo"] is None:
        return
    photo = Photo.model_validate(row["photo"])
    result.photos.append(photo)
    result.untied += parent.group is None and parent.split is None
    result.changed.update(row["changed"])


def _tie(folder: Path, groups: set[str]) -> None:
    """Give the original photos the groups of the new ones, if they had none."""
    manifest = read_manifest(folder)
    photos = [
        photo.model_copy(update={"group": _GROUP + photo.photo})
        if photo.group is None and _GROUP + photo.photo in groups
        else photo
        for photo in manifest.photos
    ]
    if photos != manifest.photos:
        write_manifest(manifest.with_photos(photos))


def _report(settings: Settings, result: Drawn) -> dict[str, Any]:
    return {
        "source": SOURCE,
        "settings": vars(settings),
        "photos": len(result.photos),
        "faces_possible": result.faces,
        "faces_changed": dict(result.changed),
        "passed": dict(result.passed),
        "failed": result.failed,
    }


def _rows(journal: Path) -> Iterator[dict[str, Any]]:
    if not journal.is_file():
        return
    for line in journal.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue  # empty, or incomplete because the run was killed
        picture = row["photo"] and journal.parent / PHOTOS / Path(row["photo"]["photo"]).name
        if not picture or picture.is_file():
            yield row
