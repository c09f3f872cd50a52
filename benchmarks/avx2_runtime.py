"""Make a copy of ONNX Runtime that takes its kernels for AVX2 on a processor that could do more.

    python benchmarks/avx2_runtime.py DIR
    CROWDMASK_INT8_GUARD=on PYTHONPATH=DIR python benchmarks/cpu_time.py --photos DIR --peers DIR

For times as on a processor without VNNI where none is at hand, since the runtime has no switch for it. Its
choice of kernels asks once whether the processor has AVX-512; in the copy the answer is always no. This is
known to fit ONNX Runtime 1.32.0 for Linux on x86, and refused where it does not. VNNI without AVX-512 (Intel
from 2021 on) stays. Answers are those of such a processor: unguarded 8-bit weights overflow in the copy.
"""

from __future__ import annotations

import argparse
import shutil
from importlib.util import find_spec
from pathlib import Path

# test r10d, 0x10000 (AVX512F of CPUID leaf 7), then a short jump where it is not set.
ASKS = bytes.fromhex("41f7c20000010074")
NEVER = bytes.fromhex("41f7c200000100eb")


def without_avx512(library: bytes) -> bytes:
    """Return a library whose jump past AVX-512 is always taken.

    Raises:
        ValueError: the place is not found, or not once.
    """
    places = library.count(ASKS)
    if places != 1:
        raise ValueError(f"{places} places ask for AVX-512 as it is known, not 1: another version or system")
    return library.replace(ASKS, NEVER)


def main() -> None:
    """Write the copy."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("to", type=Path, help="a folder; it gets one named onnxruntime")
    arguments = parser.parse_args()

    spec = find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        raise SystemExit("onnxruntime is not installed")
    package = Path(spec.origin).parent
    library = next((package / "capi").glob("onnxruntime_pybind11_state*.so"), None)
    if library is None:
        raise SystemExit(f"{package}: holds no library for Linux")
    try:
        changed = without_avx512(library.read_bytes())
    except ValueError as error:
        raise SystemExit(f"{library}: {error}") from error
    copy = arguments.to / "onnxruntime"
    shutil.copytree(package, copy)
    (copy / library.relative_to(package)).write_bytes(changed)
    print(f"PYTHONPATH={arguments.to.resolve()} CROWDMASK_INT8_GUARD=on")


if __name__ == "__main__":
    main()
