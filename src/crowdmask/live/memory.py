"""Settings of the C library's memory allocator, for runs that last for days."""

from __future__ import annotations

import ctypes
import sys

# Names and numbers of <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGE = 128 * 1024


def give_back_large_blocks() -> bool:
    """Return blocks of 128 kB and more, such as frames, to the system as soon as they are freed.

    This is glibc's initial setting, but it raises the limit when the first large block is freed. Frames
    are allocated in one thread and freed in another, so every thread's heap then becomes more and more
    fragmented. psutil can release memory once (`heap_trim`), but cannot change this setting.

    Returns:
        Whether the setting was changed; C libraries other than glibc do not need it.
    Source: mallopt(3).
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _LARGE)) and bool(mallopt(_TRIM_THRESHOLD, 2 * _LARGE))
