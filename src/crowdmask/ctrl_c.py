"""Handle Ctrl-C while the program is still being loaded; therefore this module imports very little."""

import os
import signal
import sys

_INTERRUPTED = 130


def answer_ctrl_c() -> None:
    """End at once, with one line, on a Ctrl-C while the program is being loaded.

    A command takes over Ctrl-C when it begins. A signal that is ignored stays ignored, as `nohup` needs it.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def leave_ctrl_c_to_the_command() -> None:
    """Let Ctrl-C be a `KeyboardInterrupt` again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, frame: object) -> None:
    # Not by an exception, which a half-loaded library may turn into another one.
    os.write(sys.__stderr__.fileno() if sys.__stderr__ is not None else 2, b"interrupted\n")
    os._exit(_INTERRUPTED)
