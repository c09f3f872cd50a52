"""``crowdmask data label``: propose faces to a labelling tool, and read what people corrected."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crowdmask.cli.lines import error_line, one_line, open_console
from crowdmask.cli.progress import show_progress
from crowdmask.cli.roles import Reads, Writes
from crowdmask.data.labelling.tools import Tool
from crowdmask.errors import EXIT_INPUT, DataError, UsageError
from crowdmask.outputs import Kind

if TYPE_CHECKING:
    from crowdmask.data.manifest import Manifest, Photo
    from crowdmask.inference.detector import Detector


def command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Data set folder with its manifest.jsonl."), Reads()
    ],
    export: Annotated[
        Tool | None,
        typer.Option(help="Write the photos with proposed faces for this tool.", show_default=False),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to: a .json for Label Studio, .xml for CVAT."),
        Writes(Kind.TASKS),
    ] = None,
    corrected: Annotated[
        Path | None,
        typer.Option("--import", metavar="FILE", help="Read the tool's export back into the manifest."),
        Reads(),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also photos that have faces, with those, to be looked at again.")
    ] = False,
    confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Propose faces from this confidence on.")
    ] = 0.25,
    unsure: Annotated[float, typer.Option(min=0, max=1, help="Mark proposed faces below this.")] = 0.6,
    model: Annotated[
        str, typer.Option(help="Name of a shipped model or path of a model file."), Reads()
    ] = "crowd",
    input_size: Annotated[
        int | None,
        typer.Option(metavar="PX", help="Long side of the network's input [default: the model's]."),
    ] = None,
    tiles: Annotated[
        str,
        typer.Option(metavar="off|auto|COLSxROWS", help="Also look in overlapping tiles, for small faces."),
    ] = "auto",
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
    from crowdmask.data.labelling.propose import propose

    complain, say = open_console(stderr=True), open_console()
    with show_progress(complain, goes_on=True) as progress:
        done = propose(
            manifest, chosen, tool, to, detector, unsure=unsure, url_prefix=url_prefix, progress=progress
        )
    for line in done.problems:
        complain.print(error_line(line), soft_wrap=True)
    faces = [face for draft in done.drafts for face in draft.faces]
    doubtful = sum(face.unsure for face in faces)
    say.print(
        f"{len(done.drafts)} photos with {len(faces)} faces, {doubtful} of them marked unsure", soft_wrap=True
    )
    say.print(f"wrote {one_line(str(to))} and {one_line(str(done.settings))}", soft_wrap=True)
    if done.problems:
        complain.print(f"{len(done.problems)} photos could not be read (named above)", soft_wrap=True)
        raise typer.Exit(EXIT_INPUT)


def _import(folder: Path, corrected: Path, mapping: list[str]) -> None:
    from crowdmask.data.labelling.correct import read_corrections

    summary = read_corrections(folder, corrected, mapping)
    complain, say = open_console(stderr=True), open_console()
    for line in summary.problems:
        complain.print(error_line(line), soft_wrap=True)
    counts = ", ".join(f"{count} {label}" for label, count in sorted(summary.faces.items())) or "no face"
    say.print(f"{summary.reviewed} photos reviewed: {counts}", soft_wrap=True)
    if summary.turned:
        say.print(f"  {summary.turned} boxes are rotated; the upright box around each was taken")
    if summary.again:
        say.print(f"  {summary.again} photos were annotated more than once; the newest annotation counts")
    if summary.waiting:
        say.print(f"  {summary.waiting} photos are not finished in the tool yet")
    if summary.problems:
        complain.print(f"{len(summary.problems)} problems; these photos stay as they were", soft_wrap=True)
        raise typer.Exit(EXIT_INPUT)
