"""``crowdmask data dedup``: find photos that are there more than once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crowdmask.cli.data.looking import show_looking
from crowdmask.cli.lines import error_line, one_line, open_console
from crowdmask.cli.roles import Reads, Writes
from crowdmask.errors import EXIT_INPUT, UsageError
from crowdmask.outputs import Kind

if TYPE_CHECKING:
    from rich.console import Console

    from crowdmask.data.copies.dedup import Duplicates
    from crowdmask.data.manifest import Manifest


def command(
    data: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of a data set, with its manifest."), Reads()
    ],
    to: Annotated[
        Path | None,
        typer.Option(metavar="PAGE", help="Write an HTML page of the pairs to look at."),
        Writes(Kind.PAGE),
    ] = None,
    drop: Annotated[
        bool,
        typer.Option("--drop", help="Keep one photo of each group in the manifest; no file is deleted."),
    ] = False,
    alike: Annotated[
        float, typer.Option(min=0.9, max=1, help="Minimum correlation of two photos that count as copies.")
    ] = 0.972,
    most: Annotated[int, typer.Option(min=1, help="Maximum number of pairs on the page.")] = 500,
    threads: Annotated[int, typer.Option(min=1, help="Number of photos decoded at the same time.")] = 2,
) -> None:
    """Find the same photo twice: also mirrored, turned, scaled, recoloured, slightly cropped or in a frame.

    Fills `sha256`, `hash` and `group` of each photo in the manifest, across all sources; `split` keeps a
    group together. With `--drop` the best photo of each group stays: reviewed, then annotated, then the
    largest. What was looked at is kept in DIR, so a run that was stopped goes on. Ends with 1 where a
    photo could not be read; the others are done all the same.

    Example: `crowdmask data dedup crowd --to pairs.html`, look, then `crowdmask data dedup crowd --drop`
    """
    from crowdmask.data.copies.run import deduplicate

    if to is not None and to.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--to {to}: name a page that ends in .html")
    say, complain = open_console(), open_console(stderr=True)
    with show_looking(complain, "the manifest is as it was, and the same command goes on") as progress:
        done = deduplicate(
            data, alike=alike, page=to, most=most, drop=drop, threads=threads, progress=progress,
            complain=lambda error: complain.print(error_line(error), soft_wrap=True),
        )  # fmt: skip
    _report(done.manifest, done.found, say)
    if drop:
        say.print(f"dropped from the manifest: {done.dropped:,} copies; their files are still there")
    if to is not None:
        say.print(f"pairs to look at: {one_line(str(to))} (shows people: keep it private)", soft_wrap=True)
    if done.unreadable:
        complain.print(
            f"{done.unreadable} could not be read (named above) and were not compared", soft_wrap=True
        )
        raise typer.Exit(EXIT_INPUT)


def _report(manifest: Manifest, found: Duplicates, say: Console) -> None:
    photos = sum(len(group) for group in found.groups)
    exact = sum(copy.exact for copy in found.copies)
    sources = sum(len({manifest.photos[i].source for i in group}) > 1 for group in found.groups)
    say.print(
        f"{len(manifest.photos):,} photos: {photos:,} in {len(found.groups):,} groups of copies "
        f"({exact:,} copies are the same file; {sources:,} groups reach across sources)",
        soft_wrap=True,
    )
