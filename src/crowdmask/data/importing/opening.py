"""Open a source: a folder, an archive or a single file."""

from __future__ import annotations

import shutil
from pathlib import Path

from crowdmask.data.formats.annotation import PICTURE_SUFFIXES
from crowdmask.data.formats.table import find_format
from crowdmask.data.importing.archives import WANTED, is_archive, unpack
from crowdmask.data.importing.plan import AUTO
from crowdmask.data.importing.published_splits import SPELLINGS
from crowdmask.data.importing.state import ImportState
from crowdmask.errors import DataError


def open_place(run: ImportState, path: Path, what: str) -> tuple[Path, bool]:
    """Return a folder with the content of an archive, folder or file, and whether it is our temporary one.

    Args:
        run: the import.
        path: as given by the user.
        what: source or annotations; only annotations may be a single file.
    Raises:
        DataError: neither a folder nor an archive.
    """
    if path.is_dir():
        return _descend(run, path), False
    folder = run.work / what
    if is_archive(path):
        unpacked = unpack(path, folder, run.problems, run.progress, run.plan.limits)
        run.note("links or devices in the archive, passed over", len(unpacked.links))
        run.note("other files in the archive, passed over", unpacked.others)
        return _descend(run, folder), True
    if what == "source":
        raise DataError(f"{path} is neither a folder nor a zip or tar")
    folder.mkdir(exist_ok=True)
    shutil.copyfile(path, folder / path.name)
    return folder, True


def _descend(run: ImportState, folder: Path) -> Path:
    """Enter subfolders as long as a folder contains only one folder that is not part of a format."""
    known = {"images", "labels", "annotations", "Annotations", "JPEGImages", *SPELLINGS}
    while True:
        inner = [path for path in folder.iterdir() if _counts(path)]
        if len(inner) != 1 or not inner[0].is_dir() or inner[0].is_symlink():
            return folder
        (only,) = inner
        if {only.name, only.name.lower()} & known:
            return folder
        if run.plan.form != AUTO and find_format(run.plan.form).has_class_folders and run.is_class(only.name):
            return folder
        if any(path.suffix.lower() in PICTURE_SUFFIXES for path in only.iterdir()):
            return folder  # the folder of a class
        folder = only


def _counts(path: Path) -> bool:
    """Whether a file in a source's folder may belong to it, unlike a readme or an archive."""
    if path.name.startswith((".", "__MACOSX")):
        return False
    return path.is_dir() or (path.suffix.lower() in WANTED and not is_archive(path))
