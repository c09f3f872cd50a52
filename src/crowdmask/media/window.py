"""Show frames in a window, where there is a display."""

from __future__ import annotations

import os
import subprocess
import sys
from threading import Lock
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from crowdmask.errors import NoDisplayError, OutputError

_KEYS = (ord("q"), ord("Q"), 27)
_PROBE_S = 30
_PROBE = "import cv2; cv2.namedWindow('probe'); cv2.destroyAllWindows()"


class Newest:
    """The newest frame of each source, passed from the drawing threads to the one that shows it."""

    def __init__(self) -> None:
        """Begin without frames."""
        self._lock = Lock()
        self._frames: dict[str, NDArray[np.uint8]] = {}

    def put(self, name: str, picture: NDArray[np.uint8]) -> None:
        """Replace the frame of a source."""
        with self._lock:
            self._frames[name] = picture

    def take(self) -> dict[str, NDArray[np.uint8]]:
        """Return the frames that came since the last call."""
        with self._lock:
            frames, self._frames = self._frames, {}
        return frames


class Windows:
    """A window for each source; `q`, or closing a window, ends. To be used from the main thread only."""

    def __init__(self) -> None:
        """Check that windows can be opened here; must happen before PyAV is imported.

        Raises:
            OutputError: there is no display, or OpenCV was built without windows.
        """
        self._cv2 = _opencv()
        self._open: set[str] = set()

    def show(self, name: str, picture: NDArray[np.uint8]) -> None:
        """Show a frame, RGB uint8 (H, W, 3), in the window of this name."""
        if name not in self._open:
            self._cv2.namedWindow(name, self._cv2.WINDOW_NORMAL | self._cv2.WINDOW_GUI_NORMAL)
            self._cv2.resizeWindow(name, picture.shape[1], picture.shape[0])
            self._open.add(name)
        self._cv2.imshow(name, np.ascontiguousarray(picture[..., ::-1]))

    def wants_to_end(self, wait_s: float = 0.001) -> bool:
        """Process window events for a moment; return whether `q` was pressed or a window was closed."""
        if not self._open:
            return False
        if self._cv2.waitKey(max(1, round(wait_s * 1000))) & 0xFF in _KEYS:
            return True
        visible = self._cv2.WND_PROP_VISIBLE
        return any(self._cv2.getWindowProperty(name, visible) < 1 for name in self._open)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._cv2.destroyAllWindows()


def _opencv() -> Any:
    if sys.platform.startswith("linux"):
        if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise NoDisplayError("there is no display to open a window on")
        # PyAV ships its own libxcb. If it is loaded first, OpenCV's windows use it and hang
        # (github.com/PyAV-Org/PyAV/issues/1050).
        if "av" in sys.modules and "cv2" not in sys.modules:
            raise OutputError("windows must be opened before PyAV is imported: import cv2 first")
        # OpenCV's wheels contain no fonts, and its toolkit warns about that with every window.
        os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")
    # If the display cannot be reached, OpenCV's toolkit aborts the process: so another process tries it
    # first.
    if not _opens_a_window():
        raise NoDisplayError("no window can be opened on this display")
    import cv2

    return cv2


def _opens_a_window() -> bool:
    try:
        tried = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, timeout=_PROBE_S)
    except subprocess.TimeoutExpired:
        return False
    return tried.returncode == 0
