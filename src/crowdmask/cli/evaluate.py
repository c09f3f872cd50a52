"""``crowdmask evaluate``: measure a detector on a data set."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from crowdmask.cli.lines import one_line, open_console
from crowdmask.cli.progress import show_progress
from crowdmask.cli.roles import Reads, Writes
from crowdmask.errors import EXIT_INPUT
from crowdmask.outputs import Kind


class Split(StrEnum):
    """The parts of a data set."""

    train = "train"
    val = "val"
    test = "test"


def command(
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA.yaml", help="Description of the data set."),
        Reads(refers=True, there=True),
    ],
    split: Annotated[Split, typer.Option(help="Part of the data set to measure on.")] = Split.test,
    root: Annotated[
        Path | None,
        typer.Option(help="Folder of the photos; overrides the one in the data set's file."),
        Reads(there=True),
    ] = None,
    model: Annotated[
        str, typer.Option(help="Name of a shipped model or path of a model file."), Reads()
    ] = "crowd",
    input_size: Annotated[
        int | None,
        typer.Option(metavar="PX", help="Long side of the network's input [default: the model's]."),
    ] = None,
    backend: Annotated[str, typer.Option(help="Runtime: onnxruntime or openvino.")] = "onnxruntime",
    device: Annotated[
        str,
        typer.Option(
            metavar="auto|cpu|...",
            help="What computes: cpu; with onnxruntime cuda, tensorrt, coreml, directml; with openvino gpu; "
            "auto: the best that is there.",
        ),
    ] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="Compute threads [default: one a core].")] = None,
    closer_look: Annotated[
        bool,
        typer.Option(
            "--closer-look/--no-closer-look",
            help="Look once more, enlarged, at the part of the picture where faces are small.",
        ),
    ] = True,
    tiles: Annotated[
        str, typer.Option(metavar="off|auto|COLSxROWS", help="Look at pictures in overlapping tiles too.")
    ] = "off",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write the tables and draw precision-recall, reliability and confusion into this folder.",
        ),
        Writes(Kind.FOLDER),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write all measures as JSON."),
        Writes(Kind.RECORDS),
    ] = None,
    detections: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write all detections down to a confidence of 0.01, one line a picture."
        ),
        Writes(Kind.RECORDS),
    ] = None,
    rates: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the counts of errors that `crowdmask survey` corrects by; see docs/survey.md.",
        ),
        Writes(Kind.RECORDS),
    ] = None,
    bootstrap: Annotated[
        int, typer.Option(min=0, metavar="N", help="Draw the pictures again N times for 95 % intervals.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Seed of those draws.")] = 0,
    appearance: Annotated[
        bool,
        typer.Option(
            "--appearance",
            help="Measure by apparent skin tone and light, too: a rough proxy from the faces' pixels.",
        ),
    ] = False,
) -> None:
    """Measure a detector on a data set: average precision, classes of found faces, calibration."""
    from crowdmask.evaluation.evaluate import evaluate
    from crowdmask.evaluation.report import require_plots
    from crowdmask.inference.detector import Detector

    if out is not None:
        require_plots()
    detector = Detector(
        model,
        input_size=input_size,
        backend=backend,
        device=device,
        threads=threads,
        tiles=tiles,
        closer_look=closer_look,
    )
    with show_progress(open_console(stderr=True)) as progress:
        done = evaluate(
            detector,
            data,
            split.value,
            backend=backend,
            root=root,
            bootstrap=bootstrap,
            seed=seed,
            appearance=appearance,
            progress=progress,
        )
    typer.echo(
        f"{detector.model_name} ({detector.model_hash}) at {detector.info.input.size} px on {data.name}, "
        f"{split.value}: {len(done.run.pictures)} pictures in {done.run.seconds:.1f} s\n"
    )
    typer.echo(done.report.to_text())
    for file in done.write(out=out, json=json_file, detections=detections, rates=rates):
        typer.echo(one_line(f"wrote {file}"), err=True)
    for line in (*done.problems, *done.run.failed):
        typer.echo(one_line(line), err=True)
    if done.run.failed:
        typer.echo(f"{len(done.run.failed)} pictures could not be read; they are in no measure", err=True)
        raise typer.Exit(EXIT_INPUT)
