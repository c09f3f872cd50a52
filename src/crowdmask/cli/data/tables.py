"""Tables of what a data set is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from crowdmask.cli.lines import one_line

if TYPE_CHECKING:
    from rich.table import Table

    from crowdmask.data.manifest import Photo
    from crowdmask.data.sampling.raking import Margin, Weights


def splits_table(photos: Sequence[Photo], title: str) -> Table:
    """Return a column a split: its photos and faces, and the shares of what they are made of."""
    from crowdmask.data.manifest import SPLITS
    from crowdmask.data.sampling.strata import LABEL, in_order, judged_faces, total_strata

    by_split = {
        name or "no split": [photo for photo in photos if photo.split == name] for name in (*SPLITS, None)
    }
    columns = {name: found for name, found in by_split.items() if found}
    table = _table(title, ["", *columns])
    whole = max(len(photos), 1)
    table.add_row("photos", *(f"{len(found):,}" for found in columns.values()))
    table.add_row("of all photos", *(percent(len(found) / whole) for found in columns.values()))
    faces = {name: sum(len(judged_faces(p)) for p in found) for name, found in columns.items()}
    table.add_row("faces", *(f"{count:,}" for count in faces.values()))
    totals = {name: total_strata(found) for name, found in columns.items()}
    last = ""
    for kind, value in in_order(total_strata(photos)):
        if kind != last:
            table.add_section()
            last = kind
        cells = []
        for total in totals.values():
            of_kind = sum(count for (k, _), count in total.items() if k == kind)
            cells.append(percent(total[kind, value] / of_kind) if of_kind else "-")
        table.add_row(one_line(value if kind == LABEL else f"{kind}: {value}"), *cells)
    return table


def balance_table(margins: Sequence[Margin], wanted: Sequence[np.ndarray], weights: Weights) -> Table:
    """Return a row a value: its share of what is drawn before, after, and as aimed at."""
    table = _table("share of what is drawn", ["", "before", "after", "aim"])
    for margin, aim in zip(margins, wanted, strict=True):
        table.add_section()
        before, after = margin.shares(np.ones(len(weights))), margin.shares(weights)
        for value, *shares in zip(margin.values, before, after, aim, strict=True):
            if shares[0] > 0:
                table.add_row(one_line(f"{margin.name}: {value}"), *(percent(float(x)) for x in shares))
    return table


def percent(part: float) -> str:
    """Return a part, 0 to 1, as people read it."""
    return f"{part * 100:.1f} %"


def _table(title: str, columns: Sequence[str]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left")
    return table
