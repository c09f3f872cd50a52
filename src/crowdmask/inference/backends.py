"""The runtimes that can run a model file, behind one small interface.

Each is imported at its first use. Nothing is sent anywhere: both would report their use, and both
are kept from it.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from crowdmask.errors import MissingExtraError, ModelError, UsageError

INPUT = "picture"
OUTPUTS = ["scores", "deltas"]


class Backend(Protocol):
    """A loaded model.

    Attributes:
        metadata: what the file's author wrote into it.
        input_sides: height and width that the model is fixed to, None where any will do.
    """

    metadata: dict[str, str]
    input_sides: tuple[int | None, int | None]

    def run(self, tensor: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run the network on one picture.

        Args:
            tensor: uint8 (1, H, W, 3) RGB.
        Returns:
            Scores (A, 3) and deltas (A, 4), float32.
        """


class OnnxRuntimeBackend:
    """ONNX Runtime on the CPU."""

    def __init__(self, path: Path, threads: int, shares_cores: bool = False) -> None:
        runtime = _onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Pictures come in many shapes, and the runtime would keep a plan of memory for each. Its
        # arena stays: it ends at what the largest shape needs, is quicker than asking the system
        # every time, and leaves fewer holes.
        options.enable_mem_pattern = False
        if shares_cores:
            # Idle threads would otherwise spin between pictures, on the cores that decode and draw. Not
            # always, since whoever does not spin takes up to twice as long beside a session that does.
            options.add_session_config_entry("session.force_spinning_stop", "1")
        if not adds_wide():
            # 8-bit products would be added in 16 bits, which overflow: the right way takes twice as long.
            options.add_session_config_entry("session.x64quantprecision", "1")
        self._session = _open_session(runtime, path, options)
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        self.input_sides = _check_interface(path, self._session)

    def run(self, tensor: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `Backend.run`."""
        scores, deltas = self._session.run(OUTPUTS, {INPUT: tensor})
        return scores[0], deltas[0]


class OpenVinoBackend:
    """OpenVINO on the CPU, computing in float32 as the model was measured."""

    def __init__(self, path: Path, threads: int, shares_cores: bool = False) -> None:
        openvino = _openvino()
        self.metadata = read_metadata(path)
        core = openvino.Core()
        try:
            self._model: Any = core.compile_model(
                core.read_model(path),
                "CPU",
                {
                    "INFERENCE_NUM_THREADS": threads,
                    "INFERENCE_PRECISION_HINT": "f32",
                    "PERFORMANCE_HINT": "LATENCY",
                },
            )
            sides = self._model.input(INPUT).partial_shape
            self._outputs = [self._model.output(name) for name in OUTPUTS]
        except RuntimeError as error:
            raise ModelError(f"{path}: OpenVINO cannot run this model: {_first_line(error)}") from error
        self._request = self._model.create_infer_request()
        self._lock = Lock()
        self.input_sides = _sides(
            [dimension.get_length() if dimension.is_static else None for dimension in sides]
        )

    def run(self, tensor: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `Backend.run`."""
        with self._lock:
            result = self._request.infer({INPUT: tensor})
            # Copied, since the request writes into the same memory the next time.
            scores, deltas = (np.array(result[output][0]) for output in self._outputs)
        return scores, deltas


BACKENDS: dict[str, Callable[[Path, int, bool], Backend]] = {
    "onnxruntime": OnnxRuntimeBackend,
    "openvino": OpenVinoBackend,
}


def load_backend(name: str, path: Path, threads: int | None = None, shares_cores: bool = False) -> Backend:
    """Load a model file into a runtime.

    Args:
        name: one of `BACKENDS`.
        path: the ONNX file.
        threads: compute threads; None: one a physical core that this process may use.
        shares_cores: the program has other work for the cores between pictures, so idle threads sleep.
    Raises:
        UsageError: no such backend, or less than one thread.
        MissingExtraError: the runtime is not installed.
        ModelError: the file cannot be loaded, or has other inputs and outputs than ours.
    """
    if name not in BACKENDS:
        raise UsageError(f"no such backend: {name!r}: choose from {', '.join(BACKENDS)}")
    if threads is not None and threads < 1:
        raise UsageError(f"threads must be 1 or more, not {threads}")
    return BACKENDS[name](path, threads or physical_cores(), shares_cores)


def read_metadata(path: Path) -> dict[str, str]:
    """Return what a model file's author wrote into it, without getting the model ready to run.

    Raises:
        ModelError: the file is not an ONNX model.
    """
    runtime = _onnxruntime()
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return dict(_open_session(runtime, path, options).get_modelmeta().custom_metadata_map)


def physical_cores() -> int:
    """Count the physical cores that this process may use, at least 1.

    A second thread a core slows this arithmetic down; so do more threads than a container is
    granted.
    """
    try:
        allowed = os.sched_getaffinity(0)
    except AttributeError:  # not on macOS and Windows
        return max(1, os.cpu_count() or 1)
    siblings = set()
    for cpu in allowed:
        try:
            with open(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") as file:
                siblings.add(file.read().strip())
        except OSError:
            siblings.add(str(cpu))
    return max(1, min(len(siblings), _granted_cores()))


def adds_wide() -> bool:
    """Whether this processor adds 8-bit products in 32 bits.

    ARM does, and x86 with VNNI. Where nobody can tell it counts as not.
    """
    if platform.machine().lower() in ("arm64", "aarch64"):
        return True
    try:
        with open("/proc/cpuinfo") as file:
            flags = next((line for line in file if line.startswith("flags")), "").split()
    except OSError:
        return False
    return not {"avx512_vnni", "avx_vnni"}.isdisjoint(flags)


def _granted_cores() -> int:
    """Return the whole cores of the control group's quota, many where there is none."""
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:
            quota, period = file.read().split()
        return max(1, round(int(quota) / int(period)))
    except (OSError, ValueError):
        return 1 << 16


def _onnxruntime() -> Any:
    import onnxruntime  # quiet from its start: see ORT_DISABLE_TELEMETRY in the package itself

    # On some Windows builds that setting does nothing, and this does.
    onnxruntime.disable_telemetry_events()
    return onnxruntime


def _openvino() -> Any:
    """Import OpenVINO without its telemetry, which sends a line to Google Analytics at every import.

    OpenVINO does without that package where it is not installed; so it looks while importing.

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


def _open_session(runtime: Any, path: Path, options: Any) -> Any:
    try:
        return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # The runtime's exceptions share no base class of their own.
        raise ModelError(f"{path}: not a usable ONNX model: {_first_line(error)}") from error


def _check_interface(path: Path, session: Any) -> tuple[int | None, int | None]:
    inputs = {value.name: value for value in session.get_inputs()}
    outputs = [value.name for value in session.get_outputs()]
    if list(inputs) != [INPUT] or inputs[INPUT].type != "tensor(uint8)" or not set(OUTPUTS) <= set(outputs):
        raise ModelError(
            f"{path}: has inputs {list(inputs)} and outputs {outputs}, not the uint8 input {INPUT!r} and the "
            f"outputs {OUTPUTS} of crowdmask's models: make one with  crowdmask export"
        )
    return _sides(list(inputs[INPUT].shape))


def _sides(shape: list[Any]) -> tuple[int | None, int | None]:
    height, width = (side if isinstance(side, int) else None for side in shape[1:3])
    return height, width


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
