"""``crowdmask data import``: bring a published source into a data set's folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crowdmask.cli.lines import one_line, open_console
from crowdmask.cli.progress import show_progress
from crowdmask.cli.roles import Reads, Writes
from crowdmask.errors import Interrupted, UsageError
from crowdmask.outputs import Kind

if TYPE_CHECKING:
    from rich.console import Console

    from crowdmask.data.importing.run import Imported

_NAMED = 3
"""So many problems of each reason are shown; the report has all."""


def command(
    source: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE", help="A zip, a tar (gz, bz2, xz) or a folder.", show_default=False),
        Reads(there=True),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="voc, yolo, coco, wider, csv, createml, labelme, via, mafa, folders, photos; auto finds it.",
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The data set's folder; one that exists is added to."),
        Writes(Kind.FOLDER, locked=False),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A known source: its format, classes, convention, licence."),
    ] = None,
    list_presets: Annotated[bool, typer.Option("--list-presets", help="Show the known sources.")] = False,
    class_map: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="OLD=NEW",
            help="A published class to our label, ignore or skip; more may follow.",
        ),
    ] = None,
    convention: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|L,T,R,B",
            help="How far each side of a box moves inwards, as a part of its size; negative: outwards.",
        ),
    ] = None,
    origin: Annotated[
        int | None,
        typer.Option(metavar="0|1", help="What left and top edges count from [default: the preset's, or 0]."),
    ] = None,
    annotations: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="The annotations, if they are outside of SOURCE: wider, csv, mafa."
        ),
        Reads(),
    ] = None,
    events: Annotated[
        list[str] | None,
        typer.Option(metavar="LIST", help="Only these events of WIDER FACE, as in Demonstration,Group."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--source", metavar="NAME", help="What to call it [default: the preset's or file's name]."
        ),
    ] = None,
    licence: Annotated[
        str | None, typer.Option("--licence", "--license", metavar="TEXT", help="As the publisher states it.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="train, val or test for all; as-published takes the source's own."),
    ] = None,
    split_list: Annotated[
        list[str] | None,
        typer.Option(metavar="SPLIT=FILE", help="A list of photos, one a line, that have this split."),
    ] = None,
    ignore_regions: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="JSON of faces without a box, {photo: [[x1, y1, x2, y2], ...]}."),
        Reads(),
    ] = None,
    box: Annotated[
        str,
        typer.Option(
            metavar="detect|whole", help="The box of a crop in --format folders: found, or all of it."
        ),
    ] = "detect",
    strict: Annotated[
        bool, typer.Option("--strict", help="Import nothing, and end with 1, where anything is rejected.")
    ] = False,
    download: Annotated[
        bool,
        typer.Option("--download", help="Fetch a preset's archive with the kaggle client and your token."),
    ] = False,
) -> None:
    """Import a published source, from the archive as its publisher gives it.

    What is wrong with a photo or box is named and counted, and that photo or box is left out; a hostile
    archive is refused whole. The data set changes at the very end or not at all. A run that was stopped goes
    on with the same command.

    Example: `crowdmask data import face-mask.zip --preset andrewmvd --to crowd`
    """
    if list_presets:
        _show_presets()
        return
    from crowdmask.data.importing.request import Request, drop_archive, make_plan
    from crowdmask.data.importing.run import NothingImported, import_source

    if to is None:
        raise UsageError("give the folder of the data set, new or existing:  --to DIR")
    # Further OLD=NEW after the one of --map arrive here.
    pairs = [word for word in source or () if "=" in word and not Path(word).exists()]
    request = Request(
        to=to, preset=preset, form=form, name=name, licence=licence, class_map=[*(class_map or ()), *pairs],
        convention=convention, annotations=annotations, events=events or [], split=split,
        split_list=split_list or [], ignored=ignore_regions or [], crops=box, first_pixel=origin,
    )  # fmt: skip
    place = _source([word for word in source or () if word not in pairs], preset, download, to)
    plan = make_plan(request, place)
    say, complain = open_console(), open_console(stderr=True)
    try:
        with show_progress(complain) as progress:
            result = import_source(plan, progress, strict)
    except KeyboardInterrupt:
        complain.print("interrupted; the data set is as it was, the same command goes on", soft_wrap=True)
        raise Interrupted from None
    except NothingImported as error:
        _tell(error.result, say, complain, "would be imported")
        raise
    if download:
        drop_archive(place, to)
    _tell(result, say, complain, "imported")
    say.print(f"{plan.name}: {one_line(str(to))}, report: {one_line(str(result.report))}", soft_wrap=True)


def _source(given: list[str], preset: str | None, fetched: bool, to: Path) -> Path:
    """Return the one source that was named, or what is downloaded instead."""
    from crowdmask.data.importing.request import downloadable, fetch

    if given and fetched:
        raise UsageError("give a SOURCE or --download, not both")
    if len(given) > 1:
        raise UsageError(f"one SOURCE at a time, not {len(given)}: {', '.join(given)}")
    if given:
        return Path(given[0])
    if not fetched:
        raise UsageError("give a SOURCE: a zip, tar or folder (only --download fetches anything)")
    known = downloadable(preset)
    say = open_console(stderr=True)
    say.print(f"fetching {known.origin} (licence: {known.licence})", soft_wrap=True)
    return fetch(known, to)


def _tell(result: Imported, say: Console, complain: Console, head: str) -> None:
    from rich import box
    from rich.table import Table

    from crowdmask.data.importing.run import count_faces

    shown: dict[str, int] = {}
    for reason, line in zip(result.problems.reasons, result.problems.lines, strict=True):
        shown[reason] = shown.get(reason, 0) + 1
        if shown[reason] <= _NAMED:
            complain.print(f"{reason}: {one_line(line)}", soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(head)
    table.add_column("count", justify="right")
    table.add_row("photos", f"{len(result.photos):,}")
    for label, count in count_faces(result.photos).items():
        table.add_row("regions that are not judged" if label == "ignore" else label, f"{count:,}")
    for what, count in result.notes.items():
        table.add_row(f"({what})", f"{count:,}")
    say.print(table)
    rejected = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    rejected.add_column("rejected")
    rejected.add_column("count", justify="right")
    for what, count in result.problems.counts().items():
        rejected.add_row(what, f"{count:,}")
    if result.problems.lines:
        say.print(rejected)


def _show_presets() -> None:
    from crowdmask.data.importing.presets import presets

    say = open_console()
    for name, preset in presets().items():
        tested = "tested" if preset.tested else "not tested with the publisher's archive"
        say.print(f"{name}: {preset.summary}", soft_wrap=True)
        say.print(f"  {preset.origin}", soft_wrap=True)
        classes = (
            ", ".join(f"{old} = {new}" for old, new in preset.classes.items()) or "to be given with --map"
        )
        say.print(f"  {preset.format}; licence: {preset.licence}; {tested}", soft_wrap=True)
        say.print(f"  classes: {classes}; boxes: {preset.convention}", soft_wrap=True)
        say.print(f"  {preset.note}\n", soft_wrap=True)
