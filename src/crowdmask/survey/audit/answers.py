"""Read a person's labels for the photos of an audit, written by the sheet or by Label Studio."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdmask.errors import DataError, SourceError
from crowdmask.labels import LABELS

FORMAT = 1
KEY = "crowdmask_audit"
CHIN, CANNOT_TELL, NO_FACE, UNLABELLED = "mask_under_chin", "cannot_tell", "no_face", "unlabelled"
ANSWERS = (*LABELS, CHIN, CANNOT_TELL)
"""Possible labels of a face; a box that is not a face is left out."""


@dataclass(frozen=True, eq=False)
class AuditedPhoto:
    """One labelled photo.

    Attributes:
        source: its name, as in the survey.
        probability: probability with which it was drawn.
        boxes: (N, 4) float32 xyxy, pixels.
        answers: N, of `ANSWERS`.
    """

    source: str
    probability: float
    boxes: NDArray[np.float32]
    answers: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Answers:
    """All labels of one person.

    Attributes:
        name: of the file.
        labeller: name entered by the person.
        photos: finished photos.
        unfinished: number of unfinished photos.
    """

    name: str
    labeller: str
    photos: tuple[AuditedPhoto, ...]
    unfinished: int


def read_answers(path: str) -> Answers:
    """Read a file of answers.

    Raises:
        SourceError: it cannot be opened.
        DataError: it contains no answers, or invalid ones.
    """
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:
        raise DataError(
            f"{path}: no JSON: give the file that the sheet saved, or Label Studio's export"
        ) from error
    try:
        if isinstance(value, dict) and value.get(KEY) == FORMAT:
            return _of_sheet(path, value)
        if isinstance(value, list) and value and isinstance(value[0], dict) and "annotations" in value[0]:
            return _of_label_studio(path, value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: the answers are damaged ({error}): save them again") from error
    raise DataError(
        f"{path}: no answers of an audit: give the file that the sheet saved, or Label Studio's export"
    )


def _of_sheet(path: str, value: dict[str, Any]) -> Answers:
    done = [photo for photo in value["photos"] if photo.get("done")]
    photos = [
        _photo(
            photo["source"], photo["probability"], [(face["box"], face["label"]) for face in photo["faces"]]
        )
        for photo in done
    ]
    return Answers(path, str(value.get("labeller") or path), tuple(photos), len(value["photos"]) - len(done))


def _of_label_studio(path: str, tasks: Sequence[dict[str, Any]]) -> Answers:
    photos, labeller = [], ""
    for task in tasks:
        finished = [each for each in task["annotations"] if not each.get("was_cancelled")]
        if not finished:
            continue
        faces = []
        for region in finished[-1]["result"]:
            if region.get("type") != "rectanglelabels":
                continue
            shape, width, height = region["value"], region["original_width"], region["original_height"]
            x, y = shape["x"] * width / 100, shape["y"] * height / 100
            box = [x, y, x + shape["width"] * width / 100, y + shape["height"] * height / 100]
            faces.append((box, shape["rectanglelabels"][0]))
        labeller = labeller or str(finished[-1].get("completed_by", ""))
        photos.append(_photo(task["data"]["source"], task["data"]["probability"], faces))
    return Answers(path, labeller or path, tuple(photos), len(tasks) - len(photos))


def _photo(source: Any, probability: Any, faces: Sequence[tuple[Any, Any]]) -> AuditedPhoto:
    chance = float(probability)
    if not 0 < chance <= 1:
        raise ValueError(f"the probability {chance} of {source}")
    open_ = [label for _, label in faces if label == UNLABELLED]
    if open_:
        raise ValueError(f"{source}: {len(open_)} faces have no label")
    kept = [(box, str(label)) for box, label in faces if label != NO_FACE]
    strange = {label for _, label in kept} - set(ANSWERS)
    if strange:
        raise ValueError(f"{source}: unknown label {', '.join(sorted(strange))}")
    boxes = np.array([[float(side) for side in box] for box, _ in kept], np.float32).reshape(-1, 4)
    return AuditedPhoto(str(source), chance, boxes, tuple(label for _, label in kept))
