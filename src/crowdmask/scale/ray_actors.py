"""Workers as actors of a Ray cluster: any number of machines, each of which may fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from crowdmask import clusters
from crowdmask.errors import CrowdmaskError, OutputError, WorkerError
from crowdmask.scale.extra import load
from crowdmask.scale.memory import Meter
from crowdmask.scale.tries import Tries
from crowdmask.scale.work import About, Done, Maker, Share, do_share

_LOOK_EVERY_S = 0.5
_MOST_DEATHS_AT_START = 3


class RayPool:
    """Actors that each do one share at a time.

    Attributes:
        workers: number of workers.
        deaths: number of actors that ended unexpectedly.
    """

    def __init__(
        self, maker: Maker, types: dict[str, Any], workers: int | None, *, address: str, gpus: bool = False
    ) -> None:
        """Start Ray, or join a cluster.

        Args:
            types: Arrow types of the user's columns, by name.
            workers: number of workers; None: one for each processor, or GPU, of the cluster.
            address: "local", "auto" or like ``ray://host:10001``.
            gpus: each worker has its own GPU.
        Raises:
            MissingExtraError: Ray is not installed.
            UsageError: there is no cluster at the address.
        """
        self._ray = clusters.join(address, what="`address`", cpus=workers)
        there = self._ray.cluster_resources()
        self.workers = workers or max(1, int(there.get("GPU" if gpus else "CPU", 1)))
        self.deaths = 0
        # Ray ends a worker itself where the machine's memory runs out.
        self._deaths_seen = (self._ray.exceptions.RayActorError, self._ray.exceptions.OutOfMemoryError)
        self._tries = Tries()
        self._meter = Meter()
        self._places = self._ray.remote(_Places).options(num_cpus=0).remote()
        needs = {"num_cpus": 1, "num_gpus": 1} if gpus else {"num_cpus": 1}
        self._actor = self._ray.remote(_Actor).options(max_restarts=0, max_task_retries=0, **needs)
        self._arguments = (maker, types, self._places)
        self._pids: list[int] = []
        self._actors: list[Any] = []

    @property
    def peak_bytes(self) -> int:
        """Maximum memory of this process and its workers on this machine so far."""
        return self._meter.peak_bytes

    def start(self) -> About:
        """Start the workers, and wait until one has loaded its model.

        Raises:
            CrowdmaskError: it cannot be loaded.
        """
        self._actors = [self._new() for _ in range(self.workers)]
        for _ in range(_MOST_DEATHS_AT_START):
            try:
                about, _ = _checked(self._ray.get(self._actors[0].about.remote()))
            except self._deaths_seen:
                self._actors[0] = self._new()
                continue
            return about
        raise OutputError("workers end while they start: is there enough memory? use fewer `workers`")

    def run(self, shares: Iterator[Share]) -> Iterator[Done]:
        """Process all shares, each once, and yield them as they are done.

        Raises:
            CrowdmaskError: a worker cannot work, not because of a photo.
        """
        waiting: list[Share] = []
        busy: dict[Any, tuple[Any, Share]] = {}
        idle = list(self._actors)
        while True:
            while idle and (share := waiting.pop(0) if waiting else next(shares, None)) is not None:
                actor = idle.pop()
                busy[actor.do.remote(share)] = (actor, share)
            if not busy:
                return
            ready, _ = self._ray.wait(list(busy), num_returns=1, timeout=_LOOK_EVERY_S)
            self._meter.look(self._pids)
            for future in ready:
                actor, share = busy.pop(future)
                try:
                    done, pid = _checked(self._ray.get(future))
                except self._deaths_seen:
                    waiting.append(self._again(share))
                    idle.append(self._new())
                    continue
                self._tries.forget(share)
                self._pids = list({*self._pids, pid})
                idle.append(actor)
                yield done

    def close(self) -> None:
        """End the workers, and Ray if it was started here."""
        clusters.leave(self._ray)

    def _new(self) -> Any:
        return self._actor.remote(*self._arguments)

    def _again(self, share: Share) -> Share:
        self.deaths += 1
        place = self._ray.get(self._places.get.remote(share.number)) if share.one_by_one else None
        return self._tries.again(share, place)


class _Places:
    """Knows, for shares processed one by one, which photo was being processed when a worker ended."""

    def __init__(self) -> None:
        self._places: dict[int, int] = {}

    def put(self, number: int, place: int) -> None:
        self._places[number] = place

    def get(self, number: int) -> int:
        return self._places.get(number, 0)


class _Actor:
    def __init__(self, maker: Maker, types: dict[str, Any], places: Any) -> None:
        self._types, self._places = types, places
        self._failed: tuple[str, int] | None = None
        try:
            self._looker = maker()
        except CrowdmaskError as error:
            self._failed = (str(error), error.exit_code)

    def about(self) -> Any:
        """Return the loaded model, or why none is loaded."""
        return self._failed or (self._looker.about, os.getpid())

    def do(self, share: Share) -> Any:
        """Process a share; return the result, or why that failed."""
        if self._failed:
            return self._failed
        ray = load("ray")

        def at(place: int) -> None:
            if share.one_by_one:
                ray.get(self._places.put.remote(share.number, place))

        try:
            return do_share(self._looker, share, self._types, at), os.getpid()
        except CrowdmaskError as error:
            return str(error), error.exit_code


def _checked(answer: Any) -> Any:
    if isinstance(answer[0], str):
        raise WorkerError(*answer)
    return answer
