"""``crowdmask bench``: the stages of one photo in milliseconds, for every model and runtime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crowdmask.cli.lines import one_line, open_console
from crowdmask.cli.progress import show_progress
from crowdmask.cli.roles import Reads, Writes
from crowdmask.files import write_json
from crowdmask.outputs import Kind

if TYPE_CHECKING:
    from rich.table import Table

    from crowdmask.inference.bench import Benchmark

STANDARD_OUTPUT = "-"


def command(
    photo: Annotated[
        Path | None,
        typer.Argument(
            metavar="PHOTO",
            help="The photo to time [default: a drawn picture without faces, so with little to draw].",
            show_default=False,
        ),
        Reads(there=True),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="One model only, and its float form NAME-float if there is one [default: all shipped ones].",
            show_default=False,
        ),
        Reads(there=True),
    ] = None,
    backend: Annotated[
        str | None, typer.Option(help="One runtime only [default: every installed one].", show_default=False)
    ] = None,
    device: Annotated[
        str,
        typer.Option(metavar="auto|cpu|...", help="What computes; see detect --help. With --backend alone."),
    ] = "auto",
    runs: Annotated[int, typer.Option(min=1, help="Number of measurements of each; medians are shown.")] = 30,
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
        Writes(Kind.RECORDS, parents=False),
    ] = None,
) -> None:
    """Time the stages of one photo: read, prepare, network, decode, suppress, draw.

    Each time is the median of many. All models and runtimes take turns, so that their times can be compared.
    """
    from crowdmask.inference.bench import DRAWN_SIZE, benchmark

    with show_progress(open_console(stderr=True)) as progress:
        result = benchmark(
            photo, model=model, backend=backend, device=device, runs=runs, input_size=input_size,
            threads=threads, progress=progress,
        )  # fmt: skip
    if json_file == STANDARD_OUTPUT:
        typer.echo(json.dumps(result.record, indent=2))
        return
    say = open_console()
    say.print(_table(result))
    what = one_line(str(photo)) if photo else f"a drawn picture of {DRAWN_SIZE[0]} x {DRAWN_SIZE[1]}"
    where = f"{result.record['threads']} threads, {result.record['processor']}"
    say.print(f"medians of {runs} times, ms, {where}, {what}", soft_wrap=True)
    if json_file is not None:
        write_json(Path(json_file), result.record, what="the times", indent=2)


def _table(result: Benchmark) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("model", "precision", "runtime"):
        table.add_column(name, overflow="fold")
    for name in (*result.stages, "detect", "whole", "faces"):
        table.add_column(name, justify="right")
    for row in result.record["rows"]:
        times = (f"{ms:.1f}" for ms in row["ms"].values())
        table.add_row(one_line(row["model"]), row["precision"], row["backend"], *times, str(row["faces"]))
    return table
