"""Read ahead in a thread, so that decoding and detection run in parallel."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from threading import Condition, Thread
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefetch(Generic[T]):
    """Iterate over values that a thread reads ahead, at most `depth` of them.

    An error of the iterator is raised here, after all values before it.
    """

    def __init__(self, values: Iterator[T], depth: int, name: str = "read") -> None:
        """Start reading."""
        self._depth = depth
        self._ready: deque[T] = deque()
        self._ended = self._closed = False
        self._error: BaseException | None = None
        self._changed = Condition()
        self._thread = Thread(target=self._read, args=(values,), name=name, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ready or self._ended)
                if not self._ready:
                    break
                value = self._ready.popleft()
                self._changed.notify_all()
            yield value
        if self._error is not None:
            raise self._error

    def upcoming(self, number: int) -> T | None:
        """Return a value before its turn: 1 is the next one. None: it has not been read yet."""
        with self._changed:
            return self._ready[number - 1] if 1 <= number <= len(self._ready) else None

    def close(self) -> None:
        """End the thread and drop what it has read ahead."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout=5)

    def _read(self, values: Iterator[T]) -> None:
        try:
            for value in values:
                if not self._put(value):
                    break
        except BaseException as error:  # now owned by the iterating thread
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
            close = getattr(values, "close", None)
            if close is not None:
                close()

    def _put(self, value: T) -> bool:
        """Return whether the value is still wanted."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._ready) < self._depth)
            if not self._closed:
                self._ready.append(value)
                self._changed.notify_all()
            return not self._closed
