"""What every runtime offers: one small interface, and data about the devices that it can use."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

INPUT = "picture"
OUTPUTS = ["scores", "deltas"]
AUTO = "auto"
"""The name of the device that stands for the best one that is really there."""

log = logging.getLogger("crowdmask.inference")


class Backend(Protocol):
    """A loaded model.

    Attributes:
        metadata: what the file's author wrote into it.
        input_sides: height and width that the model is fixed to, None where any will do.
        device: the name of the device that computes, as in `Runtime.devices`.
    """

    metadata: dict[str, str]
    input_sides: tuple[int | None, int | None]
    device: str

    def run(self, tensor: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run the network on a batch of pictures of one size.

        Args:
            tensor: uint8 (B, H, W, 3) RGB.
        Returns:
            Scores (B, A, 3) and deltas (B, A, 4), float32.
        """


@dataclass(frozen=True)
class Device:
    """One kind of processor that a runtime can use.

    Attributes:
        name: as a user asks for it.
        provider: the runtime's own word for it.
        package: the Python package whose build of the runtime includes it.
        auto: whether `auto` may choose it.
        tried: whether it has been measured; of the others only the selection is tested.
        note: what else a user should know, for the documentation.
    """

    name: str
    provider: str
    package: str
    auto: bool = False
    tried: bool = False
    note: str = ""


@dataclass(frozen=True)
class Runtime:
    """What a runtime is and can do; each module beside this one defines one.

    Attributes:
        name: as a user asks for it.
        package: the module to import; without it the runtime is not installed.
        devices: in the order in which `auto` prefers them.
        load: takes the model file, compute threads, whether the program has other work for the cores between
            pictures, and the device's name; returns the loaded model.
    """

    name: str
    package: str
    devices: tuple[Device, ...]
    load: Callable[[Path, int, bool, str], Backend]

    def device_names(self) -> list[str]:
        """Return what a user may ask for."""
        return [AUTO, *(device.name for device in self.devices)]


def warn_fallback(runtime: str, device: str, reason: str, instead: str) -> None:
    """Log one line: a device is there but could not be used."""
    log.warning("%s could not use %s (%s): running on %s", runtime, device, reason, instead)


def run_one_by_one(
    run: Callable[[NDArray[np.uint8]], tuple[NDArray[np.float32], NDArray[np.float32]]],
    tensor: NDArray[np.uint8],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Answer for a batch with a model that takes a single picture, as those of version 0.1.0."""
    answers = [run(tensor[index : index + 1]) for index in range(len(tensor))]
    return np.concatenate([scores for scores, _ in answers]), np.concatenate(
        [deltas for _, deltas in answers]
    )


def sides_of(shape: list[object]) -> tuple[int | None, int | None]:
    """Return height and width of an input's shape, None where it leaves them open."""
    height, width = (side if isinstance(side, int) else None for side in shape[1:3])
    return height, width


def first_line(error: Exception) -> str:
    """Return what an error says, without the runtime's further lines."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
