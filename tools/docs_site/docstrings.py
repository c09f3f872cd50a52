"""Let docstrings describe parameters that belong together in one line, as ours do: `width, height: ...`."""

from __future__ import annotations

import re
from typing import Any

import griffe

_JOINT = re.compile(
    r"^(?P<indent>\s+)(?P<names>\w+(?:, \w+)+)(?P<text>:.*(?:\n(?P=indent)\s+\S.*)*)", re.MULTILINE
)


class JointParameters(griffe.Extension):
    """Split such a line into one for each parameter, since the reader of docstrings knows no other form."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of one function, class or module."""
        if obj.docstring is not None:
            obj.docstring.value = _JOINT.sub(_split, obj.docstring.value)


def _split(match: re.Match[str]) -> str:
    return "\n".join(f"{match['indent']}{name}{match['text']}" for name in match["names"].split(", "))
