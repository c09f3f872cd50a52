"""WIDER FACE: one text file with all pictures and boxes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from crowdmask.data.formats.annotation import PICTURE_SUFFIXES, Annotation, RawBox
from crowdmask.data.formats.finding import below, find_files, first_files
from crowdmask.data.problems import Problems, Reason


def read_wider(folder: Path, problems: Problems) -> Iterator[Annotation]:
    """Read WIDER FACE: one ``*bbx_gt.txt`` for all pictures in ``images``.

    Faces that are marked as invalid, narrower than 5 px or lower than 6 px become ignored
    regions, since people could not label them either.
    """
    for path in find_files(folder, "*bbx_gt.txt", problems):
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            problems.add(path, f"not readable ({error.strerror})", Reason.BROKEN)
            continue
        at = 0
        while at < len(lines):
            start, name = at, lines[at].strip()
            at += 1
            if not name:
                continue
            rows: list[str] = []
            # The next picture's name ends an entry, whatever its count says, so a broken entry does not
            # affect others.
            while at < len(lines) and not _names_picture(lines[at]):
                if lines[at].strip():
                    rows.append(lines[at])
                at += 1
            try:
                boxes = _wider_boxes(name, rows)
            except (ValueError, IndexError) as error:
                problems.add(f"{path}:{start + 1}", f"not a WIDER FACE entry ({error})", Reason.BROKEN)
                continue
            yield Annotation(name, boxes, listed_in=below(path, folder))


def recognise(folder: Path) -> bool:
    """Whether a folder contains a list with the name that WIDER FACE uses."""
    return bool(first_files(folder, "*bbx_gt.txt", 1))


def _wider_boxes(name: str, rows: list[str]) -> tuple[RawBox, ...]:
    if not _names_picture(name):
        raise ValueError("no picture's name")
    count = int(rows[0])
    # A picture without faces has one line of zeros after its count.
    if count < 0 or (len(rows) - 1 != max(1, count) and not (count == 0 and len(rows) == 1)):
        raise ValueError(f"{len(rows) - 1} boxes instead of {count}")
    return tuple(_wider_box([int(v) for v in row.split()]) for row in rows[1 : 1 + count])


def _wider_box(row: list[int]) -> RawBox:
    x, y, width, height = row[:4]
    invalid = len(row) > 7 and row[7] == 1
    return RawBox("face", (x, y, x + width, y + height), invalid or width < 5 or height < 6)


def _names_picture(line: str) -> bool:
    return line.strip().lower().endswith(PICTURE_SUFFIXES)
