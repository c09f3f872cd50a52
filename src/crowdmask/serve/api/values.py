"""Strict values of requests: what the description calls a date is no number, and the other way round."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Annotated, Any, TypeAlias

from pydantic import AwareDatetime, BeforeValidator, TypeAdapter, ValidationError, WrapValidator
from pydantic_core import PydanticCustomError

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _to_time(value: Any) -> Any:
    """Refuse what is no time of RFC 3339; pydantic takes numbers and plain dates, too."""
    if isinstance(value, str):
        # A + that was not quoted arrives as a space.
        value = value[:-6] + "+" + value[-5:] if value[-6:-5] == " " else value
        if _TIME.fullmatch(value):
            return value
    raise PydanticCustomError("time", "must be a time like 2026-05-04T08:00:00Z or …T10:00:00+02:00")


Time: TypeAlias = Annotated[AwareDatetime, BeforeValidator(_to_time)]
"""A time of RFC 3339 with its offset."""


def _to_whole(value: Any) -> Any:
    """JSON does not tell 60 from 60.0, and a description's integer takes both."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_to_whole)
"""Stands after the bounds of a whole number, which it lets be written as 60.0."""


def _whole_in(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole_in(each) for name, each in value.items()}
    return [_whole_in(each) for each in value] if isinstance(value, list) else _to_whole(value)


def strictly(model: Any) -> WrapValidator:
    """Return a validator of settings in JSON, in which "60" and true are no numbers as they are in YAML.

    Args:
        model: type of the settings, which takes its values as YAML has them.
    """
    adapter: TypeAdapter[Any] = TypeAdapter(model)

    def check(value: Any, usual: Callable[[Any], Any]) -> Any:
        value = _whole_in(value)
        found = usual(value)
        try:
            adapter.validate_json(json.dumps(value), strict=True)
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors()[0]["loc"])
            why = {"where": where, "why": error.errors()[0]["msg"]}
            raise PydanticCustomError("strict", "{where}: {why}", why) from error
        return found

    return WrapValidator(check)
