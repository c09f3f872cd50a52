"""Work on all sources of a command: files one after another, live ones all at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event, Thread

from crowdmask.live.file_run import FileRun
from crowdmask.live.live_run import LiveRun
from crowdmask.live.run import Run, Shared
from crowdmask.live.sources import VideoSource

_TICK_S = 0.05


def make_runs(sources: Sequence[VideoSource], outs: Sequence[Path | None], shared: Shared) -> list[Run]:
    """Return a run for each source, with the video that it writes."""
    live = sum(source.is_live for source in sources)
    return [
        LiveRun(source, shared, out, live - 1) if source.is_live else FileRun(source.address, shared, out)
        for source, out in zip(sources, outs, strict=True)
    ]


def work(runs: Sequence[Run], stop: Event, look: Callable[[], None]) -> None:
    """Work on all sources until they have ended or `stop` is set.

    Args:
        look: called again and again meanwhile, in this thread.
    Raises:
        OutputError: a result could not be written, which ends the whole; the rest is finished first.
    """
    files: list[Run] = [run for run in runs if isinstance(run, FileRun)]
    lanes: list[list[Run]] = [files, *([run] for run in runs if not isinstance(run, FileRun))]
    threads = [
        Thread(target=_run_all, args=(lane, stop), name=lane[0].source, daemon=True) for lane in lanes if lane
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            look()
            thread.join(_TICK_S)
    look()
    failed = next((run.failed for run in runs if run.failed is not None), None)
    if failed is not None:
        raise failed


def _run_all(runs: Sequence[Run], stop: Event) -> None:
    for run in runs:
        if stop.is_set():
            return
        run.run()
