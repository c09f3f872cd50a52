from __future__ import annotations

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import sys
from crowdmask.live.memory import give_back_large_blocks
if sys.argv[1] == "told":
    assert give_back_large_blocks()
def resident():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))
blocks = [bytearray(b"x") * 700_000 for _ in range(100)]
del blocks
# A small block behind each large one keeps its place in a heap from shrinking.
blocks = [(bytearray(b"x") * 700_000, bytearray(b"x") * 4_000) for _ in range(100)]
small = [each[1] for each in blocks]
full = resident()
del blocks
print(full - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="no GNU C library here")
def test_large_blocks_go_back_at_once():
    def freed(how: str) -> int:
        run = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
        return int(run.stdout)

    assert freed("told") > 60_000
    assert freed("untold") < 10_000
