"""``crowdmask bench``: the stages of one photo in milliseconds, for every model and runtime."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crowdmask.cli.lines import one_line, open_console
from crowdmask.errors import ModelError, UsageError
from crowdmask.files import write_json

if TYPE_CHECKING:
    from rich.table import Table

    from crowdmask.inference.timing import Timing

STANDARD_OUTPUT = "-"
DRAWN_SIZE = (1024, 683)


def command(
    photo: Annotated[
        Path | None,
        typer.Argument(
            metavar="PHOTO",
            help="The photo to time [default: a drawn picture without faces, so with little to draw].",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="One model only, and its float form NAME-float if there is one [default: all shipped ones].",
            show_default=False,
        ),
    ] = None,
    backend: Annotated[
        str | None, typer.Option(help="One runtime only [default: every installed one].", show_default=False)
    ] = None,
    device: Annotated[
        str,
        typer.Option(metavar="auto|cpu|...", help="What computes; see detect --help. With --backend alone."),
    ] = "auto",
    runs: Annotated[int, typer.Option(min=1, help="Times that each is timed; medians are shown.")] = 30,
    input_size: Annotated[
        int | None,
        typer.Option(metavar="PX", min=1, help="Long side of the network's input [default: the model's]."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Compute threads [default: one a physical core].")
    ] = None,
    json_file: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write the times as JSON; - is standard output."),
    ] = None,
) -> None:
    """Time the stages of one photo: read, prepare, network, decode, suppress, draw.

    Each time is the median of many. All models and runtimes take turns, so that their times can be compared.
    """
    from crowdmask.inference.backends.registry import BACKENDS, installed_backends
    from crowdmask.inference.detector import Detector
    from crowdmask.inference.model_file import shipped_models
    from crowdmask.inference.processor import physical_cores
    from crowdmask.inference.timing import precisions, time_stages

    if backend is not None and backend not in BACKENDS:
        raise UsageError(f"no such backend: {backend!r}: choose from {', '.join(BACKENDS)}")
    if backend is None and device != "auto":
        raise UsageError("--device is of one runtime: name it with --backend")
    backends = [backend] if backend else installed_backends()
    models = precisions(model) if model else shipped_models()
    if not models:
        raise ModelError("no model ships with this installation: give one with --model")
    pairs = [(each, runtime) for each in models for runtime in backends]
    detectors = [
        Detector(each, input_size=input_size, backend=runtime, device=device, threads=threads)
        for each, runtime in pairs
    ]
    with _photo_or_drawn(photo) as file:
        timings = time_stages(detectors, file, runs, _with_bar)
    rows: list[dict[str, Any]] = [
        {
            "model": detector.model_name,
            "model_hash": detector.model_hash,
            "precision": detector.info.precision,
            "backend": runtime,
            "device": detector.device,
            "input_size": detector.info.input.size,
            "faces": timing.faces,
            "ms": {**timing.stages, "detect": timing.detect, "whole": timing.whole},
        }
        for (_, runtime), detector, timing in zip(pairs, detectors, timings, strict=True)
    ]
    report = {
        "photo": str(photo) if photo else "drawn",
        "runs": runs,
        "threads": threads or physical_cores(),
        "rows": rows,
    }
    if json_file == STANDARD_OUTPUT:
        typer.echo(json.dumps(report, indent=2))
        return
    say = open_console()
    say.print(_table(rows, timings))
    what = one_line(str(photo)) if photo else f"a drawn picture of {DRAWN_SIZE[0]} x {DRAWN_SIZE[1]}"
    say.print(f"medians of {runs} times, ms, {report['threads']} threads, {what}", soft_wrap=True)
    if json_file is not None:
        write_json(Path(json_file), report, what="the times", indent=2)


@contextmanager
def _photo_or_drawn(photo: Path | None) -> Iterator[Path]:
    """Return the photo, or one drawn for this run: smooth colours and some noise, as photos have."""
    if photo is not None:
        yield photo
        return
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    coarse = Image.fromarray(random.integers(0, 256, (9, 12, 3), np.uint8))
    smooth = np.asarray(coarse.resize(DRAWN_SIZE, Image.Resampling.BICUBIC), np.int16)
    pixels = np.clip(smooth + random.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)
    with tempfile.TemporaryDirectory(prefix="crowdmask-") as folder:
        file = Path(folder) / "drawn.jpg"
        Image.fromarray(pixels).save(file, quality=90)
        yield file


def _with_bar(runs: range) -> Iterator[int]:
    from rich.progress import track

    console = open_console(stderr=True)
    if console.is_terminal:
        yield from track(runs, "timing", console=console, transient=True)
    else:
        yield from runs


def _table(rows: list[dict[str, Any]], timings: list[Timing]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("model", "precision", "runtime"):
        table.add_column(name, overflow="fold")
    for name in (*timings[0].stages, "detect", "whole", "faces"):
        table.add_column(name, justify="right")
    for row in rows:
        times = (f"{ms:.1f}" for ms in row["ms"].values())
        table.add_row(one_line(row["model"]), row["precision"], row["backend"], *times, str(row["faces"]))
    return table
