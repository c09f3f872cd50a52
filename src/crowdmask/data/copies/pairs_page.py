"""A page of the copies that were found, side by side, to be checked before any is dropped."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Final

from crowdmask.data.copies.dedup import Copy, Duplicates, best_of
from crowdmask.data.manifest import Manifest, Photo
from crowdmask.data.sampling.strata import judged_faces
from crowdmask.errors import PictureError
from crowdmask.files import whole_file
from crowdmask.media.pictures import open_picture
from crowdmask.progress import Progress, silent

_THUMBNAIL_PX: Final = 260
_ENOUGH_PIXELS: Final = 400_000

_HEAD: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Copies</title>
<meta name="viewport" content="width=device-width"><style>
body{font:15px/1.4 system-ui,sans-serif;margin:2em auto;max-width:64em;padding:0 1em;color:#222}
section{display:flex;flex-wrap:wrap;gap:1em;border-top:1px solid #ccc;padding:.8em 0;align-items:flex-start}
section>p{margin:0;width:11em;overflow-wrap:anywhere}figure{margin:0;width:280px}img{max-width:260px;max-height:260px}
figcaption{font-size:.85em;overflow-wrap:anywhere}.kept{color:#076b2c;font-weight:600}
</style></head><body>
"""


def write_page(
    page: Path,
    manifest: Manifest,
    duplicates: Duplicates,
    most: int,
    progress: Progress = silent,
) -> None:
    """Write an HTML page with the leader of each group beside each other member, the least similar first.

    The page is self-contained: thumbnails of the photos are embedded.

    Args:
        page: the file to write.
        manifest: the indices refer to its photos.
        duplicates: what was found.
        most: maximum number of pairs; the least similar ones are shown.
        progress: receives the number of completed pairs.
    Raises:
        OutputError: it cannot be written.
    """
    shown = sorted(duplicates.copies, key=lambda copy: (copy.likeness, copy.first, copy.second))[:most]
    best = {i: best_of(manifest.photos, group) for group in duplicates.groups for i in group}
    with whole_file(page, make_parents=True) as file:
        file.write((_HEAD + _summary(duplicates, len(shown))).encode())
        for done, copy in enumerate(shown, 1):
            file.write(_pair(manifest, copy, best[copy.first]).encode())
            progress("page", done, len(shown))
        file.write(b"</body></html>\n")


def _summary(duplicates: Duplicates, shown: int) -> str:
    pairs = len(duplicates.copies)
    which = "" if shown == pairs else f" The {shown:,} least alike are shown."
    photos = sum(len(group) for group in duplicates.groups)
    return (
        f"<h1>Copies</h1><p>{photos:,} photos in {len(duplicates.groups):,} groups, {pairs:,} pairs.{which} "
        'Each pair is the leader of a group and another member; <span class="kept">green</span> is the photo '
        "that would be kept of the group.</p>\n"
    )


def _pair(manifest: Manifest, copy: Copy, best: int) -> str:
    how = "the same file" if copy.exact else f"alike to {copy.likeness:.3f}"
    figures = "".join(_figure(manifest, index, index == best) for index in (copy.first, copy.second))
    group = manifest.photos[copy.first].group or ""
    return f"<section><p>{how}<br>{escape(group)}</p>{figures}</section>\n"


def _figure(manifest: Manifest, index: int, kept: bool) -> str:
    photo = manifest.photos[index]
    mark = ' class="kept"' if kept else ""
    return (
        f"<figure>{_thumbnail(manifest.path(photo))}<figcaption{mark}>{escape(_printable(photo.photo))}<br>"
        f"{escape(_facts(photo))}</figcaption></figure>"
    )


def _facts(photo: Photo) -> str:
    number = len(judged_faces(photo))
    faces = "not annotated" if photo.faces is None else f"{number} face{'s' * (number != 1)}"
    facts: Sequence[str] = [f"{photo.width} x {photo.height}", photo.source, faces, photo.split or "no split"]
    return ", ".join(_printable(fact) for fact in facts)


def _thumbnail(path: Path) -> str:
    try:
        image = open_picture(path, full_scale_pixels=_ENOUGH_PIXELS).image
    except PictureError as error:
        return f"<p>{escape(_printable(str(error)))}</p>"
    image.thumbnail((_THUMBNAIL_PX, _THUMBNAIL_PX))
    data = BytesIO()
    image.save(data, "JPEG", quality=75)
    return f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode("ascii")}">'


def _printable(text: str) -> str:
    """Replace bytes in file names that are not valid text, which cannot be written to a page."""
    return text.encode("utf-8", "replace").decode("utf-8")
