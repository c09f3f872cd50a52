"""Fingerprints of photos, kept beside the manifest, so that an interrupted run can continue."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np

from crowdmask.data.copies.frames import Part
from crowdmask.data.copies.hashing import SIDE, Fingerprint, Inner, fingerprint_of
from crowdmask.errors import OutputError, PictureError

FILE_NAME = ".crowdmask-looks.sqlite"

_TABLES: Final = (
    # The number is the version of the table; other versions are ignored.
    "CREATE TABLE IF NOT EXISTS looks2 (photo TEXT PRIMARY KEY, size INTEGER, modified INTEGER, "
    "sha256 TEXT, hash TEXT, small BLOB, parts TEXT, inner BLOB)",
    "CREATE TABLE IF NOT EXISTS faces1 (photo TEXT PRIMARY KEY, size INTEGER, modified INTEGER, "
    "boxes TEXT, tones TEXT)",
)
_PIXELS: Final = SIDE * SIDE
_SAVE_EVERY: Final = 100
_AHEAD: Final = 8

Stamp = tuple[int, int]


class PhotoCache:
    """A file of fingerprints, each valid as long as its photo's size and modification time stay the same.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self._unsaved = 0
        try:
            self._data = sqlite3.connect(self.path)
            for table in _TABLES:
                self._data.execute(table)
            self._data.commit()
        except sqlite3.Error as error:
            raise OutputError(f"cannot write {self.path}: {error}; if it is damaged, delete it") from error

    def __enter__(self) -> PhotoCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._data.commit()
        self._data.close()

    def fingerprint(self, photo: str, stamp: Stamp) -> Fingerprint | None:
        """Return the fingerprint of the current version of a photo, if known."""
        row = self._data.execute(
            "SELECT sha256, hash, small, parts, inner FROM looks2 "
            "WHERE photo = ? AND size = ? AND modified = ?",
            (photo, *stamp),
        ).fetchone()
        if row is None or len(row[2]) != _PIXELS:
            return None
        parts: list[Part] = [tuple(part) for part in json.loads(row[3])]
        if len(row[4]) != len(parts) * _PIXELS:
            return None
        small, inner = (np.frombuffer(blob, np.uint8).reshape(-1, SIDE, SIDE) for blob in (row[2], row[4]))
        return Fingerprint(row[0], row[1], small[0], tuple(map(Inner, parts, inner)))

    def keep_fingerprint(self, photo: str, stamp: Stamp, looks: Fingerprint) -> None:
        """Store the fingerprint of a photo."""
        self._keep(
            "INSERT OR REPLACE INTO looks2 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                photo,
                *stamp,
                looks.sha256,
                looks.hash,
                looks.small.tobytes(),
                json.dumps([inner.part for inner in looks.inner]),
                b"".join(inner.small.tobytes() for inner in looks.inner),
            ),
        )

    def tones(self, photo: str, stamp: Stamp, boxes: str) -> list[float | None] | None:
        """Return what `keep_tones` stored for the current version of a photo with these boxes."""
        row = self._data.execute(
            "SELECT tones FROM faces1 WHERE photo = ? AND size = ? AND modified = ? AND boxes = ?",
            (photo, *stamp, boxes),
        ).fetchone()
        return None if row is None else json.loads(row[0])

    def keep_tones(self, photo: str, stamp: Stamp, boxes: str, tones: Sequence[float | None]) -> None:
        """Store the skin tone proxies of a photo's faces."""
        self._keep(
            "INSERT OR REPLACE INTO faces1 VALUES (?, ?, ?, ?, ?)",
            (photo, *stamp, boxes, json.dumps(list(tones))),
        )

    def _keep(self, statement: str, row: tuple[object, ...]) -> None:
        try:
            self._data.execute(statement, row)
            self._unsaved += 1
            if self._unsaved >= _SAVE_EVERY:
                self._data.commit()
                self._unsaved = 0
        except sqlite3.Error as error:
            raise OutputError(f"cannot write {self.path}: {error}") from error


def stamp_of(path: Path) -> Stamp:
    """Return a file's size in bytes and its modification time in ns.

    Raises:
        PictureError: there is no such file.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        raise PictureError((error.strerror or str(error)).lower(), path) from error
    return status.st_size, status.st_mtime_ns


def iterate_fingerprints(
    folder: Path, photos: Sequence[str], cache: PhotoCache, threads: int = 2
) -> Iterator[Fingerprint | PictureError]:
    """Yield the fingerprint of each photo in order, or why it cannot be read; new ones are cached.

    Args:
        folder: the folder that the photos' paths are relative to.
        photos: paths as in the manifest.
        threads: number of photos decoded at the same time.
    """
    with ThreadPoolExecutor(threads, "looks") as pool:
        ahead: deque[tuple[str, Stamp, Fingerprint | PictureError | Future[Fingerprint]]] = deque()
        todo = iter(photos)
        try:
            while True:
                while len(ahead) < _AHEAD * threads and (photo := next(todo, None)) is not None:
                    ahead.append(_begin(pool, folder, photo, cache))
                if not ahead:
                    return
                photo, stamp, looks = ahead.popleft()
                if isinstance(looks, Future):
                    try:
                        looks = looks.result()
                        cache.keep_fingerprint(photo, stamp, looks)
                    except PictureError as error:
                        looks = error
                yield looks
        finally:
            for _, _, waiting in ahead:
                if isinstance(waiting, Future):
                    waiting.cancel()


def _begin(
    pool: ThreadPoolExecutor, folder: Path, photo: str, cache: PhotoCache
) -> tuple[str, Stamp, Fingerprint | PictureError | Future[Fingerprint]]:
    try:
        stamp = stamp_of(folder / photo)
    except PictureError as error:
        return photo, (0, 0), error
    return photo, stamp, cache.fingerprint(photo, stamp) or pool.submit(fingerprint_of, folder / photo)
