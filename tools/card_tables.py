"""Markdown tables of what was measured, for the cards, the README and the docs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crowdmask.labels import LABELS

Report = dict[str, Any]
NOTHING = "–"


def number(value: float | None, ends: Sequence[float | None] | None = None, digits: int = 3) -> str:
    """Return a value and its interval, or a dash where there was nothing to measure."""
    if value is None:
        return NOTHING
    if ends is None or ends[0] is None:
        return f"{value:z.{digits}f}"
    return f"{value:z.{digits}f} ({ends[0]:.{digits}f}–{ends[1]:.{digits}f})"


def table(header: list[str], rows: list[list[str]]) -> str:
    """Return a markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def value_of(part: Report, name: str) -> tuple[float | None, Sequence[float | None] | None]:
    """Return a measure of one slice by the name of its interval, and that interval where there is one."""
    if name.startswith("face_AP50_"):
        value = part["face_AP50_by_width_px"][name.removeprefix("face_AP50_")]["AP50"]
    elif name == "AP50_mask_worn_incorrect":
        value = part["AP50_3class"]["mask_worn_incorrect"]
    elif name.startswith("AP50_"):
        value = part["AP50"][name.removeprefix("AP50_")]
    elif name == "ece":
        value = part["calibration"]["ece"]
    else:
        value = part[name] if name in part else part["at_default"][name]
    return value, part["intervals_95"].get(name)


def slice_table(report: Report) -> str:
    """Return the measures of each slice, a row a slice."""
    names = ("mAP50", "recall", "precision", "class_accuracy", "balanced_accuracy", "ece")
    header = ["photos of", "number", "mAP50", "recall", "precision", "class accuracy", "balanced", "ECE ≥ .1"]
    rows = []
    for name, part in report["slices"].items():
        cells = [number(*value_of(part, each)) for each in names]
        rows.append([name, str(part["pictures"]), *cells, number(part["mAP50_95"])])
    return table([*header, "mAP50-95"], rows)


def class_table(report: Report) -> str:
    """Return AP50 of each class, a row a slice."""
    names = [f"AP50_{label}" for label in LABELS]
    header = ["photos of", "with mask", "without (of two classes)", "worn incorrectly (of three)", "faces"]
    rows = []
    for name, part in report["slices"].items():
        faces = " / ".join(str(part["faces"][label]) for label in LABELS)
        rows.append([name, *(number(*value_of(part, each)) for each in names), faces])
    return table(header, rows)


def width_table(reports: dict[str, Report], intervals: bool = False) -> str:
    """Return AP50 of any face by its width, a row a model."""
    first = next(iter(reports.values()))["slices"]["all"]["face_AP50_by_width_px"]
    header = ["any face, AP50", "all", *(f"{k} px ({v['faces']})" for k, v in first.items())]
    rows = []
    for name, report in reports.items():
        part = report["slices"]["all"]
        cells = [value_of(part, each) for each in ("face_AP50", *(f"face_AP50_{k}" for k in first))]
        rows.append([name, *(number(value, ends if intervals else None) for value, ends in cells)])
    return table(header, rows)


def confusion_table(report: Report) -> str:
    """Return the confusion of found faces at the default thresholds."""
    shown = report["slices"]["all"]["at_default"]
    rows = [[label, *map(str, row)] for label, row in zip(LABELS, shown["confusion"], strict=True)]
    return table(["truth", *(f"said {label}" for label in LABELS)], rows)


def reliability_table(report: Report) -> str:
    """Return how often detections of each confidence are right."""
    bins = report["slices"]["all"]["calibration"]["bins"]
    rows = []
    for index, (count, said, right) in enumerate(
        zip(bins["count"], bins["confidence"], bins["right"], strict=True)
    ):
        if count:
            between = f"{index / 10:.1f} to {(index + 1) / 10:.1f}"
            rows.append([between, str(count), number(said), number(right)])
    return table(["confidence", "detections", "mean confidence", "share that is right"], rows)


def appearance_tables(report: Report, slices: Sequence[str] = ("all", "masks")) -> str:
    """Return the groups by apparent tone and by light of some slices; empty where they weren't measured."""
    appearance = report.get("appearance")
    if not appearance:
        return ""
    header = ["faces", "with any mask", "median width", "recall", "class accuracy of found faces"]
    parts = []
    for name in slices:
        for by, grouping in appearance["slices"].get(name, {}).items():
            rows = [
                [
                    group["name"],
                    str(group["faces"]),
                    number(group["masked"], digits=2),
                    f"{group['median_width_px'] or 0:.0f} px",
                    *(
                        number(group[rate], group["intervals_95"].get(rate))
                        for rate in ("recall", "class_accuracy")
                    ),
                ]
                for group in grouping["groups"]
            ]
            rows.append(["**gap, best less worst**", "", "", "", *_gaps(grouping)])
            text = table([f"{name}, by apparent {by}", *header], rows)
            parts.append(f"{text}\n\n({grouping['unknown']} more faces show too little to tell.)")
    return "\n\n".join(parts)


def speed_table(speed: dict[str, Any]) -> str:
    """Return the times of each model and of the peer."""
    peer = speed.get("peer")
    header = ["", "network, ms", "whole `Detector.detect`, ms"]
    if peer:
        header += [f"network, times {peer['name']}'s", "whole call, times the peer's"]
    header += ["float / int8, network", "process start to files written"]
    rows = []
    for name, times in speed["models"].items():
        row = [f"{name} ({times['precision']}, {times['input_size']} px)"]
        row += [_spread(times[key], 1) for key in ("network_ms", "whole_ms")]
        if peer:
            row += [_spread(times.get(key), 2) for key in ("network_by_peer", "whole_by_peer")]
        rows.append([*row, _spread(times.get("float_by_int8"), 2), f"{times['process_s']:.2f} s"])
    if peer:
        cells = [_spread(peer[key], 1) for key in ("network_ms", "whole_ms")]
        rows.append([peer["name"], *cells, "1", "1", "", ""])
    note = (
        f"Medians over {speed['photos']} photos on {speed['backend']} with {speed['threads']} threads, "
        "all in turn within one run;\n"
        "ratios are of the times on one photo. In brackets 95 % intervals, where taken."
    )
    return f"{table(header, rows)}\n\n{note}"


def _spread(values: dict[str, Any] | None, digits: int) -> str:
    return number(values["median"], values.get("interval_95"), digits) if values else NOTHING


def _gaps(grouping: dict[str, Any]) -> list[str]:
    cells = []
    for rate in ("recall", "class_accuracy"):
        gap = grouping["gaps"].get(rate)
        if gap is None:
            cells.append(NOTHING)
        else:
            cells.append(f"**{number(gap['value'], gap['interval_95'])}** ({gap['best']}; {gap['worst']})")
    return cells
