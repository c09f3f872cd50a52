"""A large run: list, distribute, write shards, count; a killed run can continue."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from crowdmask.batch.items import PhotoFailure
from crowdmask.batch.totals import Totals
from crowdmask.cores import physical_cores
from crowdmask.errors import OutputError, UsageError, WorkerError
from crowdmask.progress import Progress, silent
from crowdmask.scale.columns import Columns
from crowdmask.scale.description import Description, begin_or_go_on, check_place
from crowdmask.scale.listing.every import list_all
from crowdmask.scale.processes import ProcessPool
from crowdmask.scale.shards import Shards
from crowdmask.scale.spool import Spool
from crowdmask.scale.store import open_store
from crowdmask.scale.work import About, Done, Maker, Share

LARGEST_SHARD = 1000
MOST_PROCESSES = 512
_SMALLEST_SHARD = 16
_SHARES_A_WORKER = 12
"""Number of shards for each worker if there are few photos, so that no worker is idle at the end."""


class Pool(Protocol):
    """Workers of any kind: processes of this machine, or actors of a cluster.

    Attributes:
        workers: number of workers.
        deaths: number of workers that ended unexpectedly.
        peak_bytes: maximum memory of this process and the workers on this machine.
    """

    workers: int
    deaths: int

    @property
    def peak_bytes(self) -> int:
        """Maximum memory so far."""

    def start(self) -> About:
        """Start the workers; return the model that they have loaded."""

    def run(self, shares: Iterator[Share]) -> Iterator[Done]:
        """Process all shares, each once, and yield them as they are done."""

    def close(self) -> None:
        """End the workers."""


MakePool = Callable[[Maker, dict[str, Any], int | None, int], Pool]
"""Takes the maker of a detector, Arrow types of the user's columns, numbers of workers and photos."""


def local_processes(
    maker: Maker,
    types: dict[str, Any],
    workers: int | None,
    photos: int,
    most_bytes: int | None = None,
) -> Pool:
    """Make workers on this machine: one for each physical core, and at most one for each photo.

    Args:
        most_bytes: a worker that uses more memory is replaced after its share; None: no limit.
    Raises:
        UsageError: more workers than a machine may have.
    """
    if workers is not None and workers > MOST_PROCESSES:
        raise UsageError(f"`workers` must be 1 to {MOST_PROCESSES} on one machine, not {workers}")
    return ProcessPool(maker, types, max(1, min(workers or physical_cores(), photos)), most_bytes)


@dataclass(frozen=True)
class Wanted:
    """The plan of a run.

    Attributes:
        sources: as given by the user.
        to: folder or URL of the output.
        maker: makes a worker's detector.
        settings: everything else that affects the rows, by parameter name.
        resume: continue an earlier run.
        workers: number of workers; None: one for each physical core.
        shard_size: photos in a shard; None: `LARGEST_SHARD`, or fewer if there are few photos.
        path_column: of manifests.
    """

    sources: Sequence[str]
    to: str
    maker: Maker
    settings: dict[str, Any] = field(default_factory=dict)
    resume: bool = False
    workers: int | None = None
    shard_size: int | None = None
    path_column: str | None = None


@dataclass
class Outcome:
    """The result of a run.

    Attributes:
        totals: of the whole output, including earlier runs.
        problems: sources without anything to read.
        listed, known, doubled: number of photos to do, done before, and listed more than once.
        shards: number of shards in the output.
        rows: number of rows in the output.
        done: number of photos of this run.
        seconds: time of the workers.
        workers, deaths, peak_bytes: see `Pool`.
        about: the model.
    """

    totals: Totals
    problems: list[str]
    listed: int = 0
    known: int = 0
    doubled: int = 0
    shards: int = 0
    rows: int = 0
    done: int = 0
    seconds: float = 0.0
    workers: int = 0
    deaths: int = 0
    peak_bytes: int = 0
    about: About | None = None

    @property
    def failed(self) -> int:
        """Photos and sources that could not be read."""
        return self.totals.failed

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        rate = self.done / self.seconds if self.seconds else 0.0
        return {
            **self.totals.to_record(),
            "done_now": self.done,
            "done_before": self.known,
            "named_again": self.doubled,
            "rows": self.rows,
            "shards": self.shards,
            "seconds": round(self.seconds, 3),
            "photos_per_second": round(rate, 3),
            "workers": self.workers,
            "workers_ended": self.deaths,
            "peak_memory_mb": round(self.peak_bytes / 1e6, 1),
            "problems": self.problems,
        }


def detect_at_scale(
    wanted: Wanted,
    *,
    complain: Callable[[str], None],
    progress: Progress = silent,
    make_pool: MakePool = local_processes,
) -> Outcome:
    """Detect in all photos of some sources that are not done yet, and write a row for each.

    Args:
        complain: receives an error line for each photo and source that cannot be read.
        progress: receives the progress of listing and detecting.
        make_pool: makes the workers.
    Raises:
        UsageError: the output is used, or contains a run with another model or other settings.
        BusyError: another run writes there.
        OutputError: it cannot be written; shards written so far are complete.
        CrowdmaskError: the model cannot be loaded.
    """
    store = open_store(wanted.to)
    with store.held():
        shards = Shards(store)
        if check_place(store, wanted.resume):
            shards.find(complain)
        spool = Spool(shards.done)
        columns = Columns()
        outcome = Outcome(shards.totals, [])
        with closing(spool):
            _list(wanted, spool, columns, outcome, complain, progress)
            if not spool.count and not spool.known:
                # A mistyped source must not leave a run behind that refuses the right one.
                outcome.shards, outcome.rows = shards.count, shards.rows
                return outcome
            pool = make_pool(wanted.maker, columns.types(), wanted.workers, spool.count)
            with closing(pool):
                outcome.about = about = pool.start()
                begin_or_go_on(store, _describe(wanted, about, columns), wanted.resume)
                _work(wanted, pool, spool, shards, outcome, complain, progress)
            outcome.workers, outcome.deaths, outcome.peak_bytes = pool.workers, pool.deaths, pool.peak_bytes
        return outcome


def _list(
    wanted: Wanted,
    spool: Spool,
    columns: Columns,
    outcome: Outcome,
    complain: Callable[[str], None],
    progress: Progress,
) -> None:
    def take(entry: Any) -> None:
        spool.add(entry)
        progress("listing photos", spool.count + spool.known, 0)

    problems = list_all(wanted.sources, take, columns, path_column=wanted.path_column, leave_out=wanted.to)
    spool.finish()
    for problem in problems:
        complain(str(problem))
        outcome.totals.add(PhotoFailure("", problem))
    outcome.problems = [str(problem) for problem in problems]
    outcome.listed, outcome.known, outcome.doubled = spool.count, spool.known, spool.doubled


def _work(
    wanted: Wanted,
    pool: Pool,
    spool: Spool,
    shards: Shards,
    outcome: Outcome,
    complain: Callable[[str], None],
    progress: Progress,
) -> None:
    size = wanted.shard_size or shard_size(spool.count, pool.workers)
    shares = (Share(number, entries) for number, entries in enumerate(spool.tasks(size)))
    began = time.perf_counter()
    progress("detecting", 0, spool.count)
    try:
        for done in pool.run(shares):
            shards.add(done.data, done.rows, done.totals)
            for problem in done.problems:
                complain(problem)
            outcome.done += done.rows
            outcome.seconds = time.perf_counter() - began
            progress("detecting", outcome.done, spool.count)
    except BaseException as error:
        with suppress(OutputError):  # it is only information, and must not hide the error
            shards.write_journal()
        if not isinstance(error, OutputError | WorkerError):
            raise
        told = f"{error}; what was written before is whole: go on with `resume`"  # a full disk, for example
        raise WorkerError(told, error.exit_code) from error
    finally:
        outcome.shards, outcome.rows = shards.count, shards.rows
    shards.write_journal()


def shard_size(photos: int, workers: int) -> int:
    """Return the number of photos in a shard, so that all workers end at about the same time."""
    even = photos // max(1, workers * _SHARES_A_WORKER)
    return max(_SMALLEST_SHARD, min(LARGEST_SHARD, even))


def _describe(wanted: Wanted, about: About, columns: Columns) -> Description:
    return Description(
        tuple(wanted.sources), about.model, about.model_hash, dict(wanted.settings), columns.settled()
    )
