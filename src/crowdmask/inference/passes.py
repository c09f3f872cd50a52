"""The network's output for each view of a picture, and the faces that follow from it.

A picture is run once as a whole (the first pass). Where that shows small faces, one part of it is run again,
enlarged (the closer look); where it shows near faces or none, the whole again, smaller: the farther look,
which then takes the place of the first pass. Or it is run in overlapping tiles and once as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crowdmask.detections import Detections
from crowdmask.inference.closer import LEAST_SCORE, closer_view, join, least_scores
from crowdmask.inference.decode import Decoder, RawFaces, boxes_above, suppress
from crowdmask.inference.farther import shows_near_faces_only
from crowdmask.inference.merge import merge
from crowdmask.inference.model_file import ModelInfo
from crowdmask.inference.preprocess import Prepared
from crowdmask.inference.stopwatch import NO_STOPWATCH, Stopwatch
from crowdmask.inference.tiles import TilePlan, View
from crowdmask.media.pictures import Picture


class NetworkAnswer(NamedTuple):
    """The network's output for one input.

    scores: (A, L) float32, 0 to 1, joint probability of a face and each label.
    deltas: (A, 4) float32, SSD offsets from the default boxes.
    prepared: the input.
    """

    scores: NDArray[np.float32]
    deltas: NDArray[np.float32]
    prepared: Prepared


@dataclass(frozen=True, eq=False)
class PictureAnswers:
    """The network's output for each view of one picture.

    Attributes:
        plan: the views.
        answers: one for each view; with a closer look the second one is that of the part.
        scale: pixels of the photo per pixel of the plan, horizontally and vertically.
        closer: the part of the closer look, or None.
    """

    plan: TilePlan
    answers: tuple[NetworkAnswer, ...]
    scale: tuple[float, float]
    closer: View | None = None


def sure_faces(picture: Picture, first: NetworkAnswer, info: ModelInfo) -> RawFaces:
    """Return the faces of the first pass that decide on a second one, in pixels of the picture in memory.

    Args:
        first: output of the first pass.
        info: of the model.
    """
    found = suppress(boxes_above(LEAST_SCORE, *first, info), info)
    image = picture.image
    to_image = np.array([image.width / picture.width, image.height / picture.height] * 2, np.float32)
    return RawFaces(found.xyxy * to_image, found.scores)


def part_with_small_faces(picture: Picture, sure: RawFaces, info: ModelInfo) -> View | None:
    """Choose the part for the closer look; None if there is nothing to gain.

    Args:
        sure: see `sure_faces`.
        info: of the model.
    """
    image = picture.image
    return closer_view(sure, image.width, image.height, info)


def calls_for_a_farther_look(picture: Picture, sure: RawFaces, info: ModelInfo) -> bool:
    """Return whether the picture is to be seen again, smaller, instead of the first pass.

    Args:
        sure: see `sure_faces`.
        info: of the model.
    """
    return shows_near_faces_only(sure, max(picture.image.width, picture.image.height), info)


def to_faces(answers: PictureAnswers, decoder: Decoder, stopwatch: Stopwatch = NO_STOPWATCH) -> Detections:
    """Turn the network's output into faces, one box each.

    Args:
        answers: output for one picture.
        decoder: its thresholds decide which faces are kept.
        stopwatch: times the stages ``decode`` and ``suppress``.
    Returns:
        Faces, highest confidence first, in pixels of the upright photo.
    """
    if answers.closer is not None:
        looks = []
        for least, each in zip(least_scores(decoder.least_raw), answers.answers, strict=True):
            with stopwatch.stage("decode"):
                looks.append(boxes_above(least, *each, decoder.info))
        with stopwatch.stage("suppress"):
            return _join(answers, looks, answers.closer, decoder)
    found = []
    for each in answers.answers:
        with stopwatch.stage("decode"):
            boxes = decoder.boxes(*each)
        with stopwatch.stage("suppress"):
            found.append(decoder.one_a_face(boxes))
    if not answers.plan.tiles:
        return found[0]
    placed = [
        replace(each, xyxy=each.xyxy + np.array([view.x1, view.y1] * 2, np.float32))
        for each, view in zip(found, answers.plan.views, strict=True)
    ]
    faces = merge(answers.plan, placed, decoder.info)
    return replace(faces, xyxy=faces.xyxy * np.array(answers.scale * 2, np.float32))


def _join(answers: PictureAnswers, looks: Sequence[RawFaces], closer: View, decoder: Decoder) -> Detections:
    info = decoder.info
    first, second = (suppress(each, info) for each in looks)
    to_photo = np.array(answers.scale * 2, np.float32)
    placed = second.xyxy + np.array([closer.x1, closer.y1] * 2, np.float32)
    joined = join(
        RawFaces(first.xyxy / to_photo, first.scores),
        RawFaces(placed, second.scores),
        closer,
        answers.plan.width,
        answers.plan.height,
        info,
    )
    return decoder.label(RawFaces(joined.xyxy * to_photo, joined.scores))
