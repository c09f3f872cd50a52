"""The results as rows for a CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from crowdmask.survey.run import Survey
from crowdmask.survey.shares import FIGURES

_BEFORE = ("group", "photos", "faces", "people")
_AFTER = (
    "not_judged", "unit", "target", "clusters", "from", "to", "timezone", "observed_s", "gaps_s",
    "model_hash", "version", "seed",
)  # fmt: skip
_PARTS = ("share", "low", "high", "raw_share", "raw_low", "raw_high")
COLUMNS = (*_BEFORE, *(f"{name}_{part}" for name in FIGURES for part in _PARTS), *_AFTER, "notes")


def csv_lines(result: Survey) -> Iterator[str]:
    """Yield the header and one line for each group, with line ends; refused figures are empty."""
    yield _line(COLUMNS)
    for record in result.records():
        row = [record[name] for name in _BEFORE]
        for name in FIGURES:
            figure = record[name]
            low, high = figure["interval"] or (None, None)
            raw_low, raw_high = figure["raw_interval"] or (None, None)
            row += [figure["share"], low, high, figure["raw_share"], raw_low, raw_high]
        yield _line([*row, *(record[name] for name in _AFTER), "; ".join(record["notes"])])


def _line(values: Any) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(
        ["" if value is None else _safe(value) for value in values]
    )
    return text.getvalue()


def _safe(value: Any) -> Any:
    # A spreadsheet would execute a name with this beginning as a formula.
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value
