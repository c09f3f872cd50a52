"""Write the labelling sheet of an audit: one HTML page, or tasks for Label Studio."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from PIL.Image import Image

from crowdmask.errors import PictureError, SourceError
from crowdmask.files import write_text
from crowdmask.labels import LABELS
from crowdmask.media.pictures import open_picture
from crowdmask.survey.audit.answers import CANNOT_TELL, CHIN, FORMAT, KEY, NO_FACE, UNLABELLED

_LONG_SIDE = 1600
_CONTROL, _OBJECT = "face", "photo"
_COLOURS = ("#0072b2", "#d55e00", "#f0e442", "#cc79a7", "#969696", "#000000")
CHOICES = (*LABELS, CHIN, CANNOT_TELL, NO_FACE)
"""The labels that the sheet offers."""


@dataclass(frozen=True)
class SheetPhoto:
    """One drawn photo.

    Attributes:
        source: the photo's path, as in the survey.
        probability: probability with which it was drawn.
        boxes: of the detected faces, xyxy pixels; their labels are not shown.
        picture: a frame of a video; None: the photo is read from `source`.
    """

    source: str
    probability: float
    boxes: Sequence[Sequence[float]]
    picture: Image | None = None


def write_sheet(path: str, photos: Sequence[SheetPhoto], seed: int) -> None:
    """Write a page that works without a network: it contains the photos, and saves the answers as a file.

    Raises:
        SourceError: a photo cannot be read.
        OutputError: the page cannot be written.
    """
    payload = {KEY: FORMAT, "seed": seed, "photos": [_embedded(photo) for photo in photos]}
    # Only this sequence can end a script element.
    data = json.dumps(payload).replace("</", "<\\/")
    template = (resources.files("crowdmask.survey.audit") / "sheet.html").read_text(encoding="utf-8")
    write_text(Path(path), template.replace("__PAYLOAD__", data), what="the sheet")


def write_tasks(path: str, photos: Sequence[SheetPhoto]) -> None:
    """Write tasks for Label Studio, and its labelling configuration (`.xml`).

    Raises:
        SourceError: a photo cannot be read.
        OutputError: a file cannot be written.

    Source: https://labelstud.io/guide/predictions and https://labelstud.io/tags/rectanglelabels
    """
    tasks = [_task(photo) for photo in photos]
    write_text(Path(path), json.dumps(tasks, indent=1) + "\n", what="the tasks")
    labels = "\n".join(
        f'    <Label value="{name}" background="{colour}"/>'
        for name, colour in zip((UNLABELLED, *CHOICES), ("#ffffff", *_COLOURS), strict=True)
    )
    write_text(
        Path(path).with_suffix(".xml"),
        "<View>\n"
        '  <Header value="Label every face, box those without a box, and call what is no face no_face."/>\n'
        f'  <Image name="{_OBJECT}" value="$image" zoom="true"/>\n'
        f'  <RectangleLabels name="{_CONTROL}" toName="{_OBJECT}" canRotate="false">\n'
        f"{labels}\n  </RectangleLabels>\n</View>\n",
        what="the configuration",
    )


def _embedded(photo: SheetPhoto) -> dict[str, Any]:
    image, width, height = _picture(photo)
    return {
        "source": photo.source,
        "probability": photo.probability,
        "width": width,
        "height": height,
        "image": f"data:image/jpeg;base64,{image}",
        "boxes": [[round(float(side), 1) for side in box] for box in photo.boxes],
    }


def _task(photo: SheetPhoto) -> dict[str, Any]:
    image, width, height = _picture(photo)
    regions = [
        {
            "id": f"face{number}",
            "type": "rectanglelabels",
            "from_name": _CONTROL,
            "to_name": _OBJECT,
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "value": {
                "x": 100 * x1 / width,
                "y": 100 * y1 / height,
                "width": 100 * (x2 - x1) / width,
                "height": 100 * (y2 - y1) / height,
                "rotation": 0,
                "rectanglelabels": [UNLABELLED],
            },
        }
        for number, (x1, y1, x2, y2) in enumerate(photo.boxes)
    ]
    return {
        "data": {
            "image": f"data:image/jpeg;base64,{image}",
            "source": photo.source,
            "probability": photo.probability,
        },
        "predictions": [{"model_version": "boxes without labels", "result": regions}],
    }


def _picture(photo: SheetPhoto) -> tuple[str, int, int]:
    """Return the photo as JPEG in base64, and its size in the pixels of the boxes."""
    if photo.picture is not None:
        image = photo.picture
        width, height = image.size
    else:
        try:
            picture = open_picture(photo.source)
        except PictureError as error:
            raise SourceError(f"{error}: an audit needs the photos beside the records") from error
        image, width, height = picture.image, picture.width, picture.height
    if max(image.size) > _LONG_SIDE:
        image = image.copy()
        image.thumbnail((_LONG_SIDE, _LONG_SIDE))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=88)
    return base64.b64encode(file.getvalue()).decode(), width, height
