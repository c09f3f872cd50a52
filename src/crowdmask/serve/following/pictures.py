"""Live pictures: each camera has one encoder, however many look, and none while nobody does."""

from __future__ import annotations

import asyncio
import io
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Condition, Lock, Thread

from PIL import Image

from crowdmask.errors import UsageError
from crowdmask.live.session import Session
from crowdmask.live.tracked_frame import View

LOG = logging.getLogger("crowdmask.serve")

MOST_FPS = 8.0
"""Pictures of one camera a second; more show nothing that a person sees."""
MOST_PX = 1280
"""Longest side of a live picture."""

_QUALITY = 75
_IDLE_S = 5.0
_LOOK_S = 0.02
_NEW_S = 1.0


@dataclass(frozen=True)
class Shot:
    """One live picture.

    Attributes:
        number: Unix time in milliseconds; grows with each.
        jpeg: the file.
        width, height: pixels.
    """

    number: int
    jpeg: bytes = field(repr=False)
    width: int
    height: int

    @property
    def time_utc(self) -> datetime:
        """When it was made."""
        return datetime.fromtimestamp(self.number / 1000, UTC)


class Pictures:
    """The live pictures of a session's cameras; faces are always blurred."""

    def __init__(
        self,
        session: Session,
        *,
        fps: float = MOST_FPS,
        longest_px: int = MOST_PX,
        allowed: Callable[[], bool] = lambda: True,
    ) -> None:
        """Begin without encoders.

        Args:
            session: its cameras.
            allowed: whether the site shows any pictures.
            fps: so many a second at most.
            longest_px: longest side.
        """
        self._session, self._fps, self._longest_px, self._allowed = session, fps, longest_px, allowed
        self._lock = Lock()
        self._encoders: dict[str, _Encoder] = {}
        self.encoded = 0
        """Pictures encoded so far, of all cameras."""

    @property
    def encoders(self) -> int:
        """The number of cameras being viewed."""
        with self._lock:
            return len(self._encoders)

    async def newer(self, camera: str, after: int, timeout_s: float) -> Shot | None:
        """Return the newest picture of a camera once its number is above the given one.

        Args:
            camera: its name.
            after: number of the last one that is known; 0: any.
            timeout_s: how long to wait.
        Returns:
            None: there was none in time.
        Raises:
            UsageError: there is no such camera, it is not active, or the site shows no pictures.
        """
        if not self._allowed():
            raise UsageError("this site shows no pictures")
        loop = asyncio.get_running_loop()
        came: asyncio.Future[None] = loop.create_future()
        wake = _waker(loop, came)
        encoder = self._encoder(camera)
        shot = encoder.wait_for(after, wake)
        if shot is not None:
            return shot
        try:
            await asyncio.wait_for(came, timeout_s)
        except TimeoutError:
            pass
        finally:
            encoder.forget(wake)
        newest = encoder.newest
        if newest is None or newest.number <= after:
            self._session.view(camera)  # it may have been removed meanwhile
            return None
        return newest

    def close(self) -> None:
        """End all encoders."""
        with self._lock:
            for each in self._encoders.values():
                each.end()

    def _encoder(self, camera: str) -> _Encoder:
        self._session.view(camera)
        with self._lock:
            known = self._encoders.get(camera)
            if known is None or not known.keep():
                known = _Encoder(camera, self._view, self._encode, self._over, 1 / self._fps)
                self._encoders[camera] = known
                known.start()
            return known

    def _view(self, camera: str) -> View | None:
        return self._session.view(camera)

    def _over(self, encoder: _Encoder) -> None:
        with self._lock:
            if self._encoders.get(encoder.camera) is encoder:
                del self._encoders[encoder.camera]

    def _encode(self, view: View) -> tuple[bytes, int, int]:
        """Return a view as JPEG, and its width and height."""
        image = Image.fromarray(view.render(blur=True))
        image.thumbnail((self._longest_px, self._longest_px), Image.Resampling.BILINEAR, reducing_gap=2.0)
        written = io.BytesIO()
        image.save(written, "JPEG", quality=_QUALITY)
        self.encoded += 1
        return written.getvalue(), image.width, image.height


class _Encoder:
    """Encodes the newest frames of one camera in its own thread, as long as somebody asks for them."""

    def __init__(
        self,
        camera: str,
        view: Callable[[str], View | None],
        encode: Callable[[View], tuple[bytes, int, int]],
        over: Callable[[_Encoder], None],
        every_s: float,
    ) -> None:
        self.camera = camera
        self.newest: Shot | None = None
        self._view, self._encode, self._over, self._every_s = view, encode, over, every_s
        self._changed = Condition()
        self._wakers: set[Callable[[], None]] = set()
        self._asked_s = time.monotonic()
        self._ended = False
        self._seen: View | None = None

    def start(self) -> None:
        Thread(target=self._run, name=f"pictures of {self.camera}", daemon=True).start()

    def keep(self) -> bool:
        """Go on for those who ask now; False: it has ended already."""
        with self._changed:
            self._asked_s = time.monotonic()
            return not self._ended

    def wait_for(self, after: int, wake: Callable[[], None]) -> Shot | None:
        """Return the newest picture if it is newer; otherwise call `wake` once there is one."""
        with self._changed:
            newest = self.newest
            if newest is not None and newest.number > after and self._is_new(newest):
                return newest
            self._wakers.add(wake)
            self._changed.notify()
        return None

    def _is_new(self, shot: Shot) -> bool:
        """Whether it is what the camera sees now: nobody may have looked for a while."""
        return time.time() - shot.number / 1000 < _NEW_S or self._view(self.camera) is self._seen

    def forget(self, wake: Callable[[], None]) -> None:
        with self._changed:
            self._wakers.discard(wake)
            self._asked_s = time.monotonic()

    def end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
            wakers, self._wakers = self._wakers, set()
        for wake in wakers:
            wake()

    def _run(self) -> None:
        try:
            while self._go_on():
                began_s = time.monotonic()
                made = self._look()
                rest_s = self._every_s - (time.monotonic() - began_s) if made else _LOOK_S
                with self._changed:
                    self._changed.wait_for(lambda: self._ended, max(_LOOK_S, rest_s))
        except UsageError:  # the camera was removed
            pass
        except Exception:
            LOG.exception("%s: its pictures cannot be encoded", self.camera)
        finally:
            self.end()
            self._over(self)

    def _go_on(self) -> bool:
        """Whether somebody waits; where nobody does, wait for somebody for a while."""
        with self._changed:
            while not self._ended and not self._wakers:
                left_s = self._asked_s + _IDLE_S - time.monotonic()
                if left_s <= 0:
                    self._ended = True
                else:
                    self._changed.wait(left_s)
            return not self._ended

    def _look(self) -> bool:
        """Encode the newest frame if it is a new one."""
        view = self._view(self.camera)
        if view is None or view is self._seen:
            return False
        jpeg, width, height = self._encode(view)
        last = 0 if self.newest is None else self.newest.number
        shot = Shot(max(last + 1, time.time_ns() // 1_000_000), jpeg, width, height)
        with self._changed:
            self.newest, self._seen = shot, view
            wakers, self._wakers = self._wakers, set()
        for wake in wakers:
            wake()
        return True


def _waker(loop: asyncio.AbstractEventLoop, came: asyncio.Future[None]) -> Callable[[], None]:
    def arrived() -> None:
        if not came.done():
            came.set_result(None)

    def wake() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(arrived)

    return wake
