"""Suggest the name that somebody meant who misspelled one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """Return "did you mean NAME?", with a space before it; nothing where no name is near.

    Args:
        word: what was given.
        names: what there is.
    """
    by_lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return f" did you mean {by_lower[near[0]]}?" if near else ""
