"""The client of the service's HTTP API."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Self

from crowdmask.client.alerts import AlertsClient
from crowdmask.client.asking import as_text, quoted
from crowdmask.client.changes import ChangesClient
from crowdmask.client.logs import LogsClient
from crowdmask.client.values import (
    Camera,
    News,
    Photo,
    ServiceHealth,
    to_camera,
    to_counts,
    to_detections,
    to_event,
    to_health,
    to_upload,
)
from crowdmask.detections import Detections
from crowdmask.errors import PictureError, PictureFault, ServiceError, UsageError
from crowdmask.store.records import Counts, StoredEvent

if TYPE_CHECKING:
    import httpx

ADDRESS = "http://127.0.0.1:8000"
_PICTURE_FAULTS = {
    400: PictureFault.EMPTY,
    413: PictureFault.TOO_LARGE,
    415: PictureFault.NO_PICTURE,
    422: PictureFault.DAMAGED,
}


class Client(AlertsClient, ChangesClient, LogsClient):
    """Asks a service; for any thread, and a context manager, which closes its connections.

    with Client("https://masks.example", token="…") as client:
        faces = client.detect("hall.jpg")
    """

    def __init__(
        self,
        address: str = ADDRESS,
        *,
        token: str | None = None,
        timeout_s: float = 30.0,
        tries: int = 5,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Connect with the first question.

        Args:
            address: of the service, http:// or https://.
            token: as in the service's settings; None: the service lets in everybody on this machine.
            timeout_s: longest wait for an answer.
            tries: how often a question is asked while the service has too much to do; it says when to ask
                again.
            sleep: waits so many seconds.
        Raises:
            UsageError: an argument is out of bounds.
        """
        if not address.startswith(("http://", "https://")):
            raise UsageError(f"`address` must begin with http:// or https://, not {address!r}")
        if tries < 1 or not timeout_s > 0:
            raise UsageError("`tries` must be 1 or more, and `timeout_s` above 0")
        # httpx is loaded by whoever asks a service, not by all that import the package.
        from crowdmask.client.connection import Connection

        self._connection = Connection(address, token, timeout_s, tries, sleep)

    def detect(self, photo: Photo, *, confidence: float | None = None) -> Detections:
        """Find the faces of a photo, as `Detector.detect` does.

        Args:
            photo: a path, the content of a file or a binary file, a uint8 RGB array (H, W, 3), a PIL image.
            confidence: minimum confidence, 0 to 1; None: the model's thresholds.
        Returns:
            Faces, highest confidence first, in pixels of the upright picture.
        Raises:
            PictureError: it cannot be read.
            ServiceError: the service cannot be reached, refuses, or has too much to do.
        """
        name, data = to_upload(photo)
        answer = self._photo(name, data, confidence, {"Accept": "application/json"})
        return to_detections(answer.json()).found_in(photo)

    def detect_many(
        self, photos: Iterable[Photo], *, confidence: float | None = None
    ) -> Iterator[Detections]:
        """Find the faces of many photos, in order, as `Detector.detect_many` does.

        Raises:
            PictureError, ServiceError: see `detect`.
        """
        for photo in photos:
            yield self.detect(photo, confidence=confidence)

    def annotate(self, photo: Photo, *, confidence: float | None = None, blur: bool = False) -> bytes:
        """Return a photo with a box and a label per face, as a JPEG file.

        Args:
            photo, confidence: see `detect`.
            blur: make faces unreadable.
        Raises:
            PictureError, ServiceError: see `detect`.
        """
        name, data = to_upload(photo)
        wish = {"blur": "true"} if blur else {}
        return self._photo(name, data, confidence, {"Accept": "image/jpeg"}, **wish).content

    def health(self) -> ServiceHealth:
        """Return that the service lives, and what it runs.

        Raises:
            ServiceError: it cannot be reached.
        """
        return to_health(self._get("/v1/health").json())

    def cameras(self) -> list[Camera]:
        """Return the cameras of the site.

        Raises:
            ServiceError: the service cannot be reached, or refuses.
        """
        return [to_camera(each) for each in self._get("/v1/cameras").json()]

    def snapshot(self, camera: str) -> bytes:
        """Return what a camera sees now, faces blurred, as a JPEG file.

        Raises:
            ServiceError: there is no such camera, or no frame has come yet.
        """
        return self._get(f"/v1/cameras/{quoted(camera)}/snapshot").content

    def counts(
        self,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        camera: str | None = None,
        zone: str | None = None,
        per: str = "hour",
    ) -> list[Counts]:
        """Return what was counted; what was not looked at is not there.

        Args:
            start, end: with a time zone; None: the last day.
            camera: only of this one.
            zone: None: the whole picture.
            per: "minute", "hour", "day" or "week" of the site's time zone.
        Raises:
            ServiceError: the service cannot be reached, or refuses.
        """
        wish = {"start": as_text(start), "end": as_text(end), "camera": camera, "zone": zone, "per": per}
        return [to_counts(each) for each in self._get("/v1/counts", wish).json()]

    def events(
        self,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        camera: str | None = None,
        event: str | None = None,
        limit: int = 1000,
    ) -> list[StoredEvent]:
        """Return what happened, the newest first.

        Args:
            start, end, camera: see `counts`.
            event: only of this kind, like "no_mask".
            limit: so many at most.
        Raises:
            ServiceError: the service cannot be reached, or refuses.
        """
        wish = {
            "start": as_text(start),
            "end": as_text(end),
            "camera": camera,
            "event": event,
            "limit": limit,
        }
        return [to_event(each) for each in self._get("/v1/events", wish).json()]

    def follow(self) -> Iterator[News]:
        """Follow everything of all cameras until the program ends; broken connections are taken up again.

        Raises:
            ServiceError: the service refuses.
        """
        yield from self._connection.follow()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _photo(
        self, name: str, data: bytes, confidence: float | None, headers: dict[str, str], **wish: str
    ) -> httpx.Response:
        if confidence is not None:
            wish["confidence"] = repr(float(confidence))
        try:
            return self._connection.ask(
                "POST", "/v1/detect", params=wish, files={"file": (name, data)}, headers=headers
            )
        except ServiceError as error:
            fault = _PICTURE_FAULTS.get(error.status or 0)
            if fault is None or (error.status == 422 and not 0 <= (confidence or 0) <= 1):
                raise
            raise PictureError(error.reason, name, fault) from error
