"""The work of a worker on its share: detect, make rows, return them as one Parquet file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Protocol

from crowdmask.batch.items import PhotoFailure, PhotoItem
from crowdmask.batch.run import detect_photos
from crowdmask.batch.sinks import PictureSink, Sink
from crowdmask.batch.totals import Totals
from crowdmask.errors import CrowdmaskError, PictureError, PictureFault
from crowdmask.inference.ahead import AHEAD
from crowdmask.inference.detector import Detector
from crowdmask.scale.entries import Entry, EntrySource
from crowdmask.scale.rows import row_of, schema_of, to_shard


@dataclass(frozen=True)
class About:
    """The model that a worker has loaded.

    Attributes:
        model, model_hash: name and hash of its file.
        labels: in the order of the counts.
    """

    model: str
    model_hash: str
    labels: tuple[str, ...]


class Looker(Protocol):
    """Something that processes photos in a worker."""

    about: About

    def look(self, entries: Sequence[Entry], *, one_by_one: bool) -> Iterator[PhotoItem]:
        """Yield the result of each photo, in order.

        Args:
            one_by_one: open each photo only when the previous one is done, so that it is clear which one
                ended the process.
        """


class Maker(Protocol):
    """Makes a worker's looker; it is sent to the worker, so it must consist of plain values."""

    def __call__(self) -> Looker:
        """Load the model.

        Raises:
            CrowdmaskError: it cannot be loaded.
        """


@dataclass(frozen=True)
class DetectorMaker:
    """Makes a detector with one thread in each worker, so that every core has exactly one thread.

    Attributes:
        model: name or path.
        options: further parameters of `Detector`.
        pictures: folder for annotated pictures; None: no pictures.
        blurred: make all faces in them unreadable.
    """

    model: str
    options: dict[str, Any] = field(default_factory=dict)
    pictures: str | None = None
    blurred: bool = False

    def __call__(self) -> Looker:
        """Load the model."""
        return DetectorLooker(Detector(self.model, **self.options), self.pictures, self.blurred)


class DetectorLooker:
    """Processes photos with a detector."""

    def __init__(self, detector: Detector, pictures: str | None, blurred: bool) -> None:
        """Take a loaded detector."""
        self._detector = detector
        self._pictures, self._blurred = pictures, blurred
        self.about = About(detector.model_name, detector.model_hash, detector.labels)

    def look(self, entries: Sequence[Entry], *, one_by_one: bool) -> Iterator[PhotoItem]:
        """Yield the result of each photo, in order."""
        # Local photos are decoded in the thread that detects: each worker uses one core.
        ahead = 0 if one_by_one or all(entry.is_local_file for entry in entries) else AHEAD
        sinks: list[Sink] = []
        if self._pictures is not None:
            sinks.append(PictureSink(self._pictures, blurred=self._blurred))
            sources = [EntrySource(entry) for entry in entries]
        else:
            enough = self._detector.full_scale_pixels
            sources = [EntrySource(entry, enough) for entry in entries]
        done = 0
        while done < len(sources):
            try:
                with closing(detect_photos(self._detector, sources[done:], sinks, ahead=ahead)) as items:
                    for item in items:
                        done += 1
                        yield item
            except CrowdmaskError:
                raise  # an annotated picture cannot be written: not because of the photo
            except Exception as error:
                # Errors of the runtime, such as too little memory, have no known class.
                told = f"detecting failed ({' '.join(str(error).split())[:200]})"
                yield failure(entries[done], told, PictureFault.FAILED)
                done += 1


def failure(entry: Entry, reason: str, kind: PictureFault) -> PhotoFailure:
    """Return the failure of a photo."""
    return PhotoFailure(entry.name, PictureError(reason, entry.name, kind))


@dataclass(frozen=True)
class Share:
    """A share of the work: the photos of one shard.

    Attributes:
        number: of the share.
        entries: its photos.
        given_up: indices of photos that ended their process twice.
        one_by_one: see `Looker.look`.
    """

    number: int
    entries: list[Entry]
    given_up: frozenset[int] = frozenset()
    one_by_one: bool = False


@dataclass(frozen=True)
class Done:
    """A completed share.

    Attributes:
        data: the Parquet file.
        rows: number of its rows.
        totals: totals of its rows, see `Totals.to_record`.
        problems: an error line for each photo that could not be read.
        last: the worker ends after it, since it uses too much memory.
    """

    data: bytes
    rows: int
    totals: dict[str, Any]
    problems: list[str]
    last: bool = False


def do_share(
    looker: Looker, share: Share, types: dict[str, Any], at: Callable[[int], None] = lambda place: None
) -> Done:
    """Process the photos of a share.

    Args:
        types: Arrow types of the user's columns, by name.
        at: receives the index of the next photo before it is opened.
    """
    about = looker.about
    kinds = {name: str(kind) for name, kind in types.items()}
    totals, rows, problems = Totals(), [], []
    at(0)
    for place, item in enumerate(_items(looker, share)):
        at(place + 1)
        totals.add(item)
        rows.append(row_of(item, share.entries[place], about.model, about.model_hash, kinds))
        if isinstance(item, PhotoFailure):
            problems.append(str(item.error))
    record = totals.to_record()
    data = to_shard(rows, schema_of(about.labels, types), record)
    return Done(data, len(rows), record, problems)


def _items(looker: Looker, share: Share) -> Iterable[PhotoItem]:
    entries, begun = share.entries, 0
    for place in sorted(share.given_up):
        yield from looker.look(entries[begun:place], one_by_one=share.one_by_one)
        told = "ended the process that opened it, twice: given up"
        yield failure(entries[place], told, PictureFault.FATAL)
        begun = place + 1
    yield from looker.look(entries[begun:], one_by_one=share.one_by_one)
