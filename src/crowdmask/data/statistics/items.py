"""A data set's photos in one type, from a manifest, a YAML, or the rows of `crowdmask batch`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from crowdmask.data.dataset import load_dataset, read_spec
from crowdmask.data.manifest import Face, Photo, read_manifest
from crowdmask.data.sample import Sample
from crowdmask.errors import DataError, SourceError
from crowdmask.labels import LABELS
from crowdmask.survey.sources.rows import is_rows, read_rows

YAML_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Item:
    """A photo's entry and its path."""

    photo: Photo
    path: Path


@dataclass
class Items:
    """All photos of a data set.

    Attributes:
        name: of the data set, for people.
        problems: what the reader left out.
    """

    name: str
    items: list[Item] = field(default_factory=list)
    problems: Sequence[str] = ()


def load_items(place: Path, root: Path | None = None) -> Items:
    """Read a manifest, given as its file or folder, a data set's YAML, or rows of detections.

    Args:
        root: folder of the photos, instead of the manifest's folder or the one that the YAML names.
    Raises:
        DataError: it cannot be read.
        MissingExtraError: the package that reads Parquet is not installed.
    """
    if is_rows(str(place)):
        return _from_rows(place, root)
    if place.suffix.lower() in YAML_SUFFIXES:
        return _from_yaml(place, root)
    manifest = read_manifest(place)
    folder = root or manifest.folder
    items = [Item(photo, folder / photo.photo) for photo in manifest.photos]
    return Items(manifest.folder.resolve().name, items)


def _from_rows(place: Path, root: Path | None) -> Items:
    """Take detections as faces: nobody has looked at them, so they are not reviewed and in no split."""
    items: list[Item] = []
    problems: list[str] = []
    try:
        for row in read_rows(str(place), ("width", "height")):
            if row["error"] is not None:
                problems.append(f"{row['source']}: {row['error']}")
                continue
            other = {each["label"] for each in row["detections"] or ()} - set(LABELS)
            if other:
                raise DataError(f"{place}: has detections of the label {min(other)}, which data sets lack")
            faces = [Face.model_construct(box=tuple(each["box"]), label=each["label"], ignore=False)
                     for each in row["detections"] or ()]  # fmt: skip
            # Not validated: a source may be any path or URL, and a model may have other labels.
            photo = Photo.model_construct(
                photo=row["source"], width=row["width"], height=row["height"], source=_folder(row["source"]),
                licence="not stated", faces=faces, split=None,
            )  # fmt: skip
            items.append(Item(photo, (root or Path()) / row["source"]))
    except SourceError as error:
        raise DataError(str(error)) from error
    if place.is_dir():
        place = place.resolve()
    return Items(f"{place.name}, faces detected by a model", items, problems)


def _folder(source: str) -> str:
    return source.rpartition("/")[0].rpartition("/")[2] or "."


def _from_yaml(path: Path, root: Path | None) -> Items:
    dataset = load_dataset(path, root)
    licences = _licences(path, set())
    items = [
        Item(_to_photo(sample, split, licences.get(sample.source, "not stated")), sample.path)
        for split, samples in dataset.samples.items()
        for sample in samples
    ]
    return Items(path.stem, items, dataset.problems.lines)


def _licences(path: Path, seen: set[Path]) -> dict[str, str]:
    """Return each source's licence, including the sources of included files."""
    if path.resolve() in seen:
        return {}
    seen.add(path.resolve())
    spec = read_spec(path)
    found = {name: source.origin.licence for name, source in spec.sources.items()}
    for name in spec.include:
        found |= _licences(path.parent / name, seen)
    return found


def _to_photo(sample: Sample, split: str, licence: str) -> Photo:
    faces = [
        Face.model_validate({"box": box, "label": None if ignore else LABELS[label], "ignore": ignore})
        for box, label, ignore in zip(
            sample.boxes.tolist(), sample.class_id.tolist(), sample.ignore.tolist(), strict=True
        )
    ]
    # Not validated: paths from a YAML may be invalid in a manifest.
    return Photo.model_construct(
        photo=sample.name,
        width=sample.width,
        height=sample.height,
        source=sample.source,
        licence=licence,
        faces=faces,
        split=cast(Literal["train", "val", "test"], split),
    )
