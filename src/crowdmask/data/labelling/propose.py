"""Propose faces for a labelling tool: run the detector on photos, and write the tool's files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crowdmask.data.labelling import cvat, label_studio
from crowdmask.data.labelling.answers import Answers
from crowdmask.data.labelling.drafts import Draft, from_detections, from_manifest
from crowdmask.data.labelling.tools import Tool
from crowdmask.data.manifest import Manifest, Photo
from crowdmask.errors import OutputError, PictureError
from crowdmask.files import whole_file
from crowdmask.inference.detector import Detector
from crowdmask.labels import require_mask_labels
from crowdmask.progress import Progress, silent


@dataclass
class Proposed:
    """What was written for a labelling tool.

    Attributes:
        drafts: the photos with their proposed faces.
        problems: photos that cannot be read.
        settings: the file with the tool's labels, beside the file with the photos.
    """

    drafts: list[Draft] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    settings: Path = Path()


def propose(
    manifest: Manifest,
    chosen: Sequence[Photo],
    tool: Tool,
    to: Path,
    detector: Detector,
    *,
    unsure: float,
    url_prefix: str | None = None,
    progress: Progress = silent,
) -> Proposed:
    """Write photos with proposed faces for a labelling tool.

    The detector's results are kept beside the file until it is written, so that an interrupted run can
    continue.

    Args:
        manifest: of the data set.
        chosen: photos of the manifest; annotated ones keep their faces.
        tool: the labelling tool.
        to: the file to write.
        detector: proposes the faces.
        unsure: faces below this confidence are marked.
        url_prefix: address in front of each photo's path; None: the folder as local files.
        progress: receives every photo.
    Raises:
        OutputError: a file cannot be written.
    """
    require_mask_labels(detector.labels, detector.model_name, "drafting annotations")
    answers = Answers(detector, to.with_name(f"{to.name}.answers.jsonl"))
    result = _draft(manifest, chosen, answers, detector, unsure, progress)
    if tool is Tool.cvat:
        content, settings, text = cvat.to_xml(result.drafts), "labels.json", cvat.labels_text()
    else:
        prefix = url_prefix if url_prefix is not None else label_studio.local_prefix(manifest.folder)
        tasks = [label_studio.task(draft, prefix) for draft in result.drafts]
        content, settings = json.dumps(tasks, indent=1).encode() + b"\n", "config.xml"
        text = label_studio.config_text()
    result.settings = to.with_name(f"{to.stem}-{settings}")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        for path, data in ((to, content), (result.settings, text.encode())):
            with whole_file(path) as file:
                file.write(data)
    except OSError as error:
        raise OutputError(f"cannot write {to}: {error.strerror or error}") from error
    answers.forget()
    return result


def _draft(
    manifest: Manifest,
    chosen: Sequence[Photo],
    answers: Answers,
    detector: Detector,
    unsure: float,
    progress: Progress,
) -> Proposed:
    """Return each photo with its annotated or detected faces, and the photos that cannot be read."""
    bare = {photo.photo: photo for photo in chosen if photo.faces is None}
    origin = f"{detector.model_name} {detector.model_hash[:12]}"
    found = {photo.photo: from_manifest(photo) for photo in chosen if photo.faces is not None}
    result = Proposed()
    progress("looking at photos", 0, len(bare))
    asked = answers.ask((name, manifest.path(photo)) for name, photo in bare.items())
    for done, (name, answer) in enumerate(asked, 1):
        if isinstance(answer, PictureError):
            result.problems.append(str(answer))
        else:
            found[name] = from_detections(bare[name], answer, unsure, origin)
        progress("looking at photos", done, len(bare))
    result.drafts.extend(found[photo.photo] for photo in chosen if photo.photo in found)
    return result
