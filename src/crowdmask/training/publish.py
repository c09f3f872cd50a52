"""From a file of trained weights to the model file that users run: what `crowdmask export` does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from crowdmask.data.dataset import load_dataset
from crowdmask.errors import UsageError
from crowdmask.export.finish import Finished, finish
from crowdmask.models.registry import build
from crowdmask.training.checkpoint import load_weights


@dataclass(frozen=True, eq=False)
class Published:
    """A model file made of weights.

    Attributes:
        finished: the file, and what it reaches on val.
        problems: of the data, and photos that could not be read, each as ``where: why``.
    """

    finished: Finished
    problems: tuple[str, ...]


def publish(
    weights: Path,
    data: Path,
    to: Path,
    *,
    architecture: str = "crowd",
    name: str | None = None,
    input_size: int | None = None,
    closer_look: int | None = None,
    root: Path | None = None,
) -> Published:
    """Export weights to ONNX, calibrated and with thresholds chosen on val.

    Args:
        weights: path of a safetensors file.
        data: YAML of the data set whose val photos decide.
        to: path of the ONNX file.
        architecture: of the weights.
        name: of the model; None: the file's.
        input_size: long side of the input, pixels; None: the architecture's.
        closer_look: long side at which a part with small faces is run again, pixels; 0: never; None: usual.
        root: folder of the data; None: the data set's own.
    Raises:
        UsageError: a size that the architecture does not take.
        ModelError: the weights do not fit.
        DataError: the data set cannot be used.
        OutputError: the file cannot be written.
    """
    model = build(architecture)
    load_weights(model, weights)
    if input_size:
        if model.input_spec.resize != "fit":
            raise UsageError(
                f"the input of {architecture} is {model.input_spec.size} pixels, not to be chosen"
            )
        model.input_spec = replace(model.input_spec, size=input_size)
    dataset = load_dataset(data, root)
    finished = finish(model, name or to.stem, dataset.split("val"), to, closer_look=closer_look)
    return Published(finished, (*dataset.problems.lines, *finished.run.failed))
