"""What the commands say on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from crowdmask.cli.options_of import as_options
from crowdmask.labels import LABELS, describe, display_name

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from crowdmask.detections import Detections

_SHORT_NAMES = dict(zip(LABELS, ("with", "without", "incorrectly worn"), strict=True))

PLAIN_WIDTH = 10_000
"""Columns where output goes into a file or pipe: nothing is wrapped or cut there."""


def one_line(text: str) -> str:
    """Return the text with all that is no printable character written as an escape.

    A file name may hold line ends, control characters and bytes that are no text.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def error_line(error: Exception | str) -> str:
    """Return an error as one line, its parameters shown as options of the running command."""
    return f"error: {one_line(as_options(str(error)))}"


def tell_problems(lines: Iterable[str]) -> None:
    """Name and count on standard error what could not be read in a data set."""
    given = list(dict.fromkeys(lines))
    for line in given:
        typer.echo(one_line(line), err=True)
    if given:
        number = "1 problem" if len(given) == 1 else f"{len(given):,} problems"
        typer.echo(f"{number} in the data; what is named above is left out", err=True)


def open_console(stderr: bool = False) -> Console:
    """Return a console on standard output or standard error."""
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    return console


def describe_picture(source: str, detections: Detections) -> str:
    """Return one short line, like ``a.jpg: 14 faces: 10 with, 4 without``; labels of no face are left out."""
    number = len(detections)
    if not number:
        return one_line(f"{source}: no face")
    words = [f"{count:,} {_short_name(label)}" for label, count in detections.counts().items() if count]
    return one_line(f"{source}: {number:,} {'face' if number == 1 else 'faces'}: {', '.join(words)}")


def describe_faces(detections: Detections) -> list[str]:
    """Return one line for each face, like ``  Mask 97.3 %  at 408 370 526 502``: its box in pixels."""
    return [
        f"  {describe(label, float(confidence))}  at {' '.join(str(round(float(edge))) for edge in box)}"
        for box, label, confidence in zip(
            detections.xyxy, detections.labels, detections.confidence, strict=True
        )
    ]


def _short_name(label: str) -> str:
    return _SHORT_NAMES.get(label) or display_name(label)


@dataclass
class Summary:
    """Counts per picture, and of all pictures."""

    rows: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    labels: tuple[str, ...] = LABELS

    def add(self, source: str, counts: dict[str, int]) -> None:
        """Note the counts of one picture."""
        self.labels = tuple(counts)
        self.rows.append((source, tuple(counts.values())))

    def to_table(self) -> Table:
        """Return a row per picture and a total."""
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, show_footer=True, pad_edge=False)
        total = [sum(column) for column in zip(*(counts for _, counts in self.rows), strict=True)]
        total = total or [0] * len(self.labels)
        pictures = "1 picture" if len(self.rows) == 1 else f"{len(self.rows):,} pictures"
        table.add_column("picture", f"total of {pictures}", overflow="fold")
        if masks := self.labels == LABELS:
            heads = ["faces", *_SHORT_NAMES.values(), "share masked"]
        else:
            heads = ["faces", *(display_name(label) for label in self.labels)]
        for head, foot in zip(heads, _cells(total, masks), strict=True):
            table.add_column(head, foot, justify="right")
        for source, counts in self.rows:
            table.add_row(one_line(source), *_cells(counts, masks))
        return table


def _cells(counts: Sequence[int], masks: bool) -> tuple[str, ...]:
    """Return the number of faces, of each label and, where these are about masks, the share masked."""
    faces = sum(counts)
    share = f"{counts[0] / faces:.1%}".replace("%", " %") if faces else "-"
    return (f"{faces:,}", *(f"{count:,}" for count in counts), *([share] if masks else []))
