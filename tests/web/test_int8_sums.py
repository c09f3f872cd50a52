"""The golden sums of bytes, which `web/` repeats, are still what ONNX Runtime answers here."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest

from crowdmask.inference.processor import instructions

GOLDEN = Path(__file__).parents[1] / "golden"


def test_the_golden_sums_are_those_of_x86() -> None:
    pytest.importorskip("onnx")
    from tests.golden.int8_sums import digests

    if platform.machine().lower() not in ("x86_64", "amd64") or not {"avx2", "fma"} <= instructions():
        pytest.skip("another processor's formula")
    cases = json.loads((GOLDEN / "int8-sums.json").read_text(encoding="utf-8"))["cases"]
    found = digests((GOLDEN / "int8-sums.onnx").read_bytes())
    assert found == {case["sum"]: case["sha256"] for case in cases}
