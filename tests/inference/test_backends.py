"""What the backends find out about the processor."""

import builtins
import io
import platform
from pathlib import Path

import pytest

from crowdmask.inference import processor
from crowdmask.inference.backends import onnx_runtime
from crowdmask.inference.detector import Detector


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
