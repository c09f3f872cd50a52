"""Read crops in folders named by class, and MAFA's lists: sources without an annotation file a photo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from crowdmask.data.formats.annotation import PICTURE_SUFFIXES, Annotation, RawBox
from crowdmask.data.problems import Problems, Reason
from crowdmask.errors import MissingExtraError

_COVERS = {1: "simple", 2: "complex", 3: "human_body"}
_MIN_PX = 5


def read_folders(folder: Path, problems: Problems, is_class: Callable[[str], bool]) -> Iterator[Annotation]:
    """Read pictures whose folder's name is their class: one face each, the whole picture its box.

    Args:
        folder: pictures in folders, at any depth, as in ``Train/Mask/a.jpg``.
        problems: pictures in no folder of a class are noted here.
        is_class: whether a folder's name is that of a class; the nearest one above a picture counts.
    """
    for path in find_pictures(folder):
        above = path.relative_to(folder).parts[:-1]
        label = next((name for name in reversed(above) if is_class(name)), None)
        if label is None and not above:
            problems.add(path, "lies in no folder of a class", Reason.NO_ANNOTATION)
            continue
        box = RawBox(label or above[-1], (0, 0, 1, 1))
        yield Annotation(path.relative_to(folder).as_posix(), (box,), relative=True)


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


def find_pictures(folder: Path) -> list[Path]:
    """Return all pictures below a folder, by their suffix."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
    return sorted(path for path in found if not path.name.startswith("._") and path.is_file())


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
            continue  # a readme or a heading
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
    except Exception as error:  # what a parser raises on damaged bytes has no end
        problems.add(path, f"not MAFA's labels ({error!r})", Reason.BROKEN)
        return
    for name, faces in rows:
        for face in faces:
            yield name, face
