"""Checkpoints, with which a killed run continues exactly, and the final weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from crowdmask.data.sample import Sample
from crowdmask.errors import ModelError, OutputError
from crowdmask.files import whole_path
from crowdmask.models.detector import DetectionModel
from crowdmask.models.plan import STOCK, Plan
from crowdmask.models.registry import build

METADATA_KEY = "crowdmask"
_KEYS = ("digest", "step", "model", "average", "optimizer")


def data_digest(samples: Sequence[Sample]) -> str:
    """Return a short hash of photos and annotations in order, to detect other data on resume."""
    digest = hashlib.sha256()
    for s in samples:
        digest.update(f"{s.source}/{s.name} {s.width} {s.height}\n".encode("utf-8", "surrogateescape"))
        digest.update(s.boxes.tobytes() + s.class_id.tobytes() + s.ignore.tobytes())
    return digest.hexdigest()[:16]


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint under a temporary name, then rename it, so that a kill keeps the old one.

    Raises:
        OutputError: the disk is full or the folder cannot be written to; the old one is kept.
    """
    with _whole(path) as part:
        torch.save(state, part)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """Return the checkpoint; None if there is none yet.

    Raises:
        ModelError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        state = dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises many kinds of errors for the same cause, a damaged file
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelError(f"the checkpoint {path} is damaged ({why}); delete it to start again") from error
    missing = [key for key in _KEYS if key not in state]
    if missing:
        raise ModelError(f"{path} is not a checkpoint of a training run (it lacks '{missing[0]}')")
    return state


def save_weights(model: nn.Module, path: Path, metadata: dict[str, str]) -> None:
    """Write a model's weights as safetensors: filters in half precision, other values in single precision.

    Args:
        model: of any architecture.
        path: the output file.
        metadata: stored as JSON under `METADATA_KEY`.
    Raises:
        OutputError: the disk is full or the folder cannot be written to.
    """
    state = {
        name: (value.half() if value.is_floating_point() and value.ndim > 1 else value).contiguous()
        for name, value in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    plan = getattr(model, "plan", None)
    content: dict[str, Any] = {**metadata, **({"plan": plan.to_dict()} if plan and plan != STOCK else {})}
    with _whole(path) as part:
        # One key, since safetensors writes several in any order, and equal weights must give equal files. Not
        # with save_file, whose files other users of the machine cannot read.
        part.write_bytes(save(state, {METADATA_KEY: json.dumps(content)}))


def load_model(architecture: str, path: Path) -> DetectionModel:
    """Return a model with the weights of a file, and with the file's widths.

    Raises:
        ModelError: missing, damaged, or of another architecture.
    """
    state, stated = _read_weights(path)
    stock = build(architecture)
    if stock.plan is None:
        load_weights(stock, path)
        return stock
    plan = Plan.of_weights(state, stated.get("plan"))
    model = build(architecture, plan)
    load_weights(model, path)
    return model


def load_weights(model: nn.Module, path: Path) -> None:
    """Load safetensors into a model.

    Raises:
        ModelError: missing, damaged, or of another architecture.
    """
    state, _ = _read_weights(path)
    own = model.state_dict()
    expected = {name for name in own if not name.endswith("num_batches_tracked")}
    wrong = expected ^ set(state) or {n for n in expected if own[n].shape != state[n].shape}
    if wrong:
        raise ModelError(
            f"{path} holds weights of another architecture (first difference: {sorted(wrong)[0]})"
        )
    model.load_state_dict({name: value.to(own[name].dtype) for name, value in state.items()}, strict=False)


def _read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the metadata of a safetensors file."""
    try:
        with safe_open(path, framework="pt") as opened:
            state = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            stated = json.loads((opened.metadata() or {}).get(METADATA_KEY, "{}"))
    except FileNotFoundError as error:
        raise ModelError(f"there are no weights at {path}") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path} is not a safetensors file ({error})") from error
    return state, stated if isinstance(stated, dict) else {}


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    with whole_path(path, make_parents=True, sync=True) as temporary:
        try:
            yield temporary
        except RuntimeError as error:
            # torch raises its own RuntimeError if a file cannot be written.
            raise OutputError(
                f"cannot write {path}: the disk may be full: free some space or choose another folder"
            ) from error
