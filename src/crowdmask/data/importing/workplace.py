"""A data set's folder while something is added to it: everything appears, or nothing.

The work is done in ``DIR/.import-KEY``. At the end the photos are moved into place, and the manifest is
written last; until then the data set is unchanged. If a run is killed between these two steps, the next run
moves the photos back, and continues with them if it is the same import.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from crowdmask.data.manifest import (
    FILE_NAME,
    Manifest,
    Photo,
    read_manifest,
    write_manifest,
    writing,
)
from crowdmask.errors import BusyError, DataError, OutputError
from crowdmask.files import remove_leftovers

PHOTOS = "photos"
REPORTS = "reports"
_WORK = ".import-"
_MARK = "placing.json"


class Workplace:
    """A data set's folder, locked, with a work folder in it. Use it as a context manager.

    Attributes:
        to: the data set's folder.
        work: the work folder.
    """

    def __init__(self, to: Path, name: str, what: list[str]) -> None:
        """Prepare; nothing is created before the context is entered.

        Args:
            to: the data set's folder, created if missing.
            name: of the new source.
            what: identifies this import; an interrupted import with the same value continues.
        """
        key = hashlib.sha256("\0".join([name, *what]).encode("utf-8", "surrogateescape")).hexdigest()[:12]
        self.to = to
        self.name = name
        self.work = to / f"{_WORK}{key}"
        self._made: list[Path] = []
        self._held = ExitStack()

    def __enter__(self) -> Workplace:
        """Lock the folder, undo what a killed run left, and create the work folder.

        Raises:
            DataError: another command is changing the data set, or it has a source of this name.
            OutputError: the folder cannot be written.
        """
        with _told(self.to):
            self._made = [place for place in (self.to, *self.to.parents) if not place.exists()]
            self.to.mkdir(parents=True, exist_ok=True)
        try:
            self._held.enter_context(writing(self.to))
        except BusyError as error:
            raise DataError(
                f"another import is writing to {self.to}, or another command is changing the data set "
                f"{self.to}: wait until it has ended, then try again"
            ) from error
        try:
            with _told(self.to):
                self._clean_up()
                self._check_name()
                self.work.mkdir(exist_ok=True)
                remove_leftovers(self.work)
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Undo unfinished work; keep the work folder only after an interruption by the user."""
        try:
            self._undo(self.work)
            if kind is None or not issubclass(kind, KeyboardInterrupt):
                shutil.rmtree(self.work, ignore_errors=True)
        finally:
            self._leave()

    def place(self, photos: list[Photo], report: dict[str, Any]) -> Manifest:
        """Move the photos from ``work/photos`` into place, write the report, and then the manifest.

        Raises:
            OutputError: the disk is full or the folder cannot be written; the data set is unchanged.
        """
        final = self.to / PHOTOS / self.name
        manifest = Manifest(self.to, [*self._photos(), *photos])
        with _told(self.to):
            (self.work / PHOTOS).mkdir(exist_ok=True)
            final.parent.mkdir(exist_ok=True)
            (self.to / REPORTS).mkdir(exist_ok=True)
            part = self.work / "report.json"
            part.write_text(json.dumps(report, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")
            (self.work / _MARK).write_text(json.dumps({"source": self.name}), encoding="utf-8")
            (self.work / PHOTOS).rename(final)
            part.replace(self.report)
        write_manifest(manifest)
        return manifest

    @property
    def report(self) -> Path:
        """The file for the report of this import."""
        return self.to / REPORTS / f"import-{self.name}.json"

    def _photos(self) -> list[Photo]:
        return read_manifest(self.to).photos if (self.to / FILE_NAME).exists() else []

    def _check_name(self) -> None:
        final = self.to / PHOTOS / self.name
        for place in (self.to / PHOTOS, self.to / REPORTS, self.work):
            if place.is_symlink():
                raise DataError(f"{place} is a link; an import writes nothing through links")
        if any(photo.photo.startswith(f"{PHOTOS}/{self.name}/") for photo in self._photos()):
            raise DataError(f"{self.to} has a source '{self.name}' already: give another name with `source`")
        if final.exists() or final.is_symlink():
            raise DataError(f"{final} is there, but not in the manifest: move it away")

    def _clean_up(self) -> None:
        for left in sorted(self.to.glob(f"{_WORK}*")):
            if not left.is_dir() or left.is_symlink():
                continue
            self._undo(left)
            if left != self.work:
                shutil.rmtree(left)

    def _undo(self, work: Path) -> None:
        """Move back photos that were moved into place before the manifest was written."""
        try:
            name = str(json.loads((work / _MARK).read_text(encoding="utf-8"))["source"])
        except (OSError, ValueError, KeyError, TypeError):
            return
        final = self.to / PHOTOS / name
        listed = any(photo.photo.startswith(f"{PHOTOS}/{name}/") for photo in self._photos())
        if not listed and final.is_dir() and not (work / PHOTOS).exists():
            final.rename(work / PHOTOS)
            (self.to / REPORTS / f"import-{name}.json").unlink(missing_ok=True)
        (work / _MARK).unlink()

    def _leave(self) -> None:
        self._held.close()
        for folder in (self.to / PHOTOS, self.to / REPORTS, *self._made):
            try:
                folder.rmdir()
            except OSError:
                continue  # it is not empty, as it should be


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}") from error
