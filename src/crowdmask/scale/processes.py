"""Workers as processes of this machine: they may be killed, and end with the process that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import Any

from crowdmask.errors import EXIT_INPUT, CrowdmaskError, OutputError, WorkerError
from crowdmask.scale.memory import Meter, own_memory
from crowdmask.scale.tries import Tries
from crowdmask.scale.work import About, Done, Maker, Share, do_share

_MOST_DEATHS_AT_START = 3
_LOOK_EVERY_S = 0.5
_spawn = multiprocessing.get_context("spawn")


@dataclass(eq=False)
class _Worker:
    process: Any
    connection: Connection
    place: Any
    share: Share | None = None
    ready: bool = False


class ProcessPool:
    """Processes that each do one share at a time.

    Attributes:
        workers: number of workers.
        deaths: number of processes that ended unexpectedly.
    """

    def __init__(
        self, maker: Maker, types: dict[str, Any], workers: int, most_bytes: int | None = None
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            types: Arrow types of the user's columns, by name.
            most_bytes: a worker that uses more memory is replaced after its share.
        """
        self._arguments = (maker, types, most_bytes)
        self.workers = workers
        self.deaths = 0
        self._all: list[_Worker] = []
        self._deaths_at_start = 0
        self._tries = Tries()
        self._meter = Meter()

    @property
    def peak_bytes(self) -> int:
        """Maximum memory of this process and its workers so far."""
        return self._meter.peak_bytes

    def start(self) -> About:
        """Start the workers, and wait until one has loaded its model.

        Raises:
            CrowdmaskError: it cannot be loaded.
        """
        self._all = [self._new() for _ in range(self.workers)]
        while True:
            for worker in self._heard():
                message = self._receive(worker)
                if isinstance(message, About):
                    worker.ready = True
                    return message

    def run(self, shares: Iterator[Share]) -> Iterator[Done]:
        """Process all shares, each once, and yield them as they are done.

        Raises:
            CrowdmaskError: a worker cannot work, not because of a photo.
        """
        waiting: list[Share] = []
        for worker in self._all:
            if worker.ready:
                self._give(worker, waiting, shares)
        while any(worker.share for worker in self._all) or waiting or self._more(waiting, shares):
            for worker in self._heard():
                share = worker.share
                message = self._receive(worker)
                if message is None and share is not None:
                    waiting.append(self._tries.again(share, worker.place.value))
                elif isinstance(message, About):
                    worker.ready = True
                elif isinstance(message, Done):
                    if share is not None:
                        self._tries.forget(share)
                    worker.share = None
                    worker.ready = not message.last
                    self._give(worker, waiting, shares)
                    yield message
                    continue
                self._give(worker, waiting, shares)

    def close(self) -> None:
        """End all workers immediately."""
        for worker in self._all:
            worker.process.kill()
        for worker in self._all:
            worker.process.join()
            worker.connection.close()
        self._all = []

    def _new(self) -> _Worker:
        ours, theirs = _spawn.Pipe()
        place = _spawn.Value("q", 0, lock=False)
        process = _spawn.Process(
            target=_work, args=(theirs, place, *self._arguments), name="crowdmask-batch", daemon=True
        )
        process.start()
        theirs.close()
        return _Worker(process, ours, place)

    def _more(self, waiting: list[Share], shares: Iterator[Share]) -> bool:
        share = next(shares, None)
        if share is not None:
            waiting.append(share)
        return share is not None

    def _give(self, worker: _Worker, waiting: list[Share], shares: Iterator[Share]) -> None:
        if not worker.ready or worker.share is not None:
            return
        share = waiting.pop(0) if waiting else next(shares, None)
        if share is not None:
            worker.share = share
            worker.place.value = 0
            # The death of a worker is noticed through its process; its share is processed again.
            with suppress(OSError):
                worker.connection.send(share)

    def _heard(self) -> list[_Worker]:
        """Return the workers that sent a message or ended."""
        watched: dict[Any, _Worker] = {}
        for worker in self._all:
            watched[worker.connection] = worker
            watched[worker.process.sentinel] = worker
        found = wait(list(watched), _LOOK_EVERY_S)
        self._meter.look([worker.process.pid for worker in self._all])
        return list(dict.fromkeys(watched[each] for each in found))

    def _receive(self, worker: _Worker) -> About | Done | None:
        """Return a worker's message; None if it has ended and was replaced."""
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            self._replace(worker)
            return None
        if isinstance(message, tuple):
            raise WorkerError(*message)
        if isinstance(message, About):
            self._deaths_at_start = 0
        return message

    def _replace(self, worker: _Worker) -> None:
        worker.process.join()
        worker.connection.close()
        if worker.process.exitcode != 0:
            self.deaths += 1
        was_ready, worker.ready = worker.ready, False
        if not was_ready and worker.process.exitcode != 0:
            self._deaths_at_start += 1
            if self._deaths_at_start >= _MOST_DEATHS_AT_START:
                raise OutputError(
                    f"{self._deaths_at_start} workers ended while they started "
                    f"(exit code {worker.process.exitcode}): is there enough memory? use fewer `workers`"
                )
        self._all[self._all.index(worker)] = self._new()


def _work(connection: Connection, place: Any, maker: Maker, types: dict[str, Any], most: int | None) -> None:
    """Run a worker: process shares until the pool closes or its process ends."""
    # Ctrl-C reaches the whole process group; the parent process decides what happens.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def at(next_place: int) -> None:
        place.value = next_place

    try:
        looker = maker()
        connection.send(looker.about)
        while True:
            done = do_share(looker, connection.recv(), types, at)
            last = most is not None and own_memory() > most
            connection.send(replace(done, last=last))
            if last:
                return
    except CrowdmaskError as error:
        connection.send((str(error), error.exit_code))
    except (EOFError, OSError):
        return
    except Exception as error:
        told = (
            f"{type(error).__name__}: {' '.join(str(error).split())}" if str(error) else type(error).__name__
        )
        connection.send((f"{told} (internal error)", EXIT_INPUT))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
