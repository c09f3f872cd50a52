"""Write files and folders so that they are always complete on the disk, and lock them for one writer.

Everything is written under a hidden temporary name beside its place and renamed when it is complete. Where
writing fails or is interrupted, the temporary file is removed and an older file stays as it was.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from crowdmask.errors import BusyError, OutputError

_KEY_FILE = ".work-key"
_SHOWN_CHARS = 40
_FOREVER = -1.0


def temporary_beside(path: Path, *, keep_suffix: bool = False) -> Path:
    """Return an unused hidden name in the same folder; searches for files skip hidden ones.

    Every call returns a different name, so two processes that write the same file do not overwrite each
    other.

    Args:
        path: of the file that it will become.
        keep_suffix: end with the suffix of `path`, for libraries that choose the format by it.
    """
    suffix = path.suffix if keep_suffix else ""
    return path.with_name(f".{path.name[:_SHOWN_CHARS]}.{secrets.token_hex(4)}.part{suffix}")


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that a killed process left in a work folder of ours, at any depth."""
    for path in folder.rglob(".*.part"):
        if not path.is_dir():
            path.unlink(missing_ok=True)


@contextmanager
def as_output_error(name: str | os.PathLike[str], what: str = "") -> Iterator[None]:
    """Turn the system's errors into the error that users see.

    Args:
        name: of the file or folder that is written.
        what: a description for the message, like "the report"; may be empty.
    Raises:
        OutputError: "cannot write the report a.json: no space left on device".
    """
    try:
        yield
    except OSError as error:
        told = f"cannot write {what} {os.fspath(name)}" if what else f"cannot write {os.fspath(name)}"
        if error.errno == errno.EPIPE:
            raise OutputError(f"{told}: the program that reads it has ended") from error
        raise OutputError(f"{told}: {(error.strerror or str(error)).lower()}") from error


@contextmanager
def whole_path(
    path: Path, *, what: str = "", make_parents: bool = False, sync: bool = False
) -> Iterator[Path]:
    """Give a temporary name to write to, for libraries that open files themselves.

    Args:
        path: where the file appears once the block ends without an error; an older file is replaced.
        what: a description for the error message, like "the report".
        make_parents: create missing parent folders.
        sync: wait until the bytes are on the disk, so that even a power failure leaves no empty file.
    Raises:
        OutputError: the file cannot be written, or the block raised an OSError.
    """
    with as_output_error(path, what):
        if make_parents:
            path.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_beside(path)
        try:
            yield temporary
            if sync:
                _sync(temporary)
            os.replace(temporary, path)
            if sync:
                _sync_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


@contextmanager
def whole_file(
    path: Path, *, what: str = "", make_parents: bool = False, sync: bool = False
) -> Iterator[IO[bytes]]:
    """Open a binary file that appears under its name only once the block ends without an error.

    Args:
        path, what, make_parents, sync: as of `whole_path`.
    Raises:
        OutputError: the file cannot be written, or the block raised an OSError.
    """
    with (
        whole_path(path, what=what, make_parents=make_parents, sync=sync) as temporary,
        open(temporary, "x+b") as file,
    ):
        yield file


def write_text(
    path: Path, text: str, *, what: str = "", make_parents: bool = False, sync: bool = False
) -> None:
    """Write a UTF-8 text file, complete or not at all.

    Args:
        path, what, make_parents, sync: as of `whole_path`.
        text: its content; the line ends stay as they are.
    Raises:
        OutputError: the file cannot be written.
    """
    with whole_file(path, what=what, make_parents=make_parents, sync=sync) as file:
        # File names that are not valid UTF-8 keep their bytes.
        file.write(text.encode("utf-8", "surrogateescape"))


def write_json(
    path: Path, value: Any, *, what: str = "", make_parents: bool = False, indent: int = 1
) -> None:
    """Write a JSON file, complete or not at all.

    Args:
        path, what, make_parents: as of `whole_path`.
        value: what `json.dumps` takes.
        indent: spaces per level.
    Raises:
        OutputError: the file cannot be written.
    """
    write_text(path, json.dumps(value, indent=indent) + "\n", what=what, make_parents=make_parents)


@contextmanager
def whole_folder(path: Path, *, what: str = "", key: str = "") -> Iterator[Path]:
    """Give a work folder that appears under its name only once the block ends without an error.

    Args:
        path: where the folder appears; it must not exist, or be empty.
        what: a description for the error message, like "the report".
        key: identifies this work. If given, an interruption (Ctrl-C, a kill) keeps the work folder, and
            the next run with the same key continues with its files; work with another key starts empty.
    Raises:
        BusyError: another process writes the same folder.
        OutputError: the folder cannot be written, is not empty, or the block raised an OSError.
    """
    with as_output_error(path, what), lock(path):
        work = path.absolute().with_name(f".{path.absolute().name}.part")
        mark = work / _KEY_FILE
        if key and mark.is_file() and mark.read_text(encoding="utf-8") == key:
            remove_leftovers(work)
        else:
            if work.exists():
                shutil.rmtree(work)
            work.mkdir(parents=True)
            if key:
                mark.write_text(key, encoding="utf-8")
        try:
            yield work
            mark.unlink(missing_ok=True)
            if path.exists():
                path.rmdir()
            work.rename(path)
        except BaseException as error:
            if not key or isinstance(error, Exception):
                shutil.rmtree(work, ignore_errors=True)
            raise


@contextmanager
def lock(path: Path, *, wait: bool = False, shown: Path | None = None) -> Iterator[None]:
    """Hold a file's or folder's lock, which only one writer can have.

    The system releases it when the process ends, however it ends. The lock is a hidden file beside `path`
    that is removed when the block ends; one left behind by a killed process does no harm.

    Args:
        path: the file or folder to write; it need not exist, but its folder must be writable.
        wait: wait until the other writer is done instead of raising an error.
        shown: its name in messages; None: `path`.
    Raises:
        BusyError: another process holds the lock.
        OutputError: the lock file cannot be made.
    """
    # Imported here, since most commands take no lock and start faster without it.
    import filelock

    place = path.absolute()
    # The process holds it, not the thread that asked for it: a run may end in another thread.
    held = filelock.FileLock(place.with_name(f".{place.name.lstrip('.')}.lock"), thread_local=False)
    with as_output_error(path):
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            held.acquire(timeout=_FOREVER if wait else 0)
        except filelock.Timeout as error:
            if not os.path.lexists(held.lock_file):
                # Nobody holds it: no file can be created here, and the system's error says why.
                os.close(os.open(held.lock_file, os.O_RDWR | os.O_CREAT))
                os.unlink(held.lock_file)
            raise BusyError(
                f"another command is writing {shown or path}: "
                "wait until it has ended, or choose another output"
            ) from error
    try:
        yield
    finally:
        # Removed while held: a process that opened it in the meantime notices that and tries again.
        if not isinstance(held, filelock.SoftFileLock):
            with suppress(OSError):
                Path(held.lock_file).unlink(missing_ok=True)
        held.release()


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Reserve an output for a run that writes it only at its end.

    Folders created for the lock are removed again if they stay empty. A device needs no lock, nor does a
    place that cannot be written to, since writing there fails anyway.

    Args:
        path: a file or folder; a link counts as its target.
    Raises:
        BusyError: another process holds it.
        OutputError: the lock file cannot be made.
    """
    place = Path(os.path.realpath(path))
    if place.exists() and not (place.is_file() or place.is_dir()):
        yield
        return
    missing = [folder for folder in place.parents if not folder.exists()]
    there = place.parents[len(missing)] if len(missing) < len(place.parents) else place.parent
    if place.is_dir() and not os.access(there, os.W_OK):
        place = place / "output"
        there = place.parent
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        yield
        return
    try:
        with lock(place, shown=path):
            yield
    finally:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()


def _sync(path: Path) -> None:
    # Opened for writing: Windows refuses to sync a file that is only read.
    with open(path, "r+b") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, on systems where a folder can be opened (not on Windows)."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
