"""YOLO: one text file for each picture, with boxes relative to its width and height."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from crowdmask.data.formats.annotation import Annotation
from crowdmask.data.formats.box_rules import IGNORE
from crowdmask.data.formats.finding import (
    below,
    find_files,
    first_files,
    first_folder,
    picture_for,
    read_head,
    say_why,
)
from crowdmask.data.formats.item import UNSPLIT, Item, by_split, faces_of, place_by_split, write_text
from crowdmask.data.formats.yolo_line import YoloNames, parse_line
from crowdmask.data.manifest import Face
from crowdmask.data.problems import Problems, Reason
from crowdmask.labels import LABELS

place_of = place_by_split


def read_yolo(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read YOLO: ``labels/*.txt`` beside ``images``.

    Class names are in ``classes.txt``, ``*.names`` or ``data.yaml``.
    Subfolders are read, too (``labels/train`` or ``train/labels``), and also a folder with both kinds of
    files. Without names the classes are called by their numbers. A line may also be an
    outline or a box with keypoints, see `parse_line`.
    """
    label_folder = first_folder(folder, ("labels", "."))
    picture_folder = first_folder(folder, ("images", "."))
    about = YoloNames(_yolo_names(folder, label_folder, problems), _keypoint_shape(folder))
    for path in find_files(label_folder, "*.txt", problems):
        if path.name == "classes.txt":
            continue
        mirrored = folder.joinpath(*_last_replaced(path.parent.relative_to(folder).parts, "labels", "images"))
        picture = picture_for((mirrored, path.parent, picture_folder), path.stem, None)
        try:
            lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
        except OSError as error:
            problems.add(path, f"not readable ({error.strerror})", Reason.BROKEN)
            continue
        if picture is None:
            # A readme or a list of pictures, as Roboflow, CVAT and darknet add them, is not a label file.
            if not any(map(str.strip, lines)) or any(map(_is_label, lines)):
                problems.add(path, "its picture is missing", Reason.NO_PICTURE)
            continue
        boxes, unreadable = [], 0
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                boxes.append(parse_line(line.split(), about))
            except (ValueError, OverflowError):
                why = "not 'class cx cy width height', in parts of the picture"
                problems.add(f"{path}:{number}", why, Reason.UNUSABLE)
                unreadable += 1
        yield Annotation(below(picture, folder), tuple(boxes), relative=True, unreadable=unreadable)


def write_yolo(folder: Path, items: list[Item]) -> None:
    """Write ``labels/SPLIT/NAME.txt``, ``data.yaml`` and ``classes.txt``; photos lie in ``images/SPLIT``."""
    extra = sorted({_yolo_name(face) for face in faces_of(items)} - {*LABELS})
    names = [*LABELS, *extra]
    for item in items:
        lines = []
        for face in item.photo.faces or ():
            x1, y1, x2, y2 = face.box
            w, h = item.photo.width, item.photo.height
            parts = ((x1 + x2) / 2 / w, (y1 + y2) / 2 / h, (x2 - x1) / w, (y2 - y1) / h)
            words = [str(names.index(_yolo_name(face))), *(f"{part:.15g}" for part in parts)]
            lines.append(" ".join(words) + "\n")
        write_text(folder / "labels" / item.split / f"{item.stem}.txt", "".join(lines))
    splits = {split: f"images/{split}" for split in by_split(items)}
    if "train" not in splits:  # trainers require it
        train = splits.pop(UNSPLIT, None) or next(iter(splits.values()))
        splits = {"train": train, **splits}
    about = {**splits, "nc": len(names), "names": dict(enumerate(names))}
    text = yaml.safe_dump(about, sort_keys=False)
    write_text(folder / "data.yaml", text)
    write_text(folder / "classes.txt", "\n".join(names) + "\n")


def recognise(folder: Path) -> bool:
    """Whether a folder contains text files with lines of YOLO."""
    for path in first_files(folder, "*.txt", 20):
        first = next((line.split() for line in read_head(path).splitlines() if line.strip()), [])
        try:
            parse_line(first, YoloNames())
        except (ValueError, OverflowError):
            continue
        return True
    return False


def _is_label(line: str) -> bool:
    try:
        parse_line(line.split(), YoloNames())
    except (ValueError, OverflowError):
        return False
    return True


def _yolo_names(folder: Path, label_folder: Path, problems: Problems) -> dict[int, str]:
    """Return the names of the class numbers; none if two files contradict each other, since one is wrong."""
    found = [*_listed_names(folder, label_folder), *_described_names(folder, problems)]
    for path, names in found[1:]:
        first, counts = found[0]
        for number in sorted(names.keys() & counts.keys()):
            if names[number].casefold() != counts[number].casefold():
                why = (
                    f"names class {number} {names[number]!r}, and {first.name} {counts[number]!r}: remove one"
                )
                problems.add(path, why, Reason.BROKEN)
                return {}
    return found[0][1] if found else {}


def _listed_names(folder: Path, label_folder: Path) -> Iterator[tuple[Path, dict[int, str]]]:
    darknet = [*sorted(folder.glob("*.names")), *sorted(folder.glob("*.labels"))]
    darknet += sorted(folder.glob("*/_darknet.labels"))
    for path in dict.fromkeys((folder / "classes.txt", label_folder / "classes.txt", *darknet)):
        if path.is_file():
            lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
            yield path, {i: line.strip() for i, line in enumerate(lines) if line.strip()}


def _described_names(folder: Path, problems: Problems) -> Iterator[tuple[Path, dict[int, str]]]:
    others = [path for path in sorted(folder.glob("*.y*ml")) if "names:" in read_head(path)]
    for path in dict.fromkeys((folder / "data.yaml", folder / "dataset.yaml", *others)):
        if not path.is_file():
            continue
        try:
            names = yaml.safe_load(path.read_text(encoding="utf-8-sig"))["names"]
            pairs = list(names.items() if isinstance(names, dict) else enumerate(names))
            # Aliases in YAML can make a small nested value huge when it is converted to text.
            if any(not isinstance(name, (str, int, float)) for _, name in pairs):
                raise ValueError("a name that is not text")
            yield path, {int(i): str(name) for i, name in pairs}
        except (yaml.YAMLError, OSError, ValueError, KeyError, TypeError) as error:
            why = "not YAML" if isinstance(error, yaml.YAMLError) else say_why(error)
            problems.add(path, f"has no class names ({why})", Reason.BROKEN)


def _keypoint_shape(folder: Path) -> tuple[int, int] | None:
    """Return ``kpt_shape`` of the data set's YAML: keypoints of each object, and 2 or 3 values for each."""
    for path in sorted(folder.glob("*.y*ml")):
        if "kpt_shape" not in read_head(path):
            continue
        try:
            number, size = yaml.safe_load(path.read_text(encoding="utf-8"))["kpt_shape"]
        except (yaml.YAMLError, OSError, ValueError, KeyError, TypeError):
            continue
        if isinstance(number, int) and size in (2, 3):
            return number, int(size)
    return None


def _last_replaced(parts: tuple[str, ...], old: str, new: str) -> list[str]:
    replaced = list(parts)
    if old in parts:
        replaced[len(parts) - 1 - parts[::-1].index(old)] = new
    return replaced


def _yolo_name(face: Face) -> str:
    if face.ignore:
        return f"{IGNORE}_{face.label}" if face.label else IGNORE
    return face.label or IGNORE
