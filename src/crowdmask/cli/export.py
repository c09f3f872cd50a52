"""``crowdmask export``: turn trained weights into the ONNX file that users run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crowdmask.cli.lines import open_console, tell_problems
from crowdmask.cli.progress import show_progress
from crowdmask.cli.roles import Reads, Writes
from crowdmask.outputs import Kind


def command(
    weights: Annotated[
        Path, typer.Argument(metavar="WEIGHTS.safetensors", help="Trained weights."), Reads(there=True)
    ],
    data: Annotated[
        Path,
        typer.Option(metavar="DATA.yaml", help="Its val photos choose calibration and thresholds."),
        Reads(refers=True, there=True),
    ],
    to: Annotated[Path, typer.Option(metavar="FILE.onnx", help="Where to."), Writes(Kind.MODEL)],
    architecture: Annotated[str, typer.Option(help="Of the weights.")] = "crowd",
    name: Annotated[str | None, typer.Option(help="Of the model [default: the file's].")] = None,
    input_size: Annotated[
        int | None,
        typer.Option(metavar="PX", min=32, help="Long side of the input [default: the architecture's]."),
    ] = None,
    closer_look: Annotated[
        int | None,
        typer.Option(
            metavar="PX",
            min=0,
            help="Long side at which small faces are seen again; 0: never [default: 1.8 times the input].",
        ),
    ] = None,
    farther_look: Annotated[
        int | None,
        typer.Option(
            metavar="PX",
            min=0,
            help="Long side at which pictures with near faces or none are seen again [default: never].",
        ),
    ] = None,
    half_weights: Annotated[
        bool,
        typer.Option("--half-weights", help="Store large weights as 16-bit floats: half the file."),
    ] = False,
    root: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the data; overrides the data set's own."),
        Reads(there=True),
    ] = None,
) -> None:
    """Export weights to ONNX, calibrated and with thresholds chosen on val.

    Example: crowdmask export crowd.safetensors --data recipes/data/crowdmask.yaml --to crowd.onnx
    """
    from crowdmask.export.finish import describe
    from crowdmask.training.run import publish

    with show_progress(open_console(stderr=True)) as progress:
        published = publish(
            weights,
            data,
            to,
            architecture=architecture,
            name=name,
            input_size=input_size,
            closer_look=closer_look,
            farther_look=farther_look,
            half_weights=half_weights,
            root=root,
            progress=progress,
        )
    tell_problems(published.problems)
    typer.echo(describe(published.finished))
    typer.echo(f"wrote {to}")
