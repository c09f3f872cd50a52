"""The user's columns of a manifest: their names, and one type for each, determined from all lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RESERVED = (
    "source", "width", "height", "detections", "counts", "model", "model_hash", "error", "error_kind",
)  # fmt: skip
"""Our own columns; a user's column with one of these names gets `PREFIX`."""
PREFIX = "manifest_"

_BOOL, _INT, _FLOAT, _STRING = "bool", "int64", "double", "string"
_WORDS = {"true": True, "false": False}
_INT64 = 2**63


def kept_name(name: str) -> str:
    """Return the output name of a manifest's column."""
    return f"{PREFIX}{name}" if name in RESERVED else name


@dataclass
class Columns:
    """The columns of all manifests of a run.

    Attributes:
        kinds: Arrow type by name, as text; for text values the narrowest type that fits all of them.
        exact: Arrow types of Parquet manifests, by name.
    """

    kinds: dict[str, str] = field(default_factory=dict)
    exact: dict[str, Any] = field(default_factory=dict)

    def see_text(self, name: str, text: str) -> None:
        """Record a value of a CSV file; an empty one is ignored."""
        if text:
            self._widen(name, _kind_of_text(text))
        else:
            self.kinds.setdefault(name, "")

    def see_value(self, name: str, value: Any) -> None:
        """Record a value of JSON lines."""
        if value is None:
            self.kinds.setdefault(name, "")
        elif isinstance(value, bool):
            self._widen(name, _BOOL)
        elif isinstance(value, int) and -_INT64 <= value < _INT64:
            self._widen(name, _INT)
        else:
            self._widen(name, _FLOAT if isinstance(value, float) else _STRING)

    def see_type(self, name: str, kind: Any) -> None:
        """Record a column of a Parquet file."""
        known = self.kinds.get(name)
        if known is not None and known != str(kind):
            self.exact.pop(name, None)
            self.kinds[name] = _STRING
        else:
            self.kinds[name], self.exact[name] = str(kind), kind

    def settled(self) -> dict[str, str]:
        """Return the type of each column by name; a column without values is text."""
        return {name: kind or _STRING for name, kind in self.kinds.items()}

    def types(self) -> dict[str, Any]:
        """Return the Arrow type of each column by name, as text unless a Parquet manifest states it."""
        return {name: self.exact.get(name, kind) for name, kind in self.settled().items()}

    def _widen(self, name: str, kind: str) -> None:
        known = self.kinds.get(name, "")
        if not known:
            self.kinds[name] = kind
        elif known != kind:
            self.exact.pop(name, None)
            self.kinds[name] = _FLOAT if {known, kind} == {_INT, _FLOAT} else _STRING


def as_kind(value: Any, kind: str) -> Any:
    """Convert a value of a manifest to its column's type.

    Args:
        value: text of a CSV file, a value of JSON, or of a Parquet column.
        kind: Arrow type, as text.
    """
    if value is None or (value == "" and kind != _STRING):
        return None
    if kind == _STRING and not isinstance(value, str):
        return json.dumps(value, default=str)
    if isinstance(value, str) and kind in (_BOOL, _INT, _FLOAT):
        if kind == _BOOL:
            return _WORDS[value.lower()]
        return int(value) if kind == _INT else float(value)
    return float(value) if kind == _FLOAT else value


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return which columns are new, missing or have another type."""
    told = [f"the column {name} is new" for name in now if name not in before]
    told += [f"the column {name} is gone" for name in before if name not in now]
    both = [name for name in now if name in before and before[name] != now[name]]
    return told + [f"the column {name} was {before[name]} and is now {now[name]}" for name in both]


def _kind_of_text(text: str) -> str:
    if text.lower() in _WORDS:
        return _BOOL
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        # 007 is an identifier, not a number.
        is_number = (digits == "0" or digits[0] != "0") and abs(int(text)) < _INT64
        return _INT if is_number else _STRING
    try:
        float(text)
    except ValueError:
        return _STRING
    return _FLOAT if "_" not in text and text.strip() == text else _STRING
