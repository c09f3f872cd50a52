"""Pictures without annotation files: crops in folders named by class, and photos to be labelled later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from crowdmask.data.formats.annotation import Annotation, RawBox
from crowdmask.data.formats.finding import find_pictures
from crowdmask.data.problems import Problems, Reason


def read_folders(
    folder: Path, problems: Problems, is_class: Callable[[str], bool] = bool
) -> Iterator[Annotation]:
    """Read pictures whose folder's name is their class: one face each, whose box is the whole picture.

    Args:
        folder: pictures in folders, at any depth, as in ``Train/Mask/a.jpg``.
        problems: pictures outside class folders are added here.
        is_class: returns whether a folder's name is a class; the nearest one above a picture counts.
            By default every name is.
    """
    for path in find_pictures(folder):
        above = path.relative_to(folder).parts[:-1]
        label = next((name for name in reversed(above) if is_class(name)), None)
        if label is None and not above:
            problems.add(path, "lies in no folder of a class", Reason.NO_ANNOTATION)
            continue
        box = RawBox(label or above[-1], (0, 0, 1, 1))
        yield Annotation(path.relative_to(folder).as_posix(), (box,), relative=True)


def read_photos(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read pictures at any depth; nothing is known about their faces.

    Args:
        folder: with pictures; other files are passed over.
        problems: a folder without pictures is added here.
    """
    found = find_pictures(folder)
    if not found:
        problems.add(folder, "no picture in it")
    for path in found:
        yield Annotation(path.relative_to(folder).as_posix(), ())
