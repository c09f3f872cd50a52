"""Pass on what happens on a site to everybody who follows it, each at the own pace."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

_KEPT = 500
_MOST_WAITING = 1000


@dataclass(frozen=True)
class News:
    """One piece of news.

    Attributes:
        number: grows with each; None: not kept for those who come back, since the next one replaces it.
        kind: "event", "now", "health", "alert" or "lost".
        record: plain values for JSON.
    """

    number: int | None
    kind: str
    record: Mapping[str, Any]


class Hub:
    """Takes news in any thread, and passes them on to subscriptions in their event loops."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._lock = Lock()
        self._number = 0
        self._kept: deque[News] = deque(maxlen=_KEPT)
        self._all: set[Subscription] = set()
        self._closed = False

    def publish(self, kind: str, record: Mapping[str, Any], *, keep: bool = True) -> None:
        """Publish one piece of news.

        Args:
            kind: see `News`.
            record: plain values for JSON.
            keep: whether those who come back after a broken connection want to know it.
        """
        with self._lock:
            if keep:
                self._number += 1
            news = News(self._number if keep else None, kind, record)
            if keep:
                self._kept.append(news)
            for each in self._all:
                each.put(news)

    def subscribe(self, after: int | None = None) -> Subscription:
        """Follow the news from now on; call it in the event loop that reads them.

        Args:
            after: number of the last news that is known; what came after it comes first, as far as it is
                kept. None: only what comes.
        """
        made = Subscription(self._forget)
        with self._lock:
            if after is not None:
                missed = [news for news in self._kept if news.number is not None and news.number > after]
                if after > self._number or (missed and missed[0].number != after + 1):
                    made.put(News(None, "lost", {"why": "some news are not kept any more"}))
                # After a restart numbers begin anew, so all that is kept is new.
                for news in self._kept if after > self._number else missed:
                    made.put(news)
            if self._closed:
                made.end()
            self._all.add(made)
        return made

    @property
    def followers(self) -> int:
        """The number of followers."""
        with self._lock:
            return len(self._all)

    def close(self) -> None:
        """End all subscriptions, so that the service can stop."""
        with self._lock:
            self._closed = True
            for each in self._all:
                each.end()

    def _forget(self, subscription: Subscription) -> None:
        with self._lock:
            self._all.discard(subscription)


class Subscription:
    """News for one follower; a slow follower loses some and is told so. Also a context manager."""

    def __init__(self, forget: Callable[[Subscription], None]) -> None:
        """Begin empty, in the running event loop."""
        self._forget, self._loop = forget, asyncio.get_running_loop()
        self._news: deque[News | None] = deque()
        self._lock, self._arrived, self._lost = Lock(), asyncio.Event(), 0

    def put(self, news: News) -> None:
        """Add news; for any thread."""
        with self._lock:
            if len(self._news) >= _MOST_WAITING:
                self._lost += 1
                return
            self._news.append(news)
        self._wake()

    def end(self) -> None:
        """Let `next` return None after what waits."""
        with self._lock:
            self._news.append(None)
        self._wake()

    async def next(self, timeout_s: float) -> News | None:
        """Return the next news.

        Args:
            timeout_s: how long to wait for it.
        Returns:
            None: the service ends.
        Raises:
            TimeoutError: nothing came.
        """
        while True:
            self._arrived.clear()
            with self._lock:
                if self._news:
                    return self._news.popleft()
                if self._lost:
                    lost, self._lost = self._lost, 0
                    return News(None, "lost", {"why": f"{lost} news were lost: the connection is too slow"})
            async with asyncio.timeout(timeout_s):
                await self._arrived.wait()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self._forget(self)

    def _wake(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._arrived.set)
