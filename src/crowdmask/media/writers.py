"""Write results so that the files on the disk are always complete.

A file is written under a temporary name in the same folder and renamed when it is complete.
"""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

from PIL import Image

from crowdmask.detections import Detections
from crowdmask.errors import OutputError
from crowdmask.files import as_output_error, temporary_beside
from crowdmask.media.annotated import SUFFIXES, may_replace, write_annotated

STANDARD_OUTPUT = "-"
CSV_COLUMNS = ("source", "width", "height", "x1", "y1", "x2", "y2", "label", "confidence")


def make_record(
    source: str, width: int, height: int, detections: Detections, model: str, model_hash: str
) -> dict[str, Any]:
    """Return the JSON record of one picture; other programs rely on its fields.

    Args:
        source: path as given or found.
        width, height: of the upright picture, pixels.
        model, model_hash: name and hash of the model that found the faces.
    """
    return {
        "source": source,
        "width": width,
        "height": height,
        "detections": detections.to_records(),
        "counts": detections.counts(),
        "model": model,
        "model_hash": model_hash,
    }


class PictureFolder:
    """Annotated pictures in one folder, each under the name of its source.

    Two sources with the same name get different files ("1.jpg", "1-2.jpg"). Only our own annotated pictures,
    which bear a mark, are replaced; a source or any other file of the user's never is.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Check that the folder exists or can be created; it is created with the first picture.

        Raises:
            OutputError: it is a file, or inside one, or not writable.
        """
        self.folder = Path(folder)
        there = self.folder
        while not os.path.lexists(there) and there != there.parent:
            there = there.parent
        if not there.is_dir():
            raise OutputError(f"{there}: not a folder to write pictures to: choose another `out`")
        if not os.access(there, os.W_OK | os.X_OK):
            raise OutputError(f"{there}: no permission to write there: choose another `out`")
        self._protected: set[str] = set()
        self._used: set[str] = set()

    def protect(self, paths: Iterable[str]) -> None:
        """Never overwrite these files: the sources."""
        self._protected.update(os.path.realpath(path) for path in paths)

    def write(self, image: Image.Image, relative: str) -> Path:
        """Write one picture.

        Args:
            image: RGB; its colour profile is kept, but no other metadata. Our mark is added.
            relative: path of the source relative to the folder where it was found.
        Returns:
            The file written.
        Raises:
            OutputError: the disk is full, or the file cannot be written.
        """
        path = self._free_name(relative)
        write_annotated(image, path, make_parents=True)
        return path

    def _free_name(self, relative: str) -> Path:
        """Return a path that this run has not written yet and that holds nothing of the user's."""
        # A source outside the folder where it was found must not lead outside ours.
        parts = [part for part in Path(relative).parts if part not in ("..", "/", os.sep)]
        wanted = self.folder.joinpath(*parts)
        if wanted.suffix.lower() not in SUFFIXES:  # anything else becomes a JPEG
            wanted = wanted.with_name(wanted.name + ".jpg")
        path, number = wanted, 1
        # Compared without case: some file systems ignore it.
        while (
            os.path.normcase(path).casefold() in self._used
            or os.path.realpath(path) in self._protected
            or not may_replace(path)
        ):
            number += 1
            path = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
        self._used.add(os.path.normcase(path).casefold())
        return path


class LineFile:
    """A text file that grows line by line and appears under its name when it is closed.

    Devices, pipes and standard output ("-") are written to directly. After an
    interruption or a full disk the file contains the complete lines so far. If nothing was processed, an
    older file of this name stays.
    """

    def __init__(self, target: str) -> None:
        """Open it.

        Raises:
            OutputError: it is a folder or cannot be written.
        """
        self._name = "standard output" if target == STANDARD_OUTPUT else target
        self._file: IO[bytes] | None = None
        self._temporary: Path | None = None
        self._complete = 0
        self._begun = False
        if target == STANDARD_OUTPUT:
            return
        # A link stays a link: the file that it points to is replaced.
        self._path = Path(os.path.realpath(target))
        if self._path.is_dir():
            raise OutputError(f"{target}: a folder, not a file to write to")
        with as_output_error(target):
            if self._path.exists() and not self._path.is_file():
                self._file = self._path.open("wb", buffering=0)
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._temporary = temporary_beside(self._path)
            self._file = self._temporary.open("xb", buffering=0)

    def begin(self) -> None:
        """Note that something was processed: an older file is replaced, even if no line is written."""
        self._begun = True

    def write(self, line: str, *, head: bool = False) -> None:
        """Append a line, which includes its line end.

        Args:
            head: it is the header; alone it is no reason to replace an older file.
        Raises:
            OutputError: the disk is full, or the reader of a pipe has ended.
        """
        self._begun |= not head
        with as_output_error(self._name):
            if self._file is None:
                _write_standard_output(line)
                return
            data = line.encode("utf-8", "surrogateescape")
            written = 0
            try:
                while written < len(data):
                    written += self._file.write(data[written:])
            except BaseException:
                if self._temporary is not None:  # remove the incomplete line
                    self._file.truncate(self._complete)
                    self._file.seek(self._complete)
                raise
            self._complete += written

    def close(self) -> None:
        """Rename the file to its final name.

        Raises:
            OutputError: it cannot be renamed.
        """
        if self._file is None or self._file.closed:
            return
        with as_output_error(self._name):
            self._file.close()
            if self._temporary is None:
                return
            if self._begun or not self._path.exists():
                os.replace(self._temporary, self._path)
            else:
                self._temporary.unlink(missing_ok=True)


class JsonLines:
    """One JSON record a line; also a context manager, which always closes it."""

    def __init__(self, target: str) -> None:
        """Open a file, or standard output for "-"."""
        self._file = LineFile(target)

    def write(self, record: dict[str, Any]) -> None:
        """Append the record of one picture."""
        # ASCII only, so that file names in any encoding survive.
        self._file.write(json.dumps(record) + "\n")

    def begin(self) -> None:
        """See `LineFile.begin`."""
        self._file.begin()

    def close(self) -> None:
        """Rename the file to its final name."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class CsvTable:
    """One face a row, under `CSV_COLUMNS`; also a context manager."""

    def __init__(self, target: str) -> None:
        """Open a file, or standard output for "-", and write the header."""
        self._file = LineFile(target)
        self._write_rows([CSV_COLUMNS], head=True)

    def write(self, record: dict[str, Any]) -> None:
        """Append the faces of one picture."""
        self._file.begin()
        picture = (record["source"], record["width"], record["height"])
        self._write_rows(
            [(*picture, *face["box"], face["label"], face["confidence"]) for face in record["detections"]]
        )

    def close(self) -> None:
        """Rename the file to its final name."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write_rows(self, rows: list[tuple[Any, ...]], head: bool = False) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        if rows:
            self._file.write(text.getvalue(), head=head)


def _write_standard_output(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError:
        # The rest of the buffer would fail again, with a traceback, when Python ends.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
