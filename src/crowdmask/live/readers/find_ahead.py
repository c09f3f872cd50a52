"""Run the detector ahead of time on frames that will probably need it, beside the one that needs it now."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from crowdmask.detections import Detections
from crowdmask.media.decoded import Pixels

if TYPE_CHECKING:
    from crowdmask.live.pipeline import FrameFinder
    from crowdmask.media.video import Frame


class FindAhead:
    """Finds the faces of a file's frames, several frames at once where the detector bears it.

    A network runs on two frames at a time, a core each, in less time than on one after the other with both
    cores. What the tracker needs next is a guess: as far on as it was twice before. A wrong guess costs
    time, and changes no result.
    """

    def __init__(self, finder: FrameFinder) -> None:
        """Find nothing yet.

        Args:
            finder: shared with other sources.
        """
        self.threshold = finder.threshold
        self.sure = finder.sure
        self._finder = finder
        self._upcoming: Callable[[int], Frame | None] = lambda number: None
        self._workers: ThreadPoolExecutor | None = None
        self._guesses: list[tuple[Frame, Future[Detections]]] = []
        self._frame: Frame | None = None
        self._step = self._steps = 0  # since the last look, and between the two before it

    def follow(self, frame: Frame, upcoming: Callable[[int], Frame | None]) -> None:
        """Take note which frame's turn it is.

        Args:
            upcoming: returns the n-th frame after it; None: that is not read yet.
        """
        self._frame, self._upcoming = frame, upcoming
        self._step += 1

    def find(self, picture: Pixels) -> Detections:
        """Return all possible faces of a frame, as `FrameFinder.find` does."""
        found = next((found for frame, found in self._guesses if frame.pixels is picture), None)
        if self._frame is not None and picture is self._frame.pixels:
            self._forget(self._frame)
            if self._step == self._steps:
                self._guess()
            self._step, self._steps = 0, self._step
        return self._finder.find(picture) if found is None else found.result()

    def close(self) -> None:
        """End the threads."""
        if self._workers is not None:
            self._workers.shutdown(cancel_futures=True)

    def _forget(self, now: Frame) -> None:
        """Drop the guesses of frames whose turn is over, right or wrong."""
        for frame, found in self._guesses:
            if frame.index < now.index:
                found.cancel()
        self._guesses = [each for each in self._guesses if each[0].index > now.index]

    def _guess(self) -> None:
        """Begin with the frames that will probably be needed after this one."""
        known = [frame.index for frame, _ in self._guesses]
        for number in range(1, self._finder.at_once):
            frame = self._upcoming(number * self._step)
            if frame is None:
                return
            if frame.index not in known:
                if self._workers is None:
                    self._workers = ThreadPoolExecutor(self._finder.at_once, "find ahead")
                self._guesses.append((frame, self._workers.submit(self._finder.find, frame.pixels)))
