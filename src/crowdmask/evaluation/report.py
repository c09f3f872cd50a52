"""The report of an evaluation: tables, JSON, and pictures."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crowdmask.errors import MissingExtraError, OutputError
from crowdmask.evaluation.appearance import (
    NOTE,
    RATES,
    Appearance,
    FaceAppearance,
    Grouping,
    measure_appearance,
)
from crowdmask.evaluation.matching import ScoredPicture
from crowdmask.evaluation.measures import SliceMeasures, measure_slices
from crowdmask.evaluation.slices import ALL, FACE_WIDTHS_PX
from crowdmask.files import whole_file
from crowdmask.labels import DISPLAY_NAMES, LABELS

FORMAT = 1


@dataclass(frozen=True, eq=False)
class Report:
    """The results of an evaluation.

    Attributes:
        about: model, hash, thresholds, data set, split.
        slices: the measures of each slice, ``all`` first.
        failed: pictures that could not be read, each as ``where: why``; not included in any measure.
        appearance: measures by the faces' appearance, if requested.
    """

    about: dict[str, Any]
    slices: dict[str, SliceMeasures]
    failed: tuple[str, ...] = ()
    appearance: Appearance | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; None if there was nothing to measure."""
        slices = {name: _without_nan(measures.to_dict()) for name, measures in self.slices.items()}
        content = {"format": FORMAT, **self.about, "failed": list(self.failed), "slices": slices}
        if self.appearance is not None:
            content["appearance"] = _without_nan(self.appearance.to_dict())
        return content

    def to_text(self) -> str:
        """Return the tables."""
        parts = [
            _precision_table(self.slices),
            _width_table(self.slices),
            _shown_table(self.slices),
            _confusion_table(self.slices[ALL]),
            _interval_table(self.slices),
            _appearance_tables(self.appearance) if self.appearance else "",
        ]
        return "\n\n".join(part for part in parts if part)


def build_report(
    pictures: Sequence[ScoredPicture],
    about: dict[str, Any],
    failed: Sequence[str] = (),
    bootstrap: int = 0,
    seed: int = 0,
    looks: Sequence[FaceAppearance] | None = None,
) -> Report:
    """Measure every slice of the pictures; see `measure_slices` for `bootstrap` and `seed`.

    Args:
        looks: appearance of the faces of each picture; if given, it is measured, too.
    """
    appearance = measure_appearance(pictures, looks, bootstrap, seed) if looks is not None else None
    return Report(about, measure_slices(pictures, bootstrap, seed), tuple(failed), appearance)


def write_json(report: Report, path: Path) -> None:
    """Write the report as JSON, completely or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    _write(json.dumps(report.to_dict(), indent=1) + "\n", path)


def write_text(report: Report, path: Path) -> None:
    """Write the tables as plain text, completely or not at all, below one line that says what was measured.

    Raises:
        OutputError: the file cannot be written.
    """
    about = ", ".join(f"{name} {value}" for name, value in report.about.items())
    _write(f"{about}\n\n{report.to_text()}\n", path)


def write_pictures(report: Report, pictures: Sequence[ScoredPicture], folder: Path) -> list[Path]:
    """Draw precision-recall, reliability and confusion of all pictures as PNG files.

    Returns:
        The files that were written.
    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the folder cannot be written to.
    """
    require_plots()
    from crowdmask.evaluation import plots
    from crowdmask.evaluation.measures import precision_recall

    measures = report.slices[ALL]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [
            plots.draw_precision_recall(precision_recall(pictures), folder / "precision_recall.png"),
            plots.draw_reliability(measures.reliability, folder / "reliability.png"),
            plots.draw_confusion(measures.shown, folder / "confusion.png"),
        ]
    except OSError as error:
        raise OutputError(f"cannot write the report's pictures to {folder}: {error.strerror}") from error


def _write(text: str, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            file.write(text.encode("utf-8"))
    except OSError as error:
        raise OutputError(f"cannot write the report {path}: {error.strerror}") from error


def require_plots() -> None:
    """Check that pictures can be drawn, before a long run.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("drawing the report's pictures", "train") from error


def _precision_table(slices: dict[str, SliceMeasures]) -> str:
    header = ["average precision", "pictures", "faces", "mAP50", "with", "without", "mAP50-95", "incorrect"]
    rows = []
    for name, m in slices.items():
        two = m.two_class
        scores = [two.map50, *two.ap50, two.map50_95, m.three_class.ap50[2]]
        rows.append([name, str(m.pictures), str(sum(two.faces)), *map(_number, scores)])
    note = "(incorrectly worn counts as without, but in the last column: AP50 of three labels)"
    return f"{_table(header, rows)}\n{note}"


def _width_table(slices: dict[str, SliceMeasures]) -> str:
    header = ["any face, AP50", "all", *(f"{name} px" for name in FACE_WIDTHS_PX)]
    rows = []
    for name, m in slices.items():
        cells = [f"{_number(score)} ({faces})" for score, faces in m.by_width.values()]
        rows.append([name, _number(m.face_ap50), *cells])
    return f"{_table(header, rows)}\n(by width of the face; in brackets how many there are)"


def _shown_table(slices: dict[str, SliceMeasures]) -> str:
    header = ["at default", "recall", "precision", "class acc", "balanced", "3-class acc", "ECE", "ECE .1+"]
    rows = []
    for name, m in slices.items():
        s = m.shown
        accuracies = [s.class_accuracy, s.balanced_accuracy, s.class_accuracy_3]
        errors = [m.reliability_shown.expected_error, m.reliability.expected_error]
        rows.append([name, *map(_number, [s.recall, s.precision, *accuracies, *errors])])
    return _table(header, rows)


def _confusion_table(measures: SliceMeasures) -> str:
    shown = measures.shown
    header = ["all: truth by row", *(DISPLAY_NAMES[label] for label in LABELS), "missed"]
    rows = [
        [DISPLAY_NAMES[label], *map(str, shown.confusion[i]), str(shown.missed[i])]
        for i, label in enumerate(LABELS)
    ]
    return _table(header, [*rows, ["no face", *map(str, shown.false), ""]])


def _interval_table(slices: dict[str, SliceMeasures]) -> str:
    rows = [[name, *(_span(m.intervals[name]) for m in slices.values())] for name in slices[ALL].intervals]
    return _table(["95 % interval", *slices], rows) if rows else ""


def _appearance_tables(appearance: Appearance) -> str:
    tables = [
        _grouping_table(name, grouping)
        for name, groupings in appearance.slices.items()
        for grouping in groupings
    ]
    return "\n\n".join([*tables, f"({NOTE})"])


def _grouping_table(name: str, grouping: Grouping) -> str:
    header = [f"{name}, by {grouping.by}", "faces", "masked", "median px"]
    header += [title for rate in RATES for title in (rate.replace("_", " "), "95 %")]
    rows = []
    for group in grouping.groups:
        row = [group.name, str(group.faces), _number(group.masked), f"{group.median_width_px:.0f}"]
        for rate in RATES:
            row += [_number(group.rates[rate]), _span(group.intervals.get(rate))]
        rows.append(row)
    last = ["best less worst", "", "", ""]
    for rate in RATES:
        gap = grouping.gaps.get(rate)
        last += [_number(gap.value), _span(gap.interval)] if gap else ["-", ""]
    rows.append(last)
    note = f"({grouping.unknown} more faces show too little to tell their {grouping.by})"
    return f"{_table(header, rows)}\n{note}"


def _table(header: list[str], rows: list[list[str]]) -> str:
    """Align columns: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = []
    for row in [header, ["-" * width for width in widths], *rows]:
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _span(ends: tuple[float, float] | None) -> str:
    if ends is None:
        return ""
    return "-" if math.isnan(ends[0]) else f"{_number(ends[0])} to {_number(ends[1])}"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _without_nan(value: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
