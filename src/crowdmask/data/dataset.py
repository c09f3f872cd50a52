"""A data set described in one YAML file: its sources, their conventions, its splits."""

from __future__ import annotations

import json
import os
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from crowdmask import boxes as box_arithmetic
from crowdmask.data.formats import READERS, Annotation, Problems
from crowdmask.data.sample import Sample
from crowdmask.errors import DataError
from crowdmask.labels import LABELS

IGNORE = "ignore"
SKIP = "skip"
_PICTURE_FOLDERS = ("images", "JPEGImages", "dataset", ".")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Origin(_Strict):
    """Where a source comes from, so that anyone can fetch it again."""

    repository: str | None = Field(None, description="public repository, owner/name")
    commit: str | None = Field(None, description="the commit that was used")
    folder: str | None = Field(None, description="folder inside the repository")
    archive: str | None = Field(None, description="published archive, where there is no repository")
    licence: str = Field(description="as its publisher states it, or 'not stated'")


class SourceSpec(_Strict):
    """One source: a folder in one annotation format."""

    folder: str = Field(description="below the root; photos and annotations in it")
    root: str | None = Field(None, description="a root of its own; may name ${VARIABLES}")
    annotations: str | None = Field(
        None, description="folder with the annotations, where they lie apart from the photos"
    )
    format: Literal["voc", "yolo", "coco", "wider", "csv"]
    classes: dict[str, str] = Field(description="published name: our label, 'ignore' or 'skip'")
    convention: tuple[float, float, float, float] = Field(
        (0, 0, 0, 0), description="part of each side trimmed to get a forehead-to-chin box: l, t, r, b"
    )
    ignore: list[str] = Field([], description="files of regions without a box that are faces")
    split: Literal["train", "val", "test"] | None = Field(
        None, description="all photos go here; left out: the split files decide"
    )
    only: str | None = Field(None, description="a file that lists the photos to take, beside the YAML")
    origin: Origin

    @model_validator(mode="after")
    def _known_labels(self) -> SourceSpec:
        unknown = set(self.classes.values()) - {*LABELS, IGNORE, SKIP}
        if unknown:
            raise ValueError(
                f"classes map to {sorted(unknown)}; choose from {[*LABELS, IGNORE, SKIP]}"
            )
        return self


class DatasetSpec(_Strict):
    """The YAML as a whole."""

    root: str = Field(".", description="folder of the data, absolute or beside the YAML; may name ${VARIABLES}")
    include: list[str] = Field([], description="further data set files, beside this one")
    sources: dict[str, SourceSpec]
    splits: dict[Literal["train", "val", "test"], str] = Field(
        {}, description="files that list photos, below the root"
    )
    fractions: dict[Literal["train", "val", "test"], float] = Field(
        {}, description="instead of split files: parts of the photos, drawn by file name"
    )


@dataclass
class Dataset:
    """Samples by split, and what was wrong with the rest."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)
    problems: Problems = field(default_factory=Problems)

    def split(self, name: str) -> list[Sample]:
        """Return the samples of one split.

        Raises:
            DataError: the data set has no such split.
        """
        if not self.samples.get(name):
            have = ", ".join(sorted(k for k, v in self.samples.items() if v)) or "none"
            raise DataError(f"the data set has no photos in its split '{name}'; it has: {have}")
        return self.samples[name]


def load_dataset(path: Path | str, root: Path | str | None = None) -> Dataset:
    """Read a data set.

    Args:
        path: its YAML file.
        root: overrides the YAML's own root; sources with a root of their own keep it.
    Returns:
        All samples by split, in the order of names; problems are listed, not raised.
    Raises:
        DataError: the YAML or the root cannot be used.
    """
    path = Path(path)
    spec = read_spec(path)
    folder = _folder(str(root) if root else spec.root, path)
    dataset = build_dataset(spec, folder, path)
    for name in spec.include:
        part = load_dataset(path.parent / name, root)
        for split, samples in part.samples.items():
            dataset.samples.setdefault(split, []).extend(samples)
        dataset.problems.lines.extend(part.problems.lines)
    for samples in dataset.samples.values():
        samples.sort(key=lambda s: s.name)
    return dataset


def build_dataset(spec: DatasetSpec, root: Path, origin: Path) -> Dataset:
    """Read the sources of a description, not what it includes.

    Args:
        spec: the description.
        root: the folder of the data.
        origin: where the description comes from: paths beside it and messages refer to it.
    """
    dataset = Dataset()
    membership = _memberships(spec, root)
    for name, source in spec.sources.items():
        source_root = _folder(source.root, origin) if source.root else root
        for sample in _read_source(name, source, source_root, origin.parent, dataset.problems):
            split = source.split or membership.get(sample.name)
            if split is None and spec.fractions:
                split = _draw_split(sample.name, spec.fractions)
            if split is not None:
                dataset.samples.setdefault(split, []).append(sample)
    missing = set(membership) - {s.name for samples in dataset.samples.values() for s in samples}
    for name in sorted(missing):
        dataset.problems.add(name, "named in a split, but no annotated picture of that name was found")
    return dataset


def read_spec(path: Path) -> DatasetSpec:
    """Read and check a data set's YAML.

    Raises:
        DataError: missing, not YAML, or with options that do not fit.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"cannot read the data set file {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise DataError(f"{path} is not YAML: {error}") from error
    try:
        return DatasetSpec.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{path}: {where}: {first['msg']}") from error


def _folder(text: str, yaml_path: Path) -> Path:
    def value(match: re.Match[str]) -> str:
        name, default = match.group(1), match.group(3)
        found = os.environ.get(name) or default
        if found is None:
            raise DataError(
                f"{yaml_path} needs the folder in ${{{name}}}: set the environment variable {name} or give --root"
            )
        return found

    folder = Path(re.sub(r"\$\{(\w+)(:-([^}]*))?\}", value, text)).expanduser()
    if not folder.is_absolute():
        from_here = Path.cwd() / folder
        folder = from_here if from_here.is_dir() else yaml_path.parent / folder
    if not folder.is_dir():
        raise DataError(f"{yaml_path}: the data folder {folder} does not exist")
    return folder


def _memberships(spec: DatasetSpec, root: Path) -> dict[str, str]:
    membership: dict[str, str] = {}
    for split, file_name in spec.splits.items():
        try:
            names = (root / file_name).read_text(encoding="utf-8").split("\n")
        except OSError as error:
            raise DataError(f"cannot read the split file {root / file_name}: {error.strerror}") from error
        for name in filter(None, (n.strip() for n in names)):
            if membership.setdefault(name, split) != split:
                raise DataError(f"{name} is in the splits '{membership[name]}' and '{split}': a leak")
    return membership


def _draw_split(name: str, fractions: dict[Any, float]) -> str | None:
    """Choose by the name's own hash, so that adding photos never moves one to another split."""
    at = zlib.crc32(name.encode()) / 2**32
    for split, part in fractions.items():
        if at < part:
            return str(split)
        at -= part
    return None


def _read_source(
    name: str, source: SourceSpec, root: Path, yaml_folder: Path, problems: Problems
) -> list[Sample]:
    folder = root / source.folder
    annotation_folder = root / source.annotations if source.annotations else folder
    for place in (folder, annotation_folder):
        if not place.is_dir():
            problems.add(place, f"the folder of source '{name}' does not exist")
            return []
    ignored = _read_ignored([root / file for file in source.ignore], problems)
    wanted: set[str] | None = None
    if source.only:
        wanted = set((yaml_folder / source.only).read_text(encoding="utf-8").split())
    samples = []
    for annotation in READERS[source.format](annotation_folder, problems):
        if wanted is not None and annotation.picture not in wanted:
            continue
        sample = _to_sample(name, source, folder, root, annotation, problems)
        if sample is not None:
            if sample.name in ignored:
                sample = sample.with_ignored(ignored[sample.name])
            samples.append(sample)
    return samples


def _to_sample(
    name: str, source: SourceSpec, folder: Path, root: Path, annotation: Annotation, problems: Problems
) -> Sample | None:
    candidates = [folder / annotation.picture, *(folder / f / annotation.picture for f in _PICTURE_FOLDERS)]
    picture = next((p for p in candidates if p.is_file()), None)
    if picture is None:
        problems.add(folder / annotation.picture, "the picture is missing")
        return None
    try:
        with Image.open(picture) as opened:
            width, height = opened.size
            # Annotations are of the upright picture; EXIF's last four orientations swap the sides.
            if opened.getexif().get(0x0112, 1) >= 5:
                width, height = height, width
    except (OSError, Image.DecompressionBombError) as error:
        problems.add(picture, f"not readable as a picture ({error})")
        return None
    xyxy, class_id, ignore = [], [], []
    for box in annotation.boxes:
        label = source.classes.get(box.label)
        if label is None:
            problems.add(picture, f"unknown class '{box.label}'")
            continue
        if label == SKIP:
            continue
        xyxy.append(box.xyxy)
        ignore.append(box.ignore or label == IGNORE)
        class_id.append(0 if label == IGNORE else LABELS.index(label))
    boxes = np.array(xyxy, np.float32).reshape(-1, 4)
    if annotation.relative:
        boxes *= np.array([width, height, width, height], np.float32)
    boxes = box_arithmetic.clip(box_arithmetic.trim(boxes, source.convention), width, height)
    sound = (boxes[:, 2] - boxes[:, 0] >= 1) & (boxes[:, 3] - boxes[:, 1] >= 1)
    if not sound.all():
        problems.add(picture, f"{int((~sound).sum())} box(es) without area inside the picture")
    return Sample(
        path=picture,
        name=picture.relative_to(root).as_posix(),
        source=name,
        width=width,
        height=height,
        boxes=boxes[sound],
        class_id=np.array(class_id, np.int64)[sound],
        ignore=np.array(ignore, bool)[sound],
    )


def _read_ignored(files: list[Path], problems: Problems) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """Read ignored regions: ``{name: [[x1, y1, x2, y2], ...]}``, or a ground truth list with a sixth value."""
    regions: dict[str, Any] = {}
    for file in files:
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            if isinstance(content, dict):
                pairs = list(content.items())
            else:
                pairs = [(g["image"], [b[:4] for b in g["boxes"] if b[5]]) for g in content]
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            problems.add(file, f"not a file of ignored regions ({error!r})")
            continue
        for name, boxes in pairs:
            regions[name] = np.array(boxes, np.float32).reshape(-1, 4)
    return regions
