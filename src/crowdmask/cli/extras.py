"""Check, before a command does anything, that the packages of an extra are there."""

from __future__ import annotations

from importlib.util import find_spec

from crowdmask.errors import MissingExtraError

# All that a run needs up to its report: what is missing is reported at the start, not at the end.
TRAINING = ("torch", "safetensors", "tensorboard", "matplotlib", "onnx")
TUNING = (*TRAINING, "optuna")
SERVE = (
    "alembic", "apprise", "argon2", "fastapi", "httpx", "multipart", "paho", "pg8000", "prometheus_client",
    "sqlalchemy", "uvicorn", "websockets",
)  # fmt: skip
SCALE = ("pyarrow", "fsspec")
_PACKAGES = {"train": TRAINING, "serve": SERVE, "scale": SCALE}


def is_there(extra: str | None) -> bool:
    """Return whether the packages of an extra are there; None is always."""
    return all(find_spec(name) is not None for name in _PACKAGES.get(extra or "", ()))


def require_training(what: str, packages: tuple[str, ...] = TRAINING) -> None:
    """Check that the packages of training are there.

    Args:
        what: asks for them, like "crowdmask train".
        packages: by their import names.
    Raises:
        MissingExtraError: one of them is not.
    """
    _require(what, packages, "train")


def require_scale(what: str) -> None:
    """Check that the packages of large runs are there, see `require_training`."""
    _require(what, SCALE, "scale")


def require_serve(what: str) -> None:
    """Check that the packages of the service are there, see `require_training`."""
    _require(what, SERVE, "serve")


def _require(what: str, packages: tuple[str, ...], extra: str) -> None:
    if any(find_spec(name) is None for name in packages):
        raise MissingExtraError(what, extra)
