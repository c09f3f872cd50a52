"""Further workers of a study on the machines of a Ray cluster: the same command, started there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from crowdmask import clusters

_LOOK_EVERY_S = 1.0


class Helper(Protocol):
    """A further worker: a process here, or one on another machine."""

    def poll(self) -> int | None:
        """Return its exit code, None while it works."""

    def terminate(self) -> None:
        """Ask it to stop; its trial is taken up by another worker."""

    def wait(self) -> int:
        """Wait for its end; return its exit code."""


class RayHelper:
    """A worker that a Ray task runs."""

    def __init__(self, ray: Any, arguments: Sequence[str], threads: int) -> None:
        """Start it.

        Args:
            ray: the module, joined with a cluster.
            arguments: of our program.
            threads: processors that Ray keeps for it.
        """
        self._ray = ray
        self._stop = ray.remote(_Flag).options(num_cpus=0).remote()
        task = ray.remote(_work).options(num_cpus=threads, max_retries=0)
        self._task = task.remote(list(arguments), str(Path.cwd()), self._stop)

    def poll(self) -> int | None:
        """Return the exit code, None while it works."""
        ready, _ = self._ray.wait([self._task], timeout=0)
        return self.wait() if ready else None

    def terminate(self) -> None:
        """Ask it to stop."""
        self._ray.get(self._stop.set.remote())

    def wait(self) -> int:
        """Wait for its end; return its exit code, 1 where its machine was lost."""
        try:
            return int(self._ray.get(self._task))
        except (self._ray.exceptions.RayError, OSError):
            return 1


def start_on_ray(address: str, arguments: Sequence[str], workers: int, threads: int) -> list[RayHelper]:
    """Start workers on a cluster; Ray waits until processors are free for each.

    The study's folder, its database and the data must be reachable under the same names from every machine.

    Raises:
        MissingExtraError: Ray is not installed.
        UsageError: there is no cluster at the address.
    """
    ray = clusters.join(address, what="`ray`", cpus=workers * threads)
    return [RayHelper(ray, arguments, threads) for _ in range(workers)]


class _Flag:
    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        self._set = True

    def get(self) -> bool:
        return self._set


def _work(arguments: list[str], folder: str, stop: Any) -> int:
    """Run our program in a process of its own, which ends when it is asked to."""
    import ray

    process = subprocess.Popen(
        [sys.executable, "-m", "crowdmask", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        while True:
            try:
                return process.wait(_LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                if ray.get(stop.get.remote()):
                    process.terminate()
    finally:
        if process.poll() is None:
            process.kill()
