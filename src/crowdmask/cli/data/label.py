"""``crowdmask data label``: propose faces to a labelling tool, and read what people corrected."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crowdmask.cli.data.progress import progress
from crowdmask.cli.lines import one_line, open_console
from crowdmask.errors import EXIT_INPUT, DataError, OutputError, PictureError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from crowdmask.data.labelling.answers import Answers
    from crowdmask.data.labelling.drafts import Draft
    from crowdmask.data.manifest import Manifest, Photo
    from crowdmask.inference.detector import Detector


class Tool(StrEnum):
    """The labelling tools."""

    label_studio = "label-studio"
    cvat = "cvat"


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Data set folder with its manifest.jsonl.")],
    export: Annotated[
        Tool | None,
        typer.Option(help="Write the photos with proposed faces for this tool.", show_default=False),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to: a .json for Label Studio, .xml for CVAT.")
    ] = None,
    corrected: Annotated[
        Path | None,
        typer.Option("--import", metavar="FILE", help="Read the tool's export back into the manifest."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also photos that have faces, with those, to be looked at again.")
    ] = False,
    confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Propose faces from this confidence on.")
    ] = 0.25,
    unsure: Annotated[float, typer.Option(min=0, max=1, help="Mark proposed faces below this.")] = 0.6,
    model: Annotated[str, typer.Option(help="Name of a shipped model or path of a model file.")] = "crowd",
    input_size: Annotated[
        int | None,
        typer.Option(metavar="PX", help="Long side of the network's input [default: the model's]."),
    ] = None,
    tiles: Annotated[str, typer.Option(metavar="off|auto|COLSxROWS", help="For far faces.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="Compute threads [default: one a core].")] = None,
    url_prefix: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Address before each photo's path [default: DIR as local files]."),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="OLD=NEW", help="A label of the tool's: ours, ignore or skip."),
    ] = None,
) -> None:
    """Let people label photos: our model proposes faces, Label Studio or CVAT corrects them.

    Stopped while it looks at photos, the same command goes on. On import a photo with anything that cannot be
    used stays as it was, and is named.

    Example: `crowdmask data label crowd --export label-studio --to tasks.json`, then
    `crowdmask data label crowd --import project-1.json`
    """
    if (export is None) == (corrected is None):
        raise UsageError("give either --export TOOL --to FILE, or --import FILE")
    from crowdmask.data.manifest import read_manifest

    if export is None and corrected is not None:
        _import(folder, corrected, mapping or [])
        return
    if export is None or to is None:
        raise UsageError("--export needs --to FILE")
    if to.is_dir():
        raise UsageError(f"--to {to}: a folder; name a file")
    if mapping:
        raise UsageError("--map belongs to --import")
    manifest = read_manifest(folder)
    chosen = [photo for photo in manifest.photos if everything or photo.faces is None]
    if not chosen:
        raise DataError(f"{folder}: all {len(manifest.photos)} photos are annotated; take them with --all")
    from crowdmask.inference.detector import Detector

    detector = Detector(model, confidence=confidence, input_size=input_size, threads=threads, tiles=tiles)
    _export(manifest, chosen, export, to, detector, unsure, url_prefix)


def _export(
    manifest: Manifest,
    chosen: list[Photo],
    tool: Tool,
    to: Path,
    detector: Detector,
    unsure: float,
    url_prefix: str | None,
) -> None:
    from crowdmask.data.labelling import cvat, label_studio
    from crowdmask.data.labelling.answers import Answers
    from crowdmask.files import whole_file

    complain = open_console(stderr=True)
    answers = Answers(detector, to.with_name(f"{to.name}.answers.jsonl"))
    drafts, problems = _drafts(manifest, chosen, answers, detector, unsure, complain)
    if tool is Tool.cvat:
        content, settings, text = cvat.to_xml(drafts), "labels.json", cvat.labels_text()
    else:
        import json

        prefix = url_prefix if url_prefix is not None else label_studio.local_prefix(manifest.folder)
        tasks = [label_studio.task(draft, prefix) for draft in drafts]
        content, settings = json.dumps(tasks, indent=1).encode() + b"\n", "config.xml"
        text = label_studio.config_text()
    beside = to.with_name(f"{to.stem}-{settings}")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        for path, data in ((to, content), (beside, text.encode())):
            with whole_file(path) as file:
                file.write(data)
    except OSError as error:
        raise OutputError(f"cannot write {to}: {error.strerror or error}") from error
    answers.forget()
    for line in problems:
        complain.print(f"error: {one_line(line)}", soft_wrap=True)
    say = open_console()
    faces = [face for draft in drafts for face in draft.faces]
    doubtful = sum(face.unsure for face in faces)
    say.print(
        f"{len(drafts)} photos with {len(faces)} faces, {doubtful} of them marked unsure", soft_wrap=True
    )
    say.print(f"wrote {one_line(str(to))} and {one_line(str(beside))}", soft_wrap=True)
    if problems:
        complain.print(f"{len(problems)} photos could not be read (named above)", soft_wrap=True)
        raise typer.Exit(EXIT_INPUT)


def _drafts(
    manifest: Manifest,
    chosen: list[Photo],
    answers: Answers,
    detector: Detector,
    unsure: float,
    complain: Console,
) -> tuple[list[Draft], list[str]]:
    """Return each photo with the faces that it has or that the detector finds, and what cannot be read."""
    from crowdmask.data.labelling.drafts import from_detections, from_manifest

    bare = {photo.photo: photo for photo in chosen if photo.faces is None}
    origin = f"{detector.model_name} {detector.model_hash[:12]}"
    found: dict[str, Draft] = {
        photo.photo: from_manifest(photo) for photo in chosen if photo.faces is not None
    }
    problems = []
    with progress("looking at photos", len(bare), complain) as tick:
        asked = answers.ask((name, manifest.path(photo)) for name, photo in bare.items())
        for done, (name, answer) in enumerate(asked, 1):
            if isinstance(answer, PictureError):
                problems.append(str(answer))
            else:
                found[name] = from_detections(bare[name], answer, unsure, origin)
            tick(done)
    return [found[photo.photo] for photo in chosen if photo.photo in found], problems


def _import(folder: Path, corrected: Path, mapping: list[str]) -> None:
    from crowdmask.data.labelling import cvat, label_studio
    from crowdmask.data.labelling.corrections import Outcome, apply_corrections
    from crowdmask.data.manifest import read_manifest, write_manifest
    from crowdmask.data.user_photos import parse_map

    labels = parse_map(mapping)
    manifest = read_manifest(folder)
    try:
        content = corrected.read_bytes()
    except OSError as error:
        raise DataError(f"{corrected}: cannot be read ({error.strerror or error})") from error
    outcome = Outcome()
    # JSON begins with a bracket, whatever the file is called.
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        corrections = label_studio.read_export(content, str(corrected), outcome)
    else:
        corrections = cvat.read_export(content, str(corrected))
    changed = apply_corrections(manifest, corrections, labels, outcome)
    if outcome.reviewed:
        write_manifest(changed)
    complain, say = open_console(stderr=True), open_console()
    for line in outcome.problems:
        complain.print(f"error: {one_line(line)}", soft_wrap=True)
    counts = ", ".join(f"{count} {label}" for label, count in sorted(outcome.faces.items())) or "no face"
    say.print(f"{outcome.reviewed} photos reviewed: {counts}", soft_wrap=True)
    if outcome.turned:
        say.print(f"  {outcome.turned} boxes stood at an angle; the upright box around each was taken")
    if outcome.waiting:
        say.print(f"  {outcome.waiting} photos are not finished in the tool yet")
    if outcome.problems:
        complain.print(f"{len(outcome.problems)} problems; these photos stay as they were", soft_wrap=True)
        raise typer.Exit(EXIT_INPUT)
