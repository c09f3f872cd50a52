"""``crowdmask batch``: find the faces of millions of photos, and go on after whatever happened."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crowdmask.cli.batch_lines import say_totals, show_rate
from crowdmask.cli.lines import error_line, open_console
from crowdmask.cli.roles import Reads, Writes
from crowdmask.errors import EXIT_INPUT, Interrupted, UsageError
from crowdmask.outputs import Kind

if TYPE_CHECKING:
    from rich.console import Console

    from crowdmask.scale.run import MakePool, Outcome, Wanted


def command(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="Photos, folders, patterns, zip and tar archives and WebDataset shards, manifests (Parquet, "
            "CSV, JSON lines with a column of paths), and URLs of all these (s3://, gs://, az://, https://).",
            show_default=False,
        ),
        Reads(),
    ],
    to: Annotated[
        str,
        typer.Option(metavar="DIR|URL", help="Where the Parquet shards go.", show_default=False),
        Writes(Kind.FOLDER, locked=False, urls=True),
    ],
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with a run that ended early, or do photos that came later."),
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Workers [default: one a physical core].")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="ray://...|auto|local",
            help="Let a Ray cluster do it: its address, auto for one that this machine is part of, local for "
            "Ray on this machine alone [default: plain processes of this machine].",
        ),
    ] = None,
    worker_memory: Annotated[
        int, typer.Option(min=200, metavar="MB", help="A worker that uses more is replaced after its shard.")
    ] = 600,
    shard_size: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Photos a shard [default: 1,000, fewer for small jobs]."),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="A manifest's column of paths [default: source, path, url, file ...]."
        ),
    ] = None,
    json_file: Annotated[
        str | None,
        typer.Option(
            "--json", metavar="FILE", help="Write all rows as JSON lines, too; - is standard output."
        ),
        Writes(Kind.RECORDS),
    ] = None,
    pictures: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Write annotated pictures.", show_default=False),
        Writes(Kind.FOLDER, locked=False),
    ] = None,
    blur: Annotated[
        str,
        typer.Option(
            metavar="faces|none", help="faces: make every face unreadable in the annotated pictures."
        ),
    ] = "none",
    stats: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write totals, rate and memory as JSON; - is standard output."),
        Writes(Kind.RECORDS),
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Least confidence of a face [default: the model's own, by label]."),
    ] = None,
    input_size: Annotated[
        int | None,
        typer.Option(metavar="PX", min=1, help="Long side of the network's input [default: the model's]."),
    ] = None,
    model: Annotated[
        str,
        typer.Option(metavar="NAME|PATH", help="Name of a shipped model or path of a model file."),
        Reads(),
    ] = "crowd",
    backend: Annotated[str, typer.Option(help="Runtime: onnxruntime or openvino.")] = "onnxruntime",
    device: Annotated[str, typer.Option(metavar="auto|cpu|...", help="What computes, see detect.")] = "auto",
    closer_look: Annotated[
        bool,
        typer.Option(
            "--closer-look/--no-closer-look", help="Where faces are small, look at a part once more, larger."
        ),
    ] = True,
    tiles: Annotated[
        str,
        typer.Option(metavar="off|auto|COLSxROWS", help="Look at pictures in overlapping tiles too."),
    ] = "off",
) -> None:
    """Find the faces of very many photos, each exactly once, into Parquet shards.

    One row a photo; a run that was killed goes on. Ends with 1 where a photo or source could not be read: the
    photo is a row with its error, and the others are done all the same.
    """
    from crowdmask.drawing.blur import check_choice
    from crowdmask.scale.engines import choose
    from crowdmask.scale.run import Wanted
    from crowdmask.scale.work import DetectorMaker

    settings = {
        "confidence": confidence,
        "input_size": input_size,
        "backend": backend,
        "device": device,
        "closer_look": closer_look,
        "tiles": tiles,
    }
    blurred = check_choice(blur)
    if json_file is not None and json_file == stats:
        raise UsageError(f"`json` and `stats` cannot both write to {json_file!r}")
    _check_outside(to, {"json": json_file, "stats": stats, "pictures": pictures})
    wanted = Wanted(
        sources,
        to,
        DetectorMaker(model, {**settings, "threads": 1}, pictures, blurred),
        {**settings, "pictures": pictures, "blur": blur, "column": column},
        resume,
        workers,
        shard_size,
        column,
    )
    lines = _Lines(open_console(stderr="-" in (json_file, stats)), open_console(stderr=True))
    chosen = choose(address, lines.note, gpus=device == "cuda", worker_mb=worker_memory)
    outcome = _run(wanted, chosen, lines)
    _write(outcome, to, json_file, stats)
    say_totals(lines.say, outcome, to)
    if outcome.failed:
        lines.complain.print(f"{outcome.failed:,} could not be read", soft_wrap=True)
        raise typer.Exit(EXIT_INPUT)


def _check_outside(to: str, others: dict[str, str | None]) -> None:
    """Refuse other files in the folder of the rows, which programs read as a whole."""
    folder = os.path.realpath(to)
    for name, path in others.items():
        if path not in (None, "-") and os.path.realpath(str(path)).startswith(folder + os.sep):
            raise UsageError(
                f"`{name}` {path}: lies in `to`, where only rows may be: choose another `{name}`"
            )


@dataclass
class _Lines:
    say: Console
    complain: Console
    failed: int = 0

    def note(self, line: str) -> None:
        """Print one line that is no error."""
        self.say.print(line, soft_wrap=True)

    def tell(self, problem: str) -> None:
        """Print one error line, and count it."""
        self.failed += 1
        self.complain.print(error_line(problem), soft_wrap=True)


def _run(wanted: Wanted, pool: MakePool, lines: _Lines) -> Outcome:
    from crowdmask.scale.run import detect_at_scale

    try:
        with show_rate(lines.complain, lambda: lines.failed) as shown:
            return detect_at_scale(wanted, complain=lines.tell, progress=shown, make_pool=pool)
    except KeyboardInterrupt:
        lines.complain.print("interrupted; what was written is whole: go on with --resume", soft_wrap=True)
        raise Interrupted from None


def _write(outcome: Outcome, to: str, json_file: str | None, stats: str | None) -> None:
    from crowdmask.media.writers import JsonLines
    from crowdmask.scale.lines import write_lines
    from crowdmask.scale.store import open_store

    if json_file is not None:
        write_lines(open_store(to), json_file)
    if stats is not None:
        record: dict[str, Any] = outcome.to_record()
        with JsonLines(stats) as file:
            file.write(record)
