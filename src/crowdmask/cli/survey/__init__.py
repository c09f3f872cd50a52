"""``crowdmask survey``: how many people wear masks, with intervals."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from crowdmask.cli.lines import error_line, one_line, open_console
from crowdmask.cli.roles import Reads, Writes
from crowdmask.errors import EXIT_INPUT, UsageError
from crowdmask.outputs import Kind
from crowdmask.progress import silent

if TYPE_CHECKING:
    from rich.console import Console

    from crowdmask.survey import Looking, Sightings


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
        list[str] | None,
        typer.Argument(
            metavar="SOURCE",
            help="Photos and folders of them, videos, or files that `detect --json`, `track --json` or "
            "`track --events` wrote (- is standard input), or a folder that `batch` wrote; of one kind.",
            show_default=False,
        ),
        Reads(there=True),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="URL|PATH",
            help="Survey the tracks that crowdmask serve kept, instead of SOURCE: its file of SQLite, or "
            "postgresql://user:password@host/name.",
            show_default=False,
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Of --store, from then on, like 2026-03-02T08:15, by --timezone."),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Of --store, before then.")] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="folder|camera|hour|day|zone|face-size|FILE.csv",
            help="Groups; a CSV has the columns source and group [default: one group of all].",
        ),
        Reads(),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write a report of one HTML page.", show_default=False),
        Writes(Kind.PAGE),
    ] = None,
    json_file: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write one JSON record a group; - is standard output."),
        Writes(Kind.RECORDS),
    ] = None,
    csv_file: Annotated[
        str | None,
        typer.Option("--csv", metavar="FILE", help="Write one row a group; - is standard output."),
        Writes(Kind.RECORDS),
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
        Reads(there=True),
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
        Reads(there=True),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(metavar="NAME", help="Time zone of the sources' clocks, like Europe/Zurich.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="When the video began, like 2026-03-02T08:15.")
    ] = None,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="GROUP GROUP", help="Compare two groups, by name.", show_default=False),
    ] = None,
    compare_all: Annotated[bool, typer.Option("--compare-all", help="Compare each group with each.")] = False,
    before_after: Annotated[
        str | None,
        typer.Option(
            metavar="DAY",
            help="Compare the time from this day on with the time before, each camera, weekday and hour "
            "with itself.",
        ),
    ] = None,
    comparisons: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write one JSON record a comparison; - is standard output."),
        Writes(Kind.RECORDS),
    ] = None,
    audit: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Draw photos, or frames of video, that hold about N faces, and write them into --out "
            "for a person to label: FILE.html, or FILE.json for Label Studio.",
        ),
    ] = None,
    answers: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="What a person labelled; give it twice for two people.", show_default=False
        ),
        Reads(there=True),
    ] = None,
    chin_mask: Annotated[
        str,
        typer.Option(
            metavar="incorrect|none", help="What a mask under the chin counts as; none needs --answers."
        ),
    ] = "incorrect",
    draws: Annotated[int, typer.Option(min=100, metavar="N", help="Draws behind each interval.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of those draws.")] = 0,
    model: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="Detector for photos and videos.")
    ] = "crowd",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Compute threads [default: one a physical core].")
    ] = None,
    every: Annotated[
        int, typer.Option(min=1, metavar="N", help="Look at every N-th frame of a video only.")
    ] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only errors.")] = False,
) -> None:
    """Say how many people wear masks, with 95 % intervals, corrected for whom the detector misses.

    Ends with 1 where a source or a line could not be read; the rest is surveyed all the same.
    """
    from crowdmask.cli.progress import show_progress
    from crowdmask.cli.survey.stored import check_sources, read_store
    from crowdmask.survey import Looking, Settings, read, survey
    from crowdmask.survey.output import check_targets, write
    from crowdmask.survey.sentences import difference_sentence, sentence

    check_sources(sources, store, since or until, audit)
    targets = {"--json": json_file, "--csv": csv_file, "--out": out, "--comparisons": comparisons}
    check_targets(targets)
    if compare and compare_all:
        raise UsageError("--compare and --compare-all cannot both be given")
    settings = Settings(
        by=by,
        design=design,
        target=target.value,
        corrections=_corrections(correct),
        rates=rates,
        timezone=timezone,
        start=start,
        compare="all" if compare_all else () if compare is None else (compare,),
        before_after=before_after,
        answers=tuple(answers or ()),
        chin_mask=chin_mask,
        draws=draws,
        seed=seed,
    )
    say, complain = open_console(stderr="-" in targets.values()), open_console(stderr=True)
    say.quiet = quiet
    asked = unit.value if unit is not None else None
    if store is not None:
        seen = read_store(store, asked, since, until, timezone)
    else:
        with show_progress(complain) as tell:
            seen = read(sources or [], asked, Looking(model, threads, every), silent if quiet else tell)
    if audit is not None and sources:
        _draw(seen, sources, audit, out or "audit.html", seed, rates, Looking(model, threads), say)
        return
    result = survey(seen, settings)
    write(result, json_file=json_file, csv_file=csv_file, html_file=out, comparisons_file=comparisons)
    for group in result.groups:
        say.print(one_line(f"{group.name}: {sentence(result, group)}"), soft_wrap=True)
        for note in group.estimate.notes:
            say.print(one_line(f"  note: {note}"), soft_wrap=True)
    for difference in result.comparisons:
        say.print(one_line(difference_sentence(difference)), soft_wrap=True)
    for problem in result.problems:
        complain.print(error_line(problem), soft_wrap=True)
    if result.problems:
        raise typer.Exit(EXIT_INPUT)


def _corrections(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if names == ("none",):
        return ()
    if "none" in names or not names:
        raise UsageError("--correct takes names of corrections, or none alone")
    return names


def _draw(
    seen: Sightings,
    sources: list[str],
    faces: int,
    out: str,
    seed: int,
    rates: str | None,
    looking: Looking,
    say: Console,
) -> None:
    from crowdmask.survey.audit.prepare import prepare_audit
    from crowdmask.survey.run import find_rates

    known = find_rates(seen, rates)
    thresholds = seen.thresholds if known is None else known.thresholds
    number = prepare_audit(seen, sources, faces, out, seed, thresholds, looking, known)
    what = "frames" if seen.is_video else "photos"
    say.print(
        one_line(
            f"{out}: {number} {what} to label; then survey the same sources with  --answers FILE  "
            f"of what was saved"
        ),
        soft_wrap=True,
    )
