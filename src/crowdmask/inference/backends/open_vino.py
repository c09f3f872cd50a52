"""OpenVINO, computing in float32, as the models were measured.

Measured on Intel CPUs only. GPUs must be Intel's, with the driver installed; for them only the selection and
the messages are tested.
"""

from __future__ import annotations

import sys
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdmask.errors import MissingExtraError, ModelError, UsageError
from crowdmask.inference.backends.base import (
    AUTO,
    INPUT,
    OUTPUTS,
    Device,
    Runtime,
    first_line,
    run_one_by_one,
    sides_of,
    warn_fallback,
)
from crowdmask.inference.backends.onnx_runtime import read_metadata

NAME = "openvino"
CPU = Device("cpu", "CPU", "openvino", auto=True, tried=True)
GPU = Device("gpu", "GPU", "openvino", auto=True, note="Intel GPUs with their driver")
DEVICES = (GPU, CPU)


class OpenVinoBackend:
    """A model compiled by OpenVINO; see `Backend`."""

    def __init__(
        self, path: Path, threads: int = 1, shares_cores: bool = False, device: str = CPU.name
    ) -> None:
        """Load a model file.

        Raises:
            MissingExtraError: OpenVINO is not installed.
            UsageError: OpenVINO finds no such device.
            ModelError: the file cannot be loaded.
        """
        openvino = _import_runtime()
        self.metadata = read_metadata(path)
        core = openvino.Core()
        chosen = _choose(core, device)
        try:
            network = core.read_model(path)
            self._model, self.device = _compile(core, network, chosen, threads)
            sides = self._model.input(INPUT).partial_shape
            self._outputs = [self._model.output(name) for name in OUTPUTS]
        except RuntimeError as error:
            raise ModelError(f"{path}: OpenVINO cannot run this model: {first_line(error)}") from error
        self._request = self._model.create_infer_request()
        self._lock = Lock()
        shape = [dimension.get_length() if dimension.is_static else None for dimension in sides]
        self.input_sides = sides_of(shape)
        self._one_by_one = shape[0] == 1

    def run(self, tensor: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `Backend.run`."""
        if self._one_by_one and len(tensor) > 1:
            return run_one_by_one(self._run, tensor)
        return self._run(tensor)

    def _run(self, tensor: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        with self._lock:
            result = self._request.infer({INPUT: tensor})
            # Copied, since the next request writes into the same memory.
            scores, deltas = (np.array(result[output]) for output in self._outputs)
        return scores, deltas


def _choose(core: Any, wanted: str) -> str:
    """Return OpenVINO's name for the device; `auto` uses OpenVINO's own rule if there is more than the CPU.

    Raises:
        UsageError: OpenVINO finds no such device.
    """
    # Several GPUs are named GPU.0, GPU.1 and so on.
    there = {name.split(".")[0] for name in core.available_devices}
    if wanted == AUTO:
        return "AUTO" if GPU.provider in there else CPU.provider
    device = next(device for device in DEVICES if device.name == wanted)
    if device.provider not in there:
        names = ", ".join(each.name for each in DEVICES if each.provider in there) or "none"
        raise UsageError(
            f"OpenVINO finds no device {wanted} here, only: {names}; the package {device.package} needs "
            "the driver of an Intel GPU for it"
        )
    return device.provider


def _compile(core: Any, network: Any, chosen: str, threads: int) -> tuple[Any, str]:
    """Compile for a device and return its name, too; if a GPU fails, log one warning line and use the CPU."""
    usual = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    on_cpu = {**usual, "INFERENCE_NUM_THREADS": threads}
    if chosen != CPU.provider:
        try:
            return core.compile_model(network, chosen, usual), chosen.lower()
        except RuntimeError as error:
            warn_fallback("OpenVINO", chosen.lower(), first_line(error), CPU.name)
    return core.compile_model(network, CPU.provider, on_cpu), CPU.name


def _import_runtime() -> Any:
    """Import OpenVINO without its telemetry, which sends a line to Google Analytics at every import.

    OpenVINO works without its telemetry package, and checks for it at import; so it is hidden during the
    import.

    Raises:
        MissingExtraError: OpenVINO is not installed.
    """
    telemetry = "openvino_telemetry"
    hidden = telemetry not in sys.modules
    if hidden:
        sys.modules[telemetry] = None  # type: ignore[assignment]
    try:
        import openvino
    except ImportError as error:
        raise MissingExtraError("The backend openvino", "openvino") from error
    finally:
        if hidden:
            sys.modules.pop(telemetry, None)
    return openvino


RUNTIME = Runtime(NAME, "openvino", DEVICES, OpenVinoBackend)
