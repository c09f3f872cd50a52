"""Detect for many callers at once: a few workers, a bounded queue, and no more promises than that."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from crowdmask.batch.items import BytesSource, PhotoResult
from crowdmask.cores import physical_cores
from crowdmask.errors import CrowdmaskError
from crowdmask.inference.detector import Detector
from crowdmask.media.pictures import Picture, read_picture

_AWAY_EVERY_S = 0.25
_LONGEST_WAIT_S = 1.5


class BusyError(CrowdmaskError):
    """The queue of photos is full.

    Attributes:
        retry_after_s: when it is worth another try.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("too many photos are waiting; try again soon")
        self.retry_after_s = retry_after_s


class CallerGoneError(CrowdmaskError):
    """The caller has disconnected."""


@dataclass(frozen=True)
class Wish:
    """One photo to detect on.

    Attributes:
        name: its name in the answer.
        data: the content of its file.
        then: makes the answer of the result, in the worker.
        confidence: minimum confidence; None: the model's thresholds.
        floor: minimum confidence of candidates; None: there are none but the faces.
    """

    name: str
    data: bytes
    then: Callable[[PhotoResult], Any]
    confidence: float | None = None
    floor: float | None = None


class Workers:
    """Threads that detect, each one photo at a time with one compute thread.

    In sum that is quicker than one photo at a time with all threads: photos are read and written by all of
    them, too.
    """

    def __init__(
        self,
        model: str,
        *,
        workers: int | None = None,
        waiting: int = 16,
        max_pixels: int = 80_000_000,
    ) -> None:
        """Load a model for each worker.

        Args:
            model: name of a shipped model or path of a model file.
            workers: how many; None: one for each physical core.
            waiting: how many photos may wait.
            max_pixels: refuse larger pictures.
        Raises:
            ModelError: the model cannot be found or used.
        """
        count = workers or physical_cores()
        self._detectors = [Detector(model, threads=1) for _ in range(count)]
        self._queue: queue.Queue[tuple[Wish, Future[Any]] | None] = queue.Queue()
        self._waiting, self._max_pixels = waiting, max_pixels
        self._lock = threading.Lock()
        self._open = 0
        self._seconds = 0.1
        self._threads = [
            threading.Thread(target=self._work, args=(each,), name="detect", daemon=True)
            for each in self._detectors
        ]
        for thread in self._threads:
            thread.start()

    @property
    def detector(self) -> Detector:
        """One of the detectors, for what stands in its model."""
        return self._detectors[0]

    @property
    def count(self) -> int:
        """The number of photos processed in parallel."""
        return len(self._detectors)

    @property
    def open(self) -> int:
        """The number of photos waiting or being processed."""
        with self._lock:
            return self._open

    def take(self, wishes: Sequence[Wish]) -> list[Future[Any]]:
        """Queue photos, all or none of them.

        Raises:
            BusyError: too many wait.
        """
        with self._lock:
            wait_s = self._open * self._seconds / self.count
            full = self._open + len(wishes) > self._waiting + self.count
            # A busy machine is slower: who would wait for long is refused, too.
            slow = self._open >= self.count and wait_s > _LONGEST_WAIT_S
            # One batch may be larger than what may wait, if nobody else waits.
            if self._open and (full or slow):
                raise BusyError(max(1, round(wait_s)))
            self._open += len(wishes)
        futures: list[Future[Any]] = [Future() for _ in wishes]
        for wish, future in zip(wishes, futures, strict=True):
            # Once it is done, or the caller has gone.
            future.add_done_callback(self._release)
            self._queue.put((wish, future))
        return futures

    async def answers(self, wishes: Sequence[Wish], is_gone: Callable[[], Any]) -> list[Any]:
        """Wait for the answers of photos; an answer may be a CrowdmaskError.

        Args:
            is_gone: awaited again and again; whether the caller has gone: then what waits is given up.
        Raises:
            BusyError: too many wait.
            CallerGoneError: the caller has gone.
        """
        futures = self.take(wishes)
        waited = [asyncio.wrap_future(each) for each in futures]
        try:
            while True:
                _, pending = await asyncio.wait(waited, timeout=_AWAY_EVERY_S)
                if not pending:
                    return [each.exception() or each.result() for each in waited]
                if await is_gone():
                    raise CallerGoneError("the caller has gone")
        finally:
            for future in futures:
                future.cancel()

    def close(self) -> None:
        """Stop the workers after the photos they are processing."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(5)

    def _release(self, _: Future[Any]) -> None:
        with self._lock:
            self._open -= 1

    def _work(self, detector: Detector) -> None:
        while (taken := self._queue.get()) is not None:
            wish, future = taken
            began = time.perf_counter()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(self._answer(detector, wish))
                except CrowdmaskError as error:
                    future.set_exception(error)
                except Exception as error:  # an internal error; the worker goes on
                    future.set_exception(error)
                took = time.perf_counter() - began
                self._seconds += 0.1 * (took - self._seconds)

    def _answer(self, detector: Detector, wish: Wish) -> Any:
        picture: Picture = read_picture(
            wish.data, wish.name, self._max_pixels, full_scale_pixels=detector.full_scale_pixels
        )
        own = detector if wish.confidence is None else detector.with_options(confidence=wish.confidence)
        if wish.floor is None:
            shown = candidates = own.detect(picture)
        else:
            found = own.detect_with_candidates(picture, floor=wish.floor)
            shown, candidates = found.shown, found.candidates
        source = BytesSource(wish.name, wish.data)
        return wish.then(
            PhotoResult(source, picture, shown, candidates, detector.info.name, detector.model_hash)
        )
