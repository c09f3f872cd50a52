"""Outputs of a batch. A new kind of output is one class here: another `Sink`."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from PIL import Image

from crowdmask.batch.items import PhotoFailure, PhotoResult
from crowdmask.drawing.blur import BLUR_CONFIDENCE, blur_on
from crowdmask.drawing.draw import draw_on
from crowdmask.errors import UsageError
from crowdmask.labels import LABELS
from crowdmask.media.annotation_files import FORMATS, FoundPhoto, check_place, write_annotations
from crowdmask.media.writers import CsvTable, JsonLines, PictureFolder


class Sink(Protocol):
    """Receives the outcome of each photo, in the order of the photos.

    Attributes:
        floor: minimum confidence, 0 to 1, of the candidates that it needs; None: it needs only the shown
            faces.
    """

    floor: float | None

    def add(self, result: PhotoResult) -> None:
        """Write the result of one photo.

        Raises:
            OutputError: it cannot be written.
        """

    def add_failure(self, failure: PhotoFailure) -> None:
        """Write, or ignore, a photo that cannot be read.

        Raises:
            OutputError: it cannot be written.
        """

    def close(self) -> None:
        """Finish the output, however the batch ended.

        Raises:
            OutputError: it cannot be written.
        """


class BaseSink:
    """A sink that needs only the shown faces and ignores failures."""

    floor: float | None = None

    def add(self, result: PhotoResult) -> None:
        """Write the result of one photo."""
        raise NotImplementedError

    def add_failure(self, failure: PhotoFailure) -> None:
        """Write nothing."""

    def close(self) -> None:
        """Do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class JsonSink(BaseSink):
    """One JSON record for each photo; with `with_failures` also one for each failure."""

    def __init__(self, target: str, *, with_failures: bool = False) -> None:
        """Open a file, or standard output for "-".

        Raises:
            OutputError: it cannot be written.
        """
        self._lines = JsonLines(target)
        self._with_failures = with_failures

    def add(self, result: PhotoResult) -> None:
        """Append the record of one photo."""
        self._lines.write(result.to_record())

    def add_failure(self, failure: PhotoFailure) -> None:
        """Append the record of a failure, if they are wanted."""
        if self._with_failures:
            self._lines.write(failure.to_record())

    def close(self) -> None:
        """Rename the file to its final name."""
        self._lines.close()


class CsvSink(BaseSink):
    """One row for each face."""

    def __init__(self, target: str) -> None:
        """Open a file, or standard output for "-", and write the header.

        Raises:
            OutputError: it cannot be written.
        """
        self._table = CsvTable(target)

    def add(self, result: PhotoResult) -> None:
        """Append the faces of one photo."""
        self._table.write(result.to_record())

    def close(self) -> None:
        """Rename the file to its final name."""
        self._table.close()


class AnnotationSink(BaseSink):
    """Annotations that labelling and training tools read, in one folder of the format's name."""

    def __init__(self, folder: str | PathLike[str], form: str) -> None:
        """Check that the folder can be written to.

        Args:
            folder: gets a folder named like the format.
            form: coco, yolo, voc or cvat.
        Raises:
            UsageError: another format.
            OutputError: something that was not written by this lies there.
        """
        if form not in FORMATS:
            raise UsageError(f"`form` must be one of {', '.join(FORMATS)}, not {form!r}")
        self.folder = Path(folder) / form
        check_place(self.folder)
        self._form = form
        self._photos: list[FoundPhoto] = []
        self._labels: tuple[str, ...] = LABELS

    def add(self, result: PhotoResult) -> None:
        """Note the faces of one photo."""
        picture, self._labels = result.picture, result.faces.names
        name = Path(result.source.relative).as_posix()
        self._photos.append(FoundPhoto(name, picture.width, picture.height, result.faces.found_in(None)))

    def close(self) -> None:
        """Write what was found."""
        if self._photos:
            write_annotations(self.folder, self._form, self._photos, self._labels)


class PictureSink(BaseSink):
    """An annotated picture of each photo, in one folder; with `blurred` the faces are unreadable.

    It draws on the opened picture in place, so a sink that reads pixels must come before it.
    """

    def __init__(self, folder: str | PathLike[str], *, blurred: bool = False) -> None:
        """Check that the folder can be written to.

        Args:
            blurred: blur every possible face, including those that are not shown.
        Raises:
            OutputError: it is a file, or inside one, or not writable.
        """
        self._pictures = PictureFolder(folder)
        self.floor = BLUR_CONFIDENCE if blurred else None

    def protect(self, paths: Iterable[str]) -> None:
        """Never overwrite these files: the photos themselves."""
        self._pictures.protect(paths)

    def add(self, result: PhotoResult) -> None:
        """Draw the faces of one photo and write it."""
        self._pictures.write(annotate(result, self.floor), result.source.relative)


def annotate(result: PhotoResult, blur_floor: float | None = None) -> Image.Image:
    """Draw the faces of a photo on its opened picture, in place.

    Args:
        result: of the photo; with `blur_floor` its candidates must reach down to that confidence.
        blur_floor: blur every possible face from this confidence on; None: blur nothing.
    Returns:
        The picture, maybe smaller than the photo.
    """
    image = result.picture.image
    scale = (image.width / result.picture.width, image.height / result.picture.height)
    if blur_floor is not None:
        candidates = result.candidates  # another sink may have asked for a lower confidence
        unsure = candidates[candidates.confidence >= np.float32(blur_floor)]
        blur_on(image, unsure.xyxy, scale)
        # The shown boxes, too: among the candidates, suppression may keep another box of the same face.
        blur_on(image, result.faces.xyxy, scale)
    draw_on(image, result.faces, scale)
    return image
