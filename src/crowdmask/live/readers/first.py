"""Try out a camera or stream: read one frame of it, or say why there is none."""

from __future__ import annotations

import time
from threading import Event

from crowdmask.errors import SourceError
from crowdmask.live.readers.reader import LiveReader, LiveSettings
from crowdmask.live.sources import VideoSource
from crowdmask.media.video import Frame

_LOOK_S = 0.1


def first_frame(source: VideoSource, timeout_s: float) -> Frame:
    """Read the first frame of a live source; it is tried once.

    Args:
        source: a camera or stream.
        timeout_s: how long to wait for the frame.
    Raises:
        SourceError: none has come: why, in one line without credentials.
    """
    failed = Event()
    # Each attempt with a wrong password counts where cameras lock an account.
    settings = LiveSettings(deadline_s=timeout_s, retry_s=timeout_s, password_tries=1)
    with LiveReader(source, settings, lambda line: failed.set()) as reader:
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            frame = reader.take(_LOOK_S)
            if frame is not None:
                return frame
            if failed.is_set() or reader.finished:
                break
        error = reader.stats.last_error
    raise SourceError(error or f"{source.name}: sent no frame within {timeout_s:g} seconds")
