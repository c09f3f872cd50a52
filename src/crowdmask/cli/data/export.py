"""``crowdmask data export``: write a data set in the layout of another tool."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crowdmask.cli.lines import error_line, one_line, open_console
from crowdmask.cli.progress import show_progress
from crowdmask.cli.roles import Reads, Writes
from crowdmask.errors import EXIT_INPUT, Interrupted, UsageError
from crowdmask.outputs import Kind


def command(
    data: Annotated[
        Path, typer.Argument(metavar="DIR", help="The data set: its folder or manifest."), Reads()
    ],
    form: Annotated[str, typer.Option("--format", metavar="NAME", help="coco, yolo or voc.")],
    to: Annotated[
        Path,
        typer.Option(metavar="DIR2", help="The folder to make."),
        Writes(Kind.FOLDER, extends=True, locked=False),
    ],
    split: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only train, val or test; may be given again.")
    ] = None,
    origin: Annotated[
        int, typer.Option(metavar="0|1", help="What left and top edges count from: voc and coco only.")
    ] = 0,
    link: Annotated[
        bool, typer.Option("--link/--copy", help="Photos as hard links where possible, or as copies.")
    ] = False,
) -> None:
    """Write a data set as COCO, YOLO or Pascal VOC.

    Boxes keep their fractions, and regions that are not judged stay what they are; import reads all of it
    back. The folder appears whole or not at all. A run that was stopped goes on with the same command.

    Example: `crowdmask data export crowd --format coco --to crowd-coco`
    """
    from crowdmask.data.exporting import export
    from crowdmask.data.formats.item import by_split
    from crowdmask.data.manifest import SPLITS

    unknown = sorted(set(split or ()) - set(SPLITS))
    if unknown:
        raise UsageError(f"--split {unknown[0]}: choose from {', '.join(SPLITS)}")
    say, complain = open_console(), open_console(stderr=True)
    try:
        with show_progress(complain) as progress:
            result = export(data, to, form, set(split or ()), link, progress, origin)
    except KeyboardInterrupt:
        complain.print("interrupted; the same command goes on where it stopped", soft_wrap=True)
        raise Interrupted from None
    for line in result.problems.lines:
        complain.print(error_line(line), soft_wrap=True)
    for name, items in by_split(result.items).items():
        faces = sum(len(item.photo.faces or ()) for item in items)
        say.print(f"{name}: {len(items):,} photos, {faces:,} boxes", soft_wrap=True)
    if result.not_annotated:
        say.print(f"left out: {result.not_annotated:,} photos that are not annotated yet", soft_wrap=True)
    say.print(f"{form}: {one_line(str(to))}", soft_wrap=True)
    if result.problems.lines:
        complain.print(f"{len(result.problems)} photos were left out (named above)", soft_wrap=True)
        raise typer.Exit(EXIT_INPUT)
