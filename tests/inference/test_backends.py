"""What the backends find out about the processor."""

import builtins
import io
import platform
from pathlib import Path

import pytest

from crowdmask.inference import backends


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
    assert backends.adds_wide() is expected


def test_this_processor_is_told_from_its_flags():
    flags = Path("/proc/cpuinfo")
    if not flags.is_file():
        pytest.skip("no /proc/cpuinfo on this system")
    if platform.machine() == "x86_64":
        assert backends.adds_wide() == ("vnni" in flags.read_text())
