"""Process cameras, streams and videos that can be added and removed at any time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import RLock, Thread
from typing import Self

from crowdmask.errors import SourceError, UsageError
from crowdmask.inference.detector import Detector
from crowdmask.live.file_run import FileRun
from crowdmask.live.health import Health
from crowdmask.live.listeners import LOG, Listener, Listeners
from crowdmask.live.live_run import LiveRun
from crowdmask.live.options import CameraOptions
from crowdmask.live.pipeline import FrameFinder
from crowdmask.live.run import Output, Run, Setting
from crowdmask.live.sources import VideoSource, find_videos
from crowdmask.live.tracked_frame import Rgb, View

_TICK_S = 0.05
END_S = 5.0
"""How long removing a camera waits for its end; a thread that hangs longer is abandoned."""


@dataclass(eq=False)
class _Camera:
    """One camera of a session and its current run."""

    name: str
    source: VideoSource
    options: CameraOptions
    outputs: Sequence[Output]
    run: Run
    restarts: int = 0
    at_once: bool = False

    def __post_init__(self) -> None:
        self.place = _place(self.options.out)


class Session:
    """Tracks people in any number of cameras, streams and videos with one detector.

    Cameras and streams are processed at the same time, each in its own threads; video files one after the
    other. All methods are thread-safe. Also a context manager, which closes it.

        with Session(Detector(shares_cores=True)) as session:
            session.listen(Listener(events=lambda camera, event: print(camera, event)))
            session.add("rtsp://user:password@10.0.0.5/stream", camera="door")
            ...
            options = session.options("door")
            session.change("door", replace(options, zones=read_zones("zones.yaml")))   # without a restart
            picture = session.snapshot("door", blur=True)
            session.remove("door")
    """

    def __init__(self, detector: Detector, *, input_size: int | None = None) -> None:
        """Begin without cameras.

        Args:
            detector: shared by all; best created with `shares_cores=True`.
            input_size: long side of the network's input, pixels; None: depends on the size of the frames.
        """
        self._finder = FrameFinder(detector, input_size)
        self._listeners = Listeners()
        self._lock = RLock()
        self._cameras: dict[str, _Camera] = {}
        self._files = _Lane()
        self._closed = False

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; call the returned function to remove it."""
        return self._listeners.add(listener)

    def add(
        self,
        source: VideoSource | str,
        *,
        camera: str | None = None,
        options: CameraOptions | None = None,
        outputs: Sequence[Output] = (),
        at_once: bool = False,
    ) -> str:
        """Add and start a camera, stream or video.

        Args:
            source: a video file, number of a camera, or address.
            camera: its name in this session; None: the displayed name of the source.
            options: its options; None: the defaults.
            outputs: required outputs of its results: if one cannot be written, this camera ends, but no
                other.
            at_once: start a video file now, like a camera, not after the files added before it.
        Returns:
            The camera's name.
        Raises:
            SourceError: it is not a source, or it is several.
            UsageError: the name is already used, another camera writes to the same video, or the session is
                closed.
        """
        found = _one_source(source)
        name = found.name if camera is None else camera
        with self._lock:
            if self._closed:
                raise UsageError("the session is closed")
            if name in self._cameras:
                raise UsageError(f"`camera` must be new: there is one named {name!r}")
            wanted = options or CameraOptions()
            self._check_out(name, wanted)
            self._start(name, found, wanted, outputs, 0, at_once)
        return name

    def remove(self, camera: str, *, timeout_s: float = END_S) -> bool:
        """End a camera and remove it; its video and records are finished.

        Returns:
            Whether it ended in time; a thread that hangs is abandoned.
        Raises:
            UsageError: there is no such camera.
        """
        with self._lock:
            run = self._cameras.pop(self._get(camera).name).run
        return _end(run, timeout_s)

    def change(self, camera: str, options: CameraOptions) -> None:
        """Change the options of a camera.

        Zones, grace, blur and limits change with the next frame: tracks, the run, and the counts of
        unchanged zones continue. Another output or algorithm starts a new run.

        Raises:
            UsageError: there is no such camera, or another one writes to the same video.
        """
        with self._lock:
            known = self._get(camera)
            self._check_out(camera, options)
            anew = options.needs_new_run(known.options, not known.source.is_live)
            known.options, known.place = options, _place(options.out)
            over = known.run.is_over
            if not anew:
                known.run.change(options)
        if anew and not over:
            self._begin_anew(camera)

    def restart(self, camera: str, *, timeout_s: float = END_S) -> None:
        """Restart a camera that failed, ended or hangs; its health counts the restarts.

        Raises:
            UsageError: there is no such camera.
        """
        self._begin_anew(camera, restarts=1, timeout_s=timeout_s)

    def options(self, camera: str) -> CameraOptions:
        """Return the options of a camera.

        Raises:
            UsageError: there is no such camera.
        """
        with self._lock:
            return self._get(camera).options

    def snapshot(self, camera: str, *, blur: bool | None = None, annotated: bool = True) -> Rgb | None:
        """Return the newest frame of a camera; it is drawn now, in the calling thread.

        Args:
            blur: make faces unreadable; None: as in the camera's options.
            annotated: draw boxes, states, zones and counts.
        Returns:
            RGB uint8 (H, W, 3), read-only; None: no frame yet.
        Raises:
            UsageError: there is no such camera.
        """
        view = self.view(camera)
        return None if view is None else view.render(blur=blur, annotated=annotated)

    def view(self, camera: str) -> View | None:
        """Return the newest frame of a camera as `snapshot` would draw it.

        Returns:
            The same object until another frame has come; None: no frame yet.
        Raises:
            UsageError: there is no such camera.
        """
        with self._lock:
            return self._get(camera).run.newest

    def health(self) -> list[Health]:
        """Return the health of all cameras, in the order in which they were added."""
        return [run.health() for run in self.runs]

    @property
    def runs(self) -> list[Run]:
        """The runs of all cameras, in the order in which they were added."""
        with self._lock:
            return [each.run for each in self._cameras.values()]

    def stop(self) -> None:
        """Request the end of all cameras without waiting for it."""
        for run in self.runs:
            run.end()

    def wait(self, look: Callable[[], None] = lambda: None) -> None:
        """Wait until all cameras have ended.

        Args:
            look: called repeatedly while waiting, in this thread.
        """
        while open_ := [run for run in self.runs if not run.is_over]:
            look()
            open_[0].wait(_TICK_S)
        look()

    def close(self, *, timeout_s: float = END_S) -> bool:
        """End all cameras; return whether they ended in time."""
        with self._lock:
            self._closed = True
        self.stop()
        ends_s = time.monotonic() + timeout_s
        ended = [run.wait(max(0.0, ends_s - time.monotonic())) for run in self.runs]
        return all(ended)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # After a second interruption there is no more waiting.
        interrupted = kind is not None and not issubclass(kind, Exception)
        self.close(timeout_s=0.0 if interrupted else END_S)

    def _begin_anew(self, camera: str, *, restarts: int = 0, timeout_s: float = END_S) -> None:
        with self._lock:
            run = self._get(camera).run
        # Waits without the lock, which its listeners may need.
        if not _end(run, timeout_s):
            LOG.warning("%s: hangs, and is left alone", camera)
        with self._lock:
            known = self._cameras.get(camera)
            if known is None or known.run is not run or self._closed:  # another thread was faster
                return
            self._start(
                camera, known.source, known.options, known.outputs, known.restarts + restarts, known.at_once
            )

    def _start(
        self,
        name: str,
        source: VideoSource,
        options: CameraOptions,
        outputs: Sequence[Output],
        restarts: int,
        at_once: bool,
    ) -> None:
        setting = Setting(name, self._finder, self._listeners, outputs, self._rivals, restarts)
        run: Run = (LiveRun if source.is_live else FileRun)(source, options, setting)
        self._cameras[name] = _Camera(name, source, options, outputs, run, restarts, at_once)
        if source.is_live or at_once:
            run.start()
        else:
            self._files.put(run)

    def _rivals(self) -> int:
        """Return how many other live sources share the model."""
        with self._lock:
            cameras = list(self._cameras.values())
        return max(0, sum(each.source.is_live and not each.run.is_over for each in cameras) - 1)

    def _check_out(self, camera: str, options: CameraOptions) -> None:
        path = _place(options.out)
        for other in self._cameras.values():
            if path is not None and other.place == path and other.name != camera and not other.run.is_over:
                raise UsageError(f"`out` {options.out} is what the camera {other.name} is written to")

    def _get(self, camera: str) -> _Camera:
        if camera not in self._cameras:
            raise UsageError(f"no camera {camera!r} in this session")
        return self._cameras[camera]


class _Lane:
    """Runs files one after the other, in a thread that exists as long as there are any."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._waiting: list[Run] = []
        self._busy = False

    def put(self, run: Run) -> None:
        with self._lock:
            self._waiting.append(run)
            if not self._busy:
                self._busy = True
                Thread(target=self._work, name="video files", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._busy = False
                    return
                run = self._waiting.pop(0)
            run.start()
            run.wait()


def _end(run: Run, timeout_s: float) -> bool:
    run.end()
    ended = run.wait(timeout_s)
    if not ended:
        run.abandon()
    return ended


def _place(out: Path | None) -> str | None:
    return None if out is None else os.path.realpath(out)


def _one_source(source: VideoSource | str) -> VideoSource:
    if isinstance(source, VideoSource):
        return source
    found = find_videos([source])
    if found.problems:
        raise found.problems[0]
    if len(found.sources) != 1:
        raise SourceError(f"{source}: {len(found.sources)} sources: add each by itself")
    return found.sources[0]
