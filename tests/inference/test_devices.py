"""Which device a runtime takes, told from lists of providers that stand in for other builds and machines."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from crowdmask import Detector
from crowdmask.cli.main import app
from crowdmask.errors import UsageError
from crowdmask.inference.backends import onnx_runtime, open_vino
from crowdmask.inference.backends.base import AUTO
from crowdmask.inference.backends.registry import BACKENDS, installed_backends, load_backend

CPU = "CPUExecutionProvider"
GPU_BUILD = ["TensorrtExecutionProvider", "CUDAExecutionProvider", CPU]
WINDOWS_BUILD = ["DmlExecutionProvider", CPU]
MAC_BUILD = ["CoreMLExecutionProvider", CPU]


class FakeRuntime:
    """ONNX Runtime with other providers: sessions say that they use them, and compute on the CPU."""

    def __init__(
        self, included: list[str], broken: tuple[str, ...] = (), silent: tuple[str, ...] = ()
    ) -> None:
        self._real = onnx_runtime.import_runtime()
        self._included, self._broken, self._silent = included, broken, silent
        self.opened: list[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def get_available_providers(self) -> list[str]:
        return self._included

    def InferenceSession(self, path: str, options: Any, providers: list[str]) -> Any:
        self.opened.append(providers)
        if providers[0] in self._broken:
            raise RuntimeError(f"{providers[0]}: no device\nand more lines")
        session = self._real.InferenceSession(path, options, providers=[CPU])
        used = [provider for provider in providers if provider not in self._silent]
        return SimpleNamespace(
            get_providers=lambda: used,
            run=session.run,
            get_modelmeta=session.get_modelmeta,
            get_inputs=session.get_inputs,
            get_outputs=session.get_outputs,
        )


def use(monkeypatch: pytest.MonkeyPatch, *arguments: Any) -> FakeRuntime:
    fake = FakeRuntime(*arguments)
    monkeypatch.setattr(onnx_runtime, "import_runtime", lambda: fake)
    return fake


@pytest.mark.parametrize(
    ("included", "wanted", "device", "first"),
    [
        ([CPU], "auto", "cpu", CPU),
        ([CPU], "cpu", "cpu", CPU),
        (GPU_BUILD, "auto", "cuda", "CUDAExecutionProvider"),
        (GPU_BUILD, "cpu", "cpu", CPU),
        (GPU_BUILD, "cuda", "cuda", "CUDAExecutionProvider"),
        (GPU_BUILD, "tensorrt", "tensorrt", "TensorrtExecutionProvider"),
        (WINDOWS_BUILD, "auto", "directml", "DmlExecutionProvider"),
        (WINDOWS_BUILD, "directml", "directml", "DmlExecutionProvider"),
        (MAC_BUILD, "auto", "cpu", CPU),
        (MAC_BUILD, "coreml", "coreml", "CoreMLExecutionProvider"),
    ],
)
def test_the_device_that_is_there(
    included: list[str],
    wanted: str,
    device: str,
    first: str,
    colour_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fake = use(monkeypatch, included)
    detector = Detector(colour_model, threads=1, device=wanted)
    assert detector.device == device
    assert fake.opened == [[first, CPU] if first != CPU else [CPU]]
    assert not caplog.records
    assert detector.network(np.zeros((1, 64, 96, 3), np.uint8))[0].shape == (6, 3)


@pytest.mark.parametrize("how", ["raises", "falls back silently"])
@pytest.mark.parametrize(
    ("included", "wanted", "broken"),
    [
        (GPU_BUILD, "auto", "cuda"),
        (GPU_BUILD, "cuda", "cuda"),
        (GPU_BUILD, "tensorrt", "tensorrt"),
        (WINDOWS_BUILD, "auto", "directml"),
        (MAC_BUILD, "coreml", "coreml"),
    ],
)
def test_a_device_that_does_not_start_gives_one_line_of_warning(
    included: list[str],
    wanted: str,
    broken: str,
    how: str,
    colour_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    provider = next(each.provider for each in onnx_runtime.DEVICES if each.name == broken)
    use(monkeypatch, included, (provider,) if how == "raises" else (), (provider,))
    with caplog.at_level(logging.WARNING):
        detector = Detector(colour_model, threads=1, device=wanted)
    assert detector.device == "cpu"
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("crowdmask.inference", "WARNING")
    assert broken in record.getMessage()
    assert record.getMessage().endswith("running on cpu")
    assert "\n" not in record.getMessage()


def test_auto_tries_the_next_device(
    colour_model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    use(monkeypatch, [*GPU_BUILD, *WINDOWS_BUILD], ("CUDAExecutionProvider",))
    assert Detector(colour_model, threads=1).device == "directml"
    assert [record.getMessage().endswith("running on directml") for record in caplog.records] == [True]


@pytest.mark.parametrize(
    ("wanted", "package"),
    [
        ("cuda", "onnxruntime-gpu"),
        ("tensorrt", "onnxruntime-gpu"),
        ("directml", "onnxruntime-directml"),
        ("coreml", "macOS"),
    ],
)
def test_a_device_that_the_package_lacks_names_the_one_that_has_it(
    wanted: str, package: str, colour_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, [CPU])
    with pytest.raises(UsageError, match=package) as caught:
        Detector(colour_model, threads=1, device=wanted)
    assert wanted in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("backend", "device", "choices"),
    [
        ("onnxruntime", "gpu", "auto, cuda, directml, cpu, tensorrt, coreml"),
        ("onnxruntime", "", "auto, cuda"),
        ("openvino", "cuda", "auto, gpu, cpu"),
    ],
)
def test_a_device_that_the_runtime_does_not_know(
    backend: str, device: str, choices: str, colour_model: Path
) -> None:
    with pytest.raises(UsageError, match=choices):
        load_backend(backend, colour_model, device=device)


@pytest.mark.parametrize("command", ["detect", "track", "evaluate", "bench"])
def test_a_wrong_device_is_wrong_use(command: str, tmp_path: Path, example_photo: Path) -> None:
    (tmp_path / "data.yaml").write_text("sources: {}\n")
    arguments = {
        "detect": [str(example_photo), "--out", str(tmp_path / "out")],
        "track": ["0"],
        "evaluate": [str(tmp_path / "data.yaml")],
        "bench": ["--backend", "onnxruntime", "--runs", "1"],
    }[command]
    result = CliRunner().invoke(app, [command, *arguments, "--device", "abacus"])
    assert result.exit_code == 2
    assert "'abacus': choose from auto" in result.output
    assert not (tmp_path / "out").exists()


def test_a_device_without_a_runtime_is_wrong_use_of_bench() -> None:
    result = CliRunner().invoke(app, ["bench", "--device", "cpu"])
    assert result.exit_code == 2
    assert "--backend" in result.output


def test_every_runtime_says_what_it_can_do() -> None:
    assert list(BACKENDS) == ["onnxruntime", "openvino"]
    assert installed_backends()[0] == "onnxruntime"
    for runtime in BACKENDS.values():
        assert runtime.device_names()[0] == AUTO
        assert [device.name for device in runtime.devices if device.tried] == ["cpu"]
        assert next(device for device in runtime.devices if device.name == "cpu").auto


class FakeCore:
    """OpenVINO that finds some devices, of which some do not work."""

    def __init__(self, devices: list[str], broken: tuple[str, ...] = ()) -> None:
        self.available_devices = devices
        self._broken = broken
        self.compiled: list[tuple[str, bool]] = []

    def compile_model(self, network: Any, device: str, options: dict[str, Any]) -> str:
        self.compiled.append((device, "INFERENCE_NUM_THREADS" in options))
        if device in self._broken:
            raise RuntimeError("no driver\nmore")
        return device


class TestOpenVino:
    @pytest.mark.parametrize(
        ("there", "wanted", "chosen"),
        [
            (["CPU"], "auto", "CPU"),
            (["CPU"], "cpu", "CPU"),
            (["CPU", "GPU"], "auto", "AUTO"),
            (["CPU", "GPU.0", "GPU.1"], "auto", "AUTO"),
            (["CPU", "GPU.0", "GPU.1"], "gpu", "GPU"),
            (["CPU", "GPU"], "cpu", "CPU"),
        ],
    )
    def test_the_device_that_is_there(self, there: list[str], wanted: str, chosen: str) -> None:
        core = FakeCore(there)
        assert open_vino._choose(core, wanted) == chosen
        assert open_vino._compile(core, None, chosen, 2) == (chosen, chosen.lower())
        assert core.compiled == [(chosen, chosen == "CPU")]

    def test_no_such_device(self) -> None:
        with pytest.raises(UsageError, match="no device gpu here, only: cpu"):
            open_vino._choose(FakeCore(["CPU"]), "gpu")

    @pytest.mark.parametrize("chosen", ["AUTO", "GPU"])
    def test_one_that_does_not_start(self, chosen: str, caplog: pytest.LogCaptureFixture) -> None:
        core = FakeCore(["CPU", "GPU"], (chosen,))
        assert open_vino._compile(core, None, chosen, 2) == ("CPU", "cpu")
        assert [record.getMessage() for record in caplog.records] == [
            f"OpenVINO could not use {chosen.lower()} (no driver): running on cpu"
        ]

    @pytest.mark.parametrize("device", ["auto", "cpu"])
    def test_on_this_machine(self, device: str, colour_model: Path) -> None:
        pytest.importorskip("openvino", reason="the extra openvino is not installed")
        detector = Detector(colour_model, backend="openvino", device=device, threads=1)
        if device == "cpu":
            assert detector.device == "cpu"
        assert detector.network(np.zeros((1, 64, 96, 3), np.uint8))[0].shape == (6, 3)

    def test_its_own_choice_among_devices_computes_the_same(self, small_model: Path) -> None:
        openvino = pytest.importorskip("openvino", reason="the extra openvino is not installed")
        core = openvino.Core()
        network = core.read_model(small_model)
        tensor = np.random.default_rng(0).integers(0, 256, (1, 64, 96, 3), np.uint8)
        model, device = open_vino._compile(core, network, "AUTO", 1)
        assert device == "auto"
        scores = model({"picture": tensor})[model.output("scores")]
        expected, _ = load_backend("onnxruntime", small_model, 1).run(tensor)
        assert np.abs(scores - expected).max() < 1e-4
