"""The table of what the detectors are held to, beside what they reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from card_tables import NOTHING, Report, number, table, value_of

DATA = "recipes/data/crowdmask.yaml"
ORIGINAL = "the original claims 97.01 % on a test set of its own, which is unknown"
SPEED = "`python benchmarks/speed.py --photos DIR --peers DIR --models crowd,crowd-fast,crowd-float`"


@dataclass(frozen=True)
class Row:
    """One thing to hold.

    Attributes:
        what: in words.
        target: the value to reach, or not to exceed where `at_most`.
        name: the measure, as `value_of` or a model's times call it.
        model: whose.
        part: the slice; left out for times.
    """

    what: str
    target: float
    name: str
    part: str = "all"
    model: str = "crowd"
    at_most: bool = False

    def met(self, value: float | None) -> str:
        """Say whether a value reaches the target."""
        if value is None:
            return NOTHING
        return "yes" if (value <= self.target if self.at_most else value >= self.target) else "**no**"

    @property
    def shown_target(self) -> str:
        """The target in words."""
        digits = 2 if round(self.target, 2) == self.target else 3
        return f"{'at most' if self.at_most else 'at least'} {self.target:.{digits}f}"


SCORES = (
    *(
        Row(f"mAP50, {part}" + (" (one class there)" if part == "wider" else ""), target, "mAP50", part)
        for part, target in (("all", 0.79), ("gotg", 0.92), ("jolignier", 0.84), ("wider", 0.60))
    ),
    Row("AP50 of masks worn incorrectly, of three classes, masks", 0.68, "AP50_mask_worn_incorrect", "masks"),
    Row("AP50 of faces of 8–16 px, any class, all", 0.40, "face_AP50_8-16"),
    Row("AP50 of faces of 16–32 px, any class, all", 0.76, "face_AP50_16-32"),
    Row(f"class accuracy of found faces, masks ({ORIGINAL})", 0.985, "class_accuracy", "masks"),
    Row("the same, balanced over the two classes", 0.98, "balanced_accuracy", "masks"),
    Row("recall, all", 0.69, "recall"),
    Row("precision, all", 0.86, "precision"),
    Row("expected calibration error, detections at 0.1 and above, all", 0.04, "ece", at_most=True),
    Row("`crowd-fast`: mAP50, all", 0.70, "mAP50", model="crowd-fast"),
)
TIMES = (
    Row("network time, times the peer's", 1.2, "network_by_peer", at_most=True),
    Row("whole `Detector.detect`, times the peer's whole call", 1.2, "whole_by_peer", at_most=True),
    Row("`crowd-fast`: network time, times the peer's", 0.6, "network_by_peer", "", "crowd-fast", True),
    Row("float32's network time, times int8's, of the same network", 1.5, "float_by_int8"),
)
INT8_LOSS = Row("mAP50 that int8 loses to float32, all", 0.01, "mAP50", at_most=True)


def target_table(reports: dict[str, dict[str, Report]], speed: dict[str, Any] | None) -> str:
    """Return each target with the value on ``test`` and its interval, that on ``val``, and the command.

    Args:
        reports: of each model that was measured, by split.
        speed: the times, None without any.
    """
    rows = [_score_row(row, reports.get(row.model)) for row in SCORES]
    rows += [_time_row(row, speed) for row in TIMES]
    rows.append(_loss_row(reports))
    header = ["measure", "target", "test (95 % interval)", "val", "met on test", "repeat with"]
    return table(header, rows)


def evaluate_command(model: str = "crowd", *further: str) -> str:
    """Return the command that measures a model on ``test``, with further options."""
    named = [] if model == "crowd" else ["--model", model]
    command = ["crowdmask", "evaluate", DATA, *named, "--split", "test", "--bootstrap", "1000", *further]
    return f"`{' '.join(command)}`"


def _score_row(row: Row, splits: dict[str, Report] | None) -> list[str]:
    command = evaluate_command(row.model)
    if splits is None:
        return [row.what, row.shown_target, NOTHING, NOTHING, NOTHING, command]
    value, ends = value_of(splits["test"]["slices"][row.part], row.name)
    on_val, _ = value_of(splits["val"]["slices"][row.part], row.name)
    return [row.what, row.shown_target, number(value, ends), number(on_val), row.met(value), command]


def _time_row(row: Row, speed: dict[str, Any] | None) -> list[str]:
    times = (speed or {"models": {}})["models"].get(row.model, {}).get(row.name)
    if times is None:
        return [row.what, row.shown_target, NOTHING, "", NOTHING, SPEED]
    value: float = times["median"]
    ends: Sequence[float] | None = times.get("interval_95")
    return [row.what, row.shown_target, number(value, ends, 2), "", row.met(value), SPEED]


def _loss_row(reports: dict[str, dict[str, Report]]) -> list[str]:
    row, command = INT8_LOSS, f"{evaluate_command()}, again with `--model crowd-float`"
    int8, plain = reports.get("crowd"), reports.get("crowd-float")
    if int8 is None or plain is None:
        return [row.what, row.shown_target, NOTHING, NOTHING, NOTHING, command]
    lost = {
        split: plain[split]["slices"]["all"]["mAP50"] - int8[split]["slices"]["all"]["mAP50"]
        for split in ("test", "val")
    }
    cells = [number(lost["test"]), number(lost["val"]), row.met(lost["test"])]
    return [row.what, row.shown_target, *cells, command]
