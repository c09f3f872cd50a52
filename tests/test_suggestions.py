from __future__ import annotations

import pytest

from crowdmask.suggestions import did_you_mean

NAMES = ("detect", "data", "crowd", "crowd-fast", "Training")


@pytest.mark.parametrize(
    ("word", "suggested"),
    [
        ("detct", " did you mean detect?"),
        ("DETECT", " did you mean detect?"),
        ("crowd-fsat", " did you mean crowd-fast?"),
        ("trainning", " did you mean Training?"),
        ("xyz", ""),
        ("", ""),
    ],
)
def test_the_nearest_name_is_suggested(word: str, suggested: str) -> None:
    assert did_you_mean(word, NAMES) == suggested
    assert did_you_mean(word, []) == ""
