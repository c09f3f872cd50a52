"""The manifest: one line for each photo, with its source, licence, group, split and faces.

A data set is a folder with ``manifest.jsonl`` and the photos. The first line states the format and
its version, every other line describes one photo. The commands of `crowdmask data` read a manifest and write
it back; `train` and `evaluate` accept it like a data set's YAML.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, Field, ValidationError

from crowdmask.data.problems import Reason
from crowdmask.data.sample import Dataset, Sample
from crowdmask.errors import BusyError, DataError
from crowdmask.files import lock, whole_file
from crowdmask.labels import LABELS
from crowdmask.settings import StrictModel, describe_problems

FILE_NAME = "manifest.jsonl"
FORMAT = "crowdmask-manifest"
VERSION = 1
SPLITS = ("train", "val", "test")
# Named after the import, which was the first to lock, and whose work folders have this name, too.
_LOCK = "import"

Box = tuple[float, float, float, float]


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
        raise ValueError("must be a path below the manifest's folder, with forward slashes")
    return path


class Face(StrictModel):
    """One annotated face, or an ignored region."""

    box: Box = Field(description="x1, y1, x2, y2 in pixels of the upright photo, forehead to chin")
    label: Literal["with_mask", "without_mask", "mask_worn_incorrect"] | None = Field(
        None, description="None: a face of which nobody knows; only with ignore"
    )
    ignore: bool = Field(False, description="a detection here is neither right nor wrong")


class Photo(StrictModel):
    """One line of the manifest."""

    photo: Annotated[str, AfterValidator(_inside)] = Field(description="path below the manifest's folder")
    width: int = Field(gt=0, description="pixels of the upright photo")
    height: int = Field(gt=0)
    source: str = Field(min_length=1, description="where it comes from, a short name")
    licence: str = Field("not stated", description="as the publisher states it")
    faces: list[Face] | None = Field(None, description="None: not annotated yet")
    split: Literal["train", "val", "test"] | None = None
    group: str | None = Field(None, description="photos of one group are near-duplicates and share a split")
    weight: float | None = Field(None, ge=0, description="how often to draw it in training, 1: as any other")
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$", description="of the photo's file")
    hash: str | None = Field(None, pattern="^[0-9a-f]+$", description="of its looks, see copies/hashing.py")
    title: str | None = None
    author: str | None = None
    url: str | None = Field(None, description="the page or file that it was fetched from")
    reviewed: bool = Field(False, description="its faces were looked at by a person")


@dataclass(frozen=True)
class Manifest:
    """A data set folder's photos.

    Attributes:
        folder: the folder that the photos' paths are relative to.
        photos: in the order of the file.
        name: of the file inside the folder.
    """

    folder: Path
    photos: list[Photo] = field(default_factory=list)
    name: str = FILE_NAME

    def with_photos(self, photos: list[Photo]) -> Manifest:
        """Return the same manifest with other photos; it is written to the file that was read."""
        return replace(self, photos=photos)

    def path(self, photo: Photo) -> Path:
        """Return the path of a photo."""
        return self.folder / photo.photo


def is_manifest(place: Path) -> bool:
    """Whether a path is a manifest, or a folder, rather than a data set's YAML."""
    return place.suffix == ".jsonl" or place.is_dir()


def find_manifest(place: Path) -> Path:
    """Return the manifest of a folder, or the file itself.

    Raises:
        DataError: there is none.
    """
    path = place / FILE_NAME if place.is_dir() else place
    if not path.is_file():
        raise DataError(f"{path}: no manifest there; `crowdmask data import` makes one")
    return path


def read_manifest(place: Path) -> Manifest:
    """Read a manifest, given as its file or its folder.

    Raises:
        DataError: it is missing, of another format or version, or a line is invalid; the line number is
            stated.
    """
    path = find_manifest(place)
    photos = []
    seen: set[str] = set()
    for number, row in _rows(path):
        if number == 1:
            _check_head(path, row)
            continue
        try:
            photo = Photo.model_validate(row)
        except ValidationError as error:
            told = "; ".join(describe_problems(error, Photo))
            raise DataError(f"{path}, line {number}: {told}") from error
        if photo.photo in seen:
            raise DataError(f"{path}, line {number}: {photo.photo} is there twice")
        seen.add(photo.photo)
        photos.append(photo)
    return Manifest(path.parent, photos, path.name)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the lock of a data set's manifest, from before it is read until it is written.

    Every change reads and writes the whole manifest: of two at the same time, the second would undo the
    first.

    Args:
        folder: of the data set; created if missing.
    Raises:
        BusyError: another command is changing the data set.
        OutputError: the folder cannot be written.
    """
    try:
        with lock(folder / _LOCK):
            yield
    except BusyError as error:
        raise BusyError(
            f"another command is changing the data set {folder}: wait until it has ended, then try again"
        ) from error


@contextmanager
def editing(place: Path) -> Iterator[Manifest]:
    """Read a manifest in order to change and write it; meanwhile no other command can write it.

    Args:
        place: its file or its folder.
    Raises:
        BusyError, OutputError: see `writing`.
        DataError: see `read_manifest`.
    """
    with writing(find_manifest(place).parent):
        yield read_manifest(place)


def write_manifest(manifest: Manifest) -> Path:
    """Write a manifest to its file, complete or not at all, inside `writing` or `editing`.

    Raises:
        OutputError: it cannot be written.
    """
    path = manifest.folder / manifest.name
    with whole_file(path, sync=True) as file:
        for line in manifest_lines(manifest.photos):
            file.write(line.encode() + b"\n")
    return path


def manifest_lines(photos: Iterable[Photo]) -> Iterator[str]:
    """Yield the lines of a manifest, beginning with its header."""
    yield json.dumps({"format": FORMAT, "version": VERSION})
    for photo in photos:
        yield photo.model_dump_json(exclude_defaults=True)


def to_sample(manifest: Manifest, photo: Photo) -> Sample:
    """Return an annotated photo as training and evaluation need it.

    Raises:
        DataError: it is not annotated, or a face has no label.
    """
    if photo.faces is None:
        raise DataError(f"{photo.photo}: not annotated yet; `crowdmask data label` proposes faces")
    if any(face.label is None and not face.ignore for face in photo.faces):
        raise DataError(f"{photo.photo}: a face has no label: label it, or set its ignore")
    boxes = np.array([face.box for face in photo.faces], np.float32).reshape(-1, 4)
    # The label of an ignored region is never used.
    labels = [LABELS.index(face.label) if face.label else 0 for face in photo.faces]
    return Sample(
        path=manifest.path(photo),
        name=photo.photo,
        source=photo.source,
        width=photo.width,
        height=photo.height,
        boxes=boxes,
        class_id=np.array(labels, np.int64),
        ignore=np.array([face.ignore for face in photo.faces], bool),
        weight=1.0 if photo.weight is None else photo.weight,
    )


def load_manifest(place: Path, folder: Path | None = None) -> Dataset:
    """Read a manifest as a data set: annotated photos by split; photos without a split are left out.

    Args:
        place: the manifest, or its folder.
        folder: the folder of the photos, if it is not the manifest's folder.
    Raises:
        DataError: see `read_manifest` and `to_sample`; or no photo has a split yet, or a group or the same
            file lies in two.
    """
    manifest = read_manifest(place)
    if folder is not None:
        manifest = replace(manifest, folder=folder)
    if manifest.photos and all(photo.split is None for photo in manifest.photos):
        raise DataError(f"{place}: no photo has a split yet: run  crowdmask data split {place}")
    dataset = Dataset()
    split_of: dict[str, str] = {}
    for photo in manifest.photos:
        if photo.split is None:
            continue
        for key, what in ((photo.group, "group"), (photo.sha256, "file")):
            if key is not None and split_of.setdefault(key, photo.split) != photo.split:
                raise DataError(
                    f"{place}: the {what} {key} lies in the splits '{split_of[key]}' and '{photo.split}' "
                    f"({photo.photo}): a leak; run `crowdmask data split` again"
                )
        if photo.faces is None:
            dataset.problems.add(photo.photo, "has a split, but is not annotated", Reason.NO_ANNOTATION)
            continue
        if not manifest.path(photo).is_file():
            dataset.problems.add(photo.photo, "the photo is missing", Reason.NO_PICTURE)
            continue
        dataset.samples.setdefault(photo.split, []).append(to_sample(manifest, photo))
    return dataset


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip() or number == 1:
                    try:
                        yield number, json.loads(line)
                    except json.JSONDecodeError as error:
                        raise DataError(f"{path}, line {number}: not JSON ({error.msg})") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error


def _check_head(path: Path, head: Any) -> None:
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise DataError(f"{path}: not a manifest of crowdmask's: its first line must say so")
    if head.get("version") != VERSION:
        raise DataError(
            f"{path}: version {head.get('version')} of the manifest, but this crowdmask reads {VERSION}: "
            "update it"
        )
