"""ONNX Runtime: on the CPU with the default package, on other devices with its other builds.

Measured on CPUs only. For the other devices, only the selection, the fallback and the messages are tested,
with a simulated list of providers; their speed is not known.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdmask.errors import ModelError, UsageError
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
from crowdmask.inference.model_file import sums_overflow
from crowdmask.inference.processor import guards_int8

NAME = "onnxruntime"
CPU = Device("cpu", "CPUExecutionProvider", "onnxruntime", auto=True, tried=True)
DEVICES = (
    Device(
        "cuda", "CUDAExecutionProvider", "onnxruntime-gpu", auto=True, note="NVIDIA GPUs, Linux and Windows"
    ),
    Device("directml", "DmlExecutionProvider", "onnxruntime-directml", auto=True, note="GPUs on Windows"),
    CPU,
    # Not chosen by `auto`: TensorRT takes minutes to build an engine for each input size, and CoreML
    # leaves most of an int8 network, and of inputs of varying size, to the CPU.
    Device("tensorrt", "TensorrtExecutionProvider", "onnxruntime-gpu", note="NVIDIA GPUs with TensorRT"),
    Device("coreml", "CoreMLExecutionProvider", "onnxruntime", note="macOS; the default package includes it"),
)

_ERRORS_ONLY, _SILENT = 3, 4


class OnnxRuntimeBackend:
    """A model in an ONNX Runtime session; see `Backend`."""

    def __init__(
        self, path: Path, threads: int = 1, shares_cores: bool = False, device: str = CPU.name
    ) -> None:
        """Load a model file.

        Raises:
            UsageError: this build of ONNX Runtime does not support the device.
            ModelError: the file cannot be loaded, or its inputs and outputs are not those of our models.
        """
        runtime = import_runtime()
        candidates = _candidates(runtime, device)
        options = _options(runtime, threads, shares_cores, guarded=False)
        self.device, self._session = _first_usable(runtime, path, options, candidates)
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        if guards_int8() and sums_overflow(self.metadata):
            # Only the loaded file shows this, so the rare files that need it are loaded twice.
            options = _options(runtime, threads, shares_cores, guarded=True)
            self.device, self._session = _first_usable(runtime, path, options, candidates)
        shape = _check_interface(path, self._session)
        self.input_sides = sides_of(shape)
        self._one_by_one = shape[0] == 1

    def run(self, tensor: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `Backend.run`."""
        if self._one_by_one and len(tensor) > 1:
            return run_one_by_one(self._run, tensor)
        return self._run(tensor)

    def _run(self, tensor: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        scores, deltas = self._session.run(OUTPUTS, {INPUT: tensor})
        return scores, deltas


def read_metadata(path: Path) -> dict[str, str]:
    """Return a model file's metadata without preparing the model to run.

    Raises:
        ModelError: the file is not an ONNX model.
    """
    runtime = import_runtime()
    options = runtime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = 1
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = _open_session(runtime, path, options, [CPU.provider])
    return dict(session.get_modelmeta().custom_metadata_map)


def import_runtime() -> Any:
    """Import ONNX Runtime with its telemetry off."""
    import onnxruntime  # no telemetry from the start: see ORT_DISABLE_TELEMETRY in the package's __init__

    # On some Windows builds that variable has no effect, but this call has.
    onnxruntime.disable_telemetry_events()
    return onnxruntime


def _options(runtime: Any, threads: int, shares_cores: bool, guarded: bool) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _ERRORS_ONLY
    # Pictures come in many shapes, and the runtime would keep a memory plan for each. The
    # memory arena stays on: it grows only to the need of the largest shape, is faster than asking the system
    # every time, and fragments memory less.
    options.enable_mem_pattern = False
    if shares_cores:
        # Otherwise idle threads spin between pictures, on the cores that decode and draw. Not
        # always off, since a session without spinning takes up to twice as long beside one that spins.
        options.add_session_config_entry("session.force_spinning_stop", "1")
    if guarded:
        # Otherwise sums of 8-bit products overflow 16 bits; the correct way takes twice as long.
        options.add_session_config_entry("session.x64quantprecision", "1")
    return options


def _candidates(runtime: Any, wanted: str) -> list[Device]:
    """Return the devices to try, in order; the CPU, which is always available, comes last.

    Raises:
        UsageError: this build of ONNX Runtime does not support the requested device.
    """
    included = set(runtime.get_available_providers())
    if wanted == AUTO:
        return [device for device in DEVICES if device.auto and device.provider in included]
    device = next(device for device in DEVICES if device.name == wanted)
    if device.provider not in included:
        there = ", ".join(each.name for each in DEVICES if each.provider in included)
        raise UsageError(
            f"the installed ONNX Runtime cannot use {wanted} (it can use {there}): install the package "
            f"{device.package} in place of onnxruntime" + (f" ({device.note})" if device.note else "")
        )
    return [device] if device is CPU else [device, CPU]


def _first_usable(runtime: Any, path: Path, options: Any, candidates: list[Device]) -> tuple[str, Any]:
    """Open a session on the first device that works; log one warning line for each device that does not."""
    for device, following in pairwise(candidates):
        try:
            session = _try_device(runtime, path, options, device)
        except Exception as error:
            # Errors of drivers and of the runtime have no common base class.
            reason = first_line(error)
        else:
            if device.provider in session.get_providers():
                return device.name, session
            reason = "its driver or libraries are missing"
        warn_fallback("ONNX Runtime", device.name, reason, following.name)
    return CPU.name, _open_session(runtime, path, options, [CPU.provider])


def _try_device(runtime: Any, path: Path, options: Any, device: Device) -> Any:
    """Open a session; hide the runtime's own messages about a missing driver."""
    runtime.set_default_logger_severity(_SILENT)
    try:
        return runtime.InferenceSession(str(path), options, providers=[device.provider, CPU.provider])
    finally:
        runtime.set_default_logger_severity(_ERRORS_ONLY)


def _open_session(runtime: Any, path: Path, options: Any, providers: list[str]) -> Any:
    try:
        return runtime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:
        # The runtime's exceptions have no common base class.
        raise ModelError(f"{path}: not a usable ONNX model: {first_line(error)}") from error


def _check_interface(path: Path, session: Any) -> list[object]:
    """Return the shape of the input.

    Raises:
        ModelError: inputs or outputs are not those of our models.
    """
    inputs = {value.name: value for value in session.get_inputs()}
    outputs = [value.name for value in session.get_outputs()]
    if list(inputs) != [INPUT] or inputs[INPUT].type != "tensor(uint8)" or not set(OUTPUTS) <= set(outputs):
        raise ModelError(
            f"{path}: has inputs {list(inputs)} and outputs {outputs}, not the uint8 input {INPUT!r} and the "
            f"outputs {OUTPUTS} of crowdmask's models: make one with  crowdmask export"
        )
    return list(inputs[INPUT].shape)


RUNTIME = Runtime(NAME, "onnxruntime", DEVICES, OnnxRuntimeBackend, several=True)
