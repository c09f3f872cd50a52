from __future__ import annotations

import re
from itertools import pairwise

import pytest

from crowdmask.survey.report.charts import Point, over_time


@pytest.mark.parametrize("groups", [1, 4, 6, 8, 24, 200])
def test_times_do_not_run_into_each_other(groups) -> None:
    rows = [(f"2026-03-02 {hour % 24:02d}:00", Point(0.6, 0.5, 0.7, 0.6)) for hour in range(groups)]
    drawn = over_time(rows, "#000", "share")
    at = [float(x) for x in re.findall(r'<text x="([\d.]+)"[^>]*>2026', drawn)]
    assert at
    assert all(later - earlier >= 16 * 6.5 for earlier, later in pairwise(at))
