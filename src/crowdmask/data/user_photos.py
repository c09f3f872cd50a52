"""Read a user's annotated folder as a data set, without a YAML."""

from __future__ import annotations

import zlib
from pathlib import Path

from crowdmask.data.dataset import Dataset, DatasetSpec, Origin, SourceSpec, build_dataset
from crowdmask.data.formats.box_rules import IGNORE, SKIP
from crowdmask.data.formats.table import READERS, hint
from crowdmask.data.problems import Problems
from crowdmask.errors import DataError, UsageError
from crowdmask.labels import LABELS

# Common names of the three classes, in lower case, without spaces, hyphens and underscores.
_KNOWN = {
    "with_mask": (
        "withmask", "mask", "masked", "facemask", "goodmask", "good", "wmask", "maskon", "maskedface",
        "facewithmask", "fullycovered", "correctlyworn", "correctmask", "maskcorrect", "wearingmask",
        "maskworncorrectly", "withfacemask",
    ),
    "without_mask": (
        "withoutmask", "nomask", "unmasked", "face", "bare", "none", "unmask", "maskoff", "unmaskedface",
        "facenomask", "facewithoutmask", "facewithnomask", "notcovered", "notmasked", "nofacemask",
        "withoutfacemask", "withnomask", "notwearingmask",
    ),
    "mask_worn_incorrect": (
        "maskwornincorrect", "maskwornincorrectly", "incorrectmask", "maskwearedincorrect", "wrongmask",
        "badmask", "bad", "incorrect", "maskincorrect", "withincorrectmask", "withmaskincorrect",
        "facewithmaskincorrect", "facewithincorrectmask", "partiallycovered", "incorrectlyworn",
        "incorrectlymasked", "incorrectlywornmask", "impropermask", "improperlyworn", "maskwornimproperly",
        "maskwearedincorrectly", "incorrectfacemask",
    ),
}  # fmt: skip


def guess_label(published: str) -> str | None:
    """Return our label for a common spelling of a class; None if it is unknown."""
    plain = "".join(c for c in published.lower() if c.isalnum())
    return next((label for label, spellings in _KNOWN.items() if plain in spellings), None)


def parse_map(pairs: list[str]) -> dict[str, str]:
    """Turn ``old=new`` options into a class map.

    Raises:
        UsageError: not of that form, or the new label is not one of ours.
    """
    result = {}
    for pair in pairs:
        old, equals, new = pair.rpartition("=")
        if not equals or new not in (*LABELS, IGNORE, SKIP):
            choices = ", ".join((*LABELS, IGNORE, SKIP))
            raise UsageError(f"`map` {pair}: write  old=new,  new one of {choices}")
        result[old] = new
    return result


def load_photos(folder: Path, form: str, class_map: dict[str, str], val: float) -> Dataset:
    """Read a folder and split its photos into train and val.

    The names decide, so that every run splits them in the same way.

    Args:
        folder: photos and annotations, as the table of `crowdmask.data.formats.table` reads them.
        form: the annotation format.
        class_map: published name to our label; common spellings are known without it.
        val: part of the photos for validation, 0 to 1.
    Raises:
        DataError: no annotated photo, or a class without a mapping.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder")
    problems = Problems()
    published = {box.label for item in READERS[form](folder, problems) for box in item.boxes}
    if not published:
        first = f" (first problem: {problems.lines[0]})" if problems.lines else ""
        raise DataError(
            f"{folder} holds no boxes in the format {form}; the formats are: "
            f"{', '.join(READERS)}{first}{hint(folder, form)}"
        )
    source = SourceSpec(
        folder=".",
        format=form,
        classes=_classes(folder, published, class_map),
        origin=Origin(archive=str(folder), licence="the user's own"),
    )
    name = folder.resolve().name
    spec = DatasetSpec(sources={name: source}, fractions={"val": val, "train": 1 - val})
    dataset = build_dataset(spec, folder, folder)
    _fill_both(dataset)
    return dataset


def _classes(folder: Path, published: set[str], class_map: dict[str, str]) -> dict[str, str]:
    """Map every published class, first by the user's map."""
    strange = sorted(set(class_map) - published)
    if strange:
        have = ", ".join(sorted(published))
        raise DataError(f"`map` names the class '{strange[0]}', which {folder} lacks; it has: {have}")
    found = {name: class_map.get(name) or guess_label(name) for name in sorted(published)}
    unknown = [name for name, label in found.items() if label is None]
    if unknown:
        raise DataError(
            f"{folder} has classes that are not known: {', '.join(unknown)}; "
            f"map each with `map` '{unknown[0]}=LABEL'"
        )
    return {name: label for name, label in found.items() if label is not None}


def _fill_both(dataset: Dataset) -> None:
    """Move one photo to a split that is empty, which can happen with few photos."""
    for empty, full in (("val", "train"), ("train", "val")):
        given = dataset.samples.get(full, [])
        if not dataset.samples.get(empty) and len(given) > 1:
            first = min(given, key=lambda sample: zlib.crc32(sample.name.encode()))
            given.remove(first)
            dataset.samples[empty] = [first]
