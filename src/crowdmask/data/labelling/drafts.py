"""What is sent to a labelling tool: photos and the faces proposed in them."""

from __future__ import annotations

from dataclasses import dataclass

from crowdmask.data.manifest import Box, Photo
from crowdmask.detections import Detections
from crowdmask.drawing import palette
from crowdmask.drawing.palette import as_hex
from crowdmask.labels import LABELS

IGNORE = "ignore"
"""The tools' label of an ignored region: a poster, an unrecognisable face."""

TOOL_LABELS = (*LABELS, IGNORE)
COLOURS = {label: as_hex(palette.COLOURS.get(label, palette.GREY)) for label in TOOL_LABELS}
"""The colours of the tools' labels, the same as in our pictures."""


@dataclass(frozen=True)
class DraftFace:
    """A proposed face.

    Attributes:
        box: x1, y1, x2, y2 in pixels of the upright photo.
        label: one of `TOOL_LABELS`.
        confidence: of the detector; None if the face comes from a person or a source.
        unsure: the face needs a careful check.
    """

    box: Box
    label: str
    confidence: float | None = None
    unsure: bool = False


@dataclass(frozen=True)
class Draft:
    """A photo and the faces proposed in it; `origin` says where they come from."""

    photo: Photo
    faces: tuple[DraftFace, ...]
    origin: str


def from_manifest(photo: Photo) -> Draft:
    """Return the faces that are already annotated in a photo."""
    faces = tuple(
        DraftFace(face.box, IGNORE if face.ignore or face.label is None else face.label)
        for face in photo.faces or ()
    )
    return Draft(photo, faces, "manifest")


def from_detections(photo: Photo, found: Detections, unsure_below: float, origin: str) -> Draft:
    """Return the faces that a detector found; mark those with low confidence.

    Args:
        unsure_below: confidence, 0 to 1.
        origin: the model's name and hash.
    """
    faces = []
    for box, confidence, label in zip(found.xyxy, found.confidence, found.labels, strict=True):
        x1, y1, x2, y2 = (round(float(edge), 2) for edge in box)
        sure = float(confidence)
        faces.append(DraftFace((x1, y1, x2, y2), label, round(sure, 4), sure < unsure_below))
    return Draft(photo, tuple(faces), origin)
