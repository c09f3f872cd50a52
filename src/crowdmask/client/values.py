"""Values of ours made of what the service answers, and photos made ready to be sent."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from os import PathLike, fspath
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crowdmask.detections import Detections
from crowdmask.errors import PictureError, PictureFault
from crowdmask.media.pictures import as_picture
from crowdmask.store.records import Counts, StoredEvent

Photo: TypeAlias = str | PathLike[str] | bytes | BinaryIO | NDArray[np.uint8] | Image.Image
"""What can be sent: a path, the content of a file or a binary file, an array, an image."""


@dataclass(frozen=True)
class Camera:
    """A camera of the site and how it fares.

    Attributes:
        name: as configured.
        source: without credentials; None: it is not active.
        state: "live", "connecting", "waiting", …; "inactive": outside its hours.
        zones: their names.
        fps: frames a second that come.
        frozen: whether the picture stands still.
        reconnects, restarts: how often it came back, and was begun anew.
        down_since: since when no frames come; None: they do.
        last_error: the last problem, in one line.
        frames, dropped: how many came in this run, and how many of them were not looked at.
    """

    name: str
    source: str | None
    state: str
    zones: tuple[str, ...]
    fps: float
    frozen: bool
    reconnects: int
    restarts: int
    down_since: datetime | None
    last_error: str | None
    frames: int = 0
    dropped: int = 0


@dataclass(frozen=True)
class ServiceHealth:
    """That the service lives, and what it runs.

    Attributes:
        version: of crowdmask.
        model, model_hash: name and hash of the model.
        cameras, online: how many there are, and how many of them send frames.
        open_alerts: that go on.
    """

    version: str
    model: str
    model_hash: str
    cameras: int
    online: int
    open_alerts: int


@dataclass(frozen=True)
class News:
    """Something that happened on the site.

    Attributes:
        kind: "event", "now", "health", "alert" or "lost".
        record: its plain values.
    """

    kind: str
    record: Mapping[str, Any]


def to_detections(record: Mapping[str, Any]) -> Detections:
    """Return the faces of a record of `crowdmask detect --json`."""
    names = tuple(record["counts"])
    faces = record["detections"]
    return Detections(
        np.array([face["box"] for face in faces], np.float32).reshape(-1, 4),
        np.array([face["confidence"] for face in faces], np.float32),
        np.array([names.index(face["label"]) for face in faces], np.int64),
        names,
    )


def to_counts(record: Mapping[str, Any]) -> Counts:
    """Return counts of their record."""
    return Counts(**known(Counts, record, "start_utc"))


def to_event(record: Mapping[str, Any]) -> StoredEvent:
    """Return an event of its record."""
    return StoredEvent(**known(StoredEvent, record, "time_utc"))


def to_camera(record: Mapping[str, Any]) -> Camera:
    """Return a camera of its record."""
    return Camera(**{**known(Camera, record, "down_since"), "zones": tuple(record["zones"])})


def to_health(record: Mapping[str, Any]) -> ServiceHealth:
    """Return the service's health of its record."""
    return ServiceHealth(**known(ServiceHealth, record))


def to_upload(photo: Photo) -> tuple[str, bytes]:
    """Return the name and content of a photo's file.

    Raises:
        PictureError: the file cannot be read.
        TypeError, ValueError: it is no photo.
    """
    if isinstance(photo, (str, PathLike)):
        path = Path(fspath(photo))
        try:
            return path.name, path.read_bytes()
        except FileNotFoundError as error:
            raise PictureError("no such file", path, PictureFault.MISSING) from error
        except OSError as error:
            raise PictureError((error.strerror or str(error)).lower(), path) from error
    if isinstance(photo, bytes):
        return "photo", photo
    if hasattr(photo, "read"):
        return Path(str(getattr(photo, "name", "photo"))).name, photo.read()
    written = io.BytesIO()
    as_picture(photo).image.save(written, "PNG", compress_level=1)
    return "photo", written.getvalue()


def known(kind: Any, record: Mapping[str, Any], *times: str) -> dict[str, Any]:
    """Return the values that this version knows; a newer service may say more."""
    values = {name: record[name] for name in kind.__dataclass_fields__ if name in record}
    for name in times:
        if values.get(name) is not None:
            values[name] = datetime.fromisoformat(values[name])
    return values
