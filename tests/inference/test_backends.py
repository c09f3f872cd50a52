"""What the backends find out about the processor."""

import builtins
import io
import platform
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from crowdmask.inference import processor
from crowdmask.inference.backends import onnx_runtime
from crowdmask.inference.backends.registry import divide_threads, load_backend
from crowdmask.inference.detector import Detector
from crowdmask.inference.model_file import sums_overflow


@pytest.mark.parametrize(
    ("machine", "cpuinfo", "expected"),
    [
        ("x86_64", "processor : 0\nflags\t\t: fpu avx2 avx512_vnni\n", True),
        ("x86_64", "flags\t\t: fpu avx2 avx_vnni\n", True),
        ("AMD64", "flags\t\t: fpu avx2 avx512f\n", False),
        ("x86_64", "model name : some vnni\n", False),
        ("x86_64", None, False),
        ("aarch64", None, True),
        ("arm64", "flags : none\n", True),
    ],
)
def test_processor_that_adds_8_bit_products_in_32_bits(monkeypatch, machine, cpuinfo, expected):
    real = builtins.open

    def answer(path, *args, **options):
        if str(path) != "/proc/cpuinfo":
            return real(path, *args, **options)
        if cpuinfo is None:
            raise FileNotFoundError(path)
        return io.StringIO(cpuinfo)

    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(builtins, "open", answer)
    assert processor.adds_wide() is expected


def test_this_processor_is_told_from_its_flags():
    flags = Path("/proc/cpuinfo")
    if not flags.is_file():
        pytest.skip("no /proc/cpuinfo on this system")
    if platform.machine() == "x86_64":
        assert processor.adds_wide() == ("vnni" in flags.read_text())


@pytest.mark.parametrize("shares_cores", [False, True])
def test_threads_rest_between_pictures_only_where_asked(small_model, monkeypatch, shares_cores):
    opened = []
    open_session = onnx_runtime._open_session
    monkeypatch.setattr(onnx_runtime, "_open_session", lambda *a: opened.append(a[2]) or open_session(*a))
    Detector(small_model, threads=1, shares_cores=shares_cores)
    try:
        stated = opened[0].get_session_config_entry("session.force_spinning_stop")
    except RuntimeError:  # the runtime's way to say that an option was not set
        stated = None
    assert stated == ("1" if shares_cores else None)


@pytest.mark.parametrize(
    ("forced", "adds_wide", "guarded"),
    [
        ("", True, False),
        ("", False, True),
        ("on", True, True),
        ("off", False, False),
        ("ON", True, True),
        ("perhaps", True, False),
    ],
)
@pytest.mark.parametrize(
    ("stated", "overflows"),
    [
        ({"precision": "int8"}, True),
        ({"precision": "int8", "weight_bits": 8}, True),
        ({"precision": "int8", "weight_bits": 7}, False),
        ({"precision": "fp32"}, False),
        ({}, False),
    ],
)
def test_int8_sums_are_guarded_where_they_would_overflow(
    make_model, monkeypatch, forced, adds_wide, guarded, stated, overflows
):
    monkeypatch.setenv(processor.INT8_GUARD, forced)
    monkeypatch.setattr(processor, "adds_wide", lambda: adds_wide)
    assert processor.guards_int8() is guarded
    opened = []
    open_session = onnx_runtime._first_usable
    monkeypatch.setattr(onnx_runtime, "_first_usable", lambda *a: opened.append(a[2]) or open_session(*a))
    onnx_runtime.OnnxRuntimeBackend(make_model(**stated))
    try:
        entry = opened[-1].get_session_config_entry("session.x64quantprecision")
    except RuntimeError:
        entry = None
    assert entry == ("1" if guarded and overflows else None)
    assert len(opened) == (2 if guarded and overflows else 1)


@pytest.mark.parametrize(
    ("metadata", "overflows"),
    [
        ({}, False),
        ({"crowdmask": "{"}, True),
        ({"crowdmask": "[]"}, True),
        ({"crowdmask": '{"precision": "int8", "weight_bits": "many"}'}, True),
    ],
)
def test_what_a_strange_file_says_of_its_sums(metadata, overflows):
    assert sums_overflow(metadata) is overflows


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_batch_is_answered_as_its_pictures_alone(small_model, backend, batch):
    pytest.importorskip(backend)
    loaded = load_backend(backend, small_model, 1)
    tensor = np.random.default_rng(0).integers(0, 256, (batch, 64, 96, 3), np.uint8)
    scores, deltas = loaded.run(tensor)
    assert (scores.shape[0], deltas.shape[0]) == (batch, batch)
    for index in range(batch):
        alone = loaded.run(tensor[index : index + 1])
        assert scores[index] == pytest.approx(alone[0][0], abs=1e-5)
        assert deltas[index] == pytest.approx(alone[1][0], abs=1e-4)


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_file_made_for_one_picture_answers_a_batch_one_by_one(colour_model, backend):
    pytest.importorskip(backend)
    loaded = load_backend(backend, colour_model, 1)  # its input says: one
    tensor = np.random.default_rng(0).integers(0, 256, (3, 64, 96, 3), np.uint8)
    scores, deltas = loaded.run(tensor)
    assert scores.shape == (3, 6, 3)
    assert deltas.shape == (3, 6, 4)
    assert (scores[2] == loaded.run(tensor[2:])[0][0]).all()


@pytest.mark.parametrize(
    ("machine", "adds_wide", "said"),
    [
        ("x86_64", True, "x86_64 with VNNI"),
        ("AMD64", False, "AMD64 without VNNI"),
        ("aarch64", True, "aarch64, adds 8-bit products in 32 bits"),
        ("", False, "unknown without VNNI"),
    ],
)
def test_a_benchmark_says_what_kind_of_processor_it_ran_on(monkeypatch, machine, adds_wide, said):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(processor, "adds_wide", lambda: adds_wide)
    assert processor.describe() == said


@pytest.mark.parametrize(
    ("backend", "threads", "at_once", "divided"),
    [
        ("onnxruntime", 2, 1, (1, 2)),
        ("onnxruntime", 2, 2, (2, 1)),
        ("onnxruntime", 8, 2, (2, 4)),
        ("onnxruntime", 5, 2, (2, 2)),
        ("onnxruntime", 1, 2, (1, 1)),  # it takes turns
        ("onnxruntime", None, 2, (2, 3)),
        ("openvino", 8, 2, (1, 8)),  # its calls wait for each other
        ("openvino", None, 2, (1, None)),
        # What cannot be used stays, for `load_backend` to refuse.
        ("onnxruntime", 0, 2, (1, 0)),
        ("onnxruntime", 9999, 2, (1, 9999)),
        ("no-such", 4, 2, (1, 4)),
    ],
)
def test_threads_are_divided_among_calls(monkeypatch, backend, threads, at_once, divided):
    monkeypatch.setattr("crowdmask.inference.backends.registry.physical_cores", lambda: 6)
    assert divide_threads(backend, threads, at_once) == divided


def test_calls_at_the_same_time_give_what_each_gives_alone(colour_model):
    pictures = [np.full((192, 320, 3), 20 * number, np.uint8) for number in range(8)]
    for number, picture in enumerate(pictures):
        picture[32:64, 32 * number : 32 * number + 32] = (255, 0, 0)
    alone = Detector(colour_model, threads=2, shares_cores=True)
    several = Detector(colour_model, threads=2, shares_cores=True, at_once=2)
    assert (alone.at_once, several.at_once) == (1, 2)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(several.detect, pictures))
    for picture, faces in zip(pictures, found, strict=True):
        expected = alone.detect(picture)
        assert len(faces) >= 1
        assert np.array_equal(faces.xyxy, expected.xyxy)
        assert np.array_equal(faces.confidence, expected.confidence)
