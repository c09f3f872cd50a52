"""The table of runtimes: a new one is a module beside this one and a row here.

Each imports its package at its first use. Both have telemetry, which is switched
off.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from crowdmask.cores import physical_cores
from crowdmask.errors import UsageError
from crowdmask.inference.backends import onnx_runtime, open_vino
from crowdmask.inference.backends.base import AUTO, Backend, Runtime

BACKENDS: dict[str, Runtime] = {
    runtime.name: runtime for runtime in (onnx_runtime.RUNTIME, open_vino.RUNTIME)
}
DEFAULT_BACKEND = onnx_runtime.NAME

MOST_THREADS = 512
"""Maximum number of threads; more are a typing error, and each one costs memory."""


def installed_backends() -> list[str]:
    """Return the names of the runtimes whose package is installed, the default first."""
    return [name for name, runtime in BACKENDS.items() if find_spec(runtime.package)]


def divide_threads(name: str, threads: int | None, at_once: int) -> tuple[int, int | None]:
    """Divide threads among calls that run at the same time.

    Args:
        name, threads: see `load_backend`.
        at_once: number of calls.
    Returns:
        How many calls may run at the same time, and the threads for each; those as they were given if they
        cannot be divided.
    """
    runtime = BACKENDS.get(name)
    given = physical_cores() if threads is None else threads
    if runtime is None or not runtime.several or not 1 < at_once <= given <= MOST_THREADS:
        return 1, threads
    return at_once, given // at_once


def load_backend(
    name: str,
    path: Path,
    threads: int | None = None,
    shares_cores: bool = False,
    device: str = AUTO,
) -> Backend:
    """Load a model file into a runtime.

    Args:
        name: one of `BACKENDS`.
        path: the ONNX file.
        threads: compute threads; None: one for each physical core that this process may use.
        shares_cores: the program uses the cores for other work between pictures, so idle threads sleep.
        device: "auto" for the best available, or one of the runtime's devices. One that exists but does not
            start is replaced by the CPU, with one warning line in the log "crowdmask.inference".
    Raises:
        UsageError: unknown backend or device, a device that is not available, or less than one thread.
        MissingExtraError: the runtime is not installed.
        ModelError: the file cannot be loaded, or its inputs and outputs are not those of our models.
    """
    runtime = BACKENDS.get(name)
    if runtime is None:
        raise UsageError(f"no such backend: {name!r}: choose from {', '.join(BACKENDS)}")
    if device not in runtime.device_names():
        raise UsageError(
            f"no such device for {name}: {device!r}: choose from {', '.join(runtime.device_names())}"
        )
    if threads is not None and threads < 1:
        raise UsageError(f"threads must be 1 or more, not {threads}")
    if threads is not None and threads > MOST_THREADS:
        raise UsageError(f"`threads` must be 1 to {MOST_THREADS}, not {threads}")
    return runtime.load(path, threads or physical_cores(), shares_cores, device)
