"""The network's output for each view of a picture, and the faces that follow from it.

A picture is run once as a whole (the first pass). Where that shows small faces, one part of it is run again,
enlarged (the closer look); where it shows near faces or none, the whole again, smaller: the farther look,
which then takes the place of the first pass. Or it is run in overlapping tiles and once as a whole.
"""

from __future__ import annotations

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
class FoundOnce:
    """The faces of a network's answer, suppressed once for several thresholds.

    Only a box with a higher score suppresses another, so the faces above a threshold are the first ones of
    those above a lower one.

    Attributes:
        least: minimum score.
        faces: one box each, highest score first, in pixels of the photo.
    """

    least: float
    faces: RawFaces

    def above(self, least: float) -> RawFaces:
        """Return the faces with a score of `least`, which is not below the own one, or more."""
        return self.faces[self.faces.best >= least]


@dataclass(frozen=True, eq=False)
class PictureAnswers:
    """The network's output for each view of one picture.

    Attributes:
        plan: the views.
        answers: one for each view; with a closer look the second one is that of the part.
        scale: pixels of the photo per pixel of the plan, horizontally and vertically.
        closer: the part of the closer look, or None.
        found: the faces of the first answer, if they are known already.
    """

    plan: TilePlan
    answers: tuple[NetworkAnswer, ...]
    scale: tuple[float, float]
    closer: View | None = None
    found: FoundOnce | None = None


def find_once(first: NetworkAnswer, decoder: Decoder) -> FoundOnce:
    """Find the faces of a first pass, down to the score that decides on a second pass and the shown one.

    Args:
        first: output of the first pass.
        decoder: its thresholds decide which faces are shown.
    """
    least = min(LEAST_SCORE, least_scores(decoder.least_raw)[0])
    return FoundOnce(least, suppress(boxes_above(least, *first, decoder.info), decoder.info))


def sure_faces(picture: Picture, found: FoundOnce) -> RawFaces:
    """Return the faces of the first pass that decide on a second one, in pixels of the picture in memory.

    Args:
        found: in the first pass, down to `LEAST_SCORE` or further.
    """
    sure = found.above(LEAST_SCORE)
    image = picture.image
    to_image = np.array([image.width / picture.width, image.height / picture.height] * 2, np.float32)
    return RawFaces(sure.xyxy * to_image, sure.scores)


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
        least = least_scores(decoder.least_raw)
        looks = [_decode(number, answers, least[number], decoder.info, stopwatch) for number in range(2)]
        with stopwatch.stage("suppress"):
            first, second = (_one_a_face(each, decoder.info) for each in looks)
            return _join(answers, first, second, answers.closer, decoder)
    shown = []
    for number in range(len(answers.answers)):
        found = _decode(number, answers, decoder.least_raw, decoder.info, stopwatch)
        with stopwatch.stage("suppress"):
            shown.append(decoder.label(_one_a_face(found, decoder.info)))
    if not answers.plan.tiles:
        return shown[0]
    placed = [
        replace(each, xyxy=each.xyxy + np.array([view.x1, view.y1] * 2, np.float32))
        for each, view in zip(shown, answers.plan.views, strict=True)
    ]
    merged = merge(answers.plan, placed, decoder.info)
    return replace(merged, xyxy=merged.xyxy * np.array(answers.scale * 2, np.float32))


def _decode(
    number: int, answers: PictureAnswers, least: float, info: ModelInfo, stopwatch: Stopwatch
) -> RawFaces | FoundOnce:
    """Return the boxes of one answer with a score of `least` or more, or the faces if they are known."""
    known = answers.found if number == 0 else None
    if known is not None and known.least <= least:
        return FoundOnce(least, known.above(least))
    with stopwatch.stage("decode"):
        return boxes_above(least, *answers.answers[number], info)


def _one_a_face(found: RawFaces | FoundOnce, info: ModelInfo) -> RawFaces:
    return found.faces if isinstance(found, FoundOnce) else suppress(found, info)


def _join(
    answers: PictureAnswers, first: RawFaces, second: RawFaces, closer: View, decoder: Decoder
) -> Detections:
    to_photo = np.array(answers.scale * 2, np.float32)
    placed = second.xyxy + np.array([closer.x1, closer.y1] * 2, np.float32)
    joined = join(
        RawFaces(first.xyxy / to_photo, first.scores),
        RawFaces(placed, second.scores),
        closer,
        answers.plan.width,
        answers.plan.height,
        decoder.info,
    )
    return decoder.label(RawFaces(joined.xyxy * to_photo, joined.scores))
