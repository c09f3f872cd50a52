"""``crowdmask data stats``: one page that shows what a data set contains."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crowdmask.cli.lines import one_line, open_console
from crowdmask.cli.progress import show_progress
from crowdmask.cli.roles import Reads, Writes
from crowdmask.outputs import Kind


def command(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DIR|YAML|ROWS",
            help="Data set folder with its manifest.jsonl, a YAML, or the output of `crowdmask batch`.",
        ),
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
    from crowdmask.data.statistics.run import describe_data_set

    detector = None
    if with_model:
        from crowdmask.inference.detector import Detector

        detector = Detector(model, threads=threads)
    with show_progress(open_console(stderr=True), goes_on=True) as progress:
        done = describe_data_set(
            data, to, root=root, detector=detector, sure=sure, sample=sample, review=review, seed=seed,
            progress=progress,
        )  # fmt: skip
    say = open_console()
    say.print(f"{done.photos:,} photos, {done.to_review.total():,} annotations to review", soft_wrap=True)
    for kind, number in done.to_review.most_common():
        say.print(f"  {number:,}: {kind.value[0].lower()}{kind.value[1:]}", soft_wrap=True)
    say.print(f"wrote {one_line(str(to))}", soft_wrap=True)
