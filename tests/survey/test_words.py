from __future__ import annotations

import pytest

from crowdmask.survey.words import span

from .conftest import face, frame
from .test_run import run


def test_a_refused_place_says_why_first(write, rates_file, tmp_path) -> None:
    table = tmp_path / "two.csv"
    table.write_text("source,cluster\na,1\nb,2\n")
    path = write([frame(name, at / 2, [face(0)]) for name in "ab" for at in range(200)])
    (record,) = run(path, rates_file, design=str(table), target="place")
    assert record["with_mask"]["share"] is None
    assert "2 clusters" in record["notes"][0]


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.0, 0.0001, "0 to under 0.1 %"),
        (0.9999, 1.0, "over 99.9 to 100 %"),
        (0.0, 0.0, "0.0 to 0.0 %"),
        (0.66, 0.671, "66.0 to 67.1 %"),
        (0.5, 0.75, "50 to 75 %"),
    ],
)
def test_next_to_nothing_is_not_nothing(low, high, told) -> None:
    assert span(low, high) == told
