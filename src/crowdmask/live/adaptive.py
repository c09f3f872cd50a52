"""Run the detector on the frames of a source that are worth it; give a result for every frame, in order."""

from __future__ import annotations

from collections.abc import Iterator

from crowdmask.detections import Detections
from crowdmask.live.pipeline import Pipeline
from crowdmask.live.predict import Glance, Look, predict
from crowdmask.live.tracked_frame import TrackedFrame
from crowdmask.media.video import Frame

HOLD, HOLD_BYTES = 30, 150_000_000
"""Maximum number of frames without detection that wait for the next frame with detection."""
_EMPTY_HOLD = 6
"""So many where nobody is: as many as somebody needs to come in unnoticed."""


class AdaptiveFrames:
    """Hold frames without detection until the next detection tells where their people were.

    If that detection shows anything new, such as another person or label, the detector runs on the frames
    that were held, too: so nothing is learned later than with a detection on every frame. For sources whose
    frames may come late, such as files; of a live source `Pipeline.predict` tells at once.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        """Begin without frames.

        Args:
            pipeline: of the source, made with the setting `adaptive`.
        """
        self._pipeline = pipeline
        self._held: list[tuple[Frame, Glance]] = []

    def take(self, frame: Frame, *, must_look: bool = False) -> Iterator[tuple[Frame, TrackedFrame]]:
        """Take the next frame; yield the frames of which all is known now, each with its result.

        Args:
            frame: it comes after all before.
            must_look: run the detector on it, whatever it shows.
        """
        pipeline, held = self._pipeline, len(self._held)
        is_due = pipeline.is_due(frame)
        if is_due or must_look or held >= HOLD or held * frame.nbytes >= HOLD_BYTES:
            if pipeline.is_cut:
                # What is seen after a cut says nothing of where people were before it: its last frame does.
                yield from self.finish()
            yield from self._look(frame)
            return
        self._held.append((frame, pipeline.glance))
        seen = pipeline.last
        if seen is not None and not len(seen.result.hidden) and len(self._held) > _EMPTY_HOLD:
            first, glance = self._held.pop(0)
            yield first, predict(first, glance.corner, seen, after=seen)  # nobody is there, and nothing moves

    def finish(self) -> Iterator[tuple[Frame, TrackedFrame]]:
        """Yield the frames that still wait; nothing comes after the last one, so the detector runs on it."""
        if self._held:
            frame, glance = self._held.pop()
            yield from self._look(frame, glance)

    def _look(self, frame: Frame, late: Glance | None = None) -> Iterator[tuple[Frame, TrackedFrame]]:
        pipeline = self._pipeline
        found = pipeline.find(frame)
        if self._held and pipeline.is_surprising(frame, found, late):
            yield from self._look_back()
        yield from self._follow(frame, found, late)

    def _look_back(self) -> Iterator[tuple[Frame, TrackedFrame]]:
        """Run the detector on the frames that were held, except those in which nothing had changed."""
        held, self._held = self._held, []
        for frame, glance in held:
            if glance.changes:
                yield from self._follow(frame, self._pipeline.find(frame), glance)
            else:
                self._held.append((frame, glance))

    def _follow(
        self, frame: Frame, found: Detections, late: Glance | None
    ) -> Iterator[tuple[Frame, TrackedFrame]]:
        before = self._pipeline.last
        result = self._pipeline.process(frame, late is not None, found=found, glance=late)
        yield from self._release(before, self._pipeline.last)
        yield frame, result

    def _release(self, before: Look | None, after: Look | None) -> Iterator[tuple[Frame, TrackedFrame]]:
        held, self._held = self._held, []
        assert before is not None or not held, "the detector runs on the first frame"
        for frame, glance in held:
            assert before is not None
            # In a picture that is still the same, all are where they were.
            then = after if glance.changes else before
            yield frame, predict(frame, glance.corner, before, after=then)
