"""Track everybody in a list of sources, once: what ``crowdmask track`` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from crowdmask.errors import OutputError, SourceError, UsageError
from crowdmask.inference.detector import Detector
from crowdmask.live.listeners import Listener
from crowdmask.live.memory import give_back_large_blocks
from crowdmask.live.options import CameraOptions
from crowdmask.live.outputs import name_outputs, without_outputs
from crowdmask.live.records import Records
from crowdmask.live.run import Run
from crowdmask.live.session import Session
from crowdmask.live.sources import VideoSource, find_videos
from crowdmask.tracking.library import preload


@dataclass(frozen=True, kw_only=True)
class RecordFiles:
    """Output files for the records of all sources; "-" is standard output, None: not written.

    Attributes:
        json: one JSON line for each frame.
        events: one JSON line for each event.
        csv: one row for each track.
        zone_counts: the counts of the zones, one JSON line each second.
    """

    json: str | None = None
    events: str | None = None
    csv: str | None = None
    zone_counts: str | None = None

    def __post_init__(self) -> None:
        """Check that all files differ.

        Raises:
            UsageError: two of them are the same.
        """
        used: dict[str, str] = {}
        for name, target in vars(self).items():
            if target is not None and target in used:
                raise UsageError(f"`{used[target]}` and `{name}` cannot both write to {target!r}")
            if target is not None:
                used[target] = name


@dataclass(frozen=True, eq=False)
class TrackJob:
    """The sources of a job, each with its output video; made by `plan_job`.

    Attributes:
        sources: the sources to process.
        options: of each source.
        problems: requested sources without anything to process.
        files: output files for records.
    """

    sources: Sequence[VideoSource]
    options: Sequence[CameraOptions]
    problems: Sequence[SourceError]
    files: RecordFiles


@dataclass(frozen=True, eq=False)
class JobResult:
    """The result of a job.

    Attributes:
        runs: of all sources, including those that were never started.
        failed: number of sources that could not be read to their end, or whose results could not be written.
    """

    runs: Sequence[Run]
    failed: int


def plan_job(
    sources: Sequence[str], *, out: str | None, files: RecordFiles, options: CameraOptions
) -> TrackJob:
    """Find the sources and name the annotated videos; nothing is opened or written yet.

    Args:
        sources: as `find_videos` takes them.
        out: annotated video, or folder for them; None: none is written.
        options: for all sources.
    Raises:
        UsageError: the options do not fit together.
        OutputError: `out` cannot be written to, or is a source.
    """
    if files.zone_counts is not None and options.zones is None:
        raise UsageError("`zone_counts` needs `zones`")
    found = find_videos(sources)
    wanted = without_outputs(found.sources, sources, out)
    outs: Sequence[Path | None] = [None] * len(wanted)
    if out is not None and wanted:
        names = [each.address if each.kind == "camera" else each.name for each in wanted]
        outs = name_outputs(out, names, [each.address for each in wanted if each.kind == "file"])
    own = [replace(options, out=each) for each in outs]
    return TrackJob(wanted, own, found.problems, files)


def run_job(
    job: TrackJob,
    make_detector: Callable[[], Detector],
    *,
    input_size: int | None = None,
    listener: Listener | None = None,
    look: Callable[[Sequence[Run]], None] = lambda runs: None,
    stop: Event | None = None,
) -> JobResult:
    """Process all sources until they have ended or `stop` is set.

    Args:
        make_detector: loads the model, which all sources share.
        input_size: see `Session`.
        look: called with all runs repeatedly during the work, in this thread.
    Returns:
        The result. A video that cannot be written ends only its own source; records that cannot be
        written end all, since all share them.
    Raises:
        OutputError: a file of records cannot be opened or finished.
        Exception: an internal error ended a source; the others are finished first.
    """
    give_back_large_blocks()
    if job.sources:
        preload(each.algorithm for each in job.options)
    stop = stop or Event()
    files = job.files
    # Before any file is opened: the model may not be suitable for tracking.
    session = Session(make_detector(), input_size=input_size)
    with Records(files.json, files.events, files.csv, files.zone_counts) as records, session:
        if listener is not None:
            session.listen(listener)
        names = _names(job.sources)
        for name, source, options in zip(names, job.sources, job.options, strict=True):
            session.add(source, camera=name, options=options, outputs=[records])
        runs = session.runs

        def look_on() -> None:
            if stop.is_set() or records.failed is not None:
                session.stop()
            look(runs)

        session.wait(look_on)
    for run in runs:
        if run.failed is not None and not isinstance(run.failed, OutputError):
            raise run.failed
    return JobResult(runs, sum(run.error is not None for run in runs))


def _names(sources: Sequence[VideoSource]) -> list[str]:
    """Return a unique name for each: two addresses may differ only in their passwords."""
    names: list[str] = []
    for source in sources:
        names.append(source.name if source.name not in names else f"{source.name} ({len(names) + 1})")
    return names
