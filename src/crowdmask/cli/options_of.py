"""Show the parameters that an error names as the options of the command that is running.

Code below the command line knows no options: it names its parameters in backticks, as in "`confidence` must
be 0 to 1". Here that becomes ``--confidence``; what is no parameter of the command stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_NAMED = re.compile(r"`([a-z][a-z0-9_]*)`")
_running: ContextVar[Mapping[str, str] | None] = ContextVar("options of the running command", default=None)


def option_names(parameters: Sequence[Any]) -> dict[str, str]:
    """Return how each parameter of a command is written on the command line.

    Args:
        parameters: of a click command.
    Returns:
        By the parameter's name in Python, and by its option's own name with underscores; both lead to the
        option, or to the argument's name in the help.
    """
    names: dict[str, str] = {}
    for parameter in parameters:
        options = [each for each in parameter.opts if each.startswith("--")]
        if options:
            for option in options:
                names[option.removeprefix("--").replace("-", "_")] = option
            names[parameter.name] = options[0]
        elif parameter.param_type_name == "argument":
            names[parameter.name] = parameter.metavar or parameter.name.upper()
    return names


@contextmanager
def running(parameters: Sequence[Any]) -> Iterator[None]:
    """Let `as_options` know the options of a command while it runs."""
    token = _running.set(option_names(parameters))
    try:
        yield
    finally:
        _running.reset(token)


def as_options(text: str) -> str:
    """Write the parameters that a message names as the running command's options."""
    names = _running.get() or {}
    return _NAMED.sub(lambda match: names.get(match[1], match[0]), text)
