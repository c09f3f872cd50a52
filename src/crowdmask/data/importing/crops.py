"""Find the face in pictures whose class is known but whose box is not."""

from __future__ import annotations

from pathlib import Path

from crowdmask.boxes import area
from crowdmask.data.formats.box_rules import clip_box
from crowdmask.data.manifest import Box, Face, Photo
from crowdmask.progress import Progress

MODEL = "crowd"


def find_faces(
    judged: list[tuple[Path, Photo]], notes: dict[str, int], progress: Progress
) -> list[tuple[Path, Photo]]:
    """Replace the whole picture as box by the face that our detector finds in it.

    The largest face gets the class of the picture. Other faces become ignored regions, since their
    class is unknown; if no face is found, the whole picture does.

    Args:
        judged: pictures with one face each, whose box is the whole picture.
        notes: these cases are counted here.
        progress: told of every picture.
    """
    from crowdmask.inference.detector import Detector
    from crowdmask.media.pictures import open_picture

    detector = Detector(MODEL)
    result = []
    for number, (path, photo) in enumerate(judged, 1):
        progress("finding faces in crops", number, len(judged))
        xyxy = detector.detect(open_picture(path)).xyxy
        order = (-area(xyxy)).argsort(kind="stable")
        boxes = [clip_box(_floats(xyxy[i]), photo.width, photo.height) for i in order]
        result.append((path, photo.model_copy(update={"faces": _faces(photo, boxes)})))
        _count(notes, "crops in which no face was found: ignored as a whole", not boxes)
        _count(notes, "further faces in crops: ignored", max(0, len(boxes) - 1))
    return result


def _faces(photo: Photo, boxes: list[Box]) -> list[Face]:
    given = (photo.faces or [])[:1]
    if not boxes:
        return [face.model_copy(update={"ignore": True}) for face in given]
    found = [face.model_copy(update={"box": boxes[0]}) for face in given]
    return found + [Face(box=box, label=None, ignore=True) for box in boxes[1:]]


def _floats(row: object) -> Box:
    x1, y1, x2, y2 = (float(value) for value in row)  # type: ignore[attr-defined]
    return x1, y1, x2, y2


def _count(notes: dict[str, int], what: str, number: int) -> None:
    if number:
        notes[what] = notes.get(what, 0) + number
