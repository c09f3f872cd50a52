"""Choose the workers: plain processes of this machine, or a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crowdmask.clusters import LOCAL
from crowdmask.cores import physical_cores
from crowdmask.scale.ray_actors import RayPool
from crowdmask.scale.run import MakePool, Pool, local_processes
from crowdmask.scale.work import Maker

WORTH_RAY = 4000
"""Minimum number of photos for Ray on one machine: it needs seconds to start and 650 MB."""


def choose(
    address: str | None, say: Callable[[str], None], *, gpus: bool = False, worker_mb: int | None = None
) -> MakePool:
    """Return a function that makes the workers of a run when the number of photos is known.

    Args:
        address: of a Ray cluster, "auto", "local", or None: plain processes.
        say: receives a message about a choice that the user did not make.
        gpus: each worker of the cluster has its own GPU.
        worker_mb: a process that uses more memory is replaced after its share; None: no limit. Ray has its
            own limits.
    """

    def make(maker: Maker, types: dict[str, Any], workers: int | None, photos: int) -> Pool:
        if address is None or (address == LOCAL and photos < WORTH_RAY):
            if address is not None:
                say(f"{photos:,} photos are too few for Ray to pay: plain processes do them")
            return local_processes(
                maker, types, workers, photos, worker_mb * 1_000_000 if worker_mb else None
            )
        if workers is None and address == LOCAL:
            workers = physical_cores()
        return RayPool(maker, types, workers, address=address, gpus=gpus)

    return make
