"""``crowdmask data stats``: one page that shows what a data set contains."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crowdmask.cli.lines import one_line, open_console
from crowdmask.cli.progress import show_progress
from crowdmask.cli.roles import Reads, Writes
from crowdmask.errors import DataError, UsageError
from crowdmask.outputs import Kind


def command(
    data: Annotated[
        Path,
        typer.Argument(metavar="DIR|YAML", help="Data set folder with its manifest.jsonl, or a YAML."),
        Reads(refers=True),
    ],
    to: Annotated[
        Path, typer.Option(metavar="FILE", help="The page to write, one HTML file."), Writes(Kind.PAGE)
    ],
    root: Annotated[
        Path | None,
        typer.Option(help="Folder of the photos [default: the manifest's, or the YAML's]."),
        Reads(),
    ] = None,
    with_model: Annotated[
        bool, typer.Option("--with-model", help="Also list where our model confidently disagrees.")
    ] = False,
    model: Annotated[
        str, typer.Option(help="Name of a shipped model or path of a model file."), Reads()
    ] = "crowd",
    sure: Annotated[
        float, typer.Option(min=0, max=1, help="Minimum confidence of the model's answers that are listed.")
    ] = 0.9,
    threads: Annotated[int | None, typer.Option(min=1, help="Compute threads [default: one a core].")] = None,
    sample: Annotated[
        int, typer.Option(min=1, help="Photos to open for light, skin tone and sample faces.")
    ] = 1000,
    review: Annotated[int, typer.Option(min=1, help="Thumbnails of each kind of suspicion.")] = 60,
    seed: Annotated[int, typer.Option(help="Seed of the sample.")] = 0,
) -> None:
    """Show what a data set contains: one self-contained HTML page with pictures.

    Classes, face sizes, faces a photo, sources, licences, resolution, light, apparent skin tone, sample
    faces, and annotations that look wrong. Stopped while the model looks at photos, the same command goes on.

    Example: `crowdmask data stats crowd --with-model --to report.html`
    """
    from crowdmask.data.statistics.checks import check_boxes
    from crowdmask.data.statistics.contradictions import contradictions
    from crowdmask.data.statistics.items import load_items
    from crowdmask.data.statistics.report import Wish, build_page, write_page

    if to.is_dir():
        raise UsageError(f"--to {to}: a folder; name a file")
    if root is not None and not root.is_dir():
        raise UsageError(f"--root {root}: not a folder")
    items = load_items(data, root)
    if not items.items:
        raise DataError(f"{data}: holds no photos" + (f" ({items.problems[0]})" if items.problems else ""))
    complain = open_console(stderr=True)
    findings = [f for index, item in enumerate(items.items) for f in check_boxes(index, item.photo)]
    answers = to.with_name(f"{to.name}.answers.jsonl")
    name = None
    if with_model:
        from crowdmask.inference.detector import Detector

        detector = Detector(model, threads=threads)
        name = f"{detector.model_name} ({detector.model_hash[:12]})"
        with show_progress(complain, goes_on=True) as progress:
            findings += contradictions(items, detector, answers, sure, progress)
    wish = Wish(sample, review, seed, name)
    shown = min(sample, len(items.items))
    with show_progress(complain, goes_on=True) as progress:
        progress("opening photos", 0, shown)
        text, totals = build_page(items, findings, wish, lambda done: progress("opening photos", done, shown))
    write_page(text, to)
    answers.unlink(missing_ok=True)
    say = open_console()
    say.print(f"{len(items.items):,} photos, {sum(totals.values()):,} annotations to review", soft_wrap=True)
    for kind, number in totals.most_common():
        say.print(f"  {number:,}: {kind.value[0].lower()}{kind.value[1:]}", soft_wrap=True)
    say.print(f"wrote {one_line(str(to))}", soft_wrap=True)
