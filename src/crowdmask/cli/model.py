"""``crowdmask model``: show where a model comes from, how good it is and what it must not be used for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from crowdmask.cli.roles import Reads
from crowdmask.errors import MissingSupplementError, ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from crowdmask.inference.model_file import ModelInfo


def command(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME|PATH", help="Name of a shipped model or path of a model file."),
        Reads(),
    ] = "crowd",
    show_list: Annotated[
        bool, typer.Option("--list", help="List the models that ship with crowdmask.")
    ] = False,
) -> None:
    """Show a model's card: data, recipe, scores, licence and limits."""
    from crowdmask.inference.backends.onnx_runtime import read_metadata
    from crowdmask.inference.model_file import (
        card_of,
        hash_of,
        locate,
        models_of_supplement,
        parse_metadata,
        shipped_models,
    )  # fmt: skip

    if show_list:
        if not shipped_models():
            raise ModelError("no model ships with this installation: install crowdmask again")
        for each in shipped_models():
            path = locate(each)
            typer.echo(_summary(path, parse_metadata(read_metadata(path), path), hash_of(path)))
        if absent := models_of_supplement():
            typer.echo(str(MissingSupplementError(f"each of {', '.join(absent)}")))
        return
    path = locate(name)
    typer.echo(_summary(path, parse_metadata(read_metadata(path), path), hash_of(path)))
    card = card_of(path)
    typer.echo(f"\n{card.strip()}" if card else "there is no card next to this model file")


def _summary(path: Path, info: ModelInfo, digest: str) -> str:
    size = f"{info.input.size} px" + (", any shape" if info.input.resize == "fit" else ", square")
    thresholds = ", ".join(
        f"{label} {least:.3g}" for label, least in zip(info.labels, info.threshold, strict=True)
    )
    calibrated = "calibrated" if info.calibration else "not calibrated"
    return (
        f"{info.name}  {info.architecture}, input {size}, {path.stat().st_size / 1e6:.1f} MB, hash {digest}\n"
        f"    thresholds: {thresholds}; confidence {calibrated}\n"
        f"    {path}"
    )
