"""Track the people of a video file: decoding, detecting and encoding each in its own thread."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from crowdmask.live.adaptive import HOLD, AdaptiveFrames
from crowdmask.live.options import CameraOptions
from crowdmask.live.readers.find_ahead import FindAhead
from crowdmask.live.readers.prefetch import Prefetch
from crowdmask.live.readers.stats import LatencyMeter, SourceStats, State
from crowdmask.live.run import Run, Setting
from crowdmask.live.sources import VideoSource
from crowdmask.live.tracked_frame import TrackedFrame
from crowdmask.live.video_sink import OpenWriter
from crowdmask.media.decoded import rgb_of
from crowdmask.media.video import Frame, Reading, VideoInfo, probe, read_frames
from crowdmask.media.video_writer import VideoWriter

_AHEAD_BYTES = 48_000_000


class FileRun(Run):
    """One video file."""

    def __init__(self, source: VideoSource, options: CameraOptions, setting: Setting) -> None:
        """See `Run`."""
        super().__init__(source, options, setting)
        self._due_s = 0.0
        self._held: list[Frame] = []
        self._adaptive: AdaptiveFrames | None = None
        self._latency = LatencyMeter()
        self._reading, self._jump_told = Reading(), False

    def stats(self) -> SourceStats:
        """Return the state of the file; no frame of a file is dropped."""
        fps = self.frames / self.seconds if self.seconds else 0.0
        state: State = "live" if self.ended_s is None else "ended"
        if self.started_s is None:
            state = "queued" if self.ended_s is None else "closed"
        delay = self._latency.median_ms()
        return SourceStats(
            self.source, self.frames, fps, latency_ms=delay, state=state, last_error=self.problem
        )

    def _work(self) -> None:
        info = probe(self._address)
        every, most = self.options.every, self.options.max_fps
        fps = info.fps / every if most is None else min(info.fps / every, most)
        self.total = info.frames
        self._fps = info.fps
        finder = FindAhead(self._setting.finder)
        self._begin(fps, self._writer_opener(info), finder)
        # A video to write needs every frame.
        step = every if self.sink is None else 1
        frames = read_frames(self._address, step, self._reading, lazily=True)
        if not self.options.is_adaptive:
            frames = _converted(frames, every)
        depth = max(2, min(8, _AHEAD_BYTES // (3 * info.width * info.height)))
        ahead = Prefetch(frames, depth, f"read {self.source}")
        try:
            self._follow(ahead, finder)
        finally:
            finder.close()
            ahead.close()
            self._finish()

    def _writer_opener(self, info: VideoInfo) -> OpenWriter | None:
        out = self.options.out
        if out is None:
            return None
        return lambda size, colours: VideoWriter(
            out, *size, info.fps, audio_from=self._address, pixel_aspect=info.pixel_aspect, colours=colours
        )

    def _finish(self) -> None:
        try:
            self._release_unseen()
            self._end_between()
        finally:
            super()._finish()

    def _follow(self, frames: Prefetch[Frame], finder: FindAhead) -> None:
        for frame in frames:
            for_s = self.options.for_s
            if self.stop.is_set() or (for_s is not None and frame.time_s >= for_s):
                return
            self.frames = frame.index + 1
            finder.follow(frame, frames.upcoming)
            if self.options.is_adaptive:
                self._follow_adaptively(frame)
            else:
                self._follow_evenly(frame)
            self._tell_jump()
            if self.options.paced:  # in real time, not as fast as possible
                self.stop.wait(max(0.0, frame.time_s - self._played_s()))

        # including those after the last frame with detection
        self.total = self.frames = self._reading.frames
        self._tell_jump()

    def _follow_evenly(self, frame: Frame) -> None:
        """Look at a frame if it is the next by number and time; else show it as the one before."""
        self._end_between()  # `max_fps` may have been set meanwhile
        before = self.last
        if before is None or self._is_due(frame):
            result = self._look(frame)
            self._note(result)
            self._latency.add(time.monotonic() - frame.captured)
            self._release(before, result, result.hidden)
            self._put(frame, result)
        elif self.sink is not None:
            self._carry(frame, before)

    def _follow_adaptively(self, frame: Frame) -> None:
        """Look at a frame if that pays; else keep it until the next look tells where its people were."""
        assert self.pipeline is not None
        if self._adaptive is None:
            self._adaptive = AdaptiveFrames(self.pipeline)
        seen = self.pipeline.times.frames
        must_look = self._apply_options()
        for each, result in self._adaptive.take(frame, must_look=must_look):
            self._note(result)
            self._put(each, result)
        if self.pipeline.times.frames > seen:
            self._latency.add(time.monotonic() - frame.captured)

    def _tell_jump(self) -> None:
        jump_s = self._reading.jump_s
        if jump_s is not None and not self._jump_told:
            self._jump_told = True
            self.tell_health(
                "notice", f"{self.source}: its timestamps jump at {jump_s:.1f} s: times continue from there"
            )

    def _is_due(self, frame: Frame) -> bool:
        if frame.index % self.options.every:
            return False
        max_fps = self.options.max_fps
        if max_fps is None:
            return True
        step = 1 / max_fps
        if frame.time_s < self._due_s + step - 0.25 / self._fps:
            return False
        self._due_s = max(self._due_s + step, frame.time_s - step)
        return True

    def _carry(self, frame: Frame, before: TrackedFrame) -> None:
        """Draw a frame without detection with the result of the previous one."""
        if not self.options.blur:
            self._put(frame, before)
            return
        # The face moves in the meantime, so its next position must be blurred, too.
        self._held.append(frame)
        if len(self._held) >= HOLD:
            self._release_unseen()

    def _end_between(self) -> None:
        """Look at the last frame, if it was not: nothing comes after it."""
        if self._adaptive is not None:
            for frame, result in self._adaptive.finish():
                self._note(result)
                self._put(frame, result)

    def _release_unseen(self) -> None:
        """Release the waiting frames that are not followed by a frame with detection."""
        if self._held and self.last is not None:
            seen = self._setting.finder.find(self._held[-1].pixels)
            self._release(self.last, None, seen.xyxy)

    def _release(
        self, before: TrackedFrame | None, after: TrackedFrame | None, hidden: NDArray[np.float32]
    ) -> None:
        if before is None:
            return
        held, self._held = self._held, []
        for frame in held:
            places = [before.hidden, hidden]
            if after is not None:
                places.append(between(before, after, frame.time_s))
            self._put(frame, before, np.concatenate(places))

    def _played_s(self) -> float:
        return time.monotonic() - (self.started_s or 0.0)


def _converted(frames: Iterator[Frame], every: int) -> Iterator[Frame]:
    """Convert the frames that the detector runs on while they are read, so that it does not wait for that."""
    for frame in frames:
        if frame.index % every == 0:
            rgb_of(frame.pixels)
        yield frame


def between(before: TrackedFrame, after: TrackedFrame, time_s: float) -> NDArray[np.float32]:
    """Return the interpolated boxes of the people at a time between two frames, (M, 4)."""
    share = (time_s - before.time_s) / max(after.time_s - before.time_s, 1e-6)
    earlier = dict(zip(before.tracks.tolist(), before.detections.xyxy, strict=True))
    places = [
        (1 - share) * earlier[track] + share * box
        for track, box in zip(after.tracks.tolist(), after.detections.xyxy, strict=True)
        if track >= 0 and track in earlier
    ]
    return np.array(places, np.float32).reshape(-1, 4)
