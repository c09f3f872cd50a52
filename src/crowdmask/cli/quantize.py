"""``crowdmask quantize``: make the int8 form of a model, which is smaller and faster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crowdmask.cli.lines import open_console
from crowdmask.cli.progress import show_progress
from crowdmask.cli.roles import Reads, Writes
from crowdmask.outputs import Kind


def command(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="Name of a shipped model or path of a model file, in float."),
        Reads(),
    ],
    data: Annotated[
        Path,
        typer.Option(metavar="DATA.yaml", help="Its val photos give ranges, calibration and thresholds."),
        Reads(refers=True, there=True),
    ],
    to: Annotated[
        Path, typer.Option(metavar="FILE.onnx", help="Where to."), Writes(Kind.MODEL, extends=True)
    ],
    name: Annotated[str | None, typer.Option(help="Of the new model [default: the file's].")] = None,
    root: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the data; overrides the data set's own."),
        Reads(there=True),
    ] = None,
    photos: Annotated[
        int,
        typer.Option(min=1, help="Number of photos of val that the ranges of activations are measured on."),
    ] = 64,
    input_size: Annotated[
        int | None,
        typer.Option(metavar="PX", min=1, help="Long side of its input [default: the model's]."),
    ] = None,
    closer_look: Annotated[
        int | None,
        typer.Option(
            metavar="PX",
            min=0,
            help="Long side at which small faces are seen again; 0: never [default: the model's].",
        ),
    ] = None,
    farther_look: Annotated[
        int | None,
        typer.Option(
            metavar="PX",
            min=0,
            help="Long side at which pictures with near faces or none are seen again; 0: never "
            "[default: the model's].",
        ),
    ] = None,
    percentile: Annotated[
        float,
        typer.Option(
            min=50,
            max=100,
            help="Percentile of the activations that 8 bits cover; 100: all.",
        ),
    ] = 100.0,
    weight_bits: Annotated[
        int,
        typer.Option(
            min=7,
            max=8,
            help="Bits of the weights; 8 take twice the time on processors without VNNI.",
        ),
    ] = 7,
) -> None:
    """Quantise a model to int8, calibrated and with thresholds chosen on val.

    Nothing is written if that costs more than 0.01 mAP50 on val.

    Example: crowdmask quantize crowd --data recipes/data/crowdmask.yaml --to crowd-int8.onnx
    """
    from crowdmask.export.finish_int8 import describe, quantize_model
    from crowdmask.inference.model_file import locate

    with show_progress(open_console(stderr=True)) as progress:
        finished = quantize_model(
            model,
            data,
            to,
            name=name,
            root=root,
            photos=photos,
            percentile=None if percentile == 100 else percentile,
            input_size=input_size,
            closer_look=closer_look,
            farther_look=farther_look,
            weight_bits=weight_bits,
            progress=progress,
        )
    typer.echo(describe(finished))
    before, after = locate(model).stat().st_size / 1e6, to.stat().st_size / 1e6
    typer.echo(f"wrote {to} ({after:.1f} MB, from {before:.1f} MB)")
