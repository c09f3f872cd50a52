"""``crowdmask detect``: find the faces of photos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crowdmask.cli.lines import Summary, describe_faces, describe_picture, error_line, one_line, open_console
from crowdmask.cli.loading import collection_paused
from crowdmask.cli.progress import show_progress
from crowdmask.cli.roles import Reads, Writes
from crowdmask.errors import EXIT_INPUT, Interrupted, UsageError
from crowdmask.outputs import Kind
from crowdmask.progress import silent

if TYPE_CHECKING:
    from crowdmask.batch.items import PhotoFailure, PhotoItem
    from crowdmask.batch.run import PhotoBatch
    from crowdmask.inference.detector import Detector
    from crowdmask.progress import Progress

STANDARD_OUTPUT = "-"


class Format(StrEnum):
    """Annotation formats that can be written."""

    coco = "coco"
    yolo = "yolo"
    voc = "voc"
    cvat = "cvat"


def command(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Photos, folders with all below them, patterns like 'a/*.jpg', zips, https:// addresses; "
            "- is standard input.",
            show_default=False,
        ),
        Reads(),
    ],
    out: Annotated[
        str,
        typer.Option(metavar="DIR", help="Folder of the annotated pictures, and of what --format writes."),
        Writes(Kind.FOLDER, unless="no_pictures", still_for="form"),
    ] = "crowdmask-out",
    no_pictures: Annotated[bool, typer.Option("--no-pictures", help="Write no annotated pictures.")] = False,
    json_file: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write one JSON record a picture; - is standard output."),
        Writes(Kind.RECORDS),
    ] = None,
    csv_file: Annotated[
        str | None,
        typer.Option("--csv", metavar="FILE", help="Write one row a face; - is standard output."),
        Writes(Kind.RECORDS),
    ] = None,
    form: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="Write the faces as annotations of this format, too: a folder of its name in --out.",
        ),
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Minimum confidence of a face [default: the model's own, by label]."),
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
        str,
        typer.Option(metavar="NAME|PATH", help="Name of a shipped model or path of a model file."),
        Reads(),
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
            "--closer-look/--no-closer-look",
            help="Look once more, enlarged, at the part of the picture where faces are small.",
        ),
    ] = True,
    tiles: Annotated[
        str,
        typer.Option(
            metavar="off|auto|COLSxROWS",
            help="Also look at pictures in overlapping tiles, for small faces; auto does so above 1,500 px.",
        ),
    ] = "off",
    blur: Annotated[
        str,
        typer.Option(
            metavar="faces|none", help="faces: make every face unreadable in the annotated pictures."
        ),
    ] = "none",
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print a line for each face, too: label, confidence, box.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Find the faces of photos and say of each whether it wears a mask.

    Ends with 1 where a photo or folder could not be read; the others are done all the same.
    """
    if verbose and quiet:
        raise UsageError("`verbose` and `quiet` exclude each other")
    with collection_paused():
        from crowdmask.batch.run import PhotoBatch
        from crowdmask.inference.detector import Detector

    batch = PhotoBatch(
        sources,
        out=None if no_pictures else out,
        json=json_file,
        csv=csv_file,
        blur=blur,
        annotations=out if form else None,
        form=(form or Format.coco).value,
    )

    def load() -> Detector:
        return Detector(
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

    with collection_paused(), ThreadPoolExecutor(1, "crowdmask-load") as loader:
        # The runtime prepares the model without Python, which imports what prints meanwhile.
        loading = loader.submit(load) if batch.photos else None
        lines = _Lines(STANDARD_OUTPUT in (json_file, csv_file), verbose, quiet)
        for problem in batch.problems:
            lines.add_failure(problem)
        lines.add_passed_over(batch.passed_over)
        if loading is None:
            batch.write_nothing()
            raise typer.Exit(_fail(batch, lines))
        detector = loading.result()
    _run(batch, detector, lines)
    lines.add_summary(None if no_pictures else out, Path(out, form.value) if form else None)
    if batch.totals.failed:
        raise typer.Exit(_fail(batch, lines))


def _fail(batch: PhotoBatch, lines: _Lines) -> int:
    lines.complain.print(f"{batch.totals.failed} could not be read (named above)", soft_wrap=True)
    return EXIT_INPUT


def _run(batch: PhotoBatch, detector: Detector, lines: _Lines) -> None:
    """Run the batch and print a line for each photo, with a bar where there are more than a few."""
    total, known = len(batch.photos), batch.totals.done
    try:
        with lines.progress(total) as tell, closing(batch.run(detector)) as items:
            for item in items:
                lines.add(item)
                tell("detecting", batch.totals.done - known, total)
    except KeyboardInterrupt:
        done = batch.totals.done - known
        lines.complain.print(f"interrupted after {done} of {total} pictures; what was written is whole")
        raise Interrupted from None


class _Lines:
    """What the command prints."""

    def __init__(self, records_on_stdout: bool, verbose: bool, quiet: bool) -> None:
        # Text for people must not be mixed with records on standard output.
        self.say = self._each = open_console(stderr=records_on_stdout)
        self.say.quiet, self._verbose, self._quiet = quiet, verbose, quiet
        self.complain = open_console(stderr=True)
        self.summary = Summary()

    @contextmanager
    def progress(self, total: int) -> Iterator[Progress]:
        """Show how far it is where there are more than a few photos."""
        from crowdmask.batch.run import MANY

        if total < MANY or self._quiet:
            yield silent
            return
        if self.complain.is_terminal and self.say.is_terminal:
            self._each = self.complain  # a bar and lines on one terminal must come from one console
        with show_progress(self.complain) as tell:
            yield tell

    def add(self, item: PhotoItem) -> None:
        """Print a line for one photo."""
        from crowdmask.batch.items import PhotoFailure

        if isinstance(item, PhotoFailure):
            self.add_failure(item)
            return
        self.summary.add(item.source.name, item.faces.counts())
        self._each.print(describe_picture(item.source.name, item.faces), soft_wrap=True)
        for line in describe_faces(item.faces) if self._verbose else ():
            self._each.print(line, soft_wrap=True)
        if item.picture.among > 1 and not self._quiet:
            self.complain.print(
                one_line(
                    f"{item.source.name}: only the first of its {item.picture.among:,} pictures "
                    "(pages or frames) was read"
                ),
                soft_wrap=True,
            )

    def add_passed_over(self, kinds: Mapping[str, int]) -> None:
        """Print how many files are no photos, most frequent kinds first."""
        if kinds and not self._quiet:
            number = sum(kinds.values())
            files = "1 file that is no photo" if number == 1 else f"{number:,} files that are no photos"
            each = ", ".join(f"{count:,} {kind}" for kind, count in Counter(kinds).most_common())
            self.complain.print(one_line(f"passed over {files}: {each}"), soft_wrap=True)

    def add_failure(self, failure: PhotoFailure) -> None:
        """Print why something could not be read."""
        self.complain.print(error_line(failure.error), soft_wrap=True)

    def add_summary(self, out: str | None, annotations: Path | None) -> None:
        """Print the counts of each photo and of all, and where annotated pictures and annotations are."""
        if not self.summary.rows:
            return
        self.say.print(self.summary.to_table())
        if out is not None:
            self.say.print(f"annotated pictures: {one_line(str(Path(out)))}", soft_wrap=True)
        if annotations is not None:
            self.say.print(f"annotations: {one_line(str(annotations))}", soft_wrap=True)
