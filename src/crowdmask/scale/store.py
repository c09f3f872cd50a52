"""The place of a run's output: a folder, or a place in an object store; files always appear complete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

from crowdmask.errors import OutputError
from crowdmask.files import lock, remove_leftovers, whole_file
from crowdmask.scale.remote import BUCKETS, LOCAL, as_error, file_system, is_url, scheme


class Store(Protocol):
    """A place for the files of one run.

    Attributes:
        name: as given by the user.
    """

    name: str

    def names(self) -> list[str]:
        """Return the names of its files, sorted, without hidden ones."""

    def read(self, name: str) -> bytes:
        """Return the content of a file."""

    def write(self, name: str, data: bytes) -> None:
        """Write a complete file, and wait until it is on the disk.

        Raises:
            OutputError: it cannot be written.
        """

    def remove(self, name: str) -> None:
        """Remove a file."""

    def held(self) -> AbstractContextManager[None]:
        """Lock the place against other runs, if that is supported.

        Raises:
            BusyError: another run uses it.
        """


class Folder:
    """A folder of this machine."""

    def __init__(self, path: str) -> None:
        """Prepare; nothing is created yet.

        Raises:
            OutputError: it is a file.
        """
        self.name = path
        self._path = Path(path)
        if self._path.exists() and not self._path.is_dir():
            raise OutputError(f"{path}: not a folder to write to: choose another `to`")

    def names(self) -> list[str]:
        """Return the names of the files, sorted, without hidden ones."""
        if not self._path.is_dir():
            return []
        return sorted(each.name for each in self._path.iterdir() if not each.name.startswith("."))

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        with as_error(OutputError, str(self._path / name)):
            return (self._path / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """Write a complete file, and wait until it is on the disk."""
        with whole_file(self._path / name, make_parents=True, sync=True) as file:
            file.write(data)

    def remove(self, name: str) -> None:
        """Remove a file."""
        with as_error(OutputError, str(self._path / name)):
            (self._path / name).unlink()

    def held(self) -> AbstractContextManager[None]:
        """Lock the folder against other runs; remove incomplete files of a killed one."""
        return _held(self._path)


class Bucket:
    """A place in an object store, where files always appear complete."""

    def __init__(self, url: str) -> None:
        """Connect.

        Raises:
            MissingExtraError, UsageError: this kind of store is not available.
        """
        self.name = url.rstrip("/")
        self._system, self._path = file_system(self.name)

    def names(self) -> list[str]:
        """Return the names of the files, sorted, without hidden ones."""
        with as_error(OutputError, self.name):
            self._system.invalidate_cache()
            try:
                found = self._system.ls(self._path, detail=False)
            except FileNotFoundError:
                return []
        names = (str(each).rstrip("/").rpartition("/")[2] for each in found)
        return sorted(name for name in names if name and not name.startswith("."))

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        with as_error(OutputError, f"{self.name}/{name}"):
            data: bytes = self._system.cat_file(f"{self._path}/{name}")
        return data

    def write(self, name: str, data: bytes) -> None:
        """Write a complete file."""
        with as_error(OutputError, f"cannot write {self.name}/{name}"):
            if scheme(self.name).lower() not in BUCKETS:  # there, a mistyped bucket would be made
                self._system.makedirs(self._path, exist_ok=True)
            self._system.pipe_file(f"{self._path}/{name}", data)

    def remove(self, name: str) -> None:
        """Remove a file."""
        with as_error(OutputError, f"{self.name}/{name}"):
            self._system.rm_file(f"{self._path}/{name}")

    def held(self) -> AbstractContextManager[None]:
        """Do nothing: object stores have no locks."""
        return nullcontext()


def open_store(where: str) -> Store:
    """Return the place of a path or URL.

    Raises:
        OutputError, MissingExtraError, UsageError: it cannot be used.
    """
    if is_url(where) and scheme(where).lower() in LOCAL:
        return Folder(file_system(where)[1])
    return Bucket(where) if is_url(where) else Folder(where)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    with lock(path):
        if path.is_dir():
            remove_leftovers(path)
        yield
