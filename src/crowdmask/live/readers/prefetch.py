"""Read ahead in a thread, so that decoding and detection run in parallel."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar("T")

_WAIT_S = 0.2


class Prefetch(Generic[T]):
    """Iterate over values that a thread reads ahead, at most `depth` of them.

    An error of the iterator is raised here, after all values before it.
    """

    def __init__(self, values: Iterator[T], depth: int, name: str = "read") -> None:
        """Start reading."""
        self._queue: Queue[tuple[bool, T | BaseException | None]] = Queue(depth)
        self._closed = Event()
        self._thread = Thread(target=self._read, args=(values,), name=name, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        while True:
            more, value = self._queue.get()
            if more:
                yield value  # type: ignore[misc]
            elif isinstance(value, BaseException):
                raise value
            else:
                return

    def close(self) -> None:
        """End the thread and drop what it has read ahead."""
        self._closed.set()
        self._thread.join(timeout=5)

    def _read(self, values: Iterator[T]) -> None:
        try:
            for value in values:
                if not self._put(True, value):
                    break
            self._put(False, None)
        except BaseException as error:  # now owned by the iterating thread
            self._put(False, error)
        finally:
            close = getattr(values, "close", None)
            if close is not None:
                close()

    def _put(self, more: bool, value: T | BaseException | None) -> bool:
        """Return whether the value is still wanted."""
        while not self._closed.is_set():
            try:
                self._queue.put((more, value), timeout=_WAIT_S)
            except Full:
                continue
            return True
        return False
