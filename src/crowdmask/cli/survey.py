"""``crowdmask survey``: how many people wear masks, with intervals."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from crowdmask.cli.lines import one_line, open_console
from crowdmask.errors import EXIT_INPUT, UsageError


class Target(StrEnum):
    """Whom the figures are about."""

    photos = "photos"
    place = "place"


class Unit(StrEnum):
    """What is counted."""

    face = "face"
    passage = "passage"
    person_time = "person-time"


def command(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Files that `detect --json`, `track --json` or `track --events` wrote; - is standard input.",
            show_default=False,
        ),
    ],
    by: Annotated[
        str | None,
        typer.Option(
            metavar="folder|camera|hour|day|zone|face-size|FILE.csv",
            help="Groups; a CSV has the columns source and group [default: one group of all].",
        ),
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write a report of one HTML page.", show_default=False)
    ] = None,
    json_file: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write one JSON record a group; - is standard output."),
    ] = None,
    csv_file: Annotated[
        str | None,
        typer.Option("--csv", metavar="FILE", help="Write one row a group; - is standard output."),
    ] = None,
    target: Annotated[
        Target,
        typer.Option(help="photos: the people in these very photos; place: where and when they were taken."),
    ] = Target.photos,
    unit: Annotated[
        Unit | None,
        typer.Option(help="What is counted [default: face in photos, person-time in video]."),
    ] = None,
    design: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.csv",
            help="What is known of the sources: the column source, and any of group, cluster, stratum, "
            "weight, camera and time.",
        ),
    ] = None,
    correct: Annotated[
        str,
        typer.Option(
            metavar="LIST", help="Corrections to make, of confidence, confusion and recall; or none."
        ),
    ] = "confidence,confusion,recall",
    rates: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Error rates to correct by [default: those shipped with the model]."
        ),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(metavar="NAME", help="Time zone of the sources' clocks, like Europe/Zurich.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="When the video began, like 2026-03-02T08:15.")
    ] = None,
    draws: Annotated[int, typer.Option(min=100, metavar="N", help="Draws behind each interval.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of those draws.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")] = False,
) -> None:
    """Say how many people wear masks, with 95 % intervals, corrected for whom the detector misses.

    Ends with 1 where a source or a line could not be read; the rest is surveyed all the same.
    """
    from crowdmask.survey import Settings, read, survey
    from crowdmask.survey.output import check_targets, write
    from crowdmask.survey.sentences import sentence

    check_targets({"--json": json_file, "--csv": csv_file, "--out": out})
    settings = Settings(
        by=by,
        design=design,
        target=target.value,
        corrections=_corrections(correct),
        rates=rates,
        timezone=timezone,
        start=start,
        draws=draws,
        seed=seed,
    )
    result = survey(read(sources, unit.value if unit is not None else None), settings)
    say, complain = open_console(stderr="-" in (json_file, csv_file)), open_console(stderr=True)
    say.quiet = quiet
    write(result, json_file=json_file, csv_file=csv_file, html_file=out)
    for group in result.groups:
        say.print(one_line(f"{group.name}: {sentence(result, group)}"), soft_wrap=True)
        for note in group.estimate.notes:
            say.print(one_line(f"  note: {note}"), soft_wrap=True)
    for problem in result.problems:
        complain.print(f"error: {one_line(problem)}", soft_wrap=True)
    if result.problems:
        raise typer.Exit(EXIT_INPUT)


def _corrections(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if names == ("none",):
        return ()
    if "none" in names or not names:
        raise UsageError("--correct takes names of corrections, or none alone")
    return names
