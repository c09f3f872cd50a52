"""What ``crowdmask track`` says on the terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Event as Flag
from typing import TYPE_CHECKING, Self

from crowdmask.cli.lines import error_line, one_line
from crowdmask.errors import CrowdmaskError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from crowdmask.live.health import Health
    from crowdmask.live.listeners import Listener
    from crowdmask.live.run import Run
    from crowdmask.media.window import Newest, Windows
    from crowdmask.tracking.events import Event
    from crowdmask.tracking.zones import ZoneCounts

STATS_EVERY_S = 10.0

_EVENT_WORDS = {
    "person_appeared": "appeared",
    "person_left": "left",
    "mask_put_on": "put a mask on",
    "mask_taken_off": "took the mask off",
    "mask_incorrect": "wears the mask incorrectly",
    "no_mask": "has worn no mask for a while",
}


def describe_event(event: Event) -> str:
    """Return one line, like ``cam: 12.4 s, person 3 put a mask on (door)``."""
    where = f" ({event.zone})" if event.zone else ""
    words = _EVENT_WORDS.get(event.event, event.event)
    return one_line(f"{event.source}: {event.time_s:.1f} s, person {event.track} {words}{where}")


def describe_run(run: Run) -> str:
    """Return a summary of one source: its frames, tracks, events, output, and the time of each stage."""
    pipeline, sink = run.pipeline, run.sink
    speed = run.frames / run.seconds if run.seconds else 0.0
    tracks = pipeline.tracks if pipeline is not None else 0
    brief = f" ({pipeline.brief:,} more too brief to count)" if pipeline and pipeline.brief else ""
    parts = [
        f"{run.source}: {_many(run.frames, 'frame')} in {run.seconds:.1f} s ({speed:.1f} frames/s)",
        _many(tracks, "track") + brief,
        _many(run.events, "event"),
    ]
    if run.options.out is not None and sink is not None and sink.times.frames:
        parts.append(f"annotated video: {run.options.out}")
    return one_line(", ".join(parts) + _stages(run))


def _stages(run: Run) -> str:
    """Return the mean milliseconds of a frame in each stage."""
    stages = []
    if run.pipeline is not None and run.pipeline.times.frames:
        times = run.pipeline.times
        stages += [("detector", times.detect_s / times.frames), ("tracking", times.track_s / times.frames)]
    if run.sink is not None and run.sink.times.frames:
        drawn = run.sink.times
        stages += [("drawing", drawn.draw_s / drawn.frames), ("writing", drawn.write_s / drawn.frames)]
    if not stages:
        return ""
    return "; a frame: " + ", ".join(f"{name} {seconds * 1000:.1f} ms" for name, seconds in stages)


def describe_stats(run: Run) -> str:
    """Return one line of figures for ``--stats``."""
    stats = run.stats()
    parts = [
        f"{stats.fps:.1f} frames/s",
        f"frames {stats.frames}",
        f"dropped {stats.dropped}",
        f"reconnects {stats.reconnects}",
        f"latency {stats.latency_ms:.0f} ms" if stats.latency_ms is not None else "latency -",
    ]
    if stats.frozen:
        parts.append("frozen")
    parts.append(stats.state)
    if stats.last_error:
        parts.append(f"last error: {stats.last_error}")
    return one_line(f"stats: {run.source}: {', '.join(parts)}")


def describe_zone(source: str, counts: ZoneCounts) -> str:
    """Return one line of what was counted at one zone or line."""
    entered, left, present = (sum(each.values()) for each in (counts.entered, counts.left, counts.present))
    inside = f", {present} there at the end" if counts.kind == "zone" else ""
    share = counts.masked_share_so_far
    masked = f", {share * 100:.0f} % masked" if share is not None else ""
    return one_line(f"{source}: {counts.kind} {counts.name}: in {entered}, out {left}{inside}{masked}")


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


class Bars:
    """A progress bar a file, with frames per second and time left; does nothing where none is shown."""

    def __init__(self, console: Console, shown: bool) -> None:
        """Show bars on a console."""
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        if not shown:
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]:.1f} frames/s"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._progress.start()

    def update(self, runs: Sequence[Run]) -> None:
        """Show how far each source is that is being worked on."""
        if self._progress is None:
            return
        for run in runs:
            if run.started_s is None:
                continue
            if run.source not in self._tasks:
                self._tasks[run.source] = self._progress.add_task(one_line(run.source), total=None, speed=0.0)
            total = max(run.total, run.frames) if run.total is not None else None
            speed = run.frames / run.seconds if run.seconds else 0.0
            self._progress.update(self._tasks[run.source], completed=run.frames, total=total, speed=speed)

    def end(self, run: Run) -> None:
        """Remove a source's bar."""
        if self._progress is not None and run.source in self._tasks:
            self._progress.remove_task(self._tasks.pop(run.source))

    def close(self) -> None:
        """Remove all bars."""
        if self._progress is not None:
            self._progress.stop()


class Watch:
    """What the main thread does while others work: bars, windows, figures, and the line of what has ended."""

    def __init__(
        self,
        say: Console,
        complain: Console,
        stats: bool,
        quiet: bool,
        windows: Windows | None,
        newest: Newest | None,
        stop: Flag,
    ) -> None:
        """Start to watch.

        Args:
            stop: set when a window wants to end.
        """
        self._stop = stop
        self._say, self._complain = say, complain
        self._stats = stats
        self._windows, self._newest = windows, newest
        self._told: set[Run] = set()
        self._errors: set[str] = set()
        self._next_stats_s = time.monotonic() + STATS_EVERY_S
        self._bars = Bars(complain, complain.is_terminal and not quiet)

    def look(self, runs: Sequence[Run]) -> None:
        """Update bars, windows and figures for the sources of a job."""
        self._bars.update([run for run in runs if run not in self._told])
        for run in runs:
            if run.started_s is not None and run.ended_s is not None and run not in self._told:
                self._tell(run)
        if self._stats and time.monotonic() >= self._next_stats_s:
            self._next_stats_s = time.monotonic() + STATS_EVERY_S
            for run in runs:
                if run.started_s is not None and run.ended_s is None:
                    self._complain.print(describe_stats(run), soft_wrap=True)
        if self._windows is not None and self._newest is not None:
            for name, picture in self._newest.take().items():
                self._windows.show(name, picture)
            if self._windows.wants_to_end():
                self._stop.set()

    def listener(self, any_live: bool) -> Listener:
        """Return who tells of events and connections as they come, and passes frames on to the windows."""
        from crowdmask.live.listeners import Listener

        newest = self._newest
        return Listener(
            frames=(lambda _, view: newest.put(view.result.source, view.drawn)) if newest else None,
            events=(lambda _, event: self._say.print(describe_event(event), soft_wrap=True))
            if any_live
            else None,
            health=lambda _, health: self._tell_health(health),
        )

    def _tell_health(self, health: Health) -> None:
        if health.news in ("connection", "notice") and health.message is not None:
            self._complain.print(one_line(health.message), soft_wrap=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.close()

    def _tell(self, run: Run) -> None:
        self._told.add(run)
        self._bars.end(run)
        told_elsewhere = run.failed is not None and not isinstance(run.failed, CrowdmaskError)
        if run.error is not None and run.error not in self._errors and not told_elsewhere:
            self._errors.add(run.error)  # an error that several sources share is printed once
            self._complain.print(error_line(run.error), soft_wrap=True)
        if run.sound_problem is not None:
            self._complain.print(f"warning: {one_line(run.sound_problem)}", soft_wrap=True)
        if run.frames and run.failed is None:
            self._say.print(describe_run(run), soft_wrap=True)
            for counts in run.last.zones if run.last is not None else ():
                self._say.print(describe_zone(run.source, counts), soft_wrap=True)
        if self._stats:
            self._complain.print(describe_stats(run), soft_wrap=True)
