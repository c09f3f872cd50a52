#!/bin/sh
# Run the int8 tests as on an older processor: an emulated Haswell, which has AVX2 but no VNNI.
#
#     scripts/test_without_vnni.sh .venv/bin/python
#
# Needs qemu-user (scripts/install_test_parts.sh installs it), for a minute of work. The emulator shows the
# real processor's flags in /proc/cpuinfo, so the guard, which follows them, is set by hand.
# Raw answers of the network only: QEMU 7.2 miscomputes some of NumPy's AVX2 code (maxima of strided numbers).
set -u
python=${1:?"which python?"}
if [ "$(uname -m)" != x86_64 ]; then
    echo "int8 without VNNI is not tested here: only x86 processors differ in it"
    exit 0
fi
if ! command -v qemu-x86_64 >/dev/null 2>&1; then
    echo "int8 without VNNI is not tested here: install qemu-user (scripts/install_test_parts.sh)"
    exit 0
fi
CROWDMASK_INT8_GUARD=on exec qemu-x86_64 -cpu Haswell "$python" -m pytest -q -p no:cacheprovider \
    tests/inference/test_golden.py -k "overflow or (raw_answers and tensors and onnxruntime)"
