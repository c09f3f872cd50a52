"""Import corrections made in a labelling tool into a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crowdmask.data.labelling import cvat, label_studio
from crowdmask.data.labelling.corrections import ReviewSummary, apply_corrections
from crowdmask.data.manifest import editing, write_manifest
from crowdmask.data.user_photos import parse_map
from crowdmask.errors import DataError


def read_corrections(folder: Path, file: Path, class_map: Sequence[str] = ()) -> ReviewSummary:
    """Read a labelling tool's export into the manifest; a photo with anything unusable stays unchanged.

    Args:
        folder: of the data set.
        file: the export of Label Studio (JSON) or CVAT (XML, or a zip with it).
        class_map: OLD=NEW each: a label of the tool, and ours, 'ignore' or 'skip'.
    Raises:
        DataError: the file or the manifest cannot be read.
        BusyError: another command is changing the data set.
        OutputError: the manifest cannot be written.
    """
    labels = parse_map(list(class_map))
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror or error})") from error
    summary = ReviewSummary()
    with editing(folder) as manifest:
        # JSON begins with a bracket, whatever the file's name is.
        if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
            corrections = label_studio.read_export(content, str(file), summary)
        else:
            corrections = cvat.read_export(content, str(file))
        changed = apply_corrections(manifest, corrections, labels, summary)
        if summary.reviewed:
            write_manifest(changed)
    return summary
