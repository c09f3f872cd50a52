"""News for followers: in order, each at the own pace, and again after a broken connection."""

from __future__ import annotations

import asyncio
from threading import Thread

import pytest

from crowdmask.serve.following.hub import Hub, News, Subscription


async def taken(subscription: Subscription, number: int) -> list[News | None]:
    return [await subscription.next(5) for _ in range(number)]


def test_everybody_gets_all_in_order_from_any_thread() -> None:
    async def go() -> None:
        hub = Hub()
        with hub.subscribe() as first, hub.subscribe() as second:
            assert hub.followers == 2
            thread = Thread(target=lambda: [hub.publish("event", {"n": n}) for n in range(5)])
            thread.start()
            for got in (await taken(first, 5), await taken(second, 5)):
                assert [(each.number, each.record["n"]) for each in got if each] == [
                    (n + 1, n) for n in range(5)
                ]
            thread.join()
            with pytest.raises(TimeoutError):
                await first.next(0.01)
            hub.close()
            assert await first.next(1) is None
        assert hub.followers == 0
        with hub.subscribe() as late:
            assert await late.next(1) is None

    asyncio.run(go())


@pytest.mark.parametrize(
    ("after", "kinds"),
    [
        (None, []),
        (3, []),
        (1, ["event", "event"]),
        (0, ["event", "event", "event"]),
        (99, ["lost", "event", "event", "event"]),  # of before a restart
    ],
)
def test_who_comes_back_gets_what_was_missed(after: int | None, kinds: list[str]) -> None:
    async def go() -> None:
        hub = Hub()
        for number in range(3):
            hub.publish("event", {"n": number})
            hub.publish("now", {}, keep=False)
        with hub.subscribe(after) as subscription:
            got = await taken(subscription, len(kinds))
            assert [each.kind for each in got if each] == kinds
            with pytest.raises(TimeoutError):
                await subscription.next(0.01)

    asyncio.run(go())


def test_what_is_not_kept_any_more_and_who_is_too_slow_is_told() -> None:
    async def go() -> None:
        hub = Hub()
        with hub.subscribe() as slow:
            for number in range(1200):
                hub.publish("event", {"n": number})
            got = await taken(slow, 1001)
            assert [each.kind for each in got if each][-2:] == ["event", "lost"]
            assert got[-1] is not None
            assert "200 news were lost" in got[-1].record["why"]
        with hub.subscribe(100) as back:
            assert [each.kind for each in await taken(back, 2) if each] == ["lost", "event"]

    asyncio.run(go())
