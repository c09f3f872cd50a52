"""Formats that are not read, recognised so that a user is told what they are and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from crowdmask.data.formats.finding import first_files, read_head


@dataclass(frozen=True)
class ForeignFormat:
    """A format that is not read.

    Attributes:
        name: as users may write it.
        title: its name in messages.
        advice: how its annotations come here.
        recognise: returns whether a folder looks like it, from a few of its files.
    """

    name: str
    title: str
    advice: str
    recognise: Callable[[Path], bool]


def _is_tfrecord(folder: Path) -> bool:
    return any(first_files(folder, pattern, 1) for pattern in ("*.tfrecord*", "*.tfrec*"))


def _heads(folder: Path, pattern: str, told_by: str) -> bool:
    telling = re.compile(told_by, re.DOTALL)
    return any(telling.search(read_head(path)) for path in first_files(folder, pattern))


def _is_kitti(folder: Path) -> bool:
    """Return whether text files hold lines of a type and 14 or 15 numbers."""
    line = re.compile(r"[A-Za-z_]\w*(?: -?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?){14,15}\s*")
    lines = (read_head(path, 4096).split("\n")[0] for path in first_files(folder, "*.txt"))
    return any(line.fullmatch(first) for first in lines)


FOREIGN: tuple[ForeignFormat, ...] = (
    ForeignFormat(
        "tfrecord",
        "TFRecord",
        "convert it where it was made (Roboflow: download the set anew as 'Pascal VOC' or 'COCO'; "
        "datumaro: datum convert -if tf_detection_api -f voc -i DIR -- --save-media), "
        "then use `format` voc or coco",
        _is_tfrecord,
    ),
    ForeignFormat(
        "kitti",
        "KITTI",
        "convert it (datumaro: datum convert -if kitti -f voc -i DIR -- --save-media), then use `format` voc",
        _is_kitti,
    ),
    ForeignFormat(
        "cvat",
        "CVAT for images (XML)",
        "export the task from CVAT anew as 'COCO 1.0' or 'PASCAL VOC 1.1', then use `format` coco or voc",
        lambda folder: _heads(folder, "*.xml", r"<annotations>.{0,400}<(version|meta|image )"),
    ),
    ForeignFormat(
        "dlib",
        "dlib (XML of imglab)",
        "write one row a box into a CSV with the columns filename, xmin, ymin, xmax, ymax, label "
        "(xmax is left + width), then use `format` csv",
        lambda folder: _heads(folder, "*.xml", r"<dataset>.*<image file=.*<box "),
    ),
    ForeignFormat(
        "datumaro",
        "datumaro (JSON)",
        "convert it (datum convert -if datumaro -f coco -i DIR -- --save-media), then use `format` coco",
        lambda folder: _heads(folder, "*.json", r'"(dm_format_version|media_type)"|"categories"\s*:\s*\{'),
    ),
    ForeignFormat(
        "labelme-xml",
        "LabelMe (XML of the old web tool)",
        "convert it (datumaro: datum convert -if label_me -f voc -i DIR -- --save-media), "
        "then use `format` voc",
        lambda folder: _heads(folder, "*.xml", r"<annotation>.*<object>.*<polygon>.*<pt>"),
    ),
)
"""These formats, in the order of their recognition."""


def foreign_named(name: str) -> ForeignFormat | None:
    """Return a foreign format by its name."""
    return next((form for form in FOREIGN if form.name == name.lower()), None)


def recognise_foreign(folder: Path) -> ForeignFormat | None:
    """Return the foreign format that a folder looks like; None if it looks like none."""
    return next((form for form in FOREIGN if form.recognise(folder)), None)
