"""Label Studio: tasks with predictions to import, its labelling configuration, and its JSON export.

Boxes are in percent of the picture as shown, which is upright; a rotated box is rotated clockwise about its
top left corner. Source: https://labelstud.io/guide/predictions and https://labelstud.io/tags/rectanglelabels
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from crowdmask.data.labelling.corrections import Correction, ReviewSummary, Shape
from crowdmask.data.labelling.drafts import COLOURS, TOOL_LABELS, Draft, DraftFace
from crowdmask.errors import DataError

CONTROL, OBJECT = "face", "photo"
"""The configuration's names for its rectangles and its picture; tasks refer to them."""


def config_text() -> str:
    """Return the labelling configuration to paste into a project's settings."""
    labels = "\n".join(f'    <Label value="{name}" background="{COLOURS[name]}"/>' for name in TOOL_LABELS)
    return f"""<View>
  <Header value="Box each face from forehead to chin. Unsure ones are marked in the list of regions."/>
  <Image name="{OBJECT}" value="$image" zoom="true" zoomControl="true" rotateControl="false"/>
  <RectangleLabels name="{CONTROL}" toName="{OBJECT}" canRotate="false" strokeWidth="2">
{labels}
  </RectangleLabels>
</View>
"""


def local_prefix(folder: Path) -> str:
    """Return the address of a folder's photos, if its parent folder is Label Studio's document root."""
    return f"/data/local-files/?d={quote(folder.resolve().name)}/"


def task(draft: Draft, prefix: str) -> dict[str, Any]:
    """Return one photo as a task with a prediction."""
    photo = draft.photo
    result = [_region(number, face, photo.width, photo.height) for number, face in enumerate(draft.faces)]
    prediction: dict[str, Any] = {"model_version": draft.origin, "result": result}
    known = [face.confidence for face in draft.faces if face.confidence is not None]
    if known:
        prediction["score"] = min(known)  # tasks can be sorted by it: lowest confidence first
    return {
        "data": {"image": prefix + quote(photo.photo), "photo": photo.photo},
        "predictions": [prediction],
    }


def _region(number: int, face: DraftFace, width: int, height: int) -> dict[str, Any]:
    x1, y1, x2, y2 = face.box
    region: dict[str, Any] = {
        "id": f"face{number}",
        "type": "rectanglelabels",
        "from_name": CONTROL,
        "to_name": OBJECT,
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "value": {
            "x": 100 * x1 / width,
            "y": 100 * y1 / height,
            "width": 100 * (x2 - x1) / width,
            "height": 100 * (y2 - y1) / height,
            "rotation": 0,
            "rectanglelabels": [face.label],
        },
    }
    if face.confidence is not None:
        region["score"] = face.confidence
    if face.unsure:
        region["meta"] = {"text": [f"unsure: {face.confidence or 0:.2f}"]}
    return region


def read_export(content: bytes, name: str, summary: ReviewSummary) -> Iterator[Correction]:
    """Read an export of the kind "JSON".

    Args:
        name: of the file, for messages.
        summary: counts the unfinished tasks.
    Raises:
        DataError: it is not such an export.
    """
    try:
        tasks = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name}: not readable as JSON ({error})") from error
    if not isinstance(tasks, list) or not all(isinstance(item, dict) for item in tasks):
        raise DataError(f"{name}: not an export of Label Studio: it is not a list of tasks")
    for number, item in enumerate(tasks, 1):
        data, annotations = item.get("data"), item.get("annotations")
        if not isinstance(data, dict) or not isinstance(annotations, list):
            raise DataError(
                f"{name}: task {number} has no 'data' or 'annotations': export as 'JSON', not as 'JSON-MIN'"
            )
        finished = [a for a in annotations if isinstance(a, dict) and not a.get("was_cancelled")]
        if not finished:
            summary.waiting += 1
            continue
        summary.again += len(finished) > 1
        last = max(finished, key=lambda a: str(a.get("updated_at") or a.get("created_at") or ""))
        yield _correction(_names(data), last.get("result"))


def _names(data: dict[str, Any]) -> tuple[str, ...]:
    names = []
    if isinstance(data.get("photo"), str):
        names.append(data["photo"])
    image = data.get("image")
    if isinstance(image, str):
        try:
            parts = urlsplit(image)
            names.append(parse_qs(parts.query).get("d", [unquote(parts.path)])[0].lstrip("/"))
        except ValueError:
            names.append(image)
    return tuple(filter(None, names))


def _correction(names: tuple[str, ...], result: Any) -> Correction:
    shapes: list[Shape] = []
    problems: list[str] = []
    sizes: set[tuple[float, float]] = set()
    for region in result if isinstance(result, list) else []:
        try:
            if region["type"] != "rectanglelabels":
                raise ValueError(f"a {region['type']}, not a rectangle with a label")
            value = region["value"]
            labels = value["rectanglelabels"]
            if not isinstance(labels, list) or len(labels) != 1:
                raise ValueError(f"a rectangle with the labels {labels}, not one")
            x, y, w, h = (float(value[key]) / 100 for key in ("x", "y", "width", "height"))
            shapes.append(Shape(str(labels[0]), (x, y, w, h), float(value.get("rotation") or 0)))
            if region.get("original_width") and region.get("original_height"):
                sizes.add((float(region["original_width"]), float(region["original_height"])))
            if region.get("image_rotation"):
                raise ValueError("the picture was turned in the tool")
        except (KeyError, TypeError) as error:
            problems.append(f"a region that is not usable ({error!r})")
        except ValueError as error:
            problems.append(str(error))
    if len(sizes) > 1:
        problems.append("its regions were drawn on pictures of several sizes")
    return Correction(names, tuple(shapes), min(sizes, default=None), relative=True, problems=tuple(problems))
