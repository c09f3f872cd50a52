"""End cleanly on Ctrl-C, when the terminal is closed, or when the system asks for it."""

from __future__ import annotations

import signal
import threading
from threading import Event
from types import FrameType
from typing import Any, Self

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class StopOnSignal:
    """Turn the first of these signals into a flag; the second one interrupts immediately.

    Attributes:
        stop: set by the first signal, or by any code that wants all work to end.
        interrupted: whether a signal came.
    """

    def __init__(self) -> None:
        """Change nothing yet."""
        self.stop = Event()
        self.interrupted = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            return self  # in Python only the main thread handles signals
        for name in _NAMES:
            number = getattr(signal, name, None)
            # A signal that is ignored stays ignored: this is how `nohup` keeps a program alive.
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = True
        self.stop.set()
