"""Passwords, tokens and keys in settings: as text, or better in an environment variable or a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, SecretStr, WithJsonSchema


def _resolve(value: Any) -> SecretStr:
    """Return the secret that a settings file contains or refers to; no error message contains it."""
    if isinstance(value, SecretStr):
        found = value.get_secret_value()
    elif isinstance(value, str):
        found = value
    elif isinstance(value, dict) and list(value) == ["env"] and isinstance(value["env"], str):
        if value["env"] not in os.environ:
            raise ValueError(f"the environment variable {value['env']} is not set")
        found = os.environ[value["env"]]
    elif isinstance(value, dict) and list(value) == ["file"] and isinstance(value["file"], str):
        found = _read(Path(value["file"]))
    else:
        raise ValueError("must be text, or {env: NAME of a variable}, or {file: PATH}")
    if not found:
        raise ValueError("is empty")
    return SecretStr(found)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text") from error


Secret = Annotated[
    SecretStr,
    BeforeValidator(_resolve),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {
                    "type": "object",
                    "properties": {"env": {"type": "string", "description": "the variable that holds it"}},
                    "required": ["env"],
                    "additionalProperties": False,
                },
                {
                    "type": "object",
                    "properties": {"file": {"type": "string", "description": "the file that holds it"}},
                    "required": ["file"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
"""A value that is shown as asterisks; `get_secret_value` returns it.

In YAML it is text, ``{env: NAME}`` or ``{file: PATH}``; the last two keep it out of the settings file.
"""
