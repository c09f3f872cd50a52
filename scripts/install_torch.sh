#!/bin/sh
# Install PyTorch into a virtual environment: the CPU build, unless told otherwise.
#
#     scripts/install_torch.sh [PYTHON]          default .venv/bin/python
#
# TORCH_BUILD=cuda   take the build with CUDA instead, for an NVIDIA card; TORCH_BUILD=cpu goes back
# TORCH_VERSION=...  another version than the one that the project is tested with
#
# On Linux a plain `pip install torch` brings several GB of CUDA libraries. PyTorch's own index has a
# small CPU build; where that index cannot be reached, pip's usual sources are asked.
set -eu

python=${1:-.venv/bin/python}
version=${TORCH_VERSION:-2.13.0}
build=${TORCH_BUILD:-cpu}

# A torch that is there stays, unless the caller names a build and it is the other one.
if "$python" -c 'import torch' 2>/dev/null; then
    have=$("$python" -c 'import torch; print(torch.__version__, "cuda" if torch.version.cuda else "cpu")')
    if [ -z "${TORCH_BUILD:-}" ] || [ "${have##* }" = "$build" ] || [ "$(uname -s)" = Darwin ]; then
        echo "torch ${have% *} is already there"
        exit 0
    fi
    # pip calls 2.13.0 satisfied by either build, so the other one has to go first.
    "$python" -m pip uninstall --quiet --yes torch
fi

if [ "$build" = cpu ] && [ "$(uname -s)" = Linux ]; then
    # No retries and a short time-out: a closed network must not make anyone wait.
    if "$python" -m pip install --quiet --retries 0 --timeout 8 \
        --index-url https://download.pytorch.org/whl/cpu "torch==$version" 2>/dev/null; then
        exit 0
    fi
    echo "PyTorch's index with the CPU build is out of reach: asking pip's usual sources for torch $version"
fi
exec "$python" -m pip install --quiet "torch==$version"
