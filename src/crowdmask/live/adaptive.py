"""Run the detector on the frames of a source that are worth it; give a result for every frame, in order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from crowdmask.live.pipeline import Pipeline
from crowdmask.live.predict import Look, predict
from crowdmask.live.tracked_frame import TrackedFrame
from crowdmask.media.video import Frame

HOLD, HOLD_BYTES = 30, 150_000_000
"""Maximum number of frames without detection that wait for the next frame with detection."""


class AdaptiveFrames:
    """Hold frames without detection until the next detection tells where their people were.

    For sources whose frames may come late, such as files; of a live source `Pipeline.predict` tells at once.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        """Begin without frames.

        Args:
            pipeline: of the source, made with the setting `adaptive`.
        """
        self._pipeline = pipeline
        self._held: list[tuple[Frame, NDArray[np.float64]]] = []

    def take(self, frame: Frame, *, must_look: bool = False) -> Iterator[tuple[Frame, TrackedFrame]]:
        """Take the next frame; yield the frames of which all is known now, each with its result.

        Args:
            frame: it comes after all before.
            must_look: run the detector on it, whatever it shows.
        """
        pipeline, held = self._pipeline, len(self._held)
        is_due = pipeline.is_due(frame)
        if is_due or must_look or held >= HOLD or held * frame.nbytes >= HOLD_BYTES:
            if self._held and pipeline.is_cut:
                # What is seen after a cut says nothing of where people were before it: its last frame does.
                last, _ = self._held.pop()
                yield from self._look(last, late=True)
            yield from self._look(frame)
            return
        self._held.append((frame, pipeline.corner))
        seen = pipeline.last
        if seen is not None and not len(seen.result.hidden):
            yield from self._release(seen, seen)  # nobody is there, and nothing moves

    def finish(self) -> Iterator[tuple[Frame, TrackedFrame]]:
        """Yield the frames that still wait; nothing comes after the last one, so the detector runs on it."""
        if self._held:
            frame, _ = self._held.pop()
            yield from self._look(frame)

    def _look(self, frame: Frame, late: bool = False) -> Iterator[tuple[Frame, TrackedFrame]]:
        before = self._pipeline.last
        result = self._pipeline.process(frame, late)
        yield from self._release(before, self._pipeline.last)
        yield frame, result

    def _release(self, before: Look | None, after: Look | None) -> Iterator[tuple[Frame, TrackedFrame]]:
        held, self._held = self._held, []
        assert before is not None or not held, "the detector runs on the first frame"
        for frame, corner in held:
            assert before is not None
            yield frame, predict(frame, corner, before, after=after)
