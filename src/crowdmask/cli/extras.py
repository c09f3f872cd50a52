"""Check, before a command does anything, that the packages of an extra are there."""

from __future__ import annotations

from importlib.util import find_spec

from crowdmask.errors import MissingExtraError
from crowdmask.extras import VIDEO

# Data sets and evaluation do without torch.
DATA = ("defusedxml", "platformdirs", "pydantic", "yaml")
# All that a run needs up to its report: what is missing is reported at the start, not at the end.
TRAINING = (*DATA, "torch", "safetensors", "tensorboard", "matplotlib", "onnx")
TUNING = (*TRAINING, "optuna")
SERVE = (
    "alembic", "apprise", "argon2", "fastapi", "multipart", "paho", "pg8000", "prometheus_client",
    "sqlalchemy", "uvicorn", "websockets", *VIDEO,
)  # fmt: skip
SCALE = ("pyarrow", "fsspec")


def require(what: str, packages: tuple[str, ...], extra: str) -> None:
    """Check that packages are there.

    Args:
        what: asks for them, like "crowdmask train".
        packages: by their import names.
        extra: that brings them.
    Raises:
        MissingExtraError: one of them is not.
    """
    if any(find_spec(name) is None for name in packages):
        raise MissingExtraError(what, extra)
