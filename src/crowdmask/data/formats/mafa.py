"""MAFA: MATLAB files, or text lists of the same values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crowdmask.data.formats.annotation import PICTURE_SUFFIXES, Annotation, RawBox
from crowdmask.data.formats.finding import find_pictures, first_files
from crowdmask.data.problems import Problems, Reason
from crowdmask.errors import MissingExtraError

_COVERS = {1: "simple", 2: "complex", 3: "human_body"}
_MIN_PX = 5


def read_mafa(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read MAFA: ``LabelTrainAll.mat`` or ``LabelTestAll.mat``, or a text list of the same values.

    A text list has one face a line: the photo's name, then 21 (training) or 18 (test) values, or 5, the
    box and its kind. Labels are the kind of cover: simple, complex, human_body; unmasked, invalid.
    """
    index = {path.name: path.relative_to(folder).as_posix() for path in find_pictures(folder)}
    paths = [*sorted(folder.rglob("*.mat")), *sorted(folder.rglob("*.txt"))]
    if not paths:
        problems.add(folder, "no *.mat and no *.txt in it", Reason.BROKEN)
    for path in paths:
        read = _mat_rows if path.suffix == ".mat" else _text_rows
        boxes: dict[str, list[RawBox]] = {}
        unreadable: Counter[str] = Counter()
        for name, values in read(path, problems):
            found = boxes.setdefault(name, [])
            try:
                found.append(_mafa_box(values))
            except (ValueError, IndexError) as error:
                problems.add(f"{path}: {name}", f"not a face of MAFA's ({error})", Reason.UNUSABLE)
                unreadable[name] += 1
        for name, items in boxes.items():
            picture = index.get(name.rsplit("/", 1)[-1], name)
            lost = unreadable[name]
            yield Annotation(
                picture, tuple(items), unreadable=lost, listed_in=path.relative_to(folder).as_posix()
            )


def recognise(folder: Path) -> bool:
    """Whether a folder contains MAFA's lists, by their names."""
    return any(path.stem in ("LabelTrainAll", "LabelTestAll") for path in first_files(folder, "Label*All.*"))


def _mafa_box(values: list[float]) -> RawBox:
    x, y, width, height = values[:4]
    if len(values) == 21:
        label = _COVERS.get(int(values[12]), "invalid")
    elif len(values) == 18:
        label = {1: _COVERS.get(int(values[9]), "invalid"), 2: "unmasked"}.get(int(values[4]), "invalid")
    elif len(values) == 5:
        label = _COVERS.get(int(values[4]), "invalid")
    else:
        raise ValueError(f"{len(values)} values instead of 21, 18 or 5")
    small = 0 < width < _MIN_PX or 0 < height < _MIN_PX
    return RawBox(label, (x, y, x + width, y + height), small)


def _text_rows(path: Path, problems: Problems) -> Iterator[tuple[str, list[float]]]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        problems.add(path, f"not readable ({error.strerror})", Reason.BROKEN)
        return
    for number, line in enumerate(lines, 1):
        words = line.replace(",", " ").split()
        if not words or not words[0].lower().endswith(PICTURE_SUFFIXES):
            continue  # a readme or a header
        try:
            yield words[0], [float(word) for word in words[1:]]
        except ValueError as error:
            problems.add(f"{path}:{number}", f"not numbers ({error})", Reason.UNUSABLE)


def _mat_rows(path: Path, problems: Problems) -> Iterator[tuple[str, list[float]]]:
    try:
        from scipy.io import loadmat
    except ModuleNotFoundError as error:
        raise MissingExtraError("reading MAFA's .mat files", "train") from error
    try:
        content = loadmat(path)
        table: Any = next(content[key] for key in ("label_train", "LabelTest") if key in content)
        rows = [
            (str(entry[-2].item()), [[float(v) for v in row] for row in entry[-1]]) for entry in table.flat
        ]
    except Exception as error:  # parsers raise many kinds of errors on damaged data
        problems.add(path, f"not MAFA's labels ({error!r})", Reason.BROKEN)
        return
    for name, faces in rows:
        for face in faces:
            yield name, face
