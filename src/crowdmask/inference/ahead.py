"""Open the next pictures in a thread while the network works on the one before."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from crowdmask.errors import PictureError
from crowdmask.media.pictures import Picture, as_picture

AHEAD = 2
"""Maximum number of opened pictures that wait for the network."""


def open_ahead(sources: Iterable[Any], ahead: int = AHEAD) -> Generator[tuple[Any, Picture | PictureError]]:
    """Open pictures in order, a few before they are needed.

    Args:
        sources: paths, arrays, PIL images or opened pictures; read one by one, in the caller's thread.
        ahead: maximum number of opened pictures that wait; 0 opens each one when it is needed.
    Yields:
        The source, and its picture or why it cannot be read.
    Raises:
        TypeError, ValueError: a source of another type, or an array that is not RGB uint8.
    """
    if ahead < 1:
        for source in sources:
            yield source, _open(source)
        return
    waiting: deque[tuple[Any, Future[Picture | PictureError]]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="crowdmask-open") as pool:
        try:
            for source in sources:
                waiting.append((source, pool.submit(_open, source)))
                if len(waiting) > ahead:
                    yield _next(waiting)
            while waiting:
                yield _next(waiting)
        finally:
            for source, future in waiting:
                future.cancel()
                if hasattr(source, "give_up"):  # one that is being fetched would keep the program waiting
                    source.give_up.set()


def _next(
    waiting: deque[tuple[Any, Future[Picture | PictureError]]],
) -> tuple[Any, Picture | PictureError]:
    source, future = waiting[0]
    opened = future.result()
    waiting.popleft()
    return source, opened


def _open(source: Any) -> Picture | PictureError:
    try:
        return as_picture(source)
    except PictureError as error:
        return error
