"""A table with one box a row."""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from crowdmask.data.formats.annotation import Annotation, RawBox, stated_size
from crowdmask.data.formats.finding import (
    below,
    beside,
    encoding_of,
    find_files,
    first_files,
    read_head,
    say_why,
)
from crowdmask.data.problems import Problems, Reason

_EDGES = ("xmin", "ymin", "xmax", "ymax")
_LABELS = ("label", "class")


def read_csv(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read a table with one box a row: a name, xmin, ymin, xmax, ymax and maybe a label column.

    Without a label column every box is called "face". Where there is one, a row that leaves it empty shows a
    face of which nothing is known: it is not used.
    """
    for path in find_files(folder, "*.csv", problems):
        boxes: dict[str, list[RawBox]] = {}
        sizes: dict[str, tuple[float, float] | None] = {}
        unreadable: Counter[str] = Counter()
        try:
            with path.open(newline="", encoding=encoding_of(path), errors="replace") as file:
                head = file.readline()
                # Spreadsheets of many countries write semicolons, and people spaces after commas.
                table = csv.DictReader(
                    itertools.chain([head], file),
                    delimiter=max(",;\t", key=head.count),
                    skipinitialspace=True,
                )
                table.fieldnames = [column.strip().lower() for column in table.fieldnames or ()]
                missing = {*_EDGES} - {*table.fieldnames}
                if missing:
                    # Other tables are often in the same folder; one line for each is enough.
                    why = f"not a table of boxes: it lacks the column {min(missing)}"
                    problems.add(path, why, Reason.BROKEN)
                    continue
                has_labels = not {*_LABELS}.isdisjoint(table.fieldnames)
                for number, row in enumerate(table, 2):
                    values = {k: v.strip() if isinstance(v, str) else v for k, v in row.items()}
                    name = values.get("name") or values.get("filename") or values.get("image")
                    given = next((value for key in _LABELS if (value := values.get(key))), "")
                    try:
                        if not name:
                            raise ValueError("no picture's name")
                        label = str(given).strip() if has_labels else "face"
                        if not label:
                            raise ValueError("no label")
                        # A row that is too short has None there.
                        edges = [float(values[edge] or "") for edge in _EDGES]
                        box = RawBox(label, (edges[0], edges[1], edges[2], edges[3]))
                        boxes.setdefault(name, []).append(box)
                        sizes.setdefault(name, stated_size(values.get("width"), values.get("height")))
                    except (KeyError, TypeError, ValueError) as error:
                        problems.add(f"{path}:{number}", f"not a box ({say_why(error)})", Reason.UNUSABLE)
                        if name:
                            boxes.setdefault(name, [])
                            unreadable[name] += 1
        except (csv.Error, OSError) as error:
            problems.add(path, f"not readable as a table ({error})", Reason.BROKEN)
        for name, items in boxes.items():
            lost = unreadable[name]
            place = beside(folder, path, name)
            yield Annotation(
                place, tuple(items), unreadable=lost, listed_in=below(path, folder), size=sizes.get(name)
            )


def recognise(folder: Path) -> bool:
    """Whether a folder contains a table whose header names the four edges, and that is not Open Images'."""
    heads = (read_head(path).partition("\n")[0].lower() for path in first_files(folder, "*.csv"))
    columns = [{word.strip(' "\r') for word in re.split("[,;\t]", head)} for head in heads]
    return any({*_EDGES} <= names and "imageid" not in names for names in columns)
