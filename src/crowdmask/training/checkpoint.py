"""What a run needs to go on exactly where it was killed, and the weights that it ends with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from crowdmask.errors import ModelError


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint under a temporary name, then rename it: a kill leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """Return the checkpoint, or None where there is none yet.

    Raises:
        ModelError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises many kinds for one cause: the file is not what it wrote
        raise ModelError(f"the checkpoint {path} is damaged ({error}); delete it to start anew") from error


def save_weights(model: nn.Module, path: Path, metadata: dict[str, str]) -> None:
    """Write a model's weights as safetensors, half precision, under a temporary name first."""
    state = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file(state, part, metadata=metadata)
    part.replace(path)


def load_weights(model: nn.Module, path: Path) -> None:
    """Load safetensors into a model.

    Raises:
        ModelError: missing, damaged, or of another architecture.
    """
    try:
        state: dict[str, Tensor] = load_file(path)
    except FileNotFoundError as error:
        raise ModelError(f"there are no weights at {path}") from error
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is not a safetensors file ({error})") from error
    own = model.state_dict()
    expected = {name for name in own if not name.endswith("num_batches_tracked")}
    wrong = expected ^ set(state) or {n for n in expected if own[n].shape != state[n].shape}
    if wrong:
        raise ModelError(f"{path} holds weights of another architecture (first difference: {sorted(wrong)[0]})")
    model.load_state_dict({name: value.to(own[name].dtype) for name, value in state.items()}, strict=False)
