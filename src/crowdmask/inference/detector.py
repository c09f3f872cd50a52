"""The detector that users run and that evaluation measures."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import nullcontext
from copy import copy
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from threading import BoundedSemaphore
from typing import IO, TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np
from numpy.typing import NDArray

from crowdmask.detections import Detections
from crowdmask.errors import ModelError, PictureError, UsageError
from crowdmask.inference import closer, farther, passes
from crowdmask.inference.ahead import AHEAD, open_ahead
from crowdmask.inference.backends.base import AUTO
from crowdmask.inference.backends.registry import DEFAULT_BACKEND, divide_threads, load_backend
from crowdmask.inference.decode import Decoder
from crowdmask.inference.model_file import (
    DEFAULT_MODEL,
    CloserLook,
    ModelInfo,
    hash_of,
    locate,
    parse_metadata,
)
from crowdmask.inference.passes import NetworkAnswer, PictureAnswers, to_faces
from crowdmask.inference.preprocess import Prepared, prepare
from crowdmask.inference.results import FoundFaces, PictureResult
from crowdmask.inference.stopwatch import NO_STOPWATCH, Stopwatch
from crowdmask.inference.tiles import OFF, View, check_setting, plan_tiles
from crowdmask.media.pictures import FULL_SCALE_PIXELS, Picture, PictureSource, as_picture

if TYPE_CHECKING:
    from PIL import Image

MIN_PICTURE_PX = 8
"""Minimum side of a picture; the smallest faces that the detectors find have 8 pixels."""

MIN_INPUT_PX, MAX_INPUT_PX = 64, 4096

# A photo decoded at a lower scale keeps at least this many times the network's input size on each side.
_SPARE = 1.25

FLOOR = 0.01
"""A precision-recall curve needs detections down to about this confidence."""

PictureLike: TypeAlias = Union[
    str, "PathLike[str]", NDArray[np.uint8], "Image.Image", bytes, IO[bytes], Picture, PictureSource
]
"""Path of a photo, uint8 array, PIL image, bytes, file object, opened `Picture`, or a `PictureSource`."""


@dataclass(frozen=True)
class _Options:
    """Options that may differ between detectors that share one loaded network; see `Detector`."""

    confidence: float | None
    input_size: int | None
    tiles: str
    closer_look: bool | CloserLook

    def check(self) -> None:
        """Refuse options that are invalid for every model, before a model is loaded."""
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise UsageError(f"confidence must be 0 to 1, not {self.confidence}")
        check_setting(self.tiles)


class Detector:
    """Find the faces of a picture and whether each wears a mask.

    Loading takes about 0.3 s, so keep one detector for many pictures. It is thread-safe.

    Attributes:
        model_name, model_path, model_hash: which model this is; the hash is of its file.
        device: the device in use: "cpu" or the name of another one.
        at_once: number of calls that run at the same time; as asked for, if runtime and threads allow it.
    """

    def __init__(
        self,
        model: str | PathLike[str] = DEFAULT_MODEL,
        *,
        confidence: float | None = None,
        input_size: int | None = None,
        backend: str = DEFAULT_BACKEND,
        device: str = AUTO,
        threads: int | None = None,
        tiles: str = OFF,
        shares_cores: bool = False,
        at_once: int = 1,
        closer_look: bool | CloserLook = True,
    ) -> None:
        """Load a model.

        Args:
            model: name of a shipped model or path of a model file.
            confidence: minimum confidence for every label, 0 to 1; None: the model's own thresholds.
            input_size: long side of the network's input, pixels; None: the model's own. A larger
                one finds smaller faces and takes longer.
            backend: "onnxruntime" or "openvino".
            device: "auto", or a device of the backend: see `crowdmask.inference.backends.registry`.
            threads: compute threads; None: one for each physical core.
            tiles: "auto" also runs pictures of more than 1,500 pixels in overlapping tiles, "2x2"
                (columns x rows) every picture: it finds more distant faces, and the time is multiplied by the
                number of tiles.
            shares_cores: True in a program that also decodes or draws at the same time: the runtime's threads
                then sleep between pictures instead of spinning, and calls wait for each other.
            at_once: with `shares_cores`, number of calls that run at the same time; they divide the threads.
            closer_look: if faces are small, run a part of the picture again, enlarged: True as the model file
                says, False never, or your own `CloserLook`; not for pictures in tiles. With False, pictures
                with near faces or none are not run again either, smaller.
        Raises:
            UsageError: an option out of range, or a size that the model does not take.
            MissingExtraError: the backend is not installed.
            ModelError: the model cannot be found or used.
        """
        options = _Options(confidence, input_size, tiles, closer_look)
        options.check()
        self.model_path: Path = locate(model)
        self.at_once, each = divide_threads(backend, threads, at_once)
        self._backend = load_backend(backend, self.model_path, each, shares_cores, device)
        self.device: str = self._backend.device
        self._turns: Any = BoundedSemaphore(self.at_once) if shares_cores else nullcontext()
        self._file_info = parse_metadata(self._backend.metadata, self.model_path)
        self._configure(options)
        self.model_name = self._file_info.name
        self.model_hash = hash_of(self.model_path)

    def with_options(
        self,
        *,
        confidence: float | None = None,
        input_size: int | None = None,
        tiles: str | None = None,
        closer_look: bool | CloserLook | None = None,
    ) -> Detector:
        """Return a detector with other options that shares this one's loaded network.

        Args:
            confidence, input_size, tiles, closer_look: see `Detector`; None: as in this one.
        Raises:
            UsageError: an option out of range, or a size that the model does not take.
        """
        given: dict[str, Any] = {
            "confidence": confidence,
            "input_size": input_size,
            "tiles": tiles,
            "closer_look": closer_look,
        }
        options = replace(self._options, **{key: value for key, value in given.items() if value is not None})
        options.check()
        other = copy(self)
        other._configure(options)
        return other

    def _configure(self, options: _Options) -> None:
        info = self._file_info
        if options.input_size is not None:
            info = _with_size(info, options.input_size)
        if isinstance(options.closer_look, CloserLook):
            info = replace(info, closer_look=options.closer_look)
        _check_sides(self._backend.input_sides, info, self.model_path)
        least = options.confidence
        threshold = info.threshold if least is None else (float(least),) * len(info.labels)
        self._options = options
        self._decoder = Decoder(info, threshold)

    @property
    def info(self) -> ModelInfo:
        """The model file's metadata, with this detector's input size and closer look."""
        return self._decoder.info

    @property
    def labels(self) -> tuple[str, ...]:
        """The model's labels, in the order of every array."""
        return self.info.labels

    @property
    def threshold(self) -> tuple[float, ...]:
        """The minimum confidence of each label, in the order of `labels`."""
        return self._decoder.threshold

    @property
    def tiles(self) -> str:
        """Whether pictures are run in tiles: "off", "auto" or like "2x2"."""
        return self._options.tiles

    @property
    def looks_closer(self) -> bool:
        """Whether parts with small faces are run again, enlarged; not for pictures in tiles."""
        return bool(self._options.closer_look) and closer.worth_while(self.info)

    @property
    def looks_farther(self) -> bool:
        """Whether pictures with near faces or none are run again, smaller; not for pictures in tiles."""
        return bool(self._options.closer_look) and farther.worth_while(self.info)

    @property
    def full_scale_pixels(self) -> int:
        """Number of pixels above which a photo may be decoded at half its size.

        It then still has all the detail that the network sees. Useful if photos are opened only for
        detection: decoding at a lower scale saves time and memory.
        """
        if self.tiles != OFF:
            return FULL_SCALE_PIXELS
        closer = self.info.closer_look.size if self.info.closer_look and self.looks_closer else 0
        return min(FULL_SCALE_PIXELS, round((2 * _SPARE * max(self.info.input.size, closer)) ** 2))

    def detect(self, picture: PictureLike, *, stopwatch: Stopwatch = NO_STOPWATCH) -> Detections:
        """Find the faces of one picture.

        Args:
            picture: path of a photo; uint8 RGB (H, W, 3), RGBA (H, W, 4) or grey (H, W); PIL image; bytes of
                a photo's file or a binary file object; an opened `Picture`.
            stopwatch: times the stages ``prepare``, ``network``, ``decode`` and ``suppress``.
        Returns:
            Faces, highest confidence first, in pixels of the upright picture, clipped to it.
        Raises:
            PictureError: it cannot be read.
            TypeError, ValueError: it is of another type, or an array of another shape or type.
        """
        photo = as_picture(picture)
        if min(photo.width, photo.height) < MIN_PICTURE_PX:
            return Detections.empty(self.labels).found_in(picture)
        answers = self.run_network(photo, stopwatch=stopwatch)
        return to_faces(answers, self._decoder, stopwatch).found_in(picture)

    __call__ = detect

    def detect_with_candidates(
        self, picture: PictureLike, *, floor: float = FLOOR, stopwatch: Stopwatch = NO_STOPWATCH
    ) -> FoundFaces:
        """Find the faces of one picture with two thresholds in one run of the network.

        For precision-recall curves, for blurring every possible face, and for trackers.

        Args:
            picture: see `detect`.
            floor: minimum confidence of the candidates, 0 to 1; a label's own threshold if that is lower.
            stopwatch: see `detect`.
        Returns:
            The result of `detect`, and all candidates.
        Raises:
            UsageError: the floor is not 0 to 1.
            PictureError, TypeError, ValueError: see `detect`.
        """
        if not 0 <= floor <= 1:
            raise UsageError(f"floor must be 0 to 1, not {floor}")
        photo = as_picture(picture)
        if min(photo.width, photo.height) < MIN_PICTURE_PX:
            return FoundFaces.empty(self.labels)
        answers = self.run_network(photo, stopwatch=stopwatch)
        fainter = Decoder(self.info, tuple(min(least, floor) for least in self.threshold))
        candidates = to_faces(answers, fainter, stopwatch).found_in(picture)
        if answers.plan.tiles:
            # Where tiles meet, a low-score box may decide which of two boxes of one face is kept.
            return FoundFaces(to_faces(answers, self._decoder, stopwatch).found_in(picture), candidates)
        # Boxes with lower scores come last in non-maximum suppression, so they do not change the others.
        return FoundFaces(candidates[candidates.reach(self.threshold)], candidates)

    def detect_many(self, pictures: Iterable[PictureLike], *, ahead: int = AHEAD) -> Iterator[Detections]:
        """Find the faces of many pictures, in order; the next ones are opened at the same time.

        Args:
            pictures: see `detect`; read one by one, so there may be more than fit in memory.
            ahead: maximum number of opened pictures that wait for the network.
        Yields:
            The result of `detect` for each picture.
        Raises:
            PictureError: a picture cannot be read; `detect_each` continues with the others.
            TypeError, ValueError: see `detect`.
        """
        for result in self.detect_each(pictures, ahead=ahead):
            yield result.faces

    def detect_each(
        self, pictures: Iterable[PictureLike], *, floor: float | None = None, ahead: int = AHEAD
    ) -> Generator[PictureResult]:
        """Find the faces of many pictures like `detect_many`, and continue after one that cannot be read.

        Args:
            pictures, ahead: see `detect_many`.
            floor: see `detect_with_candidates`; None: only the shown faces.
        Yields:
            For each picture its source, the opened picture, and its faces or why it cannot be read.
        Raises:
            TypeError, ValueError: see `detect`.
        """
        for source, picture in open_ahead(pictures, ahead):
            if isinstance(picture, PictureError):
                yield PictureResult(source, error=picture)
            elif floor is None:
                shown = self.detect(picture).found_in(source)
                yield PictureResult(source, picture, FoundFaces(shown, shown))
            else:
                found = self.detect_with_candidates(picture, floor=floor)
                both = FoundFaces(found.shown.found_in(source), found.candidates.found_in(source))
                yield PictureResult(source, picture, both)

    def run_network(self, picture: Picture, *, stopwatch: Stopwatch = NO_STOPWATCH) -> PictureAnswers:
        """Run the network on each view of a picture: one or two, or the whole and its tiles.

        Args:
            picture: of at least `MIN_PICTURE_PX` a side.
            stopwatch: see `detect`.
        """
        image = picture.image
        plan = plan_tiles(self.tiles, image.width, image.height, self.info)
        scale = (picture.width / image.width, picture.height / image.height)
        if plan.tiles:
            prepared = [self._prepare(picture, view, stopwatch) for view in plan.views]
            return PictureAnswers(plan, tuple(self._ask(each, stopwatch) for each in prepared), scale)
        first = self._ask(self._prepare(picture, None, stopwatch), stopwatch)
        part, found, near = None, None, False
        if self.looks_closer or self.looks_farther:
            with stopwatch.stage("decode"):
                found = passes.find_once(first, self._decoder)
            # Apart, so that a photo with both looks has three: of the first, of the rule, and of the second.
            with stopwatch.stage("decode"):
                sure = passes.sure_faces(picture, found)
                part = passes.part_with_small_faces(picture, sure, self.info) if self.looks_closer else None
                near = (
                    part is None
                    and self.looks_farther
                    and passes.calls_for_a_farther_look(picture, sure, self.info)
                )
        if near:
            with stopwatch.stage("prepare"):
                smaller = self.prepare_farther(picture)
            return PictureAnswers(plan, (self._ask(smaller, stopwatch),), scale)
        if part is None:
            return PictureAnswers(plan, (first,), scale, found=found)
        second = self._ask(self._prepare(picture, part, stopwatch), stopwatch)
        return PictureAnswers(plan, (first, second), scale, part, found)

    def prepare(self, picture: Picture) -> Prepared:
        """Resize and pad a whole picture."""
        return prepare(picture, self.info.input)

    def prepare_farther(self, picture: Picture) -> Prepared:
        """Resize and pad a whole picture as the farther look sees it."""
        look = self.info.farther_look
        return prepare(picture, replace(self.info.input, size=look.size) if look else self.info.input)

    def prepare_view(self, picture: Picture, view: View) -> Prepared:
        """Resize and pad a part of a picture as large as the view says."""
        part = picture.image.crop((view.x1, view.y1, view.x2, view.y2))
        return prepare(Picture(part, part.width, part.height), replace(self.info.input, size=view.size))

    def network(self, tensor: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Turn a tensor (1, H, W, 3) into scores (A, L) and deltas (A, 4)."""
        with self._turns:
            scores, deltas = self._backend.run(tensor)
        return scores[0], deltas[0]

    def reserve(self) -> None:
        """Allocate the memory for the largest input now, so that it does not grow later."""
        side = -(-self.info.input.size // self.info.input.multiple) * self.info.input.multiple
        self.network(np.full((1, side, side, 3), self.info.input.pad, np.uint8))

    def _prepare(self, picture: Picture, view: View | None, stopwatch: Stopwatch) -> Prepared:
        with stopwatch.stage("prepare"):
            return self.prepare(picture) if view is None else self.prepare_view(picture, view)

    def _ask(self, prepared: Prepared, stopwatch: Stopwatch) -> NetworkAnswer:
        with stopwatch.stage("network"):
            scores, deltas = self.network(prepared.tensor)
        return NetworkAnswer(scores, deltas, prepared)

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
