"""A user's own annotated folder as a data set, without writing a YAML first."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from crowdmask.data.dataset import IGNORE, SKIP, Dataset, DatasetSpec, Origin, SourceSpec, build_dataset
from crowdmask.data.formats import READERS, Problems
from crowdmask.errors import DataError, UsageError
from crowdmask.labels import LABELS

# How people name the three classes, lower case, without spaces, hyphens and underscores.
_KNOWN = {
    "with_mask": ("withmask", "mask", "masked", "facemask", "goodmask", "good"),
    "without_mask": ("withoutmask", "nomask", "unmasked", "face", "bare", "none"),
    "mask_worn_incorrect": (
        "maskwornincorrect", "incorrectmask", "maskwearedincorrect", "wrongmask", "badmask", "bad", "incorrect",
    ),
}  # fmt: skip


def parse_map(pairs: list[str]) -> dict[str, str]:
    """Turn ``old=new`` options into a class map.

    Raises:
        UsageError: not of that form, or the new label is none of ours.
    """
    result = {}
    for pair in pairs:
        old, equals, new = pair.rpartition("=")
        if not equals or new not in (*LABELS, IGNORE, SKIP):
            raise UsageError(f"--map {pair}: write  old=new,  new one of {', '.join((*LABELS, IGNORE, SKIP))}")
        result[old] = new
    return result


def load_photos(
    folder: Path, form: Literal["voc", "yolo", "coco", "wider", "csv"], class_map: dict[str, str], val: float
) -> Dataset:
    """Read a folder; its photos go to train and val by their names, so that a rerun splits alike.

    Args:
        folder: photos and annotations, as `crowdmask.data.formats` reads them.
        form: the annotation format.
        class_map: published name to our label; common spellings are known without it.
        val: the part of the photos that is not trained on, 0 to 1.
    Raises:
        DataError: no annotated photo, or a class that nobody mapped.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder")
    known = {spelling: label for label, spellings in _KNOWN.items() for spelling in spellings}
    published = {box.label for item in READERS[form](folder, Problems()) for box in item.boxes}
    classes, unknown = {}, []
    for name in sorted(published):
        plain = "".join(c for c in name.lower() if c.isalnum())
        label = class_map.get(name) or known.get(plain)
        if label is None:
            unknown.append(name)
        else:
            classes[name] = label
    if unknown:
        raise DataError(
            f"{folder} has classes that are not known: {', '.join(unknown)}; map each with  --map '{unknown[0]}=LABEL'"
        )
    if not published:
        raise DataError(f"{folder} holds no boxes in the format {form}; the formats are: {', '.join(READERS)}")
    source = SourceSpec(
        folder=".", format=form, classes=classes, origin=Origin(archive=str(folder), licence="the user's own")
    )
    name = folder.resolve().name
    spec = DatasetSpec(sources={name: source}, fractions={"val": val, "train": 1 - val})
    return build_dataset(spec, folder, folder)
