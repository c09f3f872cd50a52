"""List the photos of a user's sources: photos, folders, patterns, manifests, archives and URLs."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from crowdmask.errors import SourceError
from crowdmask.media.sources import each_picture, has_picture_suffix
from crowdmask.scale.columns import Columns
from crowdmask.scale.entries import Entry
from crowdmask.scale.listing.archives import is_archive, list_archive
from crowdmask.scale.listing.manifest import is_manifest, list_manifest
from crowdmask.scale.remote import as_error, file_system, is_url, with_scheme

Take = Callable[[Entry], None]


def list_all(
    sources: Sequence[str],
    take: Take,
    columns: Columns,
    *,
    path_column: str | None = None,
    leave_out: str | None = None,
) -> list[SourceError]:
    """Pass on every photo of some sources, in order.

    Args:
        sources: as given by the user.
        take: receives each photo; a photo in two sources comes twice.
        columns: records the columns of manifests.
        path_column: of manifests, see `list_manifest`.
        leave_out: a folder to skip.
    Returns:
        Sources without photos, each with its reason; the others are still listed.
    Raises:
        UsageError: a manifest has no column of paths, or a URL is of an unknown kind.
    """
    problems: list[SourceError] = []
    files = []
    for source in sources:
        if not (is_special(source) or _is_shard_folder(source)):
            files.append(source)
            continue
        for name in _parts(source, problems):
            try:
                for entry in _entries(name, columns, path_column, problems.append):
                    take(entry)
            except SourceError as error:
                problems.append(error)
    # All in one search, so that a photo found twice comes only once, even through a link.
    return problems + each_picture(files, lambda photo: take(Entry(photo.path, photo.path)), leave_out)


def is_special(source: str) -> bool:
    """Return whether a source is a URL, manifest or archive, or a pattern of these."""
    return is_url(source) or (not os.path.isdir(source) and (is_archive(source) or is_manifest(source)))


def _is_shard_folder(source: str) -> bool:
    """Return whether a folder contains archives, and neither pictures nor folders."""
    if is_url(source) or not os.path.isdir(source):
        return False
    with suppress(OSError), os.scandir(source) as found:
        seen = [entry for entry in found if not entry.name.startswith(".")]
        return any(is_archive(entry.name) for entry in seen) and not any(
            entry.is_dir() or has_picture_suffix(entry.name) for entry in seen
        )
    return False


def _parts(source: str, problems: list[SourceError]) -> list[str]:
    """Return the matches of a pattern, or the archives of a folder; otherwise the source itself."""
    try:
        if not is_url(source) and os.path.isdir(source):
            return [os.path.join(source, name) for name in sorted(os.listdir(source)) if is_archive(name)]
        if not glob.has_magic(source) or os.path.exists(source):
            return [source]
        matches = list(_matches(source))
    except SourceError as error:
        problems.append(error)
        return []
    if not matches:
        problems.append(SourceError(f"{source}: nothing matches this pattern"))
    return matches


def _matches(pattern: str) -> Iterator[str]:
    if is_url(pattern):
        with as_error(SourceError, pattern):
            system, path = file_system(pattern)
            yield from (with_scheme(pattern, each) for each in sorted(system.glob(path)))
    else:
        yield from sorted(glob.glob(pattern, recursive=True))


def _entries(
    name: str, columns: Columns, path_column: str | None, complain: Callable[[SourceError], None]
) -> Iterator[Entry]:
    if is_archive(name):
        return list_archive(name)
    if is_manifest(name):
        return list_manifest(name, columns, path_column, complain)
    return _list_url(name, complain)


def _list_url(url: str, complain: Callable[[SourceError], None]) -> Iterator[Entry]:
    with as_error(SourceError, url):
        system, path = file_system(url)
        # `stat` instead of `isdir`, which hides a missing permission.
        if has_picture_suffix(url) or system.info(path)["type"] != "directory":
            yield Entry(url, url)
            return
        found, archives = False, []
        for _, _, names in system.walk(path, detail=True):
            for info in sorted(names.values(), key=lambda each: str(each["name"])):
                place = with_scheme(url, str(info["name"]))
                if os.path.basename(place).startswith("."):
                    continue
                if has_picture_suffix(place):
                    found = True
                    yield Entry(place, place)
                elif is_archive(place):
                    archives.append(place)
        if not found and not archives:
            raise SourceError(f"{url}: no picture in this folder or below")
        for archive in [] if found else archives:  # as with a folder of shards on this machine
            try:
                yield from list_archive(archive)
            except SourceError as error:
                complain(error)
