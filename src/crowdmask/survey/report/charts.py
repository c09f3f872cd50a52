"""The report's plots as SVG, without a plotting library, which the base install does not have."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from crowdmask.drawing.palette import COLOURS as palette
from crowdmask.drawing.palette import as_hex

COLOURS = {label: as_hex(colour) for label, colour in palette.items()}
_INK, _SOFT, _LINE = "#1f2933", "#5b6775", "#dfe4ea"
_FONT = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
_WIDTH, _LEFT, _RIGHT = 760, 200, 24
_LONGEST = 30
_LETTER_PX = 7.0


@dataclass(frozen=True)
class Point:
    """One share in a plot.

    Attributes:
        share: 0 to 1; None: refused.
        low, high: ends of its interval.
        raw: the raw share.
    """

    share: float | None
    low: float | None
    high: float | None
    raw: float | None


def intervals(rows: Sequence[tuple[str, Point]], colour: str, what: str) -> str:
    """Draw one row for each group: the share with its interval, the raw share as a hollow mark.

    Args:
        rows: name and share of each group.
        colour: of shares and intervals.
        what: name of the axis.
    """
    height, top = 26, 10
    total = top + height * len(rows) + 44
    parts = [_axis(what, top, top + height * len(rows))]
    for number, (name, point) in enumerate(rows):
        y = top + height * (number + 0.5)
        parts.append(_text(_LEFT - 10, y + 4, _short(name), "end"))
        if point.low is not None and point.high is not None and point.share is not None:
            parts.append(
                f'<line x1="{_x(point.low):.1f}" y1="{y}" x2="{_x(point.high):.1f}" y2="{y}" '
                f'stroke="{colour}" stroke-width="3" stroke-linecap="round"/>'
                f'<circle cx="{_x(point.share):.1f}" cy="{y}" r="5" fill="{colour}"/>'
            )
        else:
            parts.append(_text(_LEFT + 8, y + 4, "no figure", "start", _SOFT))
        if point.raw is not None:
            parts.append(
                f'<circle cx="{_x(point.raw):.1f}" cy="{y}" r="4" fill="#fff" stroke="{_SOFT}" '
                'stroke-width="1.5"/>'
            )
    return _svg(total, parts)


def over_time(rows: Sequence[tuple[str, Point]], colour: str, what: str) -> str:
    """Draw shares over time with their intervals as bars; a missing one leaves a gap.

    Args:
        rows: time and share of each group, in order.
        colour: of shares and intervals.
        what: name of the axis.
    """
    top, bottom, left = 12, 250, 56
    step = (_WIDTH - left - _RIGHT) / max(len(rows), 1)
    parts = []
    for tenth in range(0, 11, 2):
        y = bottom - (bottom - top) * tenth / 10
        parts.append(f'<line x1="{left}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}" stroke="{_LINE}"/>')
        parts.append(_text(left - 8, y + 4, f"{tenth * 10} %", "end", _SOFT))
    widest = max((len(_short(name, 18)) for name, _ in rows), default=0) * _LETTER_PX
    every = max(1, math.ceil((widest + _LETTER_PX) / step))
    path = ""
    for number, (name, point) in enumerate(rows):
        x = left + step * (number + 0.5)
        if number % every == 0:
            parts.append(_text(x, bottom + 20, _short(name, 18), "middle", _SOFT))
        if point.share is None or point.low is None or point.high is None:
            path += " "
            continue
        low, high, y = (bottom - (bottom - top) * value for value in (point.low, point.high, point.share))
        bar = max(min(step * 0.5, 18), 1)
        parts.append(
            f'<rect x="{x - bar / 2:.1f}" y="{high:.1f}" width="{bar:.1f}" height="{max(low - high, 1):.1f}" '
            f'fill="{colour}" opacity="0.25"/>'
        )
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3 if step > 8 else 1.5}" fill="{colour}"/>')
        path += f"{'L' if path and path[-1] != ' ' else 'M'}{x:.1f} {y:.1f}"
    if path.strip():
        parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.2"/>')
    parts.append(_text(left, bottom + 42, what, "start", _SOFT))
    return _svg(bottom + 54, parts)


def stacks(rows: Sequence[tuple[str, Mapping[str, float]]], names: Mapping[str, str], what: str) -> str:
    """Draw one stacked bar for each row, with parts by label.

    Args:
        rows: name and amounts by label of each bar.
        names: name of each label in the legend.
        what: name of the axis.
    """
    height, top = 28, 34
    longest = max((sum(parts.values()) for _, parts in rows), default=0.0) or 1.0
    drawn, at = [], float(_LEFT)
    for label, shown in names.items():
        drawn.append(f'<rect x="{at}" y="8" width="12" height="12" fill="{COLOURS.get(label, _SOFT)}"/>')
        drawn.append(_text(at + 18, 18, shown, "start"))
        at += 34 + 7.2 * len(shown)
    for number, (name, parts) in enumerate(rows):
        y = top + height * number
        drawn.append(_text(_LEFT - 10, y + 17, _short(name), "end"))
        x = float(_LEFT)
        for label, value in parts.items():
            wide = (_WIDTH - _LEFT - _RIGHT - 70) * value / longest
            drawn.append(
                f'<rect x="{x:.1f}" y="{y + 4}" width="{wide:.1f}" height="{height - 9}" '
                f'fill="{COLOURS.get(label, _SOFT)}"/>'
            )
            x += wide
        drawn.append(_text(x + 6, y + 17, f"{sum(parts.values()):,.0f}", "start", _SOFT))
    end = top + height * len(rows)
    drawn.append(_text(_LEFT, end + 18, what, "start", _SOFT))
    return _svg(end + 28, drawn)


def _axis(what: str, top: float, bottom: float) -> str:
    parts = []
    for tenth in range(0, 11, 2):
        x = _x(tenth / 10)
        parts.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}" stroke="{_LINE}"/>')
        parts.append(_text(x, bottom + 18, f"{tenth * 10} %", "middle", _SOFT))
    parts.append(_text(_x(0.5), bottom + 36, what, "middle", _SOFT))
    return "".join(parts)


def _x(share: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * share


def _text(x: float, y: float, text: str, anchor: str, colour: str = _INK) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def _short(name: str, longest: int = _LONGEST) -> str:
    # The end of a path is more informative than its beginning.
    return name if len(name) <= longest else "…" + name[-(longest - 1) :]


def _svg(height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}" '
        f'height="{height:.0f}" font-family="{_FONT}" font-size="13">{"".join(parts)}</svg>'
    )
