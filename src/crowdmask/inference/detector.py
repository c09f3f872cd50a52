"""The detector that users run and that evaluation measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crowdmask.detections import Detections
from crowdmask.errors import ModelError, UsageError
from crowdmask.inference.backends import load_backend
from crowdmask.inference.closer import LEAST_SCORE, closer_view, join, least_scores, worth_while
from crowdmask.inference.decode import Decoder, RawFaces, boxes_above, suppress
from crowdmask.inference.merge import merge
from crowdmask.inference.model_file import DEFAULT_MODEL, ModelInfo, hash_of, locate, parse_metadata
from crowdmask.inference.preprocess import Prepared, prepare
from crowdmask.inference.tiles import OFF, Plan, View, check_setting, make_plan
from crowdmask.labels import LABELS
from crowdmask.media.pictures import Picture, as_picture

if TYPE_CHECKING:
    from PIL import Image

MIN_PICTURE_PX = 8
"""A picture with a shorter side holds no face: the smallest that the detectors look for is 8 pixels."""

MIN_INPUT_PX, MAX_INPUT_PX = 64, 4096


Answer: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32], Prepared]
Lap: TypeAlias = Callable[..., Any]
"""Takes the name of a stage, what to do and its arguments; returns what that returns."""


def _go(_stage: str, work: Callable[..., Any], *arguments: Any) -> Any:
    return work(*arguments)


@dataclass(frozen=True, eq=False)
class Seen:
    """What the network said about each view of one picture.

    Attributes:
        plan: the views.
        answers: for each view the scores (A, 3), the deltas (A, 4) and the input.
        scale: pixels of the photo for one of the plan, across and down.
        closer: the part that was looked at once more, its answer being the second.
    """

    plan: Plan
    answers: tuple[Answer, ...]
    scale: tuple[float, float]
    closer: View | None = None


class Detector:
    """Find the faces of a picture and say of each whether it wears a mask.

    Loading takes about 0.3 s; keep one detector for many pictures. Several threads may share it.

    Attributes:
        model_name, model_path, model_hash: which model this is; the hash is of its file.
        info: what the model file says about itself.
        threshold: least confidence of each label, in the order of `LABELS`.
        tiles: whether large pictures are looked at in tiles.
    """

    def __init__(
        self,
        model: str | PathLike[str] = DEFAULT_MODEL,
        confidence: float | None = None,
        input_size: int | None = None,
        backend: str = "onnxruntime",
        threads: int | None = None,
        tiles: str = OFF,
        shares_cores: bool = False,
        closer_look: bool = True,
    ) -> None:
        """Load a model.

        Args:
            model: name of a shipped model or path of a model file.
            confidence: least confidence for every label, 0 to 1; None: the model's own thresholds.
            input_size: long side of the network's input, pixels; None: the model's own. A larger
                one finds smaller faces and takes longer.
            backend: "onnxruntime" or "openvino".
            threads: compute threads; None: one a physical core.
            tiles: "auto" looks at pictures of more than 1,500 pixels in overlapping tiles too, "2x2" (columns
                x rows) at every one: farther faces, as many times the work as there are tiles.
            shares_cores: True in a program that also decodes or draws meanwhile: the runtime's threads
                then sleep between pictures instead of spinning for the next.
            closer_look: where faces are small, look at a part of the picture once more, as the model file
                says; not at pictures in tiles.
        Raises:
            UsageError: an option out of range, or a size that the model does not take.
            MissingExtraError: the backend is not installed.
            ModelError: the model cannot be found or used.
        """
        if confidence is not None and not 0 <= confidence <= 1:
            raise UsageError(f"confidence must be 0 to 1, not {confidence}")
        self.tiles = check_setting(tiles)
        self.model_path: Path = locate(model)
        self._backend = load_backend(backend, self.model_path, threads, shares_cores)
        info = parse_metadata(self._backend.metadata, self.model_path)
        self.info: ModelInfo = info if input_size is None else _with_size(info, input_size)
        _check_sides(self._backend.input_sides, self.info, self.model_path)
        self.threshold: tuple[float, ...] = (
            info.threshold if confidence is None else (float(confidence),) * len(LABELS)
        )
        self.model_name = info.name
        self.model_hash = hash_of(self.model_path)
        self._closer_look = closer_look
        self._decode = Decoder(self.info, self.threshold)

    @property
    def looks_closer(self) -> bool:
        """Whether small faces are looked at once more, larger; not in tiles."""
        return self._closer_look and worth_while(self.info)

    def detect(self, picture: str | PathLike[str] | NDArray[np.uint8] | Image.Image | Picture) -> Detections:
        """Find the faces of one picture.

        Args:
            picture: path of a photo, RGB uint8 (H, W, 3), PIL image, or an opened `Picture`.
        Returns:
            Faces by falling confidence, in pixels of the upright picture, clipped to it.
        Raises:
            PictureError: it cannot be read.
            TypeError, ValueError: it is something else, or an array that is not RGB uint8.
        """
        photo = as_picture(picture)
        if min(photo.width, photo.height) < MIN_PICTURE_PX:
            return Detections.empty()
        return self.answer(self.look(photo))

    def look(self, picture: Picture, lap: Lap = _go) -> Seen:
        """Run the network on each view of a picture: one or two, or the whole and its tiles.

        Args:
            lap: may time each stage.
        """
        image = picture.image
        plan = make_plan(self.tiles, image.width, image.height, self.info)
        scale = (picture.width / image.width, picture.height / image.height)
        if plan.tiles:
            prepared = [lap("prepare", self.prepare_view, picture, view) for view in plan.views]
            return Seen(plan, tuple(self._ask(each, lap) for each in prepared), scale)
        first = self._ask(lap("prepare", self.prepare, picture), lap)
        closer = lap("decode", self._closer_view, picture, first) if self.looks_closer else None
        if closer is None:
            return Seen(plan, (first,), scale)
        second = self._ask(lap("prepare", self.prepare_view, picture, closer), lap)
        return Seen(plan, (first, second), scale, closer)

    def answer(self, seen: Seen, decoder: Decoder | None = None, lap: Lap = _go) -> Detections:
        """Turn what `look` saw into faces, one box each.

        Args:
            decoder: with other thresholds than this detector's.
            lap: may time each stage.
        """
        decode = decoder or self._decode
        if seen.closer is not None:
            looks = [
                lap("decode", boxes_above, least, *each, self.info)
                for least, each in zip(least_scores(decode.least_raw), seen.answers, strict=True)
            ]
            return lap("suppress", self._join, seen, looks, seen.closer, decode)
        boxes = [lap("decode", decode.boxes, *each) for each in seen.answers]
        found = [lap("suppress", decode.one_a_face, each) for each in boxes]
        if not seen.plan.tiles:
            return found[0]
        placed = [
            replace(each, xyxy=each.xyxy + np.array([view.x1, view.y1] * 2, np.float32))
            for each, view in zip(found, seen.plan.views, strict=True)
        ]
        faces = merge(seen.plan, placed, self.info)
        return replace(faces, xyxy=faces.xyxy * np.array(seen.scale * 2, np.float32))

    def _ask(self, prepared: Prepared, lap: Lap) -> Answer:
        scores, deltas = lap("network", self.network, prepared.tensor)
        return scores, deltas, prepared

    def _closer_view(self, picture: Picture, first: Answer) -> View | None:
        found = suppress(boxes_above(LEAST_SCORE, *first, self.info), self.info)
        image = picture.image
        to_image = np.array([image.width / picture.width, image.height / picture.height] * 2, np.float32)
        return closer_view(
            RawFaces(found.xyxy * to_image, found.scores), image.width, image.height, self.info
        )

    def _join(self, seen: Seen, looks: Sequence[RawFaces], closer: View, decode: Decoder) -> Detections:
        first, second = (suppress(each, self.info) for each in looks)
        to_photo = np.array(seen.scale * 2, np.float32)
        placed = second.xyxy + np.array([closer.x1, closer.y1] * 2, np.float32)
        joined = join(
            RawFaces(first.xyxy / to_photo, first.scores),
            RawFaces(placed, second.scores),
            closer,
            seen.plan.width,
            seen.plan.height,
            self.info,
        )
        return decode.label(RawFaces(joined.xyxy * to_photo, joined.scores))

    def prepare_view(self, picture: Picture, view: View) -> Prepared:
        """Resize and pad a part of a picture as large as the view says."""
        part = picture.image.crop((view.x1, view.y1, view.x2, view.y2))
        return prepare(Picture(part, part.width, part.height), replace(self.info.input, size=view.size))

    def reserve(self) -> None:
        """Take the memory of the largest input now, so that it does not grow among many pictures."""
        side = -(-self.info.input.size // self.info.input.multiple) * self.info.input.multiple
        self.network(np.full((1, side, side, 3), self.info.input.pad, np.uint8))

    def prepare(self, picture: Picture) -> Prepared:
        """Resize and pad a whole picture."""
        return prepare(picture, self.info.input)

    def network(self, tensor: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Turn a tensor (1, H, W, 3) into scores (A, 3) and deltas (A, 4)."""
        return self._backend.run(tensor)

    def __repr__(self) -> str:
        return (
            f"Detector({self.model_name!r}, hash={self.model_hash!r}, input_size={self.info.input.size}, "
            f"threshold={self.threshold})"
        )


def _with_size(info: ModelInfo, size: int) -> ModelInfo:
    if not MIN_INPUT_PX <= size <= MAX_INPUT_PX:
        raise UsageError(f"input size must be {MIN_INPUT_PX} to {MAX_INPUT_PX} pixels, not {size}")
    return replace(info, input=replace(info.input, size=size))


def _check_sides(sides: tuple[int | None, int | None], info: ModelInfo, path: Path) -> None:
    fixed = {side for side in sides if side is not None}
    if not fixed:
        return
    if info.input.resize != "stretch":
        raise ModelError(f"{path}: keeps the shape of pictures, but its network takes {sides} only")
    if fixed != {info.input.size}:
        raise UsageError(
            f"the model {info.name} takes an input of {max(fixed)} pixels only, not {info.input.size}"
        )
