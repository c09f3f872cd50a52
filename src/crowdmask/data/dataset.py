"""A data set described in one YAML file: its sources, their conventions, its splits.

`load_dataset` reads a manifest, too, so every function that takes a YAML file also takes a manifest.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image
from pydantic import Field, field_validator, model_validator

from crowdmask.data.formats.annotation import Annotation
from crowdmask.data.formats.box_rules import IGNORE, SKIP, Judged, judge_boxes
from crowdmask.data.formats.finding import is_file, safe_relative
from crowdmask.data.formats.table import READERS
from crowdmask.data.formats.upright import read_turn
from crowdmask.data.manifest import is_manifest, load_manifest
from crowdmask.data.problems import Problems, Reason
from crowdmask.data.sample import Dataset as Dataset
from crowdmask.data.sample import Sample
from crowdmask.errors import DataError
from crowdmask.labels import LABELS
from crowdmask.paths import expand
from crowdmask.settings import StrictModel, read_yaml

_PICTURE_FOLDERS = ("images", "JPEGImages", "Images", "dataset", ".")
_ORIENTATION_TAG = 0x0112
_SIDEWAYS = (5, 6, 7, 8)


class Origin(StrictModel):
    """Where a source comes from, so that anybody can fetch it again."""

    repository: str | None = Field(None, description="public repository, owner/name")
    commit: str | None = Field(None, description="the commit that was used")
    folder: str | None = Field(None, description="folder inside the repository")
    archive: str | None = Field(None, description="published archive, where there is no repository")
    licence: str = Field(description="as its publisher states it, or 'not stated'")


class SourceSpec(StrictModel):
    """One source: a folder in one annotation format."""

    folder: str = Field(description="below the root; photos and annotations in it")
    root: str | None = Field(None, description="a root of its own; may name ${VARIABLES}")
    annotations: str | None = Field(
        None, description="folder with the annotations, where they lie apart from the photos"
    )
    format: str = Field(description=f"how it is annotated: {', '.join(READERS)}")
    classes: dict[str, str] = Field(description="published name: our label, 'ignore' or 'skip'")
    convention: tuple[float, float, float, float] = Field(
        (0, 0, 0, 0), description="part of each side trimmed to get a forehead-to-chin box: l, t, r, b"
    )
    first_pixel: Literal[0, 1] = Field(
        0, description="1 where left and top edges count from 1, as in classic Pascal VOC"
    )
    ignore: list[str] = Field([], description="files of regions without a box that are faces")
    split: Literal["train", "val", "test"] | None = Field(
        None, description="all photos go here; left out: the split files decide"
    )
    only: str | None = Field(None, description="a file that lists the photos to take, beside the YAML")
    origin: Origin

    @field_validator("format")
    @classmethod
    def _known_format(cls, name: str) -> str:
        if name not in READERS:
            raise ValueError(f"choose from {', '.join(map(repr, READERS))}, not {name!r}")
        return name

    @model_validator(mode="after")
    def _known_labels(self) -> SourceSpec:
        unknown = set(self.classes.values()) - {*LABELS, IGNORE, SKIP}
        if unknown:
            raise ValueError(f"classes map to {sorted(unknown)}; choose from {[*LABELS, IGNORE, SKIP]}")
        return self


class DatasetSpec(StrictModel):
    """The YAML as a whole."""

    root: str = Field(
        ".", description="folder of the data, absolute or beside the YAML; may name ${VARIABLES}"
    )
    include: list[str] = Field([], description="further data set files, beside this one")
    sources: dict[str, SourceSpec]
    splits: dict[Literal["train", "val", "test"], str] = Field(
        {}, description="files that list photos, below the root"
    )
    fractions: dict[Literal["train", "val", "test"], float] = Field(
        {}, description="instead of split files: parts of the photos, drawn by file name"
    )

    @model_validator(mode="after")
    def _parts_of_one(self) -> DatasetSpec:
        if min(self.fractions.values(), default=0) < 0 or sum(self.fractions.values()) > 1 + 1e-9:
            raise ValueError(f"fractions are parts of 1 in all, not {self.fractions}")
        return self


def load_dataset(path: Path | str, root: Path | str | None = None) -> Dataset:
    """Read a data set.

    Args:
        path: its YAML file, or a manifest, or a folder with one.
        root: overrides the YAML's root; sources with their own root keep it. For a manifest it is the
            folder that contains the photos.
    Returns:
        All samples by split, sorted by name; problems are listed, not raised.
    Raises:
        DataError: the YAML, the manifest or the root cannot be used, or a photo is in two splits.
    """
    folder = Path(root).expanduser() if root else None
    if folder is not None and not folder.is_dir():
        raise DataError(f"the data folder {folder} does not exist: check `root`")
    if is_manifest(Path(path)):
        dataset = load_manifest(Path(path), folder)
    else:
        dataset = Dataset()
        _load_into(dataset, Path(path), folder, ())
    for samples in dataset.samples.values():
        samples.sort(key=lambda s: s.name)
    return dataset


def build_dataset(spec: DatasetSpec, root: Path, origin: Path, into: Dataset | None = None) -> Dataset:
    """Read the sources of a description, without the files that it includes.

    Args:
        spec: the description.
        root: the folder of the data.
        origin: the file of the description; relative paths and messages refer to it.
        into: add to this data set and return it.
    Raises:
        DataError: a split file or a list of photos cannot be read, or a photo is in two splits.
    """
    dataset = Dataset() if into is None else into
    splits = {s.path.resolve(): split for split, samples in dataset.samples.items() for s in samples}
    membership = _memberships(spec, root)
    named = set(membership)
    for name, source in spec.sources.items():
        source_root = _folder(source.root, origin) if source.root else root
        samples = _read_source(name, source, source_root, origin.parent, dataset.problems)
        if samples is None:
            # One line for the whole folder is enough.
            named = {n for n in named if not n.startswith(f"{source.folder}/")}
            continue
        for sample in samples:
            named.discard(sample.name)
            split = source.split or membership.get(sample.name)
            if split is None and spec.fractions:
                split = _draw_split(sample.name, spec.fractions)
            if split is None:
                continue
            first = splits.setdefault(sample.path.resolve(), split)
            if first != split:
                raise DataError(f"{sample.path} is in the splits '{first}' and '{split}': a leak")
            dataset.samples.setdefault(split, []).append(sample)
    for name in sorted(named):
        dataset.problems.add(name, "named in a split, but no annotated picture of that name was found")
    return dataset


def read_spec(path: Path) -> DatasetSpec:
    """Read and check a data set's YAML.

    Raises:
        DataError: missing, not YAML, or with options that do not fit.
    """
    return read_yaml(path, DatasetSpec)


def _load_into(dataset: Dataset, path: Path, root: Path | None, including: tuple[Path, ...]) -> None:
    if path.resolve() in including:
        raise DataError(f"{path} includes itself")
    spec = read_spec(path)
    build_dataset(spec, root or _folder(spec.root, path), path, dataset)
    for name in spec.include:
        _load_into(dataset, path.parent / name, root, (*including, path.resolve()))


def _folder(text: str, yaml_path: Path) -> Path:
    """Return the folder that a YAML names: expand variables; relative paths begin at the YAML."""

    def value(match: re.Match[str]) -> str:
        name, default = match.group(1), match.group(3)
        given = os.environ.get(name)
        if given:
            return str(Path(given).expanduser().absolute()) if match.start() == 0 else given
        if default is None:
            raise DataError(
                f"{yaml_path} needs the folder of its data: set the variable {name} or give `root`"
            )
        return str(default)

    folder = expand(re.sub(r"\$\{(\w+)(:-([^}]*))?\}", value, text))
    if not folder.is_absolute():
        folder = yaml_path.parent / folder
    if not folder.is_dir():
        names = ", ".join(match[0] for match in re.findall(r"\$\{(\w+)(:-([^}]*))?\}", text))
        remedy = f"set the variable {names} or give `root`" if names else "give `root`"
        raise DataError(f"{yaml_path}: the data folder {folder} does not exist: {remedy}")
    return folder


def _memberships(spec: DatasetSpec, root: Path) -> dict[str, str]:
    membership: dict[str, str] = {}
    for split, file_name in spec.splits.items():
        try:
            names = _lines(root / file_name)
        except (OSError, ValueError) as error:
            raise DataError(f"cannot read the split file {root / file_name}: {error}") from error
        for name in names:
            if membership.setdefault(name, split) != split:
                raise DataError(f"{name} is in the splits '{membership[name]}' and '{split}': a leak")
    return membership


def _lines(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return [line.strip() for line in lines if line.strip()]


def _draw_split(name: str, fractions: dict[Any, float]) -> str | None:
    """Choose by the hash of the name, so that adding photos never moves another one to a different split."""
    at = zlib.crc32(name.encode()) / 2**32
    for split, part in fractions.items():
        if at < part:
            return str(split)
        at -= part
    return None


def _read_source(
    name: str, source: SourceSpec, root: Path, yaml_folder: Path, problems: Problems
) -> list[Sample] | None:
    """Return the samples of a source; None if its folder is missing."""
    folder = root / source.folder
    annotation_folder = root / source.annotations if source.annotations else folder
    for place in (folder, annotation_folder):
        if not place.is_dir():
            problems.add(place, f"the folder of source '{name}' does not exist")
            return None
    ignored = read_ignored([root / file for file in source.ignore], problems)
    wanted: set[str] | None = None
    if source.only:
        try:
            wanted = set(_lines(yaml_folder / source.only))
        except (OSError, ValueError) as error:
            raise DataError(f"cannot read the list of photos {yaml_folder / source.only}: {error}") from error
    samples = []
    absent, seen = set(wanted or ()), set()
    for annotation in READERS[source.format](annotation_folder, problems):
        if wanted is not None and annotation.picture not in wanted:
            continue
        absent.discard(annotation.picture)
        if annotation.picture in seen:
            problems.add(folder / annotation.picture, "annotated twice; the first time counts", Reason.TWICE)
            continue
        seen.add(annotation.picture)
        sample = _to_sample(name, source, folder, root, annotation, problems)
        if sample is not None:
            if sample.name in ignored:
                sample = sample.with_ignored(ignored[sample.name])
            samples.append(sample)
    for picture in sorted(absent):
        problems.add(picture, f"named in {source.only}, but no annotation of that name was found")
    return samples


def _to_sample(
    name: str, source: SourceSpec, folder: Path, root: Path, annotation: Annotation, problems: Problems
) -> Sample | None:
    picture = find_picture(folder, annotation)
    if picture is None:
        problems.add(folder / safe_relative(annotation.picture), "the picture is missing", Reason.NO_PICTURE)
        return None
    try:
        width, height = _upright_size(picture)
    except Exception as error:  # decoders raise many kinds of errors on damaged data
        problems.add(picture, f"not readable as a picture ({error})", Reason.BROKEN)
        return None
    judged = judge_boxes(
        annotation, width, height, source.convention, source.classes.get,
        turn_of=lambda: read_turn(picture), first_pixel=source.first_pixel,
    )  # fmt: skip
    _report_faults(judged, annotation, picture, problems)
    if judged.shows_only_unknown:
        return None
    faces = judged.faces
    labels = [0 if face.label is None else LABELS.index(face.label) for face in faces]
    return Sample(
        path=picture,
        name=picture.relative_to(root).as_posix(),
        source=name,
        width=width,
        height=height,
        boxes=np.array([face.box for face in faces], np.float32).reshape(-1, 4),
        class_id=np.array(labels, np.int64),
        ignore=np.array([face.ignore for face in faces], bool),
    )


def _report_faults(judged: Judged, annotation: Annotation, picture: Path, problems: Problems) -> None:
    """Report what is wrong with the boxes of one photo: one line for each class and each kind of fault."""
    left_out = "; left out" if judged.shows_only_unknown else ""
    kinds = Counter((fault.reason, fault.kind) for fault in judged.faults if fault.kind)
    for fault in judged.faults:
        if not fault.kind:
            problems.add(picture, fault.why + left_out, fault.reason)
    for (reason, kind), count in kinds.items():
        problems.add(picture, f"{count} box(es) {kind}" + left_out, reason)
    if left_out and annotation.unreadable:
        # Its faces are unknown: as a photo without faces it would teach that they are background.
        problems.add(picture, "none of its boxes could be read; left out", Reason.LEFT_EMPTY)


def find_picture(folder: Path, annotation: Annotation) -> Path | None:
    """Return an annotation's picture inside a source's folder; None if it is not there."""
    relative = safe_relative(annotation.picture)
    candidates = (folder / relative, *(folder / f / relative for f in _PICTURE_FOLDERS))
    return next((path for path in candidates if is_file(path)), None)


def _upright_size(picture: Path) -> tuple[int, int]:
    """Return width and height as in annotations: after the EXIF rotation, read from the header only."""
    with Image.open(picture) as opened:
        width, height = opened.size
        try:
            sideways = opened.getexif().get(_ORIENTATION_TAG, 1) in _SIDEWAYS
        except Exception:  # damaged EXIF says nothing about the pixels
            sideways = False
        # Pillow returns a TIFF's size after the rotation.
        return (height, width) if sideways and opened.format != "TIFF" else (width, height)


def read_ignored(files: list[Path], problems: Problems) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """Read ignored regions: ``{name: [[x1, y1, x2, y2], ...]}``, or a ground truth list with a sixth value.

    A photo in several files gets the regions of all of them.
    """
    regions: dict[str, Any] = {}
    for file in files:
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            if isinstance(content, dict):
                pairs = list(content.items())
            else:
                pairs = [(g["image"], [b[:4] for b in g["boxes"] if b[5]]) for g in content]
            found = {str(name): np.array(boxes, np.float32).reshape(-1, 4) for name, boxes in pairs}
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            problems.add(file, f"not a file of ignored regions ({error!r})")
            continue
        for name, boxes in found.items():
            regions[name] = np.concatenate([regions[name], boxes]) if name in regions else boxes
    return regions
