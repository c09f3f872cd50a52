from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from crowdmask.cli.loading import collection_paused

from .track_clips import process


@pytest.fixture(params=[True, False], ids=["on before", "off before"])
def before(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether Python collects garbage before the block; afterwards it does in any case."""
    (gc.enable if request.param else gc.disable)()
    yield request.param
    gc.enable()


def test_nothing_is_collected_while_loading_and_then_it_is_as_before(before: bool) -> None:
    with collection_paused():
        assert not gc.isenabled()
        with collection_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled() is before


def test_it_is_as_before_after_an_error_too(before: bool) -> None:
    with pytest.raises(ImportError), collection_paused():
        raise ImportError
    assert gc.isenabled() is before


LOADS = """
import atexit, gc, sys
count = []
atexit.register(lambda: print(count[0] > 10_000, gc.get_freeze_count() > count[0] + 100_000))
from crowdmask.__main__ import main
sys.argv = ["crowdmask", "--version"]
try:
    main()
finally:
    count.append(gc.get_freeze_count())
    more = [[] for _ in range(200_000)]
"""


def test_a_command_of_its_own_searches_no_garbage_in_what_it_has_loaded() -> None:
    told, errors = process("-c", LOADS).communicate(timeout=120)
    assert told.splitlines()[-1] == "True True", errors


def test_what_is_loaded_later_is_kept_too_and_only_then(before: bool) -> None:
    at_first = gc.get_freeze_count()
    with collection_paused():
        kept = [[] for _ in range(10)]
    assert gc.get_freeze_count() == at_first
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with collection_paused():
            kept += [[] for _ in range(1000)]
        assert gc.get_freeze_count() >= frozen + 1000
    finally:
        gc.unfreeze()
