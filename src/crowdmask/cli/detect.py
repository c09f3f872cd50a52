"""``crowdmask detect``: find the faces of photos."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from crowdmask.cli.lines import Summary, describe_picture, one_line, open_console
from crowdmask.errors import EXIT_INPUT, PictureError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from crowdmask.inference.detector import Detector
    from crowdmask.media.sources import Source
    from crowdmask.media.writers import CsvTable, JsonLines, PictureFolder

BAR_FROM = 4
"""So many pictures or more get a progress bar."""


def command(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Photos (JPEG, PNG, WebP, BMP, TIFF), folders with all below them, patterns like 'a/*.jpg'.",
            show_default=False,
        ),
    ],
    out: Annotated[
        str, typer.Option(metavar="DIR", help="Folder of the annotated pictures.")
    ] = "crowdmask-out",
    no_pictures: Annotated[bool, typer.Option("--no-pictures", help="Write no annotated pictures.")] = False,
    json_file: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write one JSON record a picture; - is standard output."),
    ] = None,
    csv_file: Annotated[
        str | None,
        typer.Option("--csv", metavar="FILE", help="Write one row a face; - is standard output."),
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Least confidence of a face [default: the model's own, by label]."),
    ] = None,
    input_size: Annotated[
        int | None,
        typer.Option(
            metavar="PX",
            min=1,
            help="Long side of the network's input; larger finds smaller faces [default: the model's].",
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="Name of a shipped model or path of a model file.")
    ] = "crowd",
    backend: Annotated[str, typer.Option(help="Runtime: onnxruntime or openvino.")] = "onnxruntime",
    device: Annotated[
        str,
        typer.Option(
            metavar="auto|cpu|...",
            help="What computes: cpu; with onnxruntime cuda, tensorrt, coreml, directml; with openvino gpu; "
            "auto: the best that is there.",
        ),
    ] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Compute threads [default: one a physical core].")
    ] = None,
    closer_look: Annotated[
        bool,
        typer.Option(
            "--closer-look/--no-closer-look", help="Where faces are small, look at a part once more, larger."
        ),
    ] = True,
    tiles: Annotated[
        str,
        typer.Option(
            metavar="off|auto|COLSxROWS",
            help="Look at pictures in overlapping tiles too, for far faces; auto does so above 1,500 px.",
        ),
    ] = "off",
    blur: Annotated[
        str,
        typer.Option(
            metavar="faces|none", help="faces: make every face unreadable in the annotated pictures."
        ),
    ] = "none",
) -> None:
    """Find the faces of photos and say of each whether it wears a mask.

    Ends with 1 where a photo or folder could not be read; the others are done all the same.
    """
    from crowdmask.drawing.blur import check_choice
    from crowdmask.inference.detector import Detector
    from crowdmask.media.sources import find_pictures
    from crowdmask.media.writers import STANDARD_OUTPUT, CsvTable, JsonLines, PictureFolder

    blurred = check_choice(blur)
    if json_file is not None and json_file == csv_file:
        raise UsageError(f"--json and --csv cannot both write to {json_file!r}")
    # What people read must not get between records on standard output.
    say = open_console(stderr=STANDARD_OUTPUT in (json_file, csv_file))
    complain = open_console(stderr=True)
    folder = None if no_pictures else PictureFolder(out)
    found = find_pictures(sources, leave_out=None if no_pictures else out)
    for problem in found.problems:
        complain.print(f"error: {one_line(str(problem))}", soft_wrap=True)
    if folder is not None:
        folder.protect(source.path for source in found.pictures)

    summary = Summary()
    with ExitStack() as stack:
        detector = Detector(
            model,
            confidence=confidence,
            input_size=input_size,
            backend=backend,
            device=device,
            threads=threads,
            tiles=tiles,
            shares_cores=True,
            closer_look=closer_look,
        )
        writers: list[JsonLines | CsvTable] = []
        if json_file is not None:
            writers.append(stack.enter_context(JsonLines(json_file)))
        if csv_file is not None:
            writers.append(stack.enter_context(CsvTable(csv_file)))
        failed = _detect_all(detector, found.pictures, folder, writers, blurred, summary, say, complain)
    if summary.rows:
        say.print(summary.to_table())
    if folder is not None and summary.rows:
        say.print(f"annotated pictures: {one_line(str(folder.folder))}", soft_wrap=True)
    failed += len(found.problems)
    if failed:
        complain.print(f"{failed} could not be read (named above)", soft_wrap=True)
        raise typer.Exit(EXIT_INPUT)


def _detect_all(
    detector: Detector,
    pictures: list[Source],
    folder: PictureFolder | None,
    writers: list[JsonLines | CsvTable],
    blurred: bool,
    summary: Summary,
    say: Console,
    complain: Console,
) -> int:
    """Detect on every picture and hand the results on; return how many could not be read."""
    failed = 0
    if len(pictures) >= BAR_FROM:
        detector.reserve()
    try:
        with _bar(pictures, complain) as (ongoing, bar_shown):
            # A bar and lines on one terminal must come from one console.
            lines = complain if bar_shown and say.is_terminal else say
            for source in ongoing:
                try:
                    line = _detect_one(detector, source, folder, writers, blurred, summary)
                except PictureError as error:
                    failed += 1
                    complain.print(f"error: {one_line(str(error))}", soft_wrap=True)
                else:
                    lines.print(line, soft_wrap=True)
    except KeyboardInterrupt:
        done = len(summary.rows) + failed
        complain.print(f"interrupted after {done} of {len(pictures)} pictures; what was written is whole")
        raise
    return failed


def _detect_one(
    detector: Detector,
    source: Source,
    folder: PictureFolder | None,
    writers: list[JsonLines | CsvTable],
    blurred: bool,
    summary: Summary,
) -> str:
    from crowdmask.drawing.blur import BLUR_CONFIDENCE, blur_on
    from crowdmask.drawing.draw import draw_on
    from crowdmask.media.pictures import open_picture
    from crowdmask.media.writers import make_record

    picture = open_picture(source.path)
    hidden = None
    if blurred and folder is not None:
        found = detector.detect_with_candidates(picture, floor=BLUR_CONFIDENCE)
        detections, hidden = found.shown, found.candidates
    else:
        detections = detector.detect(picture)
    if folder is not None:
        image = picture.image
        scale = (image.width / picture.width, image.height / picture.height)
        if hidden is not None:
            blur_on(image, hidden.xyxy, scale)
            blur_on(image, detections.xyxy, scale)  # of overlapping boxes the unsure one may win
        draw_on(image, detections, scale)
        folder.write(image, source.relative)
    record = make_record(
        source.path, picture.width, picture.height, detections, detector.model_name, detector.model_hash
    )
    for writer in writers:
        writer.write(record)
    summary.add(source.path, record["counts"])
    return describe_picture(source.path, detections)


@contextmanager
def _bar(pictures: list[Source], console: Console) -> Iterator[tuple[Iterable[Source], bool]]:
    """Show a progress bar on a terminal where there are more than a few pictures."""
    if len(pictures) < BAR_FROM or not console.is_terminal:
        yield pictures, False
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("detecting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, redirect_stdout=False, redirect_stderr=False) as progress:
        yield progress.track(pictures), True
