from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from crowdmask.progress import counted, silent


@pytest.mark.parametrize(
    ("make", "total", "told_total"),
    [
        pytest.param(list, None, 2, id="its own length"),
        pytest.param(iter, None, 0, id="not known"),
        pytest.param(iter, 5, 5, id="given"),
    ],
)
def test_every_item_is_reported_after_its_work(
    make: Callable[[list[str]], Iterable[str]], total: int | None, told_total: int
) -> None:
    log: list[object] = []
    for item in counted(make(["a", "b"]), "reading", lambda *told: log.append(told), total):
        log.append(item)
    assert log == [
        ("reading", 0, told_total),
        "a",
        ("reading", 1, told_total),
        "b",
        ("reading", 2, told_total),
    ]


def test_nothing_to_do_is_reported_once() -> None:
    log: list[object] = []
    assert list(counted([], "reading", lambda *told: log.append(told))) == []
    assert log == [("reading", 0, 0)]


def test_silent_takes_anything() -> None:
    silent("reading", 1, 2)
    assert list(counted([1, 2], "reading")) == [1, 2]
