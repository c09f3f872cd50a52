"""Find and drop copies in a whole data set: compute fingerprints, compare them, write the groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from crowdmask.data.copies.dedup import Duplicates, drop_copies, find_duplicates, with_groups
from crowdmask.data.copies.hashing import Fingerprint
from crowdmask.data.copies.pairs_page import write_page
from crowdmask.data.copies.photo_cache import PhotoCache, iterate_fingerprints
from crowdmask.data.manifest import Manifest, editing, write_manifest
from crowdmask.errors import PictureError
from crowdmask.progress import Progress, silent

_PARTS = 1000


@dataclass
class Deduplicated:
    """What was found.

    Attributes:
        manifest: all photos, each with its group, before copies were dropped.
        found: the copies that were found.
        dropped: how many copies were removed from the manifest.
        unreadable: how many photos could not be read.
    """

    manifest: Manifest
    found: Duplicates
    dropped: int
    unreadable: int


def deduplicate(
    folder: Path,
    *,
    alike: float,
    page: Path | None = None,
    most: int = 500,
    drop: bool = False,
    threads: int = 2,
    progress: Progress = silent,
    complain: Callable[[PictureError], None] = lambda error: None,
) -> Deduplicated:
    """Find the copies in a data set and write the groups, and the photos that are left, to its manifest.

    Args:
        folder: of the data set; fingerprints are cached there, so an interrupted run can continue.
        alike: minimum correlation of two photos that count as copies.
        page: an HTML page of the pairs to write, None for none.
        most: maximum number of pairs on the page.
        drop: keep one photo of each group in the manifest; no file is deleted.
        threads: number of photos decoded at the same time.
        progress: receives every step.
        complain: receives the error of each photo that cannot be read; the others are still compared.
    Raises:
        DataError: the manifest cannot be read.
        BusyError: another command is changing the data set.
        OutputError: a file cannot be written.
    """
    with editing(folder) as manifest:
        looks = _look(manifest, threads, progress, complain)
        found = find_duplicates(
            manifest.photos, looks, alike, lambda part: progress("comparing", int(part * _PARTS), _PARTS)
        )
        grouped = manifest.with_photos(with_groups(manifest.photos, looks, found))
        if page is not None:
            write_page(page, grouped, found, most, progress)
        kept, dropped = drop_copies(grouped.photos, found) if drop else (grouped.photos, [])
        write_manifest(manifest.with_photos(kept))
    return Deduplicated(grouped, found, len(dropped), sum(each is None for each in looks))


def _look(
    manifest: Manifest, threads: int, progress: Progress, complain: Callable[[PictureError], None]
) -> list[Fingerprint | None]:
    """Return the fingerprint of each photo; None if it cannot be read."""
    names = [photo.photo for photo in manifest.photos]
    looks: list[Fingerprint | None] = []
    with PhotoCache(manifest.folder) as cache:
        for found in iterate_fingerprints(manifest.folder, names, cache, threads):
            if isinstance(found, PictureError):
                complain(found)
                looks.append(None)
            else:
                looks.append(found)
            progress("looking", len(looks), len(names))
    return looks
