"""The interface of every runtime, and the description of the devices that it can use."""

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
"""The device name that means: the best device available."""

log = logging.getLogger("crowdmask.inference")


class Backend(Protocol):
    """A loaded model.

    Attributes:
        metadata: the file's metadata, as text by key.
        input_sides: fixed height and width of the input; None: any.
        device: name of the device in use, as in `Runtime.devices`.
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
        name: as users write it.
        provider: the runtime's own name for it.
        package: the Python package whose build of the runtime supports it.
        auto: whether `auto` may choose it.
        tried: whether it has been measured; for the others only the selection is tested.
        note: further information for users, shown in the documentation.
    """

    name: str
    provider: str
    package: str
    auto: bool = False
    tried: bool = False
    note: str = ""


@dataclass(frozen=True)
class Runtime:
    """A runtime and its abilities; each other module of this folder defines one.

    Attributes:
        name: as users write it.
        package: the module to import; without it the runtime is not installed.
        devices: in the order in which `auto` prefers them.
        load: takes the model file, the number of compute threads, whether other work of the program shares
            the cores, and the device's name; returns the loaded model.
        several: whether several calls on a loaded model may run at the same time.
    """

    name: str
    package: str
    devices: tuple[Device, ...]
    load: Callable[[Path, int, bool, str], Backend]
    several: bool = False

    def device_names(self) -> list[str]:
        """Return the device names that a user may choose from."""
        return [AUTO, *(device.name for device in self.devices)]


def warn_fallback(runtime: str, device: str, reason: str, instead: str) -> None:
    """Log one line: a device exists but could not be used."""
    log.warning("%s could not use %s (%s): running on %s", runtime, device, reason, instead)


def run_one_by_one(
    run: Callable[[NDArray[np.uint8]], tuple[NDArray[np.float32], NDArray[np.float32]]],
    tensor: NDArray[np.uint8],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Run a batch on a model that takes a single picture, like those of version 0.1.0."""
    answers = [run(tensor[index : index + 1]) for index in range(len(tensor))]
    return np.concatenate([scores for scores, _ in answers]), np.concatenate(
        [deltas for _, deltas in answers]
    )


def sides_of(shape: list[object]) -> tuple[int | None, int | None]:
    """Return height and width of an input's shape; None if they are not fixed."""
    height, width = (side if isinstance(side, int) else None for side in shape[1:3])
    return height, width


def first_line(error: Exception) -> str:
    """Return the first line of an error's message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
