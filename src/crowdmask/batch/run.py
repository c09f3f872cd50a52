"""Detect faces in many photos, one after the other, in bounded memory."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from os import PathLike

from crowdmask.batch.items import PhotoFailure, PhotoItem, PhotoResult, PhotoSource
from crowdmask.batch.sinks import AnnotationSink, CsvSink, JsonSink, PictureSink, Sink
from crowdmask.batch.totals import Totals
from crowdmask.drawing.blur import check_choice
from crowdmask.errors import UsageError
from crowdmask.inference.ahead import AHEAD
from crowdmask.inference.detector import Detector
from crowdmask.inference.results import PictureResult
from crowdmask.media.sources import AnySource, Source, find_pictures

MANY = 4
"""Minimum number of photos for which memory is reserved and a progress bar is shown."""


def detect_photos(
    detector: Detector, sources: Iterable[PhotoSource], sinks: Sequence[Sink] = (), *, ahead: int = AHEAD
) -> Generator[PhotoItem]:
    """Find the faces of photos in order, and pass each result to every sink; the sinks stay open.

    A worker of a cluster or a request to a service needs nothing else.

    Args:
        detector: thread-safe, so several threads may share it.
        sources: read one by one, so there may be millions of them.
        sinks: receive each item in this order, before it is yielded.
        ahead: maximum number of opened photos that wait for the network.
    Yields:
        For every source a result, or a failure if the photo cannot be read. Memory stays bounded if the
        caller does not keep them.
    Raises:
        OutputError: a sink cannot write.
    """
    floors = [sink.floor for sink in sinks if sink.floor is not None]
    floor = min(floors) if floors else None
    # Closed immediately if the caller stops, so that no thread continues to open photos.
    with closing(detector.detect_each(sources, floor=floor, ahead=ahead)) as results:
        for result in results:
            item = _item(result, detector)
            for sink in sinks:
                if isinstance(item, PhotoFailure):
                    sink.add_failure(item)
                else:
                    sink.add(item)
            yield item


class PhotoBatch:
    """What `crowdmask detect` does: find photos, detect, write, count.

    Attributes:
        photos: the photos found.
        problems: files, folders and patterns without anything to read; they count as failures.
        passed_over: how many files of folders, patterns and archives are no photos, by their suffix.
        totals: counts so far.
    """

    def __init__(
        self,
        sources: Sequence[str | PathLike[str]],
        *,
        out: str | PathLike[str] | None = None,
        json: str | None = None,
        csv: str | None = None,
        blur: str = "none",
        annotations: str | PathLike[str] | None = None,
        form: str = "coco",
    ) -> None:
        """Find the photos and check the outputs; nothing is written yet.

        Args:
            sources: see `crowdmask.media.sources.find_pictures`.
            out: folder of the annotated pictures; None: draw none.
            json, csv: files of the records; "-" is standard output.
            annotations: folder that gets the annotations, in one named like their format; None: none.
            form: coco, yolo, voc or cvat.
            blur: "faces" makes every face in the annotated pictures unreadable; "none".
        Raises:
            UsageError: both files are the same, or an unknown kind of blur or format.
            OutputError: the folder cannot be written to.
        """
        self._blurred = check_choice(blur)
        if json is not None and json == csv:
            raise UsageError(f"`json` and `csv` cannot both write to {json!r}")
        self._pictures = None if out is None else PictureSink(out, blurred=self._blurred)
        self._json, self._csv = json, csv
        self._annotations = None if annotations is None else AnnotationSink(annotations, form)
        found = find_pictures(sources, leave_out=out if annotations is None else annotations)
        self.photos: list[AnySource] = found.pictures
        self.passed_over = found.passed_over
        self.problems = [PhotoFailure("", error) for error in found.problems]
        if self._pictures is not None:
            self._pictures.protect(photo.path for photo in self.photos if isinstance(photo, Source))
        self.totals = Totals()
        for problem in self.problems:
            self.totals.add(problem)

    def write_nothing(self) -> None:
        """Create empty record files if there are none yet, for a batch without photos.

        Raises:
            OutputError: a file cannot be written.
        """
        for target, sink in ((self._json, JsonSink), (self._csv, CsvSink)):
            if target is not None:
                sink(target).close()

    def run(self, detector: Detector) -> Generator[PhotoItem]:
        """Detect on every photo and write the results; files appear complete when this ends or is closed.

        Yields:
            A result or a failure for each photo, in their order.
        Raises:
            OutputError: a result cannot be written.
        """
        with ExitStack() as stack:
            # Pictures first: after an interruption there is not a record without its picture.
            sinks: list[Sink] = [] if self._pictures is None else [self._pictures]
            if self._json is not None:
                sinks.append(stack.enter_context(JsonSink(self._json)))
            if self._csv is not None:
                sinks.append(stack.enter_context(CsvSink(self._csv)))
            if self._annotations is not None:
                sinks.append(stack.enter_context(self._annotations))
            if len(self.photos) >= MANY:
                detector.reserve()
            photos = self.photos
            if self._pictures is None:
                # Nothing is drawn on them, so the pixels that detection needs are enough.
                enough = detector.full_scale_pixels
                photos = [replace(photo, full_scale_pixels=enough) for photo in photos]
            for item in stack.enter_context(closing(detect_photos(detector, photos, sinks))):
                self.totals.add(item)
                yield item


def _item(result: PictureResult, detector: Detector) -> PhotoItem:
    if result.error is not None:
        return PhotoFailure(result.source.name, result.error)
    assert result.picture is not None  # either the picture or the error is always set
    return PhotoResult(
        result.source,
        result.picture,
        result.faces,
        result.candidates,
        detector.model_name,
        detector.model_hash,
    )
