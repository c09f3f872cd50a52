"""``crowdmask quantize``: make the int8 form of a model, which is smaller and faster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crowdmask.errors import UsageError


def command(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="Name of a shipped model or path of a model file, in float."),
    ],
    data: Annotated[
        Path,
        typer.Option(metavar="DATA.yaml", help="Its val photos give ranges, calibration and thresholds."),
    ],
    to: Annotated[Path, typer.Option(metavar="FILE.onnx", help="Where to.")],
    name: Annotated[str | None, typer.Option(help="Of the new model [default: the file's].")] = None,
    root: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the data; overrides the data set's own.")
    ] = None,
    photos: Annotated[int, typer.Option(min=1, help="Photos of val that ranges are taken from.")] = 64,
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
    percentile: Annotated[
        float,
        typer.Option(
            min=50,
            max=100,
            help="Part of the numbers inside the network that 8 bits span, percent; 100: all.",
        ),
    ] = 100.0,
) -> None:
    """Quantise a model to int8, calibrated and with thresholds chosen on val.

    Nothing is written if that costs more than 0.01 mAP50 on val.

    Example: crowdmask quantize crowd --data recipes/data/crowdmask.yaml --to crowd-int8.onnx
    """
    from crowdmask.data.dataset import load_dataset
    from crowdmask.export.finish_int8 import describe, finish_int8
    from crowdmask.inference.model_file import locate

    source = locate(model)
    if to.suffix != ".onnx":
        raise UsageError(f"--to must name an .onnx file, not {to}")
    if to.exists() and to.samefile(source):
        raise UsageError(f"--to is the model itself: give the new one a name of its own, not {to}")
    val = load_dataset(data, root).split("val")
    span = None if percentile == 100 else percentile
    finished = finish_int8(
        source,
        name or to.stem,
        val,
        to,
        photos,
        span,
        input_size=input_size,
        closer_look=closer_look,
    )
    typer.echo(describe(finished))
    typer.echo(f"wrote {to} ({to.stat().st_size / 1e6:.1f} MB, from {source.stat().st_size / 1e6:.1f} MB)")
