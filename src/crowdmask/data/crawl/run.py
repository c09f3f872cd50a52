"""Crawl: search, check the licence, fetch, check the photo, record it."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from crowdmask.data.crawl.client import Client, FetchError
from crowdmask.data.crawl.journal import Journal, JournalEntry
from crowdmask.data.crawl.providers import Candidate, Provider
from crowdmask.data.manifest import FILE_NAME, Manifest, Photo, read_manifest, write_manifest, writing
from crowdmask.errors import OutputError, PictureError
from crowdmask.files import as_output_error, temporary_beside
from crowdmask.media.pictures import open_picture

PHOTO_FOLDER = "photos"
MANIFEST_EVERY = 50
"""Number of photos between two writes of the manifest; the journal records each one immediately."""

MAX_PAGES = 500
"""Maximum number of pages of one query: some API might never end."""

Found = tuple[str, Candidate]
"""The query and a photo that it found."""

_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}


@dataclass(frozen=True)
class Wish:
    """What to fetch.

    Attributes:
        limit: total number of photos, including those of earlier runs of these queries.
        min_side: minimum length of the shorter side, pixels.
    """

    queries: tuple[str, ...]
    licences: tuple[str, ...]
    limit: int
    min_side: int = 64
    max_bytes: int = 30_000_000

    @property
    def limits(self) -> list[int]:
        """The size limits that apply to a photo."""
        return [self.min_side, self.max_bytes]


@dataclass
class Report:
    """The result of a run.

    Attributes:
        kept: new photos.
        earlier: photos of earlier runs of these queries.
        rejected: how many, by reason.
        problems: failures that may not happen again, and photos that are not what they claim.
        stopped: APIs that did not answer.
    """

    kept: int = 0
    earlier: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)


class Rejected(Exception):
    """A photo that was fetched but is not usable."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason
        self.detail = detail


class Crawl:
    """One run into one folder."""

    def __init__(self, folder: Path, wish: Wish, client: Client, providers: list[Provider]) -> None:
        """Read what is in the folder, which is created if missing.

        Raises:
            DataError: its manifest or journal cannot be read.
            OutputError: it cannot be written to.
        """
        self.folder = folder
        self.wish = wish
        self._client = client
        self._providers = providers
        try:
            (folder / PHOTO_FOLDER).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make {folder / PHOTO_FOLDER}: {error.strerror or error}") from error
        self.manifest = self._read()
        self.report = Report()
        self._hashes: set[str] = set()

    def run(self, tick: Callable[[Report], None] = lambda report: None) -> Report:
        """Fetch photos until there are enough or no more; complete photos are kept whatever stops it.

        Args:
            tick: called after each photo.
        Raises:
            BusyError: another command is changing the data set.
        """
        with writing(self.folder), Journal(self.folder) as journal:
            self.manifest = self._read()  # another command may have changed it in the meantime
            again = self._take_stock(journal)
            unwritten = len(self.manifest.photos)
            try:
                for query, candidate in self._wanted(journal, again):
                    self._handle(journal, query, candidate)
                    tick(self.report)
                    if len(self.manifest.photos) - unwritten >= MANIFEST_EVERY:
                        write_manifest(self.manifest)
                        unwritten = len(self.manifest.photos)
            finally:
                write_manifest(self.manifest)
        return self.report

    def _read(self) -> Manifest:
        return read_manifest(self.folder) if (self.folder / FILE_NAME).exists() else Manifest(self.folder)

    def _take_stock(self, journal: Journal) -> list[Found]:
        """Complete the manifest from the journal; return what to try again."""
        listed = {photo.photo for photo in self.manifest.photos}
        again: list[Found] = []
        lost = set()
        for entry in journal.entries.values():
            candidate = Candidate(**entry.candidate)
            if entry.kind == "kept" and entry.photo is not None:
                photo = Photo.model_validate(entry.photo)
                there = self.manifest.path(photo).is_file()
                if there and photo.photo not in listed:  # a killed run
                    self.manifest.photos.append(photo)
                if there and entry.query in self.wish.queries:
                    self.report.earlier += 1
                if not there and photo.photo in listed:
                    lost.add(photo.photo)
                    if entry.query in self.wish.queries:
                        again.append((entry.query, candidate))
            elif entry.kind == "failed" and entry.query in self.wish.queries:
                again.append((entry.query, candidate))
        self._hashes = {p.sha256 for p in self.manifest.photos if p.sha256 and p.photo not in lost}
        return again

    def _wanted(self, journal: Journal, again: list[Found]) -> Iterator[Found]:
        """Yield photos to check, one of each query in turn, until there are enough."""
        yield from (pair for pair in again if not self._enough)
        streams = [
            self._stream(journal, provider, query)
            for query in self.wish.queries
            for provider in self._providers
        ]
        while streams and not self._enough:
            for stream in list(streams):
                if self._enough:
                    return
                found = next(stream, None)
                if found is None:
                    streams.remove(stream)
                else:
                    yield found

    @property
    def _enough(self) -> bool:
        return self.report.earlier + self.report.kept >= self.wish.limit

    def _stream(self, journal: Journal, provider: Provider, query: str) -> Iterator[Found]:
        # With other licences or sizes it is a different search.
        limits = ",".join(str(limit) for limit in self.wish.limits)
        name = (provider.name, query, ",".join(sorted(self.wish.licences)), limits)
        at = journal.cursor(name)
        for _ in range(MAX_PAGES):
            try:
                page = provider.search(self._client, query, self.wish.licences, at)
            except FetchError as error:
                if at and error.lasting:  # beyond the last page that it gives
                    journal.note_page(name, None)
                else:
                    self.report.stopped.append(str(error))
                return
            for candidate in page.candidates:
                if not self._known(journal, candidate):
                    yield query, candidate
            journal.note_page(name, page.next)
            if page.next is None:
                return
            at = page.next

    def _known(self, journal: Journal, candidate: Candidate) -> bool:
        entry = journal.entries.get(candidate.key)
        if entry is None:
            return False
        return entry.kind != "rejected" or entry.limits == self.wish.limits

    def _handle(self, journal: Journal, query: str, candidate: Candidate) -> None:
        refusal = self._refusal(candidate)
        if refusal:
            self.report.rejected[refusal] += 1
            return
        record, limits = candidate.to_record(), self.wish.limits
        try:
            photo = self._fetch(candidate)
        except Rejected as error:
            self.report.rejected[error.reason] += 1
            if error.detail:
                self.report.problems.append(str(error))
            journal.note(candidate.key, JournalEntry("rejected", query, record, str(error), limits=limits))
        except FetchError as error:
            if error.lasting:
                self.report.rejected["the server does not give it"] += 1
            self.report.problems.append(str(error))
            kind = "rejected" if error.lasting else "failed"
            journal.note(candidate.key, JournalEntry(kind, query, record, str(error), limits=limits))
        else:
            row = photo.model_dump(mode="json", exclude_defaults=True)
            journal.note(candidate.key, JournalEntry("kept", query, record, photo=row))
            self.manifest.photos[:] = [p for p in self.manifest.photos if p.photo != photo.photo]
            self.manifest.photos.append(photo)
            self.report.kept += 1

    def _refusal(self, candidate: Candidate) -> str:
        """Return why a photo is not fetched, according to the answer."""
        if candidate.licence is None:
            return "no licence that can be told"
        if candidate.licence not in self.wish.licences:
            return "another licence"
        if 0 < min(candidate.width, candidate.height) < self.wish.min_side:
            return "too small"
        return ""

    def _fetch(self, candidate: Candidate) -> Photo:
        """Fetch a photo into the data set.

        Raises:
            Rejected: it is too small, already there, or not a photo.
            FetchError: it was not fetched.
        """
        provider, _, number = candidate.key.partition(":")
        stem = f"{provider}-{_file_name(number)}"
        with as_output_error(self.folder):
            # Its suffix, and therefore its name, is known only after it was fetched.
            temporary = temporary_beside(self.folder / PHOTO_FOLDER / stem)
            try:
                with temporary.open("x+b") as file:
                    self._client.download(candidate.photo_url, self.wish.max_bytes, file)
                    file.flush()
                    os.fsync(file.fileno())
                    file.seek(0)
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                width, height, suffix = self._inspect(temporary, candidate)
                if digest in self._hashes:
                    raise Rejected("there already")
                relative = f"{PHOTO_FOLDER}/{stem}{suffix}"
                temporary.replace(self.folder / relative)
            finally:
                temporary.unlink(missing_ok=True)
        self._hashes.add(digest)
        return Photo(
            photo=relative,
            width=width,
            height=height,
            source=provider,
            licence=candidate.licence_name,
            sha256=digest,
            title=candidate.title or None,
            author=candidate.author or None,
            url=candidate.page_url,
        )

    def _inspect(self, file: Path, candidate: Candidate) -> tuple[int, int, str]:
        """Decode a photo completely; return width, height and the suffix of its real format."""
        try:
            picture = open_picture(file)
            with Image.open(file, formats=list(_SUFFIXES)) as header:
                kind = header.format or ""
        except (PictureError, OSError) as error:
            why = error.reason if isinstance(error, PictureError) else error.strerror or type(error).__name__
            raise Rejected("not a sound picture", f"{candidate.photo_url}: {why}") from error
        if min(picture.width, picture.height) < self.wish.min_side:
            raise Rejected("too small")
        return picture.width, picture.height, _SUFFIXES[kind]


def _file_name(number: str) -> str:
    """Return a file name that is safe and different for each number."""
    if re.fullmatch(r"[A-Za-z0-9-]{1,64}", number):
        return number.lower()
    return hashlib.sha256(number.encode()).hexdigest()[:32]
